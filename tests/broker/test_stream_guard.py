"""What the guard does about bad records, faults of ours and a database that is away, on real engines."""

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from psycopg import sql

from schemas.dead_letter_messages import DeadLetterMessage
from schemas.topics import DEAD_LETTERS
from tests.conftest import TestEngines
from tests.programs import until
from tests.streaming.site import REAL, ROOT, SMALL, Site, report, site


def test_poison_becomes_dead_letters_with_the_raw_bytes_and_the_reports_around_it_are_applied(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        huge = b'{"free_text": "' + b"x" * (2 * 1024 * 1024) + b'"}'
        poison: list[bytes | None] = [b"{not json", None, huge, b"\xff\xfe", b'{"a": NaN}']
        asyncio.run(_send(made, [report(made.laboratories[0], 1), *poison, report(made.laboratories[0], 2)]))
        made.start()
        made.wait_for(7)

        assert made.query("SELECT count(*) FROM detections") == [(2,)]
        found = made.query('SELECT "offset", reason, key, value, headers FROM dead_letters ORDER BY "offset"')
        assert [row[:2] for row in found] == [
            (1, "undecodable"),
            (2, "empty"),
            (3, "too_large"),
            (4, "undecodable"),
            (5, "undecodable"),
        ]
        assert [row[3] for row in found] == poison
        assert {row[2] for row in found} == {b"\xff key"}
        assert made.query("SELECT count(*) FROM dead_letters WHERE recorded_at > now() - interval '1 hour'") == [(5,)]
        assert found[0][4] == [["ce_id", base64.b64encode(b"\xff\x00").decode()]]
        until(lambda: made.query("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)], within=30)
        told = asyncio.run(_messages_about(made, DEAD_LETTERS, count=5))
        assert [one.source.offset for one in told] == [1, 2, 3, 4, 5]
        assert told[2].value == huge
        assert _command(made, "dead-letters", "show", "1", "--raw").stdout == b"{not json"
        shown = json.loads(_command(made, "dead-letters", "list", "--json").stdout)
        assert [one["reason"] for one in shown][-1] == "undecodable"
        assert _command(made, "audit").returncode == 0
        figures = _figures(made)
        assert 'tocsin_records_total{outcome="dead"} 5.0' in figures
        assert 'tocsin_dead_letters_total{reason="empty"} 1.0' in figures
        assert 'tocsin_dead_letters_total{reason="internal_error"} 0.0' in figures


def test_a_record_that_fails_alone_is_the_only_one_that_dies(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=2, worker=SMALL) as made:
        values = [f"report {number}".encode() for number in range(300)]
        values[150] = b"bug in the handler"
        values[151] = b"unready before the transaction"
        values[299] = b"bug at the end"
        values[20] = b"again, the locks moved"
        values[21] = b"twice"
        values[22] = b"dead by its own word"
        values[200] = b"slow in company"
        asyncio.run(made.send(dict.fromkeys(made.topics, values)))
        made.start()
        made.wait_for(600)

        dead = made.query('SELECT "offset", reason FROM dead_letters WHERE topic LIKE \'%-0\' ORDER BY "offset"')
        assert dead == [(22, "invalid"), (150, "internal_error"), (151, "internal_error"), (299, "internal_error")]
        seen = [row[0] for row in made.query("SELECT \"offset\" FROM seen WHERE topic LIKE '%-0' ORDER BY place")]
        assert seen == [number for number in range(300) if number not in (21, 22, 150, 151, 299)]
        counters = made.positions()[made.topics[0]].counters
        assert (counters.applied, counters.duplicates, counters.dead, counters.holes) == (295, 1, 4, 0)


def test_cut_connections_and_a_database_that_refuses_cost_nothing(
    kafka: str, database: str, tmp_path: Path, engines: TestEngines
) -> None:
    with site(kafka, database, tmp_path, count=2, worker=SMALL) as made:
        made.start()
        for number in range(10):
            values = [f"{number} {one}".encode() for one in range(100)]
            made.wait_for(200 * number)
            asyncio.run(made.send(dict.fromkeys(made.topics, values)))
            _away(engines, database, refuse=number == 5)
            if number == 5:
                until(lambda: "database_away" in made.log(), within=30)
                _away(engines, database, refuse=False)
        made.wait_for(2_000)

        assert made.query('SELECT count(*), count(DISTINCT (topic, "offset")) FROM seen') == [(2_000, 2_000)]
        assert made.query("SELECT count(*) FROM dead_letters") == [(0,)]
        assert made.end() == 0


def test_a_worker_asked_to_end_while_the_database_is_away_ends_and_loses_nothing(
    kafka: str, database: str, tmp_path: Path, engines: TestEngines
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=SMALL) as made:
        made.start()
        asyncio.run(made.send({made.topics[0]: [b"first"]}))
        made.wait_for(1)
        _away(engines, database, refuse=True)
        asyncio.run(made.send({made.topics[0]: [b"second"]}))
        until(lambda: "database_away" in made.log(), within=30)
        assert made.end(0, signal.SIGTERM) == 0
        assert "ended_unfinished" in made.log()

        _away(engines, database, refuse=False)
        made.start()
        made.wait_for(2)
        assert made.query('SELECT value FROM seen ORDER BY "offset"') == [("first",), ("second",)]


def test_a_new_laboratory_ends_the_worker_cleanly_and_the_next_one_reads_its_topic(
    kafka: str, database: str, tmp_path: Path
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        made.start()
        asyncio.run(made.send({made.topics[0]: [report(made.laboratories[0], 1)]}))
        made.wait_for(1)
        new = made.laboratories[0] + "-new"
        words = ("--id", new, "--name", "Example", "--country", "SI", "--role", "forensic_lab")
        assert _command(made, "lab", "add", *words).returncode == 0

        assert made.running[0].wait(30) == 0
        made.start()
        (tmp_path / "report.json").write_bytes(report(new, 2))
        sent = _command(made, "publish", "--lab", new, str(tmp_path / "report.json"), "--json")
        assert json.loads(sent.stdout) == {"topic": f"detections-{new}", "sent": 1}
        made.wait_for(2)
        assert made.query("SELECT reason, problems FROM dead_letters") == []
        assert made.query("SELECT laboratory FROM detections ORDER BY 1") == [(made.laboratories[0],), (new,)]
        again = _command(made, "lab", "add", *words, "--json")
        assert json.loads(again.stdout)["changed"] is False
        assert _command(made, "publish", "--lab", "nobody", str(tmp_path / "report.json")).returncode == 1


def _away(engines: TestEngines, database: str, *, refuse: bool) -> None:
    """Cut every connection of this database but the test's own, and perhaps let nobody in again."""
    name = database.rpartition("/")[2]
    with psycopg.connect(engines.server_url, autocommit=True) as connection:
        if not refuse:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))
        else:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def _figures(made: Site) -> str:
    """What Prometheus would read of the worker; its log says where."""
    found = re.search(r"metrics .*port=(\d+)", made.log())
    assert found is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def _command(made: Site, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *words],
        cwd=ROOT,
        env={**os.environ, **made.environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


async def _send(made: Site, values: list[bytes | None]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=made.kafka.bootstrap, max_request_size=4 * 1024 * 1024)
    await producer.start()
    for value in values:
        await producer.send_and_wait(
            made.topics[0], value, key=b"\xff key", headers=[("ce_id", b"\xff\x00")], timestamp_ms=1
        )
    await producer.stop()


async def _messages_about(made: Site, topic: str, *, count: int) -> list[DeadLetterMessage]:
    """The site's own messages on a topic of one partition that it shares with other tests."""
    consumer = AIOKafkaConsumer(bootstrap_servers=made.kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        where = TopicPartition(topic, 0)
        consumer.assign([where])
        await consumer.seek_to_beginning(where)
        found: list[DeadLetterMessage] = []
        while len(found) < count:
            record = await asyncio.wait_for(consumer.getone(where), 30)
            if record.key.decode().partition("/")[0] in made.topics:
                found.append(DeadLetterMessage.model_validate_json(record.value))
        return found
    finally:
        await consumer.stop()
