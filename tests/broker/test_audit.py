"""The audit sees each kind of damage to rows that were right, and nothing when they are mended."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text

from notifiers.dispatch import dispatch
from notifiers.planning import Policy
from schemas.subscribers import SubscriberEntry
from schemas.topics import backfill_topic
from storage import conservation, subscribers
from storage.audit import Finding
from storage.conservation import EventFate, Imbalance
from storage.log_comparison import Fate, LogFinding
from storage.positions import Partition
from streams.admin import administration
from streams.continuity import Log
from tests.broker.people import register
from tests.broker.telling import authority, mail_to, volunteer
from tests.programs import run, until
from tests.streaming.site import REAL, Site, report, site
from tocsin.auditing import Audit, examine
from tocsin.auditing_apart import apart

Seen = Finding | LogFinding | Imbalance

SUBSCRIBERS: Final[tuple[SubscriberEntry, ...]] = (authority("si", mail_to("duty")), volunteer("club", mail_to("club")))


@dataclass(frozen=True)
class Damage:
    """What is done to the rows, and all that is to be said of it."""

    statement: str
    findings: frozenset[Seen]


def damage(statement: str, *findings: Seen) -> Damage:
    return Damage(statement, frozenset(findings))


OF_RECORDS: Final = (
    damage("UPDATE stream_positions SET holes = holes + 1", Finding.COUNTERS),
    damage('DELETE FROM detections WHERE "offset" = 5', Finding.APPLIED_ROWS, LogFinding.MISSING),
    damage("DELETE FROM waiting_revisions", Finding.APPLIED_ROWS, LogFinding.MISSING),
    damage("DELETE FROM dead_letters", Finding.DEAD_ROWS, LogFinding.MISSING),
    damage('UPDATE waiting_revisions SET "offset" = 0', LogFinding.TWICE, LogFinding.BYTES),
    damage("UPDATE detections SET body = jsonb_set(body, '{country}', '\"AT\"')", LogFinding.CONTENT),
    damage('UPDATE detections SET digest = upper(digest) WHERE "offset" = 5', LogFinding.CONTENT),
    damage("UPDATE dead_letters SET value = value || 'x'", LogFinding.BYTES),
    damage("UPDATE waiting_revisions SET value = value || ' '", LogFinding.BYTES),
    damage('UPDATE detections SET "offset" = 6 WHERE "offset" = 5', LogFinding.NO_RECORD),
    damage("UPDATE dead_letters SET state = 'replayed'", LogFinding.MISSING),
    damage("UPDATE stream_positions SET duplicates = duplicates - 1, holes = holes + 1", LogFinding.DUPLICATES),
)

OF_TELLING: Final = (
    damage(
        "DELETE FROM outbox WHERE topic = 'alert-events'",
        Imbalance.ALERT_WITHOUT_EVENT,
        Imbalance.DELIVERY_WITHOUT_EVENT,
    ),
    damage("DELETE FROM alerts", Imbalance.EVENT_WITHOUT_ALERT),
    damage(
        "INSERT INTO outbox (event_id, topic, key, body) SELECT gen_random_uuid(), topic, key, body FROM outbox "
        "WHERE topic = 'alert-events'",
        Imbalance.ALERT_SAID_TWICE,
    ),
    damage("UPDATE alerts SET body = jsonb_set(body, '{level}', '4')", Imbalance.EVENT_DIFFERS),
    damage("DELETE FROM deliveries WHERE NOT statutory", Imbalance.UNTOLD),
    damage("DELETE FROM deliveries WHERE statutory AND attempts = 0 AND purpose = 'alert'", Imbalance.STATUTORY_UNTOLD),
    damage("DELETE FROM deliveries WHERE purpose = 'cancel'", Imbalance.RETRACTION_UNTOLD),
    damage("UPDATE outbox SET planned_at = NULL", Imbalance.DELIVERY_WITHOUT_EVENT),
    damage("DELETE FROM attempts", Imbalance.ATTEMPTS),
    damage("UPDATE cases SET level = 4", Imbalance.CASE_LEVEL),
    damage("DELETE FROM cases", Imbalance.GRADES_WITHOUT_CASE),
)


def test_the_audit_sees_each_damage_and_nothing_when_it_is_mended(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        _fill(made)
        _tell(made)
        clean = _look(made)
        assert _findings(clean) == set()
        assert [one.position.partition.flow for one in clean.accounts] == ["backfill", "live"]
        compared = clean.comparisons[Partition(flow="live", topic=made.topics[0], partition=0)]
        assert compared.records == 7
        assert compared.fates == {Fate.APPLIED: 4, Fate.DUPLICATE: 1, Fate.DEAD: 1, Fate.WAITING: 1}
        assert clean.stages.events == {("actual", EventFate.PLANNED): 3}
        told = clean.stages.relay["alert-events"]
        assert told.published + told.waiting == 3 and told.waiting > 0, "the cancellation came when no relay ran"

        for one in OF_RECORDS:
            with _damaged(made, one.statement):
                assert _findings(_look(made)) == one.findings, one
        for one in OF_TELLING:
            with _damaged(made, one.statement):
                assert _imbalances(made) == one.findings, one
            assert _imbalances(made) == set(), one
        _replay(made)
        assert _findings(_look(made)) == set()
        assert frozenset().union(*(one.findings for one in (*OF_RECORDS, *OF_TELLING))) >= {*LogFinding, *Imbalance}


@pytest.mark.long
def test_the_command_says_what_is_wrong_in_sentences_and_since_when_it_looked(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        _fill(made)
        done = run("audit", environment=made.environment)
        assert (done.returncode, done.stderr) == (
            0,
            "Everything adds up. 2 partitions, 7 records compared with the log.\n",
        )
        with _damaged(made, 'DELETE FROM detections WHERE "offset" = 5'):
            done = run("audit", environment=made.environment)
            assert done.returncode == 1
            assert (
                "  1 records of the log are neither applied, waiting, dead letters nor known duplicates (offset 5)"
                in (done.stdout)
            )
            later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
            shown = json.loads(run("audit", "--since", later, "--json", environment=made.environment).stdout)
            (live,) = (one for one in shown["partitions"] if one["flow"] == "live")
            assert live["compared"]["records"] == 0
            assert set(shown["relay"]["alert-events"]) == {"published", "waiting", "parked"}
            assert live["findings"] == ["applied_rows"]
        wrong = run("audit", "--since", "yesterday", environment=made.environment)
        assert (wrong.returncode, "'yesterday' is no instant" in wrong.stderr) == (1, True)


@pytest.mark.long
def test_a_log_compared_in_parts_by_several_processes_gives_the_same(
    kafka: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        _fill(made)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        in_parts = apart(made.engine, made.kafka, None, worth_it=1, part=3)
        for statement in (
            "UPDATE detections SET standing = standing",
            'DELETE FROM detections WHERE "offset" IN (1, 5)',
            "DELETE FROM dead_letters",
        ):
            with _damaged(made, statement):
                whole = _look(made)
                assert examine(made.engine, made.kafka, since=None, progress=print, compare=in_parts) == whole
                assert whole.adds_up == statement.startswith("UPDATE")


def test_history_that_nobody_read_is_listed_and_a_topic_that_is_gone_is_found_missing(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=REAL) as made:
        history = [backfill_topic(name) for name in made.laboratories]
        asyncio.run(made.send({history[0]: [report(made.laboratories[0], number) for number in range(3)]}))
        found = {one.position.partition.topic: one for one in _look(made).accounts}
        assert set(found) == {*made.topics, *history}
        assert found[history[0]].unread == 3 and not found[history[0]].findings

        removed = {made.topics[1], history[1]}
        asyncio.run(_remove(made, removed))
        until(lambda: not removed & asyncio.run(_topics(made)), within=30)
        gone = {one.position.partition.topic for one in _look(made).accounts if Finding.UNKNOWN_LOG in one.findings}
        assert gone == removed
        assert not _look(made).adds_up


async def _remove(made: Site, topics: set[str]) -> None:
    async with administration(made.kafka) as client:
        await client.delete_topics(sorted(topics))


async def _topics(made: Site) -> set[str]:
    async with administration(made.kafka) as client:
        return set(await client.list_topics())


def _fill(made: Site) -> None:
    """Seven records and a hole: two alerts, a duplicate, a dead letter, one that waits, one within a transaction."""
    laboratory = made.laboratories[0]
    early = json.loads(report(laboratory, 99)) | {"revision": 2, "action": "amend"}
    values = [report(laboratory, 8), report(laboratory, 1), b"{no report", report(laboratory, 8)]
    asyncio.run(made.send({made.topics[0]: [*values, json.dumps(early).encode()]}))
    asyncio.run(_send_in_transaction(made, report(laboratory, 2)))
    until(lambda: asyncio.run(_end(made)) == 7, within=30)
    asyncio.run(made.send({made.topics[0]: [report(laboratory, 3)]}))
    made.start()
    made.wait_for(8)
    made.end()


async def _send_in_transaction(made: Site, value: bytes) -> None:
    """Its end takes an offset of the log in which no record lies."""
    producer = AIOKafkaProducer(bootstrap_servers=made.kafka.bootstrap, transactional_id=uuid.uuid4().hex)
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send(made.topics[0], value)
    finally:
        await producer.stop()


async def _end(made: Site) -> int:
    one = Partition(flow="live", topic=made.topics[0], partition=0)
    return (await Log(made.kafka).edges([one]))[one].end


def _tell(made: Site) -> None:
    """Plan the alerts for subscribers of long standing, tell one of them, and take it back."""
    with made.engine.begin() as connection:
        subscribers.bring_in(connection, SUBSCRIBERS)
        connection.execute(text("UPDATE subscriptions SET updated_at = now() - interval '1 day'"))
        connection.execute(text("UPDATE subscription_destinations SET linked_at = now() - interval '1 day'"))
    dispatch(made.engine, policy=Policy())
    with made.engine.begin() as connection:
        alert = connection.execute(text("SELECT min(number) FROM alerts")).scalar_one()
        told = "UPDATE deliveries SET state = 'accepted', attempts = 1, due_at = NULL WHERE number = :n AND statutory"
        connection.execute(text(told), {"n": alert})
        tried = (
            "INSERT INTO attempts (delivery_id, number, courier, lease_epoch, verdict) "
            "SELECT delivery_id, 1, 'test', 1, 'accepted' FROM deliveries WHERE attempts = 1"
        )
        connection.execute(text(tried))
    register(made.environment["TOCSIN_DATABASE__URL"], "example-desk", "central_desk")
    words = ("alert", "cancel", alert, "--by", "example-desk", "--reason", "a test", "--yes")
    assert run(*words, environment=made.environment).returncode == 0
    dispatch(made.engine, policy=Policy())


def _replay(made: Site) -> None:
    """As if the report at offset 5 had been refused at first, and applied when its letter was replayed."""
    with made.engine.begin() as connection:
        letter = (
            'INSERT INTO dead_letters (flow, topic, partition, "offset", recorded_at, value, headers, reason, '
            "problems, state) VALUES ('live', :topic, 0, 5, now(), :value, '[]', 'invalid', '[]', 'replayed')"
        )
        connection.execute(text(letter), {"topic": made.topics[0], "value": report(made.laboratories[0], 2)})
        connection.execute(text("UPDATE stream_positions SET applied = applied - 1, dead = dead + 1"))


def _look(made: Site) -> Audit:
    return examine(made.engine, made.kafka, since=None, progress=lambda done, total: None)


def _imbalances(made: Site) -> set[Seen]:
    return {one.imbalance for one in conservation.read(made.engine)[1]}


def _findings(found: Audit) -> set[Seen]:
    logs = {finding for one in found.comparisons.values() for finding in one.findings}
    books = {finding for one in found.accounts for finding in one.findings}
    return {*logs, *books, *(one.imbalance for one in found.imbalances)}


@contextmanager
def _damaged(made: Site, statement: str) -> Iterator[None]:
    """The rows after the statement, and as they were afterwards."""
    words = statement.split()
    table = words[1] if words[0] == "UPDATE" else words[2]
    _execute(made, f"CREATE TABLE kept AS TABLE {table}", "SET session_replication_role = replica", statement)
    yield
    _execute(
        made,
        "SET session_replication_role = replica",
        f"DELETE FROM {table}",
        f"INSERT INTO {table} SELECT * FROM kept",
        "DROP TABLE kept",
    )


def _execute(made: Site, *statements: str) -> None:
    with made.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement.replace("SET session", "SET LOCAL session")))
