"""`tocsin up` on real engines: one per directory, kept up, stopped whole, recovered after the worst."""

import json
import signal
import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.conftest import TestEngines
from tests.programs import Program, alive, open_directory, run, tocsin
from tocsin.embedded.directory import DataDirectory, DataPurpose, Running

READY = "up       | ready: "
CHILDREN = ("mailbox", "postgres", "kafka", "worker", "backfill")


def up(directory: Path, **environment: str) -> Program:
    """`tocsin up` on this directory, told to start."""
    return Program(tocsin("up", "--data-dir", str(directory)), log=directory / "up.log", environment=environment)


def running(directory: Path) -> Running:
    """What a running one announces."""
    found = DataDirectory(directory).running()
    assert found is not None
    return found


def database_url(directory: Path) -> str:
    """The embedded database."""
    url = running(directory).database_url
    assert url is not None
    return url


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Path, Program]]:
    """One that runs, for tests that leave it running."""
    with open_directory() as directory, up(directory) as program:
        program.wait_for(READY)
        yield directory, program


def test_a_second_one_on_the_same_directory_is_refused_with_a_sentence(site: tuple[Path, Program]) -> None:
    directory, program = site
    second = run("up", "--data-dir", str(directory))
    assert second.returncode == 1
    assert second.stderr == (
        f"tocsin: {directory} is in use: another Tocsin runs there (pid {program.process.pid}). "
        "Stop that one, or choose another directory with --data-dir.\n"
    )
    assert program.process.poll() is None


def test_other_commands_find_it_through_the_data_directory_and_show_no_password(site: tuple[Path, Program]) -> None:
    directory, _ = site
    shown = run("settings", "show", "--json", environment={"TOCSIN_DATA_DIR": str(directory)})
    settings = json.loads(shown.stdout)
    assert settings["TOCSIN_KAFKA__BOOTSTRAP"] == {"value": running(directory).kafka, "source": "data directory"}
    assert settings["TOCSIN_DATABASE__URL"]["value"].startswith("postgresql://postgres:********@127.0.0.1:")


def test_everything_listens_on_loopback_only(site: tuple[Path, Program]) -> None:
    _, program = site
    supervisor = psutil.Process(program.process.pid)
    hosts = {
        connection.laddr.ip
        for process in (supervisor, *supervisor.children(recursive=True))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert hosts
    assert hosts <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_its_mailbox_takes_and_shows_a_mail(site: tuple[Path, Program]) -> None:
    found = running(site[0])
    host, _, port = (found.smtp or "").rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=10) as relay:
        relay.sendmail("a@one.example", ["b@two.example"], "Subject: by way of up\r\n\r\n")
    with urllib.request.urlopen(found.mailbox or "", timeout=10) as page:
        assert b"by way of up" in page.read()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if name == "kafka" else []) for name in CHILDREN]
)
def test_a_child_that_dies_is_started_again_and_that_is_said(site: tuple[Path, Program], name: str) -> None:
    directory, program = site
    before = program.pids(name)
    psutil.Process(before[-1]).kill()
    program.wait_for(f"up       | {name} ready", times=len(before) + 1)
    assert f"up       | {name} ended, killed by SIGKILL; starting it again in 0.5 s" in program.said()
    assert not alive(before[-1])
    assert DataDirectory(directory).running() is not None
    with psycopg.connect(database_url(directory)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.long
def test_a_new_laboratory_makes_the_worker_start_again_at_once(site: tuple[Path, Program]) -> None:
    directory, program = site
    before = len(program.pids("worker"))
    added = run(
        *("lab", "add", "--id", "si-example", "--name", "Example laboratory SI", "--country", "SI"),
        *("--role", "forensic_lab", "--data-dir", str(directory)),
    )
    assert added.returncode == 0, added.stderr
    program.wait_for("up       | worker ready", times=before + 1)
    assert "up       | worker ended by its own wish; starting it again\n" in program.said()


async def test_after_kill_9_the_next_start_recovers_everything_and_leaves_no_orphan(site: tuple[Path, Program]) -> None:
    """The last to use the one that runs: it kills it."""
    directory, first = site
    before = running(directory)
    await _write(before)
    family = psutil.Process(first.process.pid).children(recursive=True)
    assert len(family) >= len(CHILDREN)
    first.stop(signal.SIGKILL)
    with up(directory) as second:
        second.wait_for(READY, times=2)
        own = {"pid", "started"}
        assert running(directory).model_dump(exclude=own) == before.model_dump(exclude=own), "same ports, same password"
        assert not [process for process in family if alive(process.pid)]
        await _read(running(directory))
        family = psutil.Process(second.process.pid).children(recursive=True)
        assert second.stop(signal.SIGTERM) == 0
    assert not [process for process in family if alive(process.pid)]
    assert DataDirectory(directory).running() is None


async def _write(found: Running) -> None:
    assert found.kafka
    assert found.database_url
    admin = AIOKafkaAdminClient(bootstrap_servers=found.kafka)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=found.kafka, acks="all") as producer:
        await producer.send_and_wait("kept", b"record")
    with psycopg.connect(found.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'row' AS value")


async def _read(found: Running) -> None:
    assert found.kafka
    assert found.database_url
    async with AIOKafkaConsumer("kept", bootstrap_servers=found.kafka, auto_offset_reset="earliest") as consumer:
        assert (await consumer.getone()).value == b"record"
    with psycopg.connect(found.database_url) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [("row",)]


def test_nothing_is_embedded_that_is_given_and_ctrl_c_stops_it_cleanly(engines: TestEngines, database: str) -> None:
    with open_directory() as directory:
        given = {
            "TOCSIN_KAFKA__BOOTSTRAP": engines.kafka,
            "TOCSIN_DATABASE__URL": database,
            "TOCSIN_SMTP__HOST": "127.0.0.1",
            "TOCSIN_SMTP__TLS": "none",
        }
        with up(directory, **given) as program:
            program.wait_for(READY)
            family = psutil.Process(program.process.pid).children(recursive=True)
            assert not {process.name() for process in family} & {"java", "postgres"}
            assert not (directory / "kafka").exists()
            assert not (directory / "mailbox").exists()
            assert program.stop(signal.SIGINT) == 0
        assert "SIGINT: stopping" in program.said()
        assert not [process for process in family if alive(process.pid)]


@pytest.mark.long
def test_an_orphan_is_ended_and_a_stranger_is_not_and_a_closed_terminal_stops_it(
    engines: TestEngines, database: str
) -> None:
    with open_directory() as directory:
        sleeper = (sys.executable, "-X", f"tocsin={directory}", "-c", "import signal; signal.pause()")
        stranger = (sys.executable, "-X", f"tocsin={directory}2", "-c", "import signal; signal.pause()")
        given = {"TOCSIN_KAFKA__BOOTSTRAP": engines.kafka, "TOCSIN_DATABASE__URL": database}
        with subprocess.Popen(sleeper) as orphan, subprocess.Popen(stranger) as other:
            try:
                with up(directory, **given) as program:
                    program.wait_for(READY)
                    assert f"(pid {orphan.pid}), left by an earlier run" in program.said()
                    assert orphan.wait(10) == -signal.SIGTERM
                    assert other.poll() is None
                    assert program.stop(signal.SIGHUP) == 0
            finally:
                orphan.kill()
                other.kill()


def test_a_demo_directory_is_refused(tmp_path: Path) -> None:
    with DataDirectory(tmp_path).held(DataPurpose.DEMO):
        pass
    refused = run("up", "--data-dir", str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr == (
        f"tocsin: {tmp_path} was made for `demo` and is not used for `up`. Choose another directory with --data-dir.\n"
    )


def test_a_directory_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run("up", "--data-dir", str(tmp_path / "file" / "below"))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"tocsin: The data directory {tmp_path}/file/below cannot be made (")
