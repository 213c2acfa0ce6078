"""`tocsin worker`: reads the laboratories' topics, decides, relays, keeps the clock."""

from pathlib import Path
from typing import Annotated

import structlog
import typer
from prometheus_client import start_http_server

from streams import worker as streams_worker
from streams.config import Flow
from tocsin import logs, restored, wiring
from tocsin.settings import Settings

app = typer.Typer(help="Read reports and decide about them, until asked to end.")


@app.callback(invoke_without_command=True)
def worker(
    flow: Annotated[Flow, typer.Option(help="live, or backfill for history.")] = Flow.LIVE,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
) -> None:
    """Exit code 0 after SIGTERM, SIGINT or a change of the registry (start it again), 70 when the stream broke.

    On a database that was restored from an old dump it waits, not ready, for `tocsin recover`.
    """
    settings = wiring.settings(data_dir)
    logs.configure(settings.log_level)
    if not restored.up_to_date(settings, f"worker {flow.value}"):
        return
    made = wiring.worker(settings, flow)
    show_metrics(settings)
    raise typer.Exit(streams_worker.run(made))


def show_metrics(settings: Settings) -> None:
    """Prometheus figures of this process, on its own port; 0 takes a free one, and the log says which."""
    server, _ = start_http_server(settings.metrics.worker_port, addr=settings.metrics.host)
    structlog.get_logger("tocsin.worker").info("metrics", host=settings.metrics.host, port=server.server_port)
