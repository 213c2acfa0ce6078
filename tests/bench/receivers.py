"""Receivers for the figures of delivery, as a process of their own: a mail server, or many webhook endpoints.

`python -m tests.bench.receivers mail PORT` takes every mail; `hooks PORT COUNT HANGING` listens on COUNT ports from
PORT on, of which the first HANGING take a request and never answer. Both say "ready" and keep nothing.
"""

import asyncio
import sys
from typing import Final

from aiohttp import web

_ANSWERS: Final = {b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n", b"DATA": b"354 go on\r\n"}


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        word = line[:4].upper()
        writer.write(_ANSWERS.get(word, b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n"))
        if word == b"DATA":
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 2.0.0 taken\r\n")
        elif word == b"QUIT":
            break
    writer.close()


async def mail(port: int) -> None:
    """One mail server, which answers at once."""
    server = await asyncio.start_server(_take, "127.0.0.1", port, limit=1 << 20)
    print("ready", flush=True)
    await server.serve_forever()


async def hooks(port: int, count: int, hanging: int) -> None:
    """So many endpoints; each answers 204 at once, or never."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        host = request.url.port or 0
        if host - port < hanging:
            await asyncio.Event().wait()
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for number in range(count):
        await web.TCPSite(runner, "127.0.0.1", port + number).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[2:]]
    asyncio.run(mail(*arguments) if sys.argv[1] == "mail" else hooks(*arguments))
