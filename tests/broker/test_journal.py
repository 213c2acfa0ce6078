"""`tocsin publish --journal`: kept and synced before it is sent, resumed after the worst, one event from one line."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.kill.engines import own_engines
from tests.programs import Program, run, tocsin, until
from tests.streaming.site import REAL, Site, report, site
from tocsin import journal
from tocsin.errors import Refusal


@pytest.fixture
def made(kafka: str, database: str, tmp_path: Path) -> Iterator[Site]:
    """A site with one laboratory and the real worker, not started."""
    with site(kafka, database, tmp_path, count=1, worker=REAL) as found:
        yield found


def write(made: Site, count: int) -> Path:
    """A file of so many reports of the site's laboratory."""
    path = made.directory / f"{count}.jsonl"
    path.write_bytes(b"\n".join(report(made.laboratories[0], number) for number in range(count)))
    return path


def words(made: Site, *more: str) -> list[str]:
    """The command line."""
    return ["publish", "--lab", made.laboratories[0], "--journal", str(made.directory / "journal"), *more]


@contextmanager
def publishing(made: Site, *more: str, launcher: tuple[str, ...] = ()) -> Iterator[Program]:
    """The command as a process of its own, for the time of the block."""
    command = [sys.executable, "-m", *launcher, *words(made, *more)] if launcher else tocsin(*words(made, *more))
    with Program(command, log=made.directory / "publish.log", environment=made.environment) as program:
        yield program


def standing(made: Site) -> journal.Standing | None:
    """Where the journal stands, when there is one."""
    try:
        return journal.standing(made.directory / "journal")
    except Refusal:
        return None


def sent(made: Site) -> list[bytes]:
    """What is on the laboratory's topic now, in order."""
    return asyncio.run(_read(made.kafka.bootstrap, made.topics[0]))


async def _read(bootstrap: str, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        consumer.seek(partition, 0)
        found: list[bytes] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found.extend(record.value for record in records if record.offset < end)
        return found
    finally:
        await consumer.stop()


def test_nothing_is_sent_before_the_disk_has_it_and_a_kill_in_between_loses_nothing(made: Site) -> None:
    file, folder = write(made, 3), made.directory
    with publishing(made, str(file), launcher=("tests.streaming.gated", str(folder))) as program:
        until((folder / "asked").exists, within=60)
        assert b'"sealed":3' in (made.directory / "journal" / journal.FILE).read_bytes()
        assert sent(made) == []
        program.stop(signal.SIGKILL)
    assert sent(made) == []
    done = run(*words(made, "--json"), environment=made.environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        **{"given": 0, "new": 0, "sent": 3},
        **{"topic": made.topics[0], "kept": 3, "acknowledged": 3, "waiting": 0},
    }
    assert sent(made) == file.read_bytes().splitlines()


def test_given_again_it_sends_nothing_and_a_changed_line_is_refused_with_a_sentence(made: Site) -> None:
    file = write(made, 2)
    first, again = (run(*words(made, str(file)), environment=made.environment) for _ in range(2))
    assert first.stdout == (
        f"2 reports given, 2 of them new; 2 are now on {made.topics[0]}\n"
        f"the journal for {made.topics[0]} keeps 2 reports: 2 acknowledged, 0 waiting\n"
    )
    assert again.stdout.startswith(f"2 reports given, 0 of them new; 0 are now on {made.topics[0]}\n")
    changed = made.directory / "changed.jsonl"
    changed.write_bytes(report(made.laboratories[0], 7) + b"\n" + file.read_bytes().replace(b"powder", b"tablet"))
    refused = run(*words(made, str(changed)), environment=made.environment)
    assert refused.returncode == 1
    assert f"{changed}:2: Event 00000000-0000-4000-8000-000000000000 revision 1 was given before" in refused.stderr
    assert "raise `revision`" in refused.stderr
    assert len(sent(made)) == 2
    status = run(*words(made, "--status", "--json"), environment=made.environment)
    assert json.loads(status.stdout) == {"topic": made.topics[0], "kept": 2, "acknowledged": 2, "waiting": 0}


def test_a_second_process_on_the_same_journal_is_refused(made: Site) -> None:
    with journal.held(made.directory / "journal", made.topics[0]):
        second = run(*words(made, str(write(made, 1))), environment=made.environment)
    assert second.returncode == 1
    assert "is in use by another process (pid " in second.stderr
    assert sent(made) == []


def test_killed_at_random_points_every_report_is_sent_and_applied_exactly_once(made: Site) -> None:
    _killed_at_random(made, count=600, kills=2, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_often_every_report_is_sent_and_applied_exactly_once(made: Site, seed: int) -> None:
    _killed_at_random(made, count=20_000, kills=25, seed=seed)


def _killed_at_random(made: Site, *, count: int, kills: int, seed: int) -> None:
    """Every other kill falls while the journal is written, the others while it is sent."""
    file, chance = write(made, count), random.Random(seed)
    points = sorted(chance.randrange(count) for _ in range(kills))
    made.start()
    for number, point in enumerate(points):
        with publishing(made, str(file)) as program:
            _reach(made, program, kept=point if number % 2 else 0, acknowledged=0 if number % 2 else point)
            program.stop(signal.SIGKILL)
    with publishing(made, str(file)) as program:
        assert program.process.wait(120) == 0, program.said()
    on_topic, expected = sent(made), file.read_bytes().splitlines()
    assert set(on_topic) == set(expected)
    made.wait_for(len(on_topic), within=120)
    applied = made.query("SELECT sum(applied), sum(duplicates), sum(dead) FROM stream_positions")
    assert [tuple(map(int, map(str, row))) for row in applied] == [(count, len(on_topic) - count, 0)]
    assert made.query("SELECT count(*) FROM detections") == [(count,)]
    assert run("audit", environment=made.environment).returncode == 0


def _reach(made: Site, program: Program, *, kept: int, acknowledged: int) -> None:
    """Until the journal is that far, or the command has ended."""

    def there() -> bool:
        now = standing(made)
        far = now is not None and now.kept >= kept and now.acknowledged >= acknowledged
        return far or program.process.poll() is not None

    until(there, within=60)


@pytest.mark.long
def test_a_broker_that_is_killed_and_comes_back_costs_nothing_and_one_that_stays_away_is_told(tmp_path: Path) -> None:
    asyncio.run(_without_a_broker(tmp_path))


async def _without_a_broker(directory: Path) -> None:
    async with own_engines() as engines:
        with ExitStack() as stack:
            url = engines.postgres.url()
            entering = site(engines.kafka.bootstrap, url, directory, count=1, worker=REAL)
            made = await asyncio.to_thread(stack.enter_context, entering)
            file = write(made, 20_000)
            program = stack.enter_context(publishing(made, str(file)))
            await asyncio.to_thread(_reach, made, program, kept=0, acknowledged=2000)
            await engines.kill(engines.kafka)
            left = standing(made)
            assert left is not None and left.waiting > 0, "all was sent before the kill: send more"
            away = await asyncio.to_thread(_more, made)
            assert away.returncode == 1
            assert "in use by another process" in away.stderr
            await engines.start(engines.kafka)
            assert await asyncio.to_thread(program.process.wait, 180) == 0, program.said()
            assert set(await _read(made.kafka.bootstrap, made.topics[0])) == set(file.read_bytes().splitlines())
            await engines.kill(engines.kafka)
            file.write_bytes(report(made.laboratories[0], 20_001))
            away = await asyncio.to_thread(_more, made, str(file), "--patience", "0")
            assert away.returncode == 1
            assert "1 reports are kept in the journal and not acknowledged" in away.stderr
            await engines.start(engines.kafka)
            back = await asyncio.to_thread(_more, made, "--json")
            assert json.loads(back.stdout)["sent"] == 1


def _more(made: Site, *more: str) -> "subprocess.CompletedProcess[str]":
    return run(*words(made, *more), environment=made.environment)
