"""One machine's Tocsin: engines, migrations, topics, then its own processes; all of it kept up and stopped."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import psutil

from storage.engine import connect, migrate
from tocsin import wiring
from tocsin.embedded.directory import ADMIN, DataDirectory, DataPurpose, Running
from tocsin.embedded.engines import Engines, Wanted, running
from tocsin.embedded.keeping import bring_up, keep, stop_all
from tocsin.embedded.processes import Command, Say, python, spawn
from tocsin.errors import Refusal
from tocsin.parts import Notices, Part, child_environment, pass_on
from tocsin.reading import known_variables
from tocsin.settings import LOOPBACK, KafkaSecurity, Settings

WORKER: Final = ("worker",)
BACKFILL: Final = ("worker", "--flow", "backfill")
COURIER: Final = ("courier",)
PORTAL: Final = ("portal",)
_GRACE: Final = 30.0
"""A worker that is told to stop while it joins its group can hang that long (Faust)."""

Body = Callable[[Running], Awaitable[None]]


async def _nothing(_: Running) -> None:
    """Worker and courier need nothing more than the schema."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run where. `environment` is set for worker and courier on top of ours; `log` takes every line."""

    settings: Settings
    purpose: DataPurpose
    environment: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[tuple[str, ...]] = (WORKER, BACKFILL, COURIER, PORTAL)
    prepare: Body = _nothing
    """What else must be there before worker and courier start; the schema is."""
    secure: bool = False
    """The embedded Kafka asks for a login, and a laboratory may write its own topic only."""
    log: TextIO = sys.stderr

    @property
    def directory(self) -> DataDirectory:
        """The data directory of these settings."""
        return DataDirectory(self.settings.data_dir)

    @property
    def wanted(self) -> Wanted:
        """Nothing is embedded that a setting gives."""
        given = self.settings
        return Wanted(
            kafka=given.kafka.bootstrap is None,
            postgres=given.database.url is None,
            mailbox=given.smtp.host is None,
            secure=self.secure,
        )

    def say(self, name: str) -> Say:
        """A writer of lines with this prefix; a terminal that is gone stops nothing."""

        def line(text: str) -> None:
            with contextlib.suppress(OSError, ValueError):
                print(f"{name:<8} | {text}", file=self.log, flush=True)

        return line


def supervise(plan: Plan, body: Body) -> None:
    """Run everything, then `body`; returns when it is done or we are told to stop (Ctrl-C, SIGTERM, a closed terminal).

    The directory is held before anything touches it. Raises `Refusal` when something cannot be started.
    """
    with plan.directory.held(plan.purpose):
        asyncio.run(_until_told(plan, body))


async def until_stopped(_: Running) -> None:
    """A body that has nothing of its own to do."""
    await asyncio.Event().wait()


async def _until_told(plan: Plan, body: Body) -> None:
    """The first signal cancels, once; later ones find the stopping under way and change nothing."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    main = asyncio.create_task(_run(plan, body))

    def tell(number: signal.Signals) -> None:
        if not told.is_set():
            told.set()
            plan.say("up")(f"{number.name}: stopping")
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays honoured
            loop.add_signal_handler(number, tell, number)
    try:
        await main
    except asyncio.CancelledError:
        if not told.is_set():
            raise


async def _run(plan: Plan, body: Body) -> None:
    async with running(plan.directory, plan.say("up"), plan.wanted) as engines:
        found = _announcement(plan, engines)
        plan.directory.announce(found)
        async with _kept(engines, plan):
            await _prepare(plan, found)
            async with _parts(plan, found):
                _greet(plan, found)
                await body(found)


@contextlib.asynccontextmanager
async def _kept(engines: Engines, plan: Plan) -> AsyncIterator[None]:
    """Each engine has a task that starts it again when it dies."""
    say = plan.say("up")
    keepers = [asyncio.create_task(keep(child, engines.processes, say)) for child in engines.children]
    try:
        yield
    finally:
        await _end(keepers)


@contextlib.asynccontextmanager
async def _parts(plan: Plan, found: Running) -> AsyncIterator[None]:
    """Worker and courier, ready; stopped before the engines that they use."""
    say, processes = plan.say("up"), dict[str, asyncio.subprocess.Process]()
    with tempfile.TemporaryDirectory(prefix="tocsin-") as folder:
        notices = Notices(Path(folder))
        parts = [_part(plan, found, command, notices) for command in plan.commands]
        keepers: list[asyncio.Task[None]] = []
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts:
                    group.create_task(_first_start(part, processes, say))
            keepers.extend(asyncio.create_task(keep(part, processes, say)) for part in parts)
            yield
        finally:
            await _end(keepers)
            await stop_all([*parts], processes, say, grace=_GRACE)
            await notices.close()


async def _first_start(part: Part, processes: dict[str, asyncio.subprocess.Process], say: Say) -> None:
    """A part that dies at once is no reason to stop the others: its keeper starts it again."""
    try:
        await bring_up(part, processes, say)
    except Refusal as refusal:
        say(str(refusal))


def _part(plan: Plan, found: Running, command: tuple[str, ...], notices: Notices) -> Part:
    """Known by its last word: `worker`, `backfill`, `courier`, `portal`. A port that is set is the live worker's."""
    own = {"TOCSIN_METRICS__WORKER_PORT": "0"} if command == BACKFILL else {}
    return Part(
        name=command[-1],
        arguments=command,
        directory=plan.directory.path,
        environment={**_environment(plan, found), **own},
        say=plan.say(command[-1]),
        notices=notices,
    )


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _announcement(plan: Plan, engines: Engines) -> Running:
    return Running(
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        kafka=engines.kafka.bootstrap if engines.kafka else None,
        kafka_password=engines.kafka.password if engines.kafka else None,
        database_url=engines.postgres.url() if engines.postgres else None,
        smtp=engines.mailbox.smtp if engines.mailbox else None,
        mailbox=engines.mailbox.url if engines.mailbox else None,
        portal=_portal(plan),
    )


def _portal(plan: Plan) -> str | None:
    """Where the portal will be: as set, else on a port of the directory's own."""
    if PORTAL not in plan.commands:
        return plan.settings.portal.base_url
    return plan.settings.portal.base_url or f"http://{LOOPBACK}:{_portal_port(plan)}"


def _portal_port(plan: Plan) -> int:
    return plan.settings.portal.port or plan.directory.state().ports.portal


async def _prepare(plan: Plan, found: Running) -> None:
    """Bring the schema and the topics to what this version needs."""
    await asyncio.to_thread(_migrate, wiring.database_url(plan.settings))
    plan.say("up")("database schema is current")
    await plan.prepare(found)
    await _once(plan, found, ("topics", "apply"))


def _migrate(url: str) -> None:
    engine = connect(url)
    try:
        migrate(engine)
    finally:
        engine.dispose()


async def _once(plan: Plan, found: Running, command: tuple[str, ...]) -> None:
    """Run one of our commands to its end; its failure is ours."""
    process = await spawn(
        Command(argv=python(plan.directory.path, "tocsin", *command), environment=_environment(plan, found))
    )
    if process.stdout is None:
        raise AssertionError("a command without a log writes to a pipe")
    try:
        await pass_on(process.stdout, plan.say(command[0]))
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code:
        raise Refusal(f"`tocsin {' '.join(command)}` ended with exit code {code}; what it said is above.")


def _environment(plan: Plan, found: Running) -> dict[str, str]:
    """The settings of the children: ours, and the engines that we run."""
    supplied = {"TOCSIN_DATA_DIR": str(plan.directory.path)}
    if found.kafka:
        supplied["TOCSIN_KAFKA__BOOTSTRAP"] = found.kafka
    if found.kafka_password:
        supplied |= {"TOCSIN_KAFKA__SECURITY": KafkaSecurity.SASL_PLAINTEXT, "TOCSIN_KAFKA__USER": ADMIN}
        supplied["TOCSIN_KAFKA__PASSWORD"] = found.kafka_password
    if found.database_url:
        supplied["TOCSIN_DATABASE__URL"] = found.database_url
    if found.smtp:
        host, _, port = found.smtp.rpartition(":")
        supplied |= {"TOCSIN_SMTP__HOST": host, "TOCSIN_SMTP__PORT": port, "TOCSIN_SMTP__TLS": "none"}
    if found.portal:
        supplied |= {"TOCSIN_PORTAL__BASE_URL": found.portal, "TOCSIN_PORTAL__PORT": str(_portal_port(plan))}
    return child_environment({**supplied, **plan.environment}, known=known_variables())


def _greet(plan: Plan, found: Running) -> None:
    say = plan.say("up")
    server = f"127.0.0.1:{found.database_url.rpartition(':')[2]}" if found.database_url else "as set"
    if found.kafka_password:
        say("Kafka asks for a login: `tocsin lab add` makes one for the laboratory, to write its own topics only")
    say(f"ready: Kafka {found.kafka or 'as set'}, PostgreSQL {server}, data in {plan.directory.path}")
    say(f"portal: {found.portal}" if found.portal else "no portal: mails carry no links")
    say(f"mailbox: {found.mailbox}" if found.mailbox else "mail goes to the relay that is set")
    say("Ctrl-C stops everything; other commands find it through the data directory (TOCSIN_DATA_DIR)")
