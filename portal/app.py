"""The application: a reader's page behind a link, one-click unsubscription, a signed acknowledgement by a system."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from notifiers.tokens import TokenRefused
from portal import pages, systems
from portal.answering import Answering, NotFound
from portal.headers import SecurityHeaders
from portal.showing import notice, tongue_of
from storage.engine import is_infrastructure

log: Final = structlog.get_logger("portal")

LARGEST_BODY: Final = 16_384
Handler = Callable[[Request], Awaitable[Response]]


def application(answering: Answering, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> FastAPI:
    """The portal of one site. Shows nobody a trace; a database that is away is a page that asks to try again."""
    app = FastAPI(title="Tocsin", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.answering, app.state.now = answering, now
    app.add_middleware(SecurityHeaders)
    app.middleware("http")(_bounded)
    app.include_router(pages.router)
    app.include_router(systems.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.add_exception_handler(TokenRefused, _refused)
    app.add_exception_handler(NotFound, _refused)
    app.add_exception_handler(404, _refused)
    app.add_exception_handler(Exception, _trouble)

    @app.get("/health")
    async def health() -> Response:
        """200 when the database answers."""
        await run_in_threadpool(lambda: answering.engine.connect().close())
        return Response("ok\n", media_type="text/plain")

    return app


async def _bounded(request: Request, call_next: Handler) -> Response:
    """No body is longer than a form needs."""
    length = request.headers.get("content-length", "")
    if request.method == "POST" and not (length.isdigit() and int(length) <= LARGEST_BODY):
        return Response("The body is too long, or its length is not given.\n", status_code=413, media_type="text/plain")
    return await call_next(request)


async def _refused(request: Request, error: Exception) -> Response:
    expired = isinstance(error, TokenRefused) and error.expired
    return notice("expired" if expired else "unknown", tongue_of(request), status=410 if expired else 404)


async def _trouble(request: Request, error: Exception) -> Response:
    expected = is_infrastructure(error)
    page = request.url.path.split("/")[1]  # not the whole of it: what follows is a secret
    log.error("request_failed", page=page, error=type(error).__name__, exc_info=None if expected else error)
    answer = notice("busy", tongue_of(request), status=503 if expected else 500)
    answer.headers["Retry-After"] = "60"
    return answer
