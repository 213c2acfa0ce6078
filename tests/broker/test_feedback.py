"""Each laboratory is told what became of each of its reports, once, and nothing of what others sent."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from jsonschema import Draft202012Validator
from sqlalchemy import Engine, text

from schemas.feedback import MASK, Feedback, ReportFeedback, masked
from schemas.publish import path_of
from schemas.topics import Payload, feedback_topic, laboratory_topics
from schemas.vocabularies import Occasion, ReportFate
from storage import outbox, positions
from storage.outbox import Outgoing
from storage.positions import Partition
from streams.clients import producer_options
from streams.config import Kafka
from streams.relay import Relay
from streams.timers import Timers
from streams.topics import apply
from streams.transaction import Batch, Transaction, place
from tests.broker.test_memory import BEGIN, LABORATORIES, SETTING, assess, records, report, varied
from tests.programs import until
from tests.streaming.site import REAL, site
from tests.streaming.site import report as plain_report

Report = dict[str, object]
VALIDATOR: Final = Draft202012Validator(json.loads(path_of(Payload.FEEDBACK).read_text(encoding="utf-8")))


def run(engine: Engine, reports: Sequence[Report], *, size: int = 500) -> None:
    """Apply all in batches, as a worker does."""
    with engine.begin() as connection:
        for name in LABORATORIES:
            partition = Partition(flow="live", topic=f"detections-{name}", partition=0)
            positions.register(connection, partition, log_start=0, cluster_id="test")
    transaction = Transaction(engine, "live", assess(), place)
    made = records(reports)
    for begin in range(0, len(made), size):
        transaction.run(Batch(tuple(made[begin : begin + size])))


def told(engine: Engine) -> Mapping[str, tuple[ReportFeedback, ...]]:
    """What waits to be told, by laboratory, in order; every message is as its schema says."""
    found: dict[str, tuple[ReportFeedback, ...]] = {}
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT topic, body FROM outbox WHERE topic LIKE 'feedback-%' ORDER BY id"))
        for row in rows:
            assert list(VALIDATOR.iter_errors(row.body)) == []
            message = Feedback.model_validate_json(json.dumps(row.body))
            assert row.topic == feedback_topic(message.laboratory)
            found[message.laboratory] = (*found.get(message.laboratory, ()), *message.reports)
    return found


def reset(engine: Engine) -> None:
    with engine.begin() as connection:
        for name in ("detections, findings, cases, case_days, case_grades, case_reports", "stream_positions, outbox"):
            connection.execute(text(f"TRUNCATE {name}"))
        connection.execute(text("TRUNCATE occurrence_links, first_sightings, alerts, case_log, timers"))
        connection.execute(text("TRUNCATE waiting_revisions, dead_letters"))
        connection.execute(text("ALTER SEQUENCE alert_number_actual RESTART"))


def test_every_report_has_one_answer_and_the_answers_add_up_with_the_books(engine: Engine) -> None:
    run(engine, varied(40))
    with engine.begin() as connection:
        books = {one.partition.topic: one.counters for one in positions.all_positions(connection)}
    for laboratory, answers in told(engine).items():
        received = [one for one in answers if one.occasion is Occasion.RECEIVED]
        fates, counted = Counter(one.fate for one in received), books[f"detections-{laboratory}"]
        assert [one.source.offset for one in received] == list(range(len(received)))
        assert fates[ReportFate.DUPLICATE] == counted.duplicates
        assert fates[ReportFate.REFUSED] == counted.dead
        assert len(received) == counted.accounted
    assert set(told(engine)) == set(LABORATORIES)


def test_however_a_stream_is_cut_the_same_is_told(engine: Engine) -> None:
    run(engine, varied(40))
    whole = told(engine)
    reset(engine)
    run(engine, varied(40), size=7)
    assert told(engine) == whole


def test_who_raises_an_alert_is_told_its_number_and_the_case(engine: Engine) -> None:
    run(engine, [report(1, "metonitazene", harm={"outcome": "death", "severity": "life_threatening"} | EXPOSED)])
    (answer,) = told(engine)["si-example"]
    with engine.begin() as connection:
        number, case_id, level = connection.execute(text("SELECT number, case_id, level FROM alerts")).one()
    assert [(one.number, one.revision, one.level) for one in answer.alerts] == [(number, 1, level)]
    assert [(one.case_id, one.level, one.substance) for one in answer.cases] == [(case_id, level, "Metonitazene")]


EXPOSED: Final = {"exposure": "confirmed"}


@pytest.mark.parametrize(("handling", "known"), [("AMBER", True), ("AMBER+STRICT", False), ("RED", False)])
def test_level_and_alert_are_not_told_where_they_rest_on_closed_reports_of_others(
    engine: Engine, handling: str, known: bool
) -> None:
    grave = {"outcome": "death", "severity": "life_threatening"} | EXPOSED
    run(
        engine,
        [
            report(1, "metonitazene", laboratory="fi-example", handling=handling, harm=grave),
            report(2, "metonitazene", laboratory="si-example", harm=grave),
        ],
    )
    (theirs,), (ours,) = told(engine)["fi-example"], told(engine)["si-example"]
    assert theirs.alerts and theirs.cases[0].level is not None, "its own alert is no secret to it"
    assert (ours.cases[0].level is not None) is known
    assert ours.cases[0].case_id == theirs.cases[0].case_id


def test_nothing_of_another_laboratory_is_told(engine: Engine) -> None:
    run(engine, [report(1, "their own name for it", laboratory="fi-example"), *varied(40)])
    with engine.begin() as connection:
        bodies = connection.execute(text("SELECT topic, body::text FROM outbox WHERE topic LIKE 'feedback-%'")).all()
    for topic, body in bodies:
        for other in LABORATORIES:
            assert feedback_topic(other) == topic or other not in body
    assert bodies


def test_a_refusal_says_reason_field_and_sentence_and_which_report(engine: Engine) -> None:
    wrong = report(1, "MDMA", country="Slovenia", status="test")
    run(engine, [wrong])
    (answer,) = told(engine)["si-example"]
    assert answer.reason == "invalid"
    assert [one.pointer for one in answer.problems] == ["/country"]
    assert (str(answer.event_id), answer.revision) == (wrong["event_id"], 1)


def test_reports_marked_as_test_are_answered_too(engine: Engine) -> None:
    run(engine, [report(1, "MDMA", status="test")])
    (answer,) = told(engine)["si-example"]
    assert (answer.fate, answer.status) == (ReportFate.ACCEPTED, "test")


def test_a_revision_that_waited_is_answered_when_it_comes_and_when_its_event_comes(engine: Engine) -> None:
    amended = report(1, "isotonitazene", revision=2, action="amend")
    run(engine, [amended, report(1, "metonitazene"), report(1, "MDMA", revision=3, action="confirm")])
    answers = [(one.source.offset, one.fate, one.occasion) for one in told(engine)["si-example"]]
    assert answers == [
        (0, ReportFate.WAITING, Occasion.RECEIVED),
        (1, ReportFate.ACCEPTED, Occasion.RECEIVED),
        (0, ReportFate.ACCEPTED, Occasion.EVENT_CAME),
        (2, ReportFate.ACCEPTED, Occasion.RECEIVED),
    ]


def test_a_revision_that_waited_in_vain_is_answered_then(engine: Engine) -> None:
    run(engine, [report(1, "isotonitazene", revision=2, action="amend")])
    Timers(engine, SETTING)(BEGIN + timedelta(days=31))
    first, second = told(engine)["si-example"]
    assert first.waits_until == BEGIN + timedelta(hours=1, days=30)
    assert (second.occasion, second.reason) == (Occasion.GIVEN_UP, "orphan_revision")
    assert first.source == second.source


def test_a_late_revision_is_told_to_be_late(engine: Engine) -> None:
    run(engine, [report(1, "MDMA"), *(report(1, "MDMA", revision=one, action="amend") for one in (3, 2))])
    assert [one.fate for one in told(engine)["si-example"]][-1] is ReportFate.LATE


def test_dispatch_never_sees_feedback_and_its_index_holds_alert_events_only(engine: Engine) -> None:
    run(engine, varied(40))
    with engine.begin() as connection:
        assert {one.topic for one in outbox.unplanned(connection, 10_000)} == {"alert-events"}
        definition = connection.execute(
            text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_outbox_unplanned'")
        ).scalar_one()
    assert "alert-events" in definition


def test_many_long_refusals_are_cut_into_messages_that_the_topic_takes(engine: Engine) -> None:
    long_names = {f"{'unknown ' * 50}{number}": "ž" * 500 for number in range(30)}
    run(engine, [report(number, "MDMA", **long_names) for number in range(60)])
    with engine.begin() as connection:
        sizes = connection.execute(
            text("SELECT octet_length(body::text) FROM outbox WHERE topic LIKE 'feedback-%'")
        ).scalars()
        assert len(found := sizes.all()) > 1 and max(found) < 2 * 1024 * 1024
    assert len(told(engine)["si-example"]) == 60


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("found “someone@example.org”.", f"found “{MASK}”."),
        ("found “+386 41 123 456”.", f"found “{MASK}”."),
        ("found “1234567”.", f"found “{MASK}”."),
        ("reported_at 2021-01-20T09:30:00+00:00 lies after 2021-01-19", None),
        ("must have at most 4000 characters; revision 12", None),
    ],
)
def test_what_could_name_a_person_is_masked_and_dates_are_not(sentence: str, shown: str | None) -> None:
    assert masked(sentence) == (shown or sentence)


def test_the_laboratory_reads_its_answers_on_its_own_topic_and_the_outbox_forgets_them(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=REAL) as made:
        ours, theirs = made.laboratories
        sent = {
            made.topics[0]: [plain_report(ours, number) for number in range(30)] + [b"{not json"],
            made.topics[1]: [plain_report(theirs, number) for number in range(5)],
        }
        asyncio.run(made.send(sent))
        made.start()
        made.wait_for(36)
        until(lambda: made.query("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)], within=30)
        read = asyncio.run(_read(made.kafka, feedback_topic(ours)))
        assert [one.source.offset for one in read] == list(range(31))
        assert read[30].reason == "undecodable"
        assert {one.source.topic for one in read} == {made.topics[0]}
        until(lambda: made.query("SELECT count(*) FROM outbox WHERE topic LIKE 'feedback-%'") == [(0,)], within=30)


def test_feedback_without_a_topic_is_parked_and_nothing_else_waits_for_it(kafka: str, engine: Engine) -> None:
    tag = uuid.uuid4().hex[:8]
    nowhere, here = (feedback_topic(f"test-{tag}-{number}") for number in range(2))
    cluster = Kafka(bootstrap=kafka)
    asyncio.run(apply(cluster, [spec for spec in laboratory_topics(f"test-{tag}-1") if spec.name == here]))
    with engine.begin() as connection:
        rows = [Outgoing(event_id=uuid.uuid4(), topic=topic, key=None, body="{}") for topic in (nowhere, here, nowhere)]
        outbox.add(connection, rows)

    assert asyncio.run(_publish(engine, cluster)) == 1
    assert _left(engine) == [(nowhere, True), (nowhere, True)]
    asyncio.run(apply(cluster, [spec for spec in laboratory_topics(f"test-{tag}-0") if spec.name == nowhere]))
    with engine.begin() as connection:
        assert outbox.unpark(connection) == 2
    assert asyncio.run(_publish(engine, cluster)) == 2
    assert _left(engine) == []


async def _publish(engine: Engine, kafka: Kafka) -> int | None:
    """One step of a relay that begins."""
    async with AIOKafkaProducer(**producer_options(kafka)) as producer:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return await Relay(engine, kafka, "test.example").publish(connection, producer)


def _left(engine: Engine) -> list[tuple[str, bool]]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT topic, parked IS NOT NULL FROM outbox ORDER BY id"))
        return [(topic, parked) for topic, parked in rows]


async def _read(kafka: Kafka, topic: str) -> list[ReportFeedback]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        where = TopicPartition(topic, 0)
        consumer.assign([where])
        await consumer.seek_to_beginning(where)
        end = (await consumer.end_offsets([where]))[where]
        found: dict[str, Feedback] = {}
        while await consumer.position(where) < end:
            record = await asyncio.wait_for(consumer.getone(where), 30)
            message = Feedback.model_validate_json(record.value)
            found[str(message.event_id)] = message
        return [report for message in found.values() for report in message.reports]
    finally:
        await consumer.stop()
