"""Links in mails: one purpose, one delivery, until they expire; put into bytes that were rendered before."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.email.message import ACKNOWLEDGE_HERE, UnfitForHeader
from notifiers.purposes import Content, purpose_of
from notifiers.rendering import Reader, mail_body, render_mail
from notifiers.tokens import LENGTH, LinkPurpose, Links, TokenRefused
from notifiers.wording.hours import CAPITALS
from notifiers.wording.tiles import grid
from schemas.alert_events import AlertEvent
from tests.speaking import CANCELLED, DELIVERY_ID, RED, RELAY, SENT_AT, URGENT

PORTAL = "https://alerts.tocsin.example"
LINKS = Links(PORTAL, bytes(range(32)))
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TOKEN = LINKS.token(LinkPurpose.ACKNOWLEDGE, DELIVERY_ID, expires=NOW + timedelta(days=1))


def mail(event: AlertEvent = URGENT, *, statutory: bool = True, content: Content = Content.FULL) -> bytes:
    reader = Reader(statutory, PORTAL)
    made = render_mail(event, purpose=purpose_of(event.kind), content=content, relay=RELAY, reader=reader)
    stop = LINKS.token(LinkPurpose.UNSUBSCRIBE, DELIVERY_ID, expires=NOW)
    return made.fill(delivery_id=DELIVERY_ID, recipient="a@b.example", at=SENT_AT, acknowledge=TOKEN, unsubscribe=stop)


def texts(message: bytes) -> list[str]:
    parsed = message_from_bytes(message, policy=default)
    return [part.get_content() for part in parsed.walk() if part.get_content_maintype() == "text"]


@given(st.binary(min_size=16, max_size=16), st.sampled_from(LinkPurpose))
def test_a_token_gives_back_its_delivery_and_has_one_length(raw: bytes, purpose: LinkPurpose) -> None:
    token = LINKS.token(purpose, raw.hex(), expires=NOW)
    assert len(token) == LENGTH
    assert LINKS.read(purpose, token, now=NOW) == raw.hex()


@pytest.mark.parametrize(
    ("at", "country", "said"),
    [
        ((8, 29), "SI", "24 November 2026, 08:29 UTC (Ljubljana: 09:29)."),
        ((23, 29), "GR", "24 November 2026, 23:29 UTC (Athens: 25 November 2026, 01:29)."),
        ((8, 29), "IE", "24 November 2026, 08:29 UTC."),
        ((8, 29), None, "24 November 2026, 08:29 UTC."),
    ],
)
def test_a_mail_says_until_when_an_answer_is_awaited_there_and_in_utc(
    at: tuple[int, int], country: str | None, said: str
) -> None:
    due = datetime(2026, 11, 24, *at, tzinfo=UTC)
    reader = Reader(statutory=True, portal=PORTAL, answer_by=due, country=country)
    body = mail_body(URGENT, purpose=purpose_of(URGENT.kind), content=Content.FULL, reader=reader)
    for text in (" ".join(body.text.split()), body.html):
        assert f"To be acknowledged by {said}" in text


@pytest.mark.parametrize(
    "reader",
    [
        Reader(statutory=True, portal=PORTAL),
        Reader(statutory=True, answer_by=NOW),
        Reader(statutory=False, portal=PORTAL, answer_by=NOW),
    ],
)
def test_no_time_is_named_where_no_answer_is_awaited_or_none_can_be_given(reader: Reader) -> None:
    for event in (URGENT, CANCELLED):
        body = mail_body(event, purpose=purpose_of(event.kind), content=Content.FULL, reader=reader)
        assert "acknowledged by" not in body.text + body.html


def test_every_reporting_country_has_a_clock() -> None:
    tiles = {tile.country for row in grid({}) for tile in row if tile.country}
    assert set(CAPITALS) == tiles
    assert all(ZoneInfo(zone) for zone in CAPITALS.values())


def test_a_token_is_for_one_purpose_and_one_site() -> None:
    with pytest.raises(TokenRefused):
        LINKS.read(LinkPurpose.UNSUBSCRIBE, TOKEN, now=NOW)
    with pytest.raises(TokenRefused):
        Links(PORTAL, bytes(32)).read(LinkPurpose.ACKNOWLEDGE, TOKEN, now=NOW)


def test_an_expired_token_says_so_and_a_forged_one_does_not() -> None:
    with pytest.raises(TokenRefused) as late:
        LINKS.read(LinkPurpose.ACKNOWLEDGE, TOKEN, now=NOW + timedelta(days=2))
    assert late.value.expired
    for place in range(LENGTH):
        forged = TOKEN[:place] + ("A" if TOKEN[place] != "A" else "B") + TOKEN[place + 1 :]
        with pytest.raises(TokenRefused) as refused:
            LINKS.read(LinkPurpose.ACKNOWLEDGE, forged, now=NOW + timedelta(days=2))
        assert not refused.value.expired


@pytest.mark.parametrize("token", ["", "x", "A" * 47, "A" * 48, "A" * 49, "é" * 48, "=" * 48, "\0" * 48, " " + TOKEN])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        LINKS.read(LinkPurpose.ACKNOWLEDGE, token, now=NOW)


def test_a_short_key_is_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Links(PORTAL, b"short")


def test_an_authority_finds_its_link_in_both_parts_and_nothing_to_unsubscribe_from() -> None:
    for text in texts(mail()):
        assert f"{PORTAL}/a/{TOKEN}" in text
        assert "Unsubscribe" not in text
    assert message_from_bytes(mail())["List-Unsubscribe"] is None


def test_a_subscriber_can_end_it_with_one_click_and_is_not_asked_to_acknowledge() -> None:
    message = message_from_bytes(mail(statutory=False), policy=default)
    link = str(message["List-Unsubscribe"])
    assert link.startswith(f"<{PORTAL}/u/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for text in texts(mail(statutory=False)):
        assert link.strip("<>") in text
        assert "/a/" not in text
    assert b"List-Unsubscribe: " + link.encode() + b"\r\n" in mail(statutory=False)


def test_what_has_ended_asks_for_no_acknowledgement_and_what_waits_does() -> None:
    assert b"/a/" not in mail(CANCELLED)
    assert all(TOKEN in text for text in texts(mail(RED, content=Content.BARE)))


def test_no_encoded_line_is_longer_than_the_standard_allows() -> None:
    for message in (mail(), mail(statutory=False)):
        body = message.partition(b"\r\n\r\n")[2]
        assert max(len(line) for line in body.split(b"\r\n")) <= 76
        assert not re.search(rb"[^\r]\n", message)


def test_a_link_without_its_token_is_never_sent() -> None:
    made = render_mail(
        URGENT,
        purpose=purpose_of(URGENT.kind),
        content=Content.FULL,
        relay=RELAY,
        reader=Reader(statutory=True, portal=PORTAL),
    )
    with pytest.raises(UnfitForHeader):
        made.fill(delivery_id=DELIVERY_ID, recipient="a@b.example", at=SENT_AT)


def test_text_that_pretends_to_be_the_place_of_a_token_stays_text_of_its_reader() -> None:
    """It gets the reader's own token, which the same mail holds anyway, and breaks nothing."""
    hostile = URGENT.model_copy(
        update={"substance": URGENT.substance.model_copy(update={"name": f"x {ACKNOWLEDGE_HERE}"})}
    )
    assert all(f"{PORTAL}/a/{TOKEN}" in text for text in texts(mail(hostile)))
