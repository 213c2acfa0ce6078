"""From a planned event to its receivers: mails beside smtp-source and nodemailer's pool to the same sink, webhooks with
some endpoints that hang, and the memory that many due deliveries take.

The sink is Postfix's smtp-sink where there is one (Debian: apt-get install postfix), else a small one of ours;
nodemailer is used where `node` finds it (npm install --prefix var/bench nodemailer). What is missing is said.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from notifiers.dispatch import dispatch
from notifiers.email.message import MailBody
from notifiers.planning import Policy
from notifiers.purposes import Content, purpose_of
from notifiers.rendering import Reader, mail_body
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Ground, SubscriberKind
from schemas.subscribers import DestinationEntry, SubscriberEntry, SubscriptionEntry
from schemas.topics import ALERT_EVENTS
from schemas.vocabularies import Handling
from storage import outbox, subscribers
from storage.outbox import Outgoing
from storage.wakeups import Wakeup, notify
from tests.bench.figures import Figure, quantile
from tests.bench.site import Run, Site, memory_mb, wait
from tests.programs import Program
from tests.receivers import SECRET
from tests.telling import alert_event
from tocsin.embedded.ports import choose

MAILS: Final = (2_000, 10_000)
LANGUAGES: Final = ("en", "de", "fr", "sl", "el", "pl")
DOMAINS: Final = 500
CONNECTIONS: Final = 4
ENDPOINTS: Final = 200
HANGING: Final = 10
ALERTS: Final = 20
DUE: Final = 100_000
_NODE_MODULES: Final = Path("var/bench/node_modules")
_ACCEPTED: Final = "SELECT count(*) FROM deliveries WHERE state IN ('accepted', 'acknowledged')"
_TIMES: Final = "SELECT extract(epoch FROM accepted_at) FROM deliveries WHERE accepted_at IS NOT NULL ORDER BY 1"
_TOLD: Final = "SELECT extract(epoch FROM min(created_at)) FROM outbox"
_TOOK: Final = """
    SELECT extract(epoch FROM d.accepted_at - d.planned_at) FROM deliveries d JOIN destinations t
    ON t.id = d.destination_id WHERE d.accepted_at IS NOT NULL AND t.name = 'healthy'
"""
_HEALTHY: Final = """
    SELECT count(*) FROM deliveries d JOIN destinations t ON t.id = d.destination_id
    WHERE d.accepted_at IS NOT NULL AND t.name = 'healthy'
"""
_DIGESTS: Final = "SELECT count(*) FROM digests"
"""One for each reader: the last thing that a courier does when it starts."""
_LISTENS: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
_CONFIRM: Final = """
    INSERT INTO endpoints (destination_id, confirmed_at) SELECT id, now() FROM destinations
    ON CONFLICT (destination_id) DO UPDATE SET confirmed_at = now()
"""

Say = Callable[[str], None]


def delivering(site: Site, *, runs: int, say: Say) -> list[Figure]:
    """Mails a second, the first after the event, webhooks beside hanging ones, and memory."""
    figures = [figure for count in MAILS for figure in _mails(site, count, runs=runs, say=say)]
    figures.append(_webhooks(site, runs=runs, say=say))
    figures.append(_memory(site, say=say))
    return figures


def _mails(site: Site, count: int, *, runs: int, say: Say) -> Iterator[Figure]:
    ours, first, source, nodemailer = (list[float]() for _ in range(4))
    with _sink(site, say) as port:
        for number in range(runs):
            rate, seconds = _sent(site, count, port, f"mails-{number}")
            ours.append(rate)
            first.append(seconds)
            source += _with_smtp_source(count, port, say)
            nodemailer += _with_nodemailer(site, count, port, say)
            say(f"{count:,} mails: {rate:,.0f}/s, the first after {seconds:.2f} s")
    name = f"{count:,} mails through the ledger"
    yield _figure(name, "mails/s", ours, "nodemailer's pool", nodemailer, "ratio ≥ 0.9")
    yield _figure(name, "mails/s", ours, "smtp-source", source, "")
    yield Figure(name=f"{count:,} mails: event → first accepted", unit="s", runs=tuple(first), target="< 0.3")


def _figure(name: str, unit: str, runs: Sequence[float], other: str, baseline: Sequence[float], target: str) -> Figure:
    return Figure(
        name=name,
        unit=unit,
        runs=tuple(runs),
        target=target,
        baseline_name=other if baseline else "",
        baseline=tuple(baseline),
    )


def _sent(site: Site, count: int, port: int, name: str) -> tuple[float, float]:
    """Mails a second between the first and the last that the relay took, and seconds from the event to the first."""
    with site.run(name, ()) as run:
        readers = [
            _reader(f"r{n}", _mail(f"reader-{n}@d{n % DOMAINS}.example.org", LANGUAGES[n % len(LANGUAGES)]))
            for n in range(count)
        ]
        _register(run, readers)
        with run.courier(port) as courier:
            _listening(run, courier)
            wait(courier, lambda: run.number(_DIGESTS) == count)
            _tell(run, [alert_event(handling=Handling.GREEN, decided_at=datetime.now(UTC))])
            wait(courier, lambda: run.number(_ACCEPTED) == count)
        times, (told,) = run.numbers(_TIMES), run.numbers(_TOLD)
    return (count - 1) / (times[-1] - times[0]), times[0] - told


def _with_smtp_source(count: int, port: int, say: Say) -> list[float]:
    program = _postfix("smtp-source")
    if program is None:
        say("no smtp-source on the path or in /usr/sbin (Debian: apt-get install postfix): left out")
        return []
    size = len(_example().text) + len(_example().html)
    options = f"-d -s {CONNECTIONS} -m {count} -l {size} -f alerts@tocsin.example -t one@example.org"
    began = time.perf_counter()
    subprocess.run([program, *options.split(), f"127.0.0.1:{port}"], check=True, timeout=300)
    return [count / (time.perf_counter() - began)]


def _with_nodemailer(site: Site, count: int, port: int, say: Say) -> list[float]:
    node = shutil.which("node")
    environment = {**os.environ, "NODE_PATH": os.environ.get("NODE_PATH", str(_NODE_MODULES.resolve()))}
    asked = [node or "node", "-e", "require.resolve('nodemailer')"]
    if node is None or subprocess.run(asked, env=environment, capture_output=True).returncode:
        say("no nodemailer (npm install --prefix var/bench nodemailer): left out")
        return []
    said, body = site.directory / "nodemailer.json", _example()
    said.write_text(json.dumps({"subject": body.subject, "text": body.text, "html": body.html}), encoding="utf-8")
    script = Path(__file__).with_name("nodemailer.cjs")
    command = [node, str(script), str(port), str(count), str(CONNECTIONS), str(said)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=300)
    return [count / float(done.stdout)]


def _webhooks(site: Site, *, runs: int, say: Say) -> Figure:
    """The 99th percentile of the healthy endpoints, held against the same without hanging ones."""
    hanging, none = list[float](), list[float]()
    for number in range(runs):
        none.append(_hooked(site, 0, f"hooks-0-{number}"))
        hanging.append(_hooked(site, HANGING, f"hooks-{HANGING}-{number}"))
        say(f"{ALERTS * ENDPOINTS:,} webhooks, p99 of healthy ones: {none[-1]:.2f} s, "
            f"beside {HANGING} that hang {hanging[-1]:.2f} s")  # fmt: skip
    name = f"{ALERTS * ENDPOINTS:,} webhooks, {HANGING} of {ENDPOINTS} hang: p99 of the healthy"
    return _figure(name, "s", hanging, "none hangs", none, "ratio ≤ 1.2")


def _hooked(site: Site, hanging: int, name: str) -> float:
    port = _row_of_ports(ENDPOINTS)
    origins = [f"http://127.0.0.1:{port + n}" for n in range(ENDPOINTS)]
    with site.run(name, ()) as run:
        entries = [
            _reader(f"h{n}", _hook(f"{origin}/", "healthy" if n >= HANGING else "measured-apart"))
            for n, origin in enumerate(origins)
        ]
        _register(run, entries)
        run.execute(_CONFIRM)
        arguments = ("hooks", str(port), str(ENDPOINTS), str(hanging))
        allowed = {"TOCSIN_WEBHOOK__ALLOW": ",".join(origins)}
        with (
            run.module("tests.bench.receivers", *arguments) as receiver,
            run.courier(port, allowed) as courier,
        ):
            receiver.wait_for("ready")
            _listening(run, courier)
            now = datetime.now(UTC)
            _tell(run, [alert_event(thread=f"a{n}", handling=Handling.GREEN, decided_at=now) for n in range(ALERTS)])
            wait(courier, lambda: run.number(_HEALTHY) == ALERTS * (ENDPOINTS - HANGING))
        return quantile(run.numbers(_TOOK), 0.99)


def _memory(site: Site, *, say: Say) -> Figure:
    """What a courier holds while so many deliveries are due, held against one with nothing to do."""
    alerts, readers = 50, DUE // 50
    with site.run("memory", ()) as run, _sink(site, say) as port:
        with run.courier(port) as courier:
            _listening(run, courier)
            idle = _most(courier, seconds=3)
        _register(run, [_reader(f"r{n}", _mail(f"reader-{n}@d{n}.example.org", "en")) for n in range(readers)])
        now = datetime.now(UTC)
        _put(run, [alert_event(thread=f"a{n}", handling=Handling.GREEN, decided_at=now) for n in range(alerts)])
        while dispatch(run.engine, policy=Policy()).events:
            pass
        say(f"{DUE:,} deliveries are due")
        with run.courier(port) as courier:
            _listening(run, courier)
            wait(courier, lambda: run.number(_ACCEPTED) > 0)
            most = _most(courier, seconds=20)
            left = DUE - run.number(_ACCEPTED)
    say(f"memory: {most:.0f} MB with {left:,} still due, {idle:.0f} MB with nothing to do")
    return _figure(f"memory of a courier, {DUE:,} deliveries due", "MB", [most], "nothing due", [idle], "")


def _listening(run: Run, courier: Program) -> None:
    wait(courier, lambda: run.number(_LISTENS) > 0)


def _most(program: Program, *, seconds: float) -> float:
    end, most = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        most = max(most, memory_mb(program))
        time.sleep(0.1)
    return most


def _example() -> MailBody:
    event = alert_event(handling=Handling.GREEN)
    return mail_body(event, purpose=purpose_of(event.kind), content=Content.FULL, reader=Reader(statutory=False))


@contextmanager
def _sink(site: Site, say: Say) -> Iterator[int]:
    """A mail server that takes everything; its port."""
    (port,) = choose([0])
    program = _postfix("smtp-sink")
    if program is None:
        say("no smtp-sink (Debian: apt-get install postfix): a sink of ours instead, which is slower")
        command = [sys.executable, "-m", "tests.bench.receivers", "mail", str(port)]
        with Program(command, log=site.directory / f"sink-{port}.log") as sink:
            sink.wait_for("ready")
            yield port
        return
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with Program([program, *user, f"127.0.0.1:{port}", "512"], log=site.directory / f"sink-{port}.log") as sink:
        while not _listens(sink, port):
            time.sleep(0.05)
        yield port


def _listens(program: Program, port: int) -> bool:
    if program.process.poll() is not None:
        raise AssertionError(program.said())
    found = psutil.Process(program.process.pid).net_connections(kind="inet")
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in found)


def _postfix(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _row_of_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    for first in range(20_000, 32_000, count):
        wanted = list(range(first, first + count))
        if choose(wanted) == wanted:
            return first
    raise AssertionError(f"no {count} free ports in a row")


def _register(run: Run, entries: Sequence[SubscriberEntry]) -> None:
    with run.engine.begin() as connection:
        subscribers.bring_in(connection, entries)


def _put(run: Run, events: Sequence[AlertEvent]) -> None:
    rows = [
        Outgoing(event_id=each.event_id, topic=ALERT_EVENTS, key=each.case_id, body=each.model_dump_json())
        for each in events
    ]
    with run.engine.begin() as connection:
        outbox.add(connection, rows)


def _tell(run: Run, events: Sequence[AlertEvent]) -> None:
    """Put events into the outbox and wake who plans, as the worker does."""
    _put(run, events)
    notify(run.engine, Wakeup.OUTBOX)


def _reader(name: str, destination: DestinationEntry) -> SubscriberEntry:
    return SubscriberEntry(
        id=name,
        name=f"Example reader {name}",
        kind=SubscriberKind.VOLUNTARY,
        example=True,
        destinations=(destination,),
        subscriptions=(SubscriptionEntry(name="all", ground=Ground.VOLUNTARY),),
    )


def _mail(address: str, language: str) -> DestinationEntry:
    return DestinationEntry(name="mail", channel=Channel.EMAIL, address=address, language=language)


def _hook(url: str, name: str) -> DestinationEntry:
    return DestinationEntry(name=name, channel=Channel.WEBHOOK, address=url, secret=SECRET)
