"""CAP 1.2: what we write is what the standard asks for, and what comes from outside is read strictly or refused."""

from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest

from notifiers.cap import CapMessage, CapRefused, exported, read, written
from notifiers.cap.message import MessageType, Scope, Status, Urgency, told
from notifiers.purposes import Content
from schemas.alert_events import AlertEvent
from schemas.languages import LANGUAGES
from schemas.vocabularies import AlertKind, Handling, Tense
from tests.speaking import CANCELLED, EXERCISE, RED, URGENT

SENDER = "alerts.tocsin.example"
FIRST = URGENT.model_copy(
    update={"revision": 1, "kind": AlertKind.RAISED, "decided_at": URGENT.decided_at - timedelta(days=2)}
)


def cap(event: AlertEvent = URGENT, **options: object) -> CapMessage:
    given = {"earlier": (FIRST,), **options}
    return exported(event, sender=SENDER, **given)  # type: ignore[arg-type]


def changed(old: str, new: str) -> bytes:
    text = written(cap()).decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def test_what_is_written_is_read_as_the_same_message() -> None:
    for event in (URGENT, EXERCISE, CANCELLED, RED):
        assert read(written(cap(event))) == cap(event)


def test_each_language_has_its_own_info() -> None:
    message = cap(languages=LANGUAGES)
    assert len(message.infos) == len(LANGUAGES) == 24
    assert read(written(message)) == message


def test_the_same_event_gives_the_same_bytes() -> None:
    assert written(cap()) == written(cap())


def test_an_update_names_every_revision_before_it_and_a_cancel_too() -> None:
    assert cap().kind is MessageType.UPDATE
    assert b"<references>" in written(cap())
    assert cap(CANCELLED).kind is MessageType.CANCEL
    assert [one.identifier for one in cap(CANCELLED).references] == [f"{FIRST.alert_id}.1"]


def test_who_was_told_nothing_before_gets_an_alert() -> None:
    message = cap(earlier=())
    assert message.kind is MessageType.ALERT
    assert message.references == ()


def test_what_ended_is_past_and_all_clear() -> None:
    assert cap(CANCELLED).infos[0].urgency is Urgency.PAST
    assert b"<responseType>AllClear</responseType>" in written(cap(CANCELLED))


def test_times_carry_an_offset_and_utc_is_never_written_z() -> None:
    assert told(datetime(2026, 3, 1, 8, 14, 0, 500, tzinfo=UTC)) == "2026-03-01T08:14:00-00:00"
    assert told(datetime(2026, 3, 1, 8, 14, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-01T08:14:00+01:00"
    assert b"Z</sent>" not in written(cap())


def test_only_what_is_clear_and_real_is_public() -> None:
    assert cap().scope is Scope.RESTRICTED
    assert cap().restriction == "TLP:AMBER"
    assert cap(URGENT.model_copy(update={"handling": Handling.CLEAR})).scope is Scope.PUBLIC
    assert cap(EXERCISE.model_copy(update={"handling": Handling.CLEAR})).scope is Scope.RESTRICTED
    named = cap(addresses=("duty@authority.example",))
    assert (named.scope, named.addresses) == (Scope.PRIVATE, ("duty@authority.example",))


def test_an_exercise_is_an_exercise_in_status_note_and_every_text() -> None:
    message = cap(EXERCISE)
    assert message.status is Status.EXERCISE
    assert message.note
    info = message.infos[0]
    assert all(text.startswith("EXERCISE") for text in (info.headline, info.event, info.description, info.instruction))
    assert "EXERCISE" not in written(cap()).decode()
    assert cap(URGENT.model_copy(update={"tense": Tense.TEST})).status is Status.TEST


def test_without_full_content_nothing_of_the_substance_is_in_it() -> None:
    for content in (Content.THIN, Content.BARE):
        body = written(cap(RED, content=content)).decode()
        assert RED.substance.name not in body
        assert str(RED.substance.inchikey) not in body
        assert "<area>" not in body
    assert RED.number not in written(cap(RED, content=Content.BARE)).decode()


def test_a_name_of_markup_stays_text() -> None:
    hostile = URGENT.model_copy(
        update={"substance": URGENT.substance.model_copy(update={"name": "</headline><x>&y;]]>{{w}}"})}
    )
    body = written(cap(hostile))
    assert "</headline><x>" in str(ElementTree.fromstring(body).find(".//{*}headline").text)  # type: ignore[union-attr]
    assert read(body) == cap(hostile)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&b;</identifier></alert>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&a;</identifier></alert>"""
HEAD = b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BOMB, "entity"),
        (OUTSIDE, "entity"),
        (b'<!DOCTYPE alert SYSTEM "http://127.0.0.1/x.dtd">' + HEAD + b"</alert>", "entity"),
        (b"", "not well-formed|nothing"),
        (b"{}", "not well-formed"),
        (b"\x00" * 40, "not well-formed"),
        (HEAD, "not well-formed"),
        (HEAD + b"<a>" * 100_000, "at most"),
        (HEAD + b"<info>" * 40_000, "bytes, at most|within each other"),
        (HEAD + b"<code/>" * 20_000 + b"</alert>", "more than"),
        (HEAD + b"<a>" * 50 + b"</a>" * 50 + b"</alert>", "within each other"),
        (b"<alert/>", "not with alert"),
        (b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.1"/>', "not with alert"),
        (b"x" * 300_000, "bytes"),
        (b'<?xml version="1.0" encoding="nosuch"?><alert/>', "not well-formed"),
    ],
)
def test_hostile_bytes_are_refused_with_a_reason(body: bytes, said: str) -> None:
    with pytest.raises(CapRefused, match=said):
        read(body)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<status>Actual</status>", "<status>Real</status>", "status: “Real” is none of Actual"),
        ("<status>Actual</status>", "", "status: is missing"),
        ("<status>Actual</status>", "<status>Actual</status><status>Test</status>", "status: twice"),
        ("<status>Actual</status>", '<status a="1">Actual</status>', "no attributes"),
        ("<status>Actual</status>", "<status>Actual</status><x/>", "x: unknown in alert"),
        ("<status>Actual</status>", '<status>Actual</status><note xmlns="urn:other"/>', "note: unknown"),
        ("<msgType>Update</msgType>", "<msgType>Alert</msgType>", "refers to no earlier"),
        ("<restriction>TLP:AMBER</restriction>", "", "restriction"),
        ("<scope>Restricted</scope>", "<scope>Private</scope>", "restriction|addresses"),
        ("-00:00</sent>", "Z</sent>", "is not an instant"),
        ("-00:00</sent>", "</sent>", "is not an instant"),
        (f"<sender>{SENDER}", "<sender>a b", "sender"),
        ("<category>Health</category>", "", "category: at least one"),
        ("<language>en-IE", "<language>English", "language"),
        ("<value>SI</value>", "<value></value>", "value: is missing"),
        ("<value>SI</value>", "<value><b/></value>", "within each other"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_the_element_named(old: str, new: str, said: str) -> None:
    with pytest.raises(CapRefused, match=said):
        read(changed(old, new))
