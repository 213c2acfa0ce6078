"""`tocsin courier`: plans alert events and sends them, until asked to end."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer
from prometheus_client import start_http_server

import notifiers.metrics  # noqa: F401 - its figures exist, at zero, before anybody looks
from tocsin import logs, restored, wiring
from tocsin.settings import Settings

app = typer.Typer(help="Plan alert events and send them, until asked to end.")


@app.callback(invoke_without_command=True)
def courier(
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
) -> None:
    """Exit code 0 after SIGTERM or SIGINT: what is in flight is finished first. Any number may run.

    On a database that was restored from an old dump it waits, not ready, for `tocsin recover`.
    """
    settings = wiring.settings(data_dir)
    logs.configure(settings.log_level)
    if not restored.up_to_date(settings, "courier"):
        return
    show_metrics(settings)
    asyncio.run(_until_told(settings))


def show_metrics(settings: Settings) -> None:
    """Prometheus figures of this process, on its own port; 0 takes a free one, and the log says which."""
    server, _ = start_http_server(settings.metrics.courier_port, addr=settings.metrics.host)
    structlog.get_logger("tocsin.courier").info("metrics", host=settings.metrics.host, port=server.server_port)


async def _until_told(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await wiring.courier(settings, stop)
