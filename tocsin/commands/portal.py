"""`tocsin portal`: the pages behind the links of mails, until asked to end."""

import asyncio
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn

from tocsin import logs, wiring
from tocsin.readiness import say_ready
from tocsin.settings import Settings

app = typer.Typer(help="Serve the pages behind the links of mails, until asked to end.")

DRAIN_SECONDS = 10


@app.callback(invoke_without_command=True)
def portal(
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
) -> None:
    """Loopback only unless TOCSIN_PORTAL__HOST says otherwise; a web server of yours ends TLS before it."""
    settings = wiring.settings(data_dir)
    logs.configure(settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    engine = wiring.database(settings, "portal")
    server = _Server(
        uvicorn.Config(
            wiring.portal(settings, engine),
            host=settings.portal.host,
            port=settings.portal.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=15,
            limit_concurrency=200,
            h11_max_incomplete_event_size=16_384,
        )
    )
    try:
        await server.serve()
    finally:
        engine.dispose()


class _Server(uvicorn.Server):
    """Says that it is ready once it listens. Addresses of pages are secrets: no access log."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Listen, then say so."""
        await super().startup()
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            structlog.get_logger("tocsin.portal").info("listening", port=port)
            say_ready()
