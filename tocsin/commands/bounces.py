"""`tocsin bounces`: mails that came back, from a Maildir or by LMTP, until asked to end."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer
from prometheus_client import start_http_server

from tocsin import logs, wiring
from tocsin.errors import Refusal
from tocsin.readiness import say_ready
from tocsin.returned import Maildir, Returns
from tocsin.settings import Settings

app = typer.Typer(help="Take mails that came back into the ledger, until asked to end.")

LOOK_EVERY = 5.0


@app.callback(invoke_without_command=True)
def bounces(
    maildir: Annotated[Path | None, typer.Option(help="A Maildir that the relay delivers to.")] = None,
    lmtp: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Listen for LMTP; needs tocsin[local].")] = None,
    once: Annotated[bool, typer.Option("--once", help="Take what is in the Maildir and end.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="The data directory of what runs.")] = None,
) -> None:
    """Only what comes back to an envelope sender of ours counts; the rest is counted as forged and set aside."""
    if (maildir is None) == (lmtp is None) or (once and maildir is None):
        raise Refusal("Give --maildir DIR (with --once, if it is to end by itself) or --lmtp HOST:PORT.")
    settings = wiring.settings(data_dir)
    logs.configure(settings.log_level)
    engine = wiring.database(settings, "bounces")
    verp = wiring.verp(settings, engine)
    if verp is None:
        raise Refusal("Where mails come back to is not known: set TOCSIN_SMTP__BOUNCE_ADDRESS for couriers and here.")
    returns = Returns(engine, verp)
    try:
        if once and maildir is not None:
            counted = Maildir(maildir).taken(returns)
            print("  ".join(f"{kind} {count}" for kind, count in sorted(counted.items())) or "nothing came back")
        else:
            _show_metrics(settings)
            asyncio.run(_until_told(returns, maildir, lmtp))
    finally:
        engine.dispose()


def _show_metrics(settings: Settings) -> None:
    server, _ = start_http_server(settings.metrics.bounces_port, addr=settings.metrics.host)
    structlog.get_logger("tocsin.bounces").info("metrics", host=settings.metrics.host, port=server.server_port)


async def _until_told(returns: Returns, maildir: Path | None, lmtp: str | None) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lmtp is not None:
        await _listening(returns, lmtp, stop)
    elif maildir is not None:
        await _looking(Maildir(maildir), returns, stop)


async def _looking(box: Maildir, returns: Returns, stop: asyncio.Event) -> None:
    box.check()
    say_ready()
    while not stop.is_set():
        try:
            await asyncio.to_thread(box.taken, returns)
        except Exception as error:
            structlog.get_logger("tocsin.bounces").warning("look_failed", error=type(error).__name__)
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await stop.wait()
        except TimeoutError:
            continue


async def _listening(returns: Returns, where: str, stop: asyncio.Event) -> None:
    try:
        from tocsin.embedded.lmtp import serving
    except ModuleNotFoundError:
        raise Refusal("LMTP needs aiosmtpd: install tocsin[local], or let the relay write a Maildir.") from None
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal():
        raise Refusal(f"--lmtp {where} is not HOST:PORT, such as 127.0.0.1:2424.")
    async with serving(returns, host.strip("[]"), int(port)) as bound:
        structlog.get_logger("tocsin.bounces").info("listening", port=bound)
        say_ready()
        await stop.wait()
