"""P6, exhaustively: nothing of an exercise without its mark, nothing real with one, no crossing of ledgers."""

import email
import itertools
import json
from email.message import EmailMessage
from email.policy import default
from typing import Final

import pytest

from notifiers.planning import Policy, plan
from notifiers.purposes import purpose_of
from notifiers.rendering import render_mail, render_webhook
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Content, DeliveryState
from schemas.plans import Thread
from schemas.subscribers import Recipient
from schemas.vocabularies import AlertKind, Audience, Handling, Tense
from tests.speaking import DELIVERY_ID, RELAY, SENT_AT, URGENT, words
from tests.telling import NOON, STATUTORY, alert_event, recipient, subscription
from tests.unit.deciding import Desk, component, report, retracted, strip

TENSES: Final = (Tense.ACTUAL, Tense.EXERCISE, Tense.TEST)
MARK: Final = {Tense.ACTUAL: "", Tense.EXERCISE: "EXERCISE", Tense.TEST: "TEST"}
EVERY: Final = list(itertools.product(TENSES, AlertKind, Audience, Content))
PREFIX: Final = {Tense.ACTUAL: "TOC-A", Tense.EXERCISE: "EXERCISE-TOC-A", Tense.TEST: "TEST-TOC-A"}


def event(tense: Tense, kind: AlertKind, audience: Audience) -> AlertEvent:
    """The fullest event there is, in this tense; nothing in it but its own fields says which."""
    return URGENT.model_copy(
        update={"tense": tense, "kind": kind, "audience": audience, "number": f"{PREFIX[tense]}-2026-0001"}
    )


def parts(message: EmailMessage) -> list[str]:
    """Subject, plain text, and the words of the page: each is read by itself by somebody."""
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and page is not None
    return [str(message["Subject"]), str(plain.get_content()), words(str(page.get_content()))]


def marked(text: str) -> set[str]:
    """The marks of any tense that a text bears as our own."""
    return {mark for mark in ("EXERCISE", "TEST") if text.lstrip().startswith(mark)}


@pytest.mark.parametrize(("tense", "kind", "audience", "content"), EVERY)
def test_every_mail_bears_the_mark_of_its_tense_and_no_other(
    tense: Tense, kind: AlertKind, audience: Audience, content: Content
) -> None:
    told = event(tense, kind, audience)
    raw = render_mail(told, purpose=purpose_of(kind), content=content, relay=RELAY)
    message = email.message_from_bytes(
        raw.fill(delivery_id=DELIVERY_ID, recipient="desk@example.org", at=SENT_AT), policy=default
    )
    for said in parts(message):
        assert marked(said) == ({MARK[tense]} - {""}), said[:80]
        if tense is Tense.ACTUAL:
            assert "EXERCISE" not in said and "This is a technical test" not in said
        else:
            assert "Nothing in it is real" in said or said == str(message["Subject"])


@pytest.mark.parametrize(("tense", "kind", "audience", "content"), EVERY)
def test_every_webhook_bears_the_mark_of_its_tense_and_no_other(
    tense: Tense, kind: AlertKind, audience: Audience, content: Content
) -> None:
    body = json.loads(render_webhook(event(tense, kind, audience), content=content))
    family = "tocsin.alert" if tense is Tense.ACTUAL else f"tocsin.{tense.value}.alert"
    assert body["type"] == f"{family}.{kind.value}"
    assert body["data"]["tense"] == tense.value
    for said in (body["data"]["headline"], body["data"]["summary"]):
        assert marked(said) == ({MARK[tense]} - {""})


def readers() -> list[Recipient]:
    """Every kind of destination: opted in or not, recording or not, on either channel, statutory or voluntary."""
    found = []
    for exercises, recording, channel, statutory in itertools.product((0, 1), (0, 1), Channel, (0, 1)):
        wanted = STATUTORY if statutory else subscription()
        found.append(
            recipient(
                wanted,
                name=f"r{exercises}{recording}{channel.value}{statutory}",
                channel=channel,
                clearance=Handling.RED,
                accepts_exercises=bool(exercises),
                recording=bool(recording),
                precursors=True,
            )
        )
    return found


@pytest.mark.parametrize(("tense", "kind", "audience"), list(itertools.product(TENSES, AlertKind, Audience)))
def test_no_message_of_one_tense_is_planned_for_a_reader_of_another(
    tense: Tense, kind: AlertKind, audience: Audience
) -> None:
    told = alert_event(tense=tense, kind=kind, audience=audience)
    made = plan(told, readers(), thread=Thread(alert_id=told.alert_id), policy=Policy(), now=NOON)
    targets = {reader.destination.id: reader.destination for reader in readers()}
    for delivery in made.deliveries:
        assert delivery.tense is tense
        if delivery.state is not DeliveryState.PLANNED:
            continue
        target = targets[delivery.destination]
        assert target.recording is (tense is Tense.TEST)
        assert target.accepts_exercises or tense is not Tense.EXERCISE
    if kind not in (AlertKind.CANCELLED, AlertKind.CLOSED, AlertKind.EXPIRED):
        assert made.to_send


@pytest.mark.parametrize(("before", "now"), list(itertools.permutations(TENSES, 2)))
def test_a_thread_never_changes_its_tense(before: Tense, now: Tense) -> None:
    told = alert_event(tense=now, revision=2)
    thread = Thread(alert_id=told.alert_id, tense=before, planned_revision=1)
    made = plan(told, readers(), thread=thread, policy=Policy(), now=NOON)
    assert made.deliveries == () and made.hold is not None


def test_the_same_reports_in_three_tenses_make_three_ledgers_with_their_own_numbers() -> None:
    desk = Desk()
    for tense in ("exercise", "actual", "test"):
        first = report(f"{tense}-a", "protonitazene", status=tense)
        screened = report(f"{tense}-b", strip(), status=tense)
        many = report(f"{tense}-c", component("metonitazene"), status=tense, country="FI", lab="fi-example")
        desk.tell(first, screened, many, retracted(first, hours=2))
    desk.wait(hours=24 * 100)
    stories = {tense: [m.kind for m in desk.messages if m.tense is tense] for tense in TENSES}
    assert stories[Tense.ACTUAL] == stories[Tense.EXERCISE] == stories[Tense.TEST]
    assert {AlertKind.RAISED, AlertKind.CANCELLED, AlertKind.EXPIRED} <= set(stories[Tense.ACTUAL])
    numbers = {tense: sorted({m.number for m in desk.messages if m.tense is tense}) for tense in TENSES}
    assert [number.removeprefix(PREFIX[Tense.ACTUAL]) for number in numbers[Tense.ACTUAL]] == [
        "-2026-0001", "-2026-0002", "-2026-0003",
    ]  # fmt: skip
    for tense in TENSES:
        assert [number.removeprefix(PREFIX[tense]) for number in numbers[tense]] == [
            number.removeprefix(PREFIX[Tense.ACTUAL]) for number in numbers[Tense.ACTUAL]
        ]
    owners = {m.alert_id: m.tense for m in desk.messages}
    assert len(owners) == 9
    for ledger, other in itertools.permutations(TENSES, 2):
        ours = {case.id for file in desk.files(ledger) for case in file.cases()}
        assert ours and not ours & {case.id for file in desk.files(other) for case in file.cases()}


def test_an_exercise_moves_no_first_sighting_of_real_ones() -> None:
    desk = Desk(loaded=("SI",)).tell(report("drill", "3-MMC", status="exercise"), report("real", "3-MMC", day=9))
    (real,) = (file for file in desk.files(Tense.ACTUAL) if file.sightings)
    (drill,) = (file for file in desk.files(Tense.EXERCISE) if file.sightings)
    assert real.sightings != drill.sightings and real.key == drill.key
