"""Digests: which window is over, what stands in it, and that urgent, withdrawn or hidden things leave it."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.digests import STANDARD, Heard, digest, digest_id, window
from notifiers.letters import letter_webhook
from notifiers.purposes import Content
from notifiers.rendering import digest_body
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel
from schemas.digests import Count, Digest, DigestWish, Every, Line, Window
from schemas.vocabularies import AlertKind, Category, Handling, Level, Tense
from tests.telling import alert_event

DAILY = DigestWish(every=Every.DAY, hour=7, zone="Europe/Ljubljana")
OVER = Window(start=datetime(2026, 11, 16, 7, tzinfo=UTC), end=datetime(2026, 11, 23, 7, tzinfo=UTC))
INSIDE = OVER.start + timedelta(days=2)


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def heard(event: AlertEvent, *, at: datetime = INSIDE, waited: bool = True) -> Heard:
    return Heard(event=event, at=at, waited=waited, content=Content.FULL, handling=event.handling)


def l1(thread: str = "one", **changes: object) -> AlertEvent:
    return alert_event(thread=thread, level=Level.L1, **changes)  # type: ignore[arg-type]


def made(*told: Heard, clearance: Handling = Handling.AMBER, channel: Channel = Channel.EMAIL) -> Digest:
    return digest(OVER, told, channel=channel, clearance=clearance, language="en")


@pytest.mark.parametrize(
    ("wish", "now", "end"),
    [
        (STANDARD, at("2026-11-24T12:00", "Europe/Brussels"), at("2026-11-23T08:00", "Europe/Brussels")),
        (STANDARD, at("2026-11-23T07:59", "Europe/Brussels"), at("2026-11-16T08:00", "Europe/Brussels")),
        (STANDARD, at("2026-11-23T08:00", "Europe/Brussels"), at("2026-11-23T08:00", "Europe/Brussels")),
        (DAILY, at("2026-11-24T06:59", "Europe/Ljubljana"), at("2026-11-23T07:00", "Europe/Ljubljana")),
        (DAILY, at("2026-03-29T07:00", "Europe/Ljubljana"), at("2026-03-29T07:00", "Europe/Ljubljana")),
    ],
)
def test_a_window_ends_at_the_local_hour(wish: DigestWish, now: datetime, end: datetime) -> None:
    assert window(wish, now).end == end


@given(
    st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.sampled_from([STANDARD, DAILY, DigestWish(hour=2, zone="Europe/Ljubljana", every=Every.DAY)]),
)
def test_windows_follow_each_other_without_a_gap(now: datetime, wish: DigestWish) -> None:
    over = window(wish, now)
    assert over.end <= now
    assert window(wish, over.end).end == over.end
    assert window(wish, over.end - timedelta(seconds=1)).end == over.start


def test_what_waited_stands_in_it_once_as_it_is_now() -> None:
    found = made(heard(l1()), heard(l1(revision=2, countries=("SI", "FI"))))
    assert [(line.number, line.countries) for line in found.lines] == [(l1().number, ("FI", "SI"))]


def test_what_was_told_at_once_or_withdrawn_has_left_it() -> None:
    later = alert_event(revision=2, level=Level.L3)
    assert made(heard(l1()), heard(later, waited=False)).lines == ()
    assert made(heard(l1()), heard(l1(revision=2, kind=AlertKind.CANCELLED))).lines == ()


def test_counts_stand_beside_those_of_the_time_before() -> None:
    before = OVER.start - timedelta(days=1)
    found = made(
        heard(l1("a")),
        heard(alert_event(thread="b", countries=("FI",)), waited=False),
        heard(alert_event(thread="b", revision=2, countries=("FI",)), waited=False),
        heard(l1("c"), at=before),
    )
    assert found.classes == {Category.OPIOID: Count(now=2, before=1)}
    assert found.countries == {"FI": Count(now=1, before=0), "SI": Count(now=1, before=1)}


def test_what_the_reader_may_not_see_is_in_no_line_and_no_count() -> None:
    assert made(heard(l1()), clearance=Handling.GREEN).empty
    stricter = Heard(event=l1(), at=INSIDE, waited=True, content=Content.FULL, handling=Handling.RED)
    assert made(stricter).empty
    assert made(heard(l1(tense=Tense.EXERCISE))).empty


def test_a_webhook_learns_of_amber_by_number_and_level_alone() -> None:
    found = made(heard(l1()), channel=Channel.WEBHOOK)
    assert found.lines == (Line(number=l1().number, title=None, level=1, countries=()),)
    assert (found.classes, found.countries) == ({}, {})
    assert not found.empty


def test_it_is_handled_as_the_strictest_of_what_it_tells_with_all_conditions() -> None:
    found = made(
        heard(l1("a", handling=Handling.GREEN)),
        heard(alert_event(thread="b", handling=Handling.AMBER, use_conditions=("Ask the police.",)), waited=False),
        heard(l1("c", handling=Handling.AMBER_STRICT)),
    )
    assert found.handling is Handling.AMBER
    body = digest_body(found, digest_id=digest_id("a", OVER))
    assert "Condition of use: Ask the police." in body.text


def test_what_finds_no_place_is_counted() -> None:
    many = [heard(l1(str(n)).model_copy(update={"number": f"TOC-{n:04}"})) for n in range(60)]
    found = made(*many)
    assert (len(found.lines), found.more) == (50, 10)
    assert "More alerts that are not listed here: 10" in digest_body(found, digest_id=digest_id("a", OVER)).text


def test_a_webhook_stays_below_the_size_that_receivers_take() -> None:
    line = Line(number="TOC-A-2026-0001", title="ж" * 200, level=1, countries=("SI",))
    found = made(heard(l1())).model_copy(update={"lines": (line,) * 50})
    data = json.loads(letter_webhook(found, id_=digest_id("a", OVER), language="en"))["data"]
    assert len(json.dumps(data, ensure_ascii=False).encode()) < 20_000
    assert len(data["lines"]) + data["more"] == 50 > len(data["lines"]) > 0


def test_nothing_to_say_is_empty() -> None:
    assert made().empty
    assert made(heard(l1(), at=OVER.start - timedelta(days=1))).empty
    assert not made(heard(l1())).empty


def test_a_digest_is_one_for_ever() -> None:
    assert digest_id("a", OVER) == digest_id("a", OVER)
    assert len({digest_id("a", OVER), digest_id("b", OVER), digest_id("a", Window(start=OVER.start, end=INSIDE))}) == 3


def test_it_reads_as_a_mail() -> None:
    body = digest_body(made(heard(l1())), digest_id=digest_id("a", OVER))
    assert body.subject == "[TLP:AMBER] Drug alerts from 16 November 2026 to 23 November 2026: 1 alert"
    assert "(TOC-A-2026-0001); Slovenia" in body.text
    assert "- An opioid: 1 (before: 0)" in body.text
    assert "- Slovenia: 1 (before: 0)" in body.html or "Slovenia: 1 (before: 0)" in body.html


def test_hostile_names_stay_text() -> None:
    body = digest_body(made(heard(l1(name="<script>x</script>"))), digest_id=digest_id("a", OVER))
    assert "<script>" not in body.html


@pytest.mark.parametrize("wish", [{"zone": "Mars/Base"}, {"hour": 24}, {"weekday": 7}, {"every": "month"}])
def test_a_wish_that_cannot_be_kept_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"zone|less than|every"):
        DigestWish.model_validate(wish)
