"""`python -m tocsin.embedded DIRECTORY [--secure]`: only the two engines, until told to stop; for tests and trials."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil

from tocsin.embedded.directory import DataDirectory, DataPurpose, Running
from tocsin.embedded.engines import Wanted, running
from tocsin.errors import Refusal


def _say(sentence: str) -> None:
    print(f"engines | {sentence}", file=sys.stderr, flush=True)


async def _run(directory: DataDirectory) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with running(directory, _say, Wanted(mailbox=False, secure="--secure" in sys.argv[2:])) as engines:
        if engines.kafka is None or engines.postgres is None:
            raise AssertionError("both were wanted")
        directory.announce(
            Running(
                pid=os.getpid(),
                started=psutil.Process().create_time(),
                kafka=engines.kafka.bootstrap,
                kafka_password=engines.kafka.password,
                database_url=engines.postgres.url(),
            )
        )
        _say(f"ready: Kafka {engines.kafka.bootstrap}, PostgreSQL port {engines.postgres.port}")
        ends = [asyncio.create_task(process.wait()) for process in engines.processes.values()]
        await asyncio.wait([asyncio.create_task(told.wait()), *ends], return_when=asyncio.FIRST_COMPLETED)
        if not told.is_set():
            raise Refusal(f"an engine ended by itself; see the logs in {directory.path}")


def main() -> int:
    """Hold the directory and run."""
    directory = DataDirectory(Path(sys.argv[1]))
    try:
        with directory.held(DataPurpose.TEST):
            asyncio.run(_run(directory))
    except Refusal as refusal:
        _say(str(refusal))
        return refusal.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
