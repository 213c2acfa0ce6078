"""The embedded mailbox: takes any mail on loopback, keeps it, shows it."""

import argparse
import asyncio
import contextlib
import json
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiosmtpd.smtp import SMTP, Envelope, Session

from tocsin.embedded.mailpage import MAIL_POLICY, PAGE_POLICY, SHOWN, listing, single
from tocsin.embedded.mailstore import Mail, MailStore, Summary
from tocsin.embedded.ports import LOOPBACK, listens
from tocsin.embedded.processes import Command, python, spawn

_STORE: Final = web.AppKey("store", MailStore)
_LARGEST_MAIL: Final = 10_000_000
_EVERYWHERE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-DNS-Prefetch-Control": "off",
}


@dataclass(frozen=True)
class Mailbox:
    """The mailbox of one data directory, as a child process."""

    name: ClassVar[str] = "mailbox"
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    directory: Path
    smtp_port: int
    page_port: int

    @property
    def ports(self) -> tuple[int, ...]:
        """The page's port is the one to name."""
        return self.page_port, self.smtp_port

    @property
    def log(self) -> Path:
        """What it says."""
        return self.directory / "mailbox.log"

    @property
    def smtp(self) -> str:
        """Where it takes mail."""
        return f"{LOOPBACK}:{self.smtp_port}"

    @property
    def url(self) -> str:
        """Where it shows mail."""
        return f"http://{LOOPBACK}:{self.page_port}/"

    async def start(self) -> asyncio.subprocess.Process:
        """Start it."""
        arguments = (str(self.directory / "mailbox"), str(self.smtp_port), str(self.page_port))
        command = python(self.directory, "tocsin.embedded.mailbox", *arguments)
        return await spawn(Command(argv=command, log=self.log))

    async def ready(self, process: asyncio.subprocess.Process) -> bool:
        """Whether our own process greets on its mail port and has its page open."""
        if not (listens(process.pid, self.smtp_port) and listens(process.pid, self.page_port)):
            return False
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.smtp_port)
                greeting = await reader.readline()
                writer.close()
            return greeting.startswith(b"220 ")
        return False


class _Sink:
    """What aiosmtpd calls: every recipient is taken, every mail is kept before it is acknowledged."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        name = self._store.add(sender=envelope.mail_from or "", recipients=tuple(envelope.rcpt_tos), content=content)
        return f"250 2.0.0 kept as {name}"


def application(store: MailStore, port: int) -> web.Application:
    """The page. Only requests that name this machine are answered, so that no web site can read it by a DNS trick."""
    app = web.Application(middlewares=[_guard({f"{host}:{port}" for host in (LOOPBACK, "localhost")})])
    app[_STORE] = store
    app.router.add_get("/", _list)
    app.router.add_get("/mails.json", _json)
    app.router.add_get("/mail/{id}", _single)
    app.router.add_get("/mail/{id}/html", _html)
    app.router.add_get("/mail/{id}/raw", _raw)
    return app


def _guard(hosts: set[str]) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host not in hosts:
            return web.Response(status=421, text="This page is for this machine only.\n")
        try:
            response = await handler(request)
        except web.HTTPNotFound:
            response = web.Response(status=404, text="There is no such mail.\n")
        response.headers.update(_EVERYWHERE)
        response.headers.setdefault("Content-Security-Policy", MAIL_POLICY)
        return response

    return guard


async def _list(request: web.Request) -> web.Response:
    names = request.app[_STORE].ids()
    return _page(listing(_summaries(request, names[:SHOWN]), len(names)))


async def _json(request: web.Request) -> web.Response:
    lines = [asdict(mail) | {"received": mail.received.isoformat()} for mail in _summaries(request)]
    return web.json_response(text=json.dumps(lines, ensure_ascii=False, indent=1))


async def _single(request: web.Request) -> web.Response:
    return _page(single(_wanted(request)))


async def _html(request: web.Request) -> web.Response:
    mail = _wanted(request)
    if mail.html is None:
        raise web.HTTPNotFound
    body = mail.html.encode("utf-8", "replace")
    return web.Response(
        body=body, content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": MAIL_POLICY}
    )


async def _raw(request: web.Request) -> web.Response:
    return web.Response(body=_wanted(request).raw, content_type="text/plain", charset="utf-8")


def _page(text: str) -> web.Response:
    return web.Response(
        body=text.encode("utf-8", "replace"),
        content_type="text/html",
        charset="utf-8",
        headers={"Content-Security-Policy": PAGE_POLICY},
    )


def _summaries(request: web.Request, names: list[str] | None = None) -> list[Summary]:
    store = request.app[_STORE]
    return [store.summary(name) for name in (store.ids() if names is None else names)]


def _wanted(request: web.Request) -> Mail:
    mail = request.app[_STORE].open(request.match_info["id"])
    if mail is None:
        raise web.HTTPNotFound
    return mail


async def serve(folder: Path, smtp_port: int, page_port: int) -> None:
    """Both servers, until SIGTERM or SIGINT."""
    loop, store, told = asyncio.get_running_loop(), MailStore(folder), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)

    def session() -> SMTP:
        return SMTP(
            _Sink(store),
            hostname="localhost",
            ident="Tocsin mailbox",
            enable_SMTPUTF8=True,
            data_size_limit=_LARGEST_MAIL,
            loop=loop,
        )

    mail = await loop.create_server(session, LOOPBACK, smtp_port)
    runner = web.AppRunner(application(store, page_port), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, page_port).start()
    await told.wait()
    mail.close()
    await runner.cleanup()


def main() -> None:
    """`FOLDER SMTP_PORT PAGE_PORT`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("smtp_port", type=int)
    parser.add_argument("page_port", type=int)
    given = parser.parse_args()
    asyncio.run(serve(given.folder, given.smtp_port, given.page_port))


if __name__ == "__main__":
    main()
