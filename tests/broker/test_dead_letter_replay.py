"""A dead letter's second life: replayed by a named person once its cause was mended, or discarded; always counted."""

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from sqlalchemy import Connection, Engine, text

from schemas.feedback import Feedback, ReportFeedback
from schemas.topics import laboratory_topics
from schemas.vocabularies import Occasion, RejectionReason, ReportFate
from storage import audit, dead_letters, laboratories, positions
from storage.dead_letters import Act, LetterState, StoredDeadLetter
from storage.engine import connect
from storage.laboratories import Laboratory, LaboratoryState
from storage.positions import LogEdges, Partition
from streams.assess import Assess
from streams.replaying import NoSuchLetter, Replayed, Replays, discard
from streams.timers import Timers
from streams.transaction import Batch, Transaction, place
from tests.broker.test_memory import BEGIN, LABORATORIES, SETTING, records, report
from tests.programs import run, until
from tests.streaming.site import REAL, Site, site
from tests.streaming.site import report as plain_report

Report = dict[str, object]
NOW: Final = BEGIN + timedelta(days=3)
SUSPENDED: Final = {name: replace(one, state=LaboratoryState.SUSPENDED) for name, one in LABORATORIES.items()}
PARTITION: Final = Partition(flow="live", topic="detections-si-example", partition=0)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = connect(database)
    with made.begin() as connection:
        positions.register(connection, PARTITION, log_start=0, cluster_id="test")
    yield made
    made.dispose()


def send(engine: Engine, reports: Sequence[Report], laboratories: Mapping[str, Laboratory] = LABORATORIES) -> None:
    """Apply them as a worker does that knows these laboratories, after what was sent before."""
    with engine.begin() as connection:
        (known,) = positions.all_positions(connection)
    made = [replace(one, offset=known.next_offset + place_) for place_, one in enumerate(records(reports))]
    Transaction(engine, "live", Assess(SETTING, laboratories), place).run(Batch(tuple(made)))


def replay(engine: Engine, number: int, laboratories: Mapping[str, Laboratory] = LABORATORIES) -> Replayed:
    stage = Assess(SETTING, laboratories)
    return Replays(engine, stage).replay(number, by="Example operator", because="mended", now=NOW)


def letters(engine: Engine) -> list[StoredDeadLetter]:
    with engine.begin() as connection:
        return list(reversed(dead_letters.latest(connection, 100)))


def count(connection: Connection, what: str) -> object:
    return connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one()


def adds_up(engine: Engine) -> tuple[audit.Finding, ...]:
    """What the audit finds wrong."""
    snapshot = audit.read(engine)
    end = snapshot.positions[0].next_offset
    (account,) = audit.accounts(snapshot, logs={PARTITION: LogEdges(start=0, end=end)}, cluster_id="test")
    return account.findings


def test_what_a_mended_registry_lets_in_is_applied_once_and_the_books_add_up(engine: Engine) -> None:
    send(engine, [report(1, "metonitazene"), report(2, "MDMA")], SUSPENDED)
    first, _ = letters(engine)
    done = replay(engine, first.id)
    assert (done.letter.state, done.letter.fate, done.done_before) == (LetterState.REPLAYED, "accepted", False)
    assert (done.letter.decided_by, done.letter.decided_because, done.letter.decided_at) == (
        "Example operator",
        "mended",
        NOW,
    )
    assert done.letter.record == first.record, "bytes, headers and place stay"
    assert done.letter.rejection.reason is RejectionReason.UNKNOWN_REPORTER, "and why it was refused"
    with engine.begin() as connection:
        assert connection.execute(text('SELECT topic, partition, "offset", decided_at FROM detections')).all() == [
            (PARTITION.topic, 0, first.record.offset, NOW)
        ]
        assert count(connection, "alerts") == 1
    assert adds_up(engine) == ()


def test_a_second_replay_says_that_it_is_done_and_changes_nothing(engine: Engine) -> None:
    send(engine, [report(1, "metonitazene")], SUSPENDED)
    (letter,) = letters(engine)
    once = replay(engine, letter.id)
    with engine.begin() as connection:
        rows = [count(connection, name) for name in ("detections", "alerts", "outbox", "dead_letter_log")]
    twice = replay(engine, letter.id)
    assert twice.done_before and twice.letter == once.letter
    assert discard(engine, letter.id, by="Another", because="late", now=NOW).done_before
    with engine.begin() as connection:
        assert [count(connection, name) for name in ("detections", "alerts", "outbox", "dead_letter_log")] == rows


def test_what_is_refused_again_stays_open_with_the_new_reason_and_the_old_one_is_kept(engine: Engine) -> None:
    send(engine, [report(1, "MDMA", country="Slovenia")], SUSPENDED)
    (letter,) = letters(engine)
    done = replay(engine, letter.id)
    assert done.letter.state is LetterState.OPEN
    assert done.letter.rejection.reason is RejectionReason.INVALID
    assert done.letter.rejection.problems[0].pointer == "/country"
    with engine.begin() as connection:
        (decision,) = dead_letters.history(connection, letter.id)
        assert count(connection, "detections") == 0
    assert (decision.act, decision.fate, decision.before) == (Act.REPLAY, "refused", RejectionReason.UNKNOWN_REPORTER)
    assert not replay(engine, letter.id).done_before, "it may be tried as often as something is mended"
    assert adds_up(engine) == ()


def test_what_the_laboratory_sent_again_meanwhile_is_a_duplicate(engine: Engine) -> None:
    send(engine, [report(1, "MDMA")], SUSPENDED)
    send(engine, [report(1, "MDMA")])
    (letter,) = letters(engine)
    done = replay(engine, letter.id)
    assert (done.letter.state, done.letter.fate) == (LetterState.REPLAYED, "duplicate")
    assert adds_up(engine) == ()


def test_a_record_that_failed_on_us_is_not_blocked_by_having_been_here(engine: Engine) -> None:
    send(engine, [report(1, "metonitazene")], SUSPENDED)
    with engine.begin() as connection:
        connection.execute(text("UPDATE dead_letters SET reason = 'internal_error'"))
        assert dead_letters.open_ones(connection, RejectionReason.INTERNAL_ERROR) == (letters(engine)[0].id,)
        later = BEGIN + timedelta(days=1)
        assert dead_letters.open_ones(connection, RejectionReason.INTERNAL_ERROR, since=later) == ()
    assert replay(engine, letters(engine)[0].id).letter.fate == "accepted"


def test_an_orphan_is_refused_until_its_event_came_and_then_counts_once(engine: Engine) -> None:
    amended = report(1, "isotonitazene", revision=2, action="amend")
    send(engine, [amended])
    Timers(engine, SETTING)(BEGIN + timedelta(days=31))
    (letter,) = letters(engine)
    late = BEGIN + timedelta(days=32)
    stage = Replays(engine, Assess(SETTING, LABORATORIES))
    again = stage.replay(letter.id, by="Example operator", because="asked for", now=late)
    assert (again.letter.state, again.letter.rejection.reason) == (LetterState.OPEN, "orphan_revision")
    with engine.begin() as connection:
        assert count(connection, "waiting_revisions") == 0, "it would wait in vain for ever"
    assert adds_up(engine) == ()
    send(engine, [report(1, "metonitazene")])
    done = stage.replay(letter.id, by="Example operator", because="the event came", now=late)
    assert (done.letter.state, done.letter.fate) == (LetterState.REPLAYED, "accepted")
    assert adds_up(engine) == ()


def test_a_replayed_revision_may_wait_for_its_event_and_end_as_a_dead_letter_that_is_counted_once(
    engine: Engine,
) -> None:
    send(engine, [report(1, "isotonitazene", revision=2, action="amend")], SUSPENDED)
    assert replay(engine, letters(engine)[0].id).letter.fate == "waiting"
    assert adds_up(engine) == ()
    Timers(engine, SETTING)(BEGIN + timedelta(days=31))
    assert [(one.state, one.waited) for one in letters(engine)] == [("replayed", False), ("open", True)]
    assert adds_up(engine) == ()


def test_what_is_discarded_keeps_its_bytes_and_is_neither_replayed_nor_offered(engine: Engine) -> None:
    send(engine, [report(1, "MDMA")], SUSPENDED)
    (letter,) = letters(engine)
    done = discard(engine, letter.id, by="Example operator", because="sent by mistake", now=NOW)
    assert (done.letter.state, done.letter.record) == (LetterState.DISCARDED, letter.record)
    assert replay(engine, letter.id).done_before
    with engine.begin() as connection:
        assert count(connection, "detections") == 0
        assert dead_letters.open_ones(connection, RejectionReason.UNKNOWN_REPORTER) == ()
    assert adds_up(engine) == ()


def test_the_laboratory_is_told_of_a_replay_too(engine: Engine) -> None:
    send(engine, [report(1, "metonitazene")], SUSPENDED)
    replay(engine, letters(engine)[0].id)
    first, second = told(engine)
    assert (first.fate, first.occasion) == (ReportFate.REFUSED, Occasion.RECEIVED)
    assert (second.fate, second.occasion) == (ReportFate.ACCEPTED, Occasion.REPLAYED)
    assert first.source == second.source
    assert second.alerts


def told(engine: Engine) -> list[ReportFeedback]:
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT body::text FROM outbox WHERE topic LIKE 'feedback-%' ORDER BY id"))
        return [one for row in rows for one in Feedback.model_validate_json(row.body).reports]


def test_two_people_who_replay_at_once_apply_it_once(engine: Engine) -> None:
    send(engine, [report(1, "metonitazene")], SUSPENDED)
    (letter,) = letters(engine)

    async def both() -> list[Replayed]:
        return list(await asyncio.gather(*(asyncio.to_thread(replay, engine, letter.id) for _ in range(2))))

    assert sorted(one.done_before for one in asyncio.run(both())) == [False, True]
    with engine.begin() as connection:
        assert count(connection, "detections") == count(connection, "dead_letter_log") == 1


def test_a_number_that_is_none_is_said_to_be_none(engine: Engine) -> None:
    with pytest.raises(NoSuchLetter):
        replay(engine, 12345)


def test_header_names_that_json_cannot_hold_come_back_as_they_were() -> None:
    headers = (("ce_source", b"\x00\xff"), ("\udcff\udcfe", b""), ("a\x00b", b"1"), ("naïve", b"2"))
    stored = json.loads(json.dumps(dead_letters.encode_headers(headers)))
    assert dead_letters.decode_headers(stored) == headers
    assert "\\u0000" not in json.dumps(stored) and "\\ud" not in json.dumps(stored)


# On real Kafka, by the command line


def test_hostile_records_stop_nothing_and_each_ends_as_what_it_is(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        laboratory = made.laboratories[0]
        good = [plain_report(laboratory, number) for number in range(3)]
        other = [("ce_source", laboratory.encode()), ("ce_source", b"someone-else")]
        asyncio.run(
            _send(
                made,
                [
                    Hostile(None),
                    Hostile(b"x" * 2_000_000),
                    Hostile(good[0], key=b"\xff\x00 any bytes", headers=((NotUtf8("any"), b"\xff\xfe"),)),
                    Hostile(b"{", headers=((NotUtf8("any"), b"\x00"), ("", b""))),
                    Hostile(good[1], headers=tuple(other)),
                    Hostile(good[1], headers=tuple(reversed(other))),
                    Hostile(b"{", headers=tuple(("h", b"1") for _ in range(100_000))),
                    Hostile(good[2]),
                ],
            )
        )
        made.start()
        made.wait_for(8)
        until(lambda: made.query("SELECT count(*) FROM outbox WHERE published_at IS NULL") == [(0,)], within=30)
        assert made.query('SELECT "offset", reason FROM dead_letters ORDER BY "offset"') == [
            (0, "empty"),
            (1, "too_large"),
            (3, "undecodable"),
            (4, "reporter_mismatch"),
            (5, "reporter_mismatch"),
            (6, "undecodable"),
        ]
        assert made.query('SELECT "offset" FROM detections ORDER BY "offset"') == [(2,), (7,)]
        with made.engine.begin() as connection:
            odd = next(one for one in dead_letters.latest(connection, 10) if one.record.offset == 3)
        name, value = odd.record.headers[0]
        assert (name.encode("utf-8", "surrogateescape"), value) == (b"\xff\xfe name", b"\x00")
        assert made.query("SELECT count(*) FROM outbox WHERE parked IS NOT NULL") == [(0,)]


def test_more_than_four_mebibytes_are_refused_by_the_topic(kafka: str, database: str, tmp_path: Path) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        with pytest.raises(MessageSizeTooLargeError):
            asyncio.run(_send(made, [Hostile(b"x" * (4 * 1024 * 1024 + 1))]))
        assert laboratory_topics(made.laboratories[0])[0].max_message_bytes == 4 * 1024 * 1024


def test_the_commands_replay_and_discard_with_name_and_reason(database: str, tmp_path: Path) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        positions.register(connection, PARTITION, log_start=0, cluster_id="test")
    send(engine, [report(number, "MDMA") for number in range(3)], SUSPENDED)
    register(engine)
    first, second, third = (str(one.id) for one in letters(engine))
    who = ("--by", "Example operator", "--reason", "registered now")
    environment = {"TOCSIN_DATABASE__URL": database, "TOCSIN_DATA_DIR": str(tmp_path)}

    def command(*words: str) -> tuple[int, str]:
        done = run("dead-letters", *words, environment=environment)
        return done.returncode, done.stdout + done.stderr

    chosen = ("--refused-as", "unknown_reporter")
    assert command("replay", *chosen, *who)[0] == 1, "it asks, and nobody answers"
    assert command("discard", third, *who) == (0, f"{third}  discarded\n")
    code, said = command("replay", *chosen, "--yes", *who)
    assert (code, said.splitlines()[:2]) == (0, [f"{first}  replayed (accepted)", f"{second}  replayed (accepted)"])
    code, said = command("replay", first, *who)
    assert (code, said) == (0, f"{first}  replayed (accepted) already, by Example operator; nothing was changed\n")
    shown = json.loads(command("show", first, "--json")[1])
    assert [(one["act"], one["fate"], one["by"]) for one in shown["decisions"]] == [
        ("replay", "accepted", "Example operator")
    ]
    engine.dispose()


def test_a_person_that_a_report_names_is_shown_only_when_asked_for_with_raw(database: str, tmp_path: Path) -> None:
    """`value` is base64 and would otherwise hide it from whoever looks, and from no program."""
    engine = connect(database)
    with engine.begin() as connection:
        positions.register(connection, PARTITION, log_start=0, cluster_id="test")
    send(engine, [report(1, "MDMA", free_text={"en": "call jane.roe@example.org"})])
    (number,) = (str(one.id) for one in letters(engine))
    environment = {"TOCSIN_DATABASE__URL": database, "TOCSIN_DATA_DIR": str(tmp_path)}

    def shown(*words: str) -> tuple[bool, bytes]:
        done = run("dead-letters", "show", number, *words, "--json", environment=environment)
        told = json.loads(done.stdout)
        return told["masked"], base64.b64decode(told["value"])

    assert shown()[0] and b"jane" not in shown()[1] and b"call [removed]" in shown()[1]
    assert not shown("--raw")[0] and b"jane.roe@example.org" in shown("--raw")[1]
    listed = json.loads(run("dead-letters", "list", "--json", environment=environment).stdout)
    assert b"jane" not in base64.b64decode(listed[0]["value"])
    assert "jane" not in run("dead-letters", "show", number, environment=environment).stdout
    engine.dispose()


def register(engine: Engine) -> None:
    with engine.begin() as connection:
        laboratories.put(connection, LABORATORIES["si-example"])


class NotUtf8(str):
    """A header name whose bytes are no UTF-8: what another producer than ours may send."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe name"


@dataclass(frozen=True)
class Hostile:
    """A record as nobody should send it."""

    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


async def _send(made: Site, hostile: Sequence[Hostile]) -> None:
    """One batch each, built in Python: aiokafka's compiled builder takes no such header names."""
    producer = AIOKafkaProducer(bootstrap_servers=made.kafka.bootstrap, max_request_size=8 * 1024 * 1024)
    await producer.start()
    try:
        for one in hostile:
            batch = producer.create_batch()
            batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 8 * 1024 * 1024)
            assert batch.append(key=one.key, value=one.value, timestamp=1, headers=list(one.headers)) is not None
            await (await producer.send_batch(batch, made.topics[0], partition=0))
    finally:
        await producer.stop()
