"""A process that is asked to end while it still looks whether it may begin ends, whatever it finds."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.streaming.site import REAL, ROOT, Site, site


@dataclass
class Gate:
    """A way to Kafka on which nothing passes until it is opened; Kafka then tells its own address."""

    port: int = 0
    knocked: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def gate_before(kafka: str) -> AsyncIterator[Gate]:
    gate, host, port = Gate(), *kafka.rsplit(":", 1)

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(65_536):
                target.write(chunk)
                await target.drain()
        target.close()

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gate.knocked.set()
        await gate.opened.wait()
        inner, outer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, outer), pump(inner, writer))

    server = await asyncio.start_server(passed, "127.0.0.1", 0)
    gate.port = server.sockets[0].getsockname()[1]
    try:
        yield gate
    finally:
        server.close()


@pytest.mark.parametrize("command", ["worker", "courier"])
def test_a_signal_that_comes_during_the_first_look_is_not_lost(
    kafka: str, database: str, tmp_path: Path, command: str
) -> None:
    with site(kafka, database, tmp_path, count=1, worker=REAL) as made:
        assert asyncio.run(_asked_to_end_behind_the_gate(made, kafka, command)) == 0


async def _asked_to_end_behind_the_gate(made: Site, kafka: str, command: str) -> int:
    """The exit code of a process that is signalled while Kafka has not answered it yet."""
    async with gate_before(kafka) as gate:
        way = {"TOCSIN_KAFKA__BOOTSTRAP": f"127.0.0.1:{gate.port}"}
        mail = {"TOCSIN_SMTP__HOST": "127.0.0.1", "TOCSIN_SMTP__TLS": "none"}
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tocsin", command, cwd=ROOT, env={**os.environ, **made.environment, **mail, **way}
        )
        try:
            async with asyncio.timeout(30):
                await gate.knocked.wait()
                started.send_signal(signal.SIGTERM)
                gate.opened.set()
                return await started.wait()
        finally:
            if started.returncode is None:
                started.kill()
                await started.wait()
