"""What is held, how it is freed, and that nothing is lost or told twice by it: on real Kafka and PostgreSQL."""

import asyncio
import json
import os
import re
import signal
import uuid
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import text

from schemas.topics import ALERT_EVENTS, DEAD_LETTERS, laboratory_topics
from storage import outbox
from storage.outbox import Outgoing
from storage.positions import HoldCause
from streams.admin import administration
from streams.topics import apply
from tests.programs import run, until
from tests.streaming.site import HALTING, MENDED, REAL, SMALL, TAIL, WATCHFUL, Site, report, site

WHO = ("--by", "Example officer", "--reason", "looked at it", "--yes")


@pytest.mark.long
def test_a_topic_made_anew_is_held_and_after_its_reset_the_same_reports_are_duplicates_told_to_nobody(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=WATCHFUL) as made:
        made.start()
        lab, other = made.laboratories
        reports = [report(lab, number) for number in range(6)]
        asyncio.run(made.send({made.topics[0]: reports, made.topics[1]: [report(other, 10)]}))
        made.wait_for(7)
        told = _told(made)

        asyncio.run(_make_anew(made, 0))
        _wait_until_held(made, HoldCause.FOREIGN_LOG)
        asyncio.run(made.send({made.topics[0]: reports[::-1], made.topics[1]: [report(other, 11)]}))
        made.wait_for_topic(made.topics[1], 2)
        assert made.positions()[made.topics[0]].next_offset == 6, "a held position moved"
        assert _command(made, "audit").returncode == 1
        assert "partition_held" in made.log() and "critical" in made.log()

        done = _command(made, "positions", "reset", made.topics[0], *WHO)
        assert done.returncode == 0, done.stderr
        until(lambda: made.positions()[made.topics[0]].counters.duplicates == 6, within=60)
        assert made.positions()[made.topics[0]].counters.applied == 0
        assert _told(made) == told and told
        audited = _command(made, "audit")
        assert audited.returncode == 0, audited.stdout
        assert _decisions(made, made.topics[0]) == [("hold", "tocsin"), ("reset", "Example officer")]


@pytest.mark.long
def test_a_log_that_changed_while_nobody_read_is_held_before_any_of_its_records_is_taken(
    kafka: str, database: str, tmp_path: Path
) -> None:
    """Faust goes on behind the place of the record that was applied last, so that nothing in its batches differs."""
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        topic = made.topics[0]
        made.start()
        asyncio.run(made.send({topic: [f"old {number}".encode() for number in range(6)]}))
        made.wait_for(6)
        made.end(0, signal.SIGTERM)
        asyncio.run(_make_anew(made, 0))
        asyncio.run(made.send({topic: [f"new {number}".encode() for number in range(9)]}))
        asyncio.run(made.push_committed_offsets(by=1))
        made.start()
        _wait_until_held(made, HoldCause.FOREIGN_LOG)

        assert made.query("SELECT count(*) FROM seen WHERE value LIKE 'new%'") == [(0,)]
        refused = _command(made, "positions", "release", topic, *WHO)
        assert refused.returncode == 1 and "positions reset" in refused.stderr, refused.stderr
        assert _command(made, "positions", "reset", topic, *WHO).returncode == 0
        asyncio.run(made.send({topic: [b"new 9"]}))
        until(lambda: made.positions()[topic].next_offset == 10, within=60)
        applied = [row[0] for row in made.query("SELECT value FROM seen WHERE value LIKE 'new%' ORDER BY place")]
        assert applied == [f"new {number}" for number in range(10)]


@pytest.mark.long
def test_another_cluster_holds_until_a_person_says_that_it_was_moved_with_its_offsets(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=TAIL) as made:
        topic = made.topics[0]
        made.start()
        asyncio.run(made.send({topic: [b"1", b"2"]}))
        made.wait_for(2)
        cluster = made.positions()[topic].cluster_id
        with made.engine.begin() as connection:
            connection.execute(text("UPDATE stream_positions SET cluster_id = 'another'"))
        _wait_until_held(made, HoldCause.FOREIGN_LOG)
        asyncio.run(made.send({topic: [b"3", b"4"]}))
        until(lambda: sum(map(int, re.findall(r"withheld=(\d+)", made.log()))) == 2, within=60)

        assert _command(made, "positions", "release", topic, *WHO).returncode == 0
        made.wait_for(4)
        assert made.query("SELECT value FROM seen ORDER BY place") == [("1",), ("2",), ("3",), ("4",)]
        assert made.positions()[topic].cluster_id == cluster


@pytest.mark.long
def test_a_fault_of_ours_holds_its_partition_after_five_dead_letters_and_the_mended_program_reads_the_rest(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=TAIL) as made:
        faulty, other = made.topics
        values = [*(b"good %d" % one for one in range(3)), *[b"bug"] * 8, *(b"late %d" % one for one in range(5))]
        asyncio.run(made.send({faulty: values, other: [b"x"] * 20}))
        made.start()
        _wait_until_held(made, HoldCause.INTERNAL_ERRORS)
        asyncio.run(made.send({other: [b"y"] * 20, faulty: [b"later still"]}))
        made.wait_for_topic(other, 40)

        assert made.positions()[faulty].next_offset == 8
        assert made.query("SELECT reason, count(*) FROM dead_letters GROUP BY 1") == [("internal_error", 5)]
        assert made.query(f"SELECT count(*) FROM seen WHERE topic = '{faulty}'") == [(3,)]
        refused = _command(made, "positions", "reset", faulty, *WHO)
        assert refused.returncode == 1 and "positions release" in refused.stderr

        made.end(0, signal.SIGTERM)
        made.worker = MENDED
        made.start()
        assert _command(made, "positions", "release", faulty, *WHO).returncode == 0
        made.wait_for_topic(faulty, 17)
        counters = made.positions()[faulty].counters
        assert (counters.applied, counters.dead, counters.holes) == (12, 5, 0)
        assert made.query(f"""SELECT count(*), count(DISTINCT "offset") FROM seen WHERE topic = '{faulty}'""") == [
            (12, 12)
        ]


@pytest.mark.long
def test_a_worker_stopped_between_lock_and_commit_frees_its_cases_and_its_reports_count_once(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=HALTING) as made:
        halting = report(made.laboratories[0], 0).replace(b"EX-0", b"halt here")
        made.start(0)
        asyncio.run(made.send({made.topics[0]: [halting]}))
        mark = Path(made.environment["TOCSIN_DATA_DIR"]) / "halted"
        until(lambda: mark.exists() and psutil.Process(made.running[0].pid).status() == "stopped", within=60)
        assert made.query("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1") != [(0,)]

        made.start(1)
        asyncio.run(made.send({made.topics[1]: [report(made.laboratories[1], 8)]}))
        made.wait_for(2)
        os.kill(made.running[0].pid, signal.SIGCONT)
        until(lambda: "database_away" in made.log() or "replayed=1" in made.log(), within=60)
        assert made.query("SELECT count(*) FROM detections") == [(2,)]
        assert [one.counters.applied for one in made.positions().values()] == [1, 1]
        assert _command(made, "audit").returncode == 0


@pytest.mark.long
def test_a_new_laboratory_restarts_two_workers_one_after_the_other(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=2, worker=REAL) as made:
        made.start(0)
        made.start(1)
        asyncio.run(made.send({made.topics[one]: [report(made.laboratories[one], one)] for one in (0, 1)}))
        made.wait_for(2)
        until(lambda: made.log().count("worker_started") == 2, within=60)
        new = made.laboratories[0] + "-new"
        words = ("--id", new, "--name", "Example", "--country", "SI", "--role", "forensic_lab")
        assert _command(made, "lab", "add", *words).returncode == 0

        first = _ended(made)
        until(lambda: "waits_for_its_turn" in made.log(), within=30)
        second = 1 - first
        assert made.running[second].poll() is None, "both are away"
        assert made.query("SELECT count(*) FROM restarts WHERE away_until > now()") == [(1,)]
        made.start(first)
        assert made.running[second].wait(120) == 0
        assert made.running[first].poll() is None
        made.start(second)
        until(lambda: made.query("SELECT count(*) FROM restarts") == [(0,)], within=120)


def test_an_event_too_large_for_its_topic_is_parked_and_the_others_go_on(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        sizes = [10, 2_000_000, 10, 8_000_000, 10]
        bodies = [json.dumps({"words": "x" * size}) for size in sizes]
        topics = [ALERT_EVENTS, ALERT_EVENTS, ALERT_EVENTS, DEAD_LETTERS, DEAD_LETTERS]
        _add(made, list(zip(topics, bodies, strict=True)))
        made.start()
        until(lambda: made.query("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") == [(3,)], within=60)
        until(lambda: made.query("SELECT count(*) FROM outbox WHERE parked IS NOT NULL") == [(2,)], within=60)
        assert made.query("SELECT id FROM outbox WHERE parked IS NOT NULL ORDER BY id") == [(2,), (4,)]
        assert "event_parked" in made.log()

        _add(made, [(ALERT_EVENTS, '{"words": "after"}')])
        until(lambda: made.query("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") == [(4,)], within=60)


def test_what_was_decided_about_a_partition_is_kept_for_good(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO position_log (flow, topic, partition, action, actor, reason, first_offset, next_offset, "
            "applied, duplicates, dead, holes, replayed) VALUES ('live', 't', 0, 'hold', 'a', 'b', 0, 0, 0, 0, 0, 0, 0)"
        )
        for statement in ("UPDATE position_log SET reason = 'c'", "DELETE FROM position_log"):
            with pytest.raises(psycopg.Error, match="append-only"):
                connection.execute(statement)


def _wait_until_held(made: Site, cause: HoldCause) -> None:
    try:
        until(lambda: [one.cause for one in made.positions().values() if one.held] == [cause], within=60)
    except AssertionError as error:
        raise AssertionError(made.log()[-8000:]) from error


def _told(made: Site) -> list[tuple[object, ...]]:
    """Every alert event and revision that there is."""
    return made.query("SELECT event_id, topic FROM outbox WHERE topic = 'alert-events' ORDER BY id")


def _ended(made: Site) -> int:
    """The worker that ended first."""
    until(lambda: any(one.poll() is not None for one in made.running.values()), within=60)
    (number,) = [number for number, one in made.running.items() if one.poll() is not None]
    assert made.running[number].returncode == 0
    return number


def _add(made: Site, events: Sequence[tuple[str, str]]) -> None:
    with made.engine.begin() as connection:
        outbox.add(
            connection,
            [Outgoing(event_id=uuid.uuid4(), topic=topic, key="test", body=body) for topic, body in events],
        )


def _command(made: Site, *words: str) -> CompletedProcess[str]:
    return run(*words, environment=made.environment)


def _decisions(made: Site, topic: str) -> list[tuple[str, str]]:
    """What was done about a topic's partition, by whom."""
    shown = json.loads(_command(made, "positions", "list", "--json").stdout)
    (found,) = [one for one in shown if one["topic"] == topic]
    return [(one["action"], one["by"]) for one in found["decisions"]]


async def _make_anew(made: Site, number: int) -> None:
    """Delete a laboratory's topic and create it again, empty."""
    topic = made.topics[number]
    async with administration(made.kafka) as client:
        await client.delete_topics([topic])
        await asyncio.wait_for(_gone(client, topic), 30)
    await apply(made.kafka, laboratory_topics(made.laboratories[number]))


async def _gone(client: AIOKafkaAdminClient, topic: str) -> None:
    if topic in await client.list_topics():
        await asyncio.sleep(0.05)
        await _gone(client, topic)
