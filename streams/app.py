"""The Faust application of one flow, as `faust.md` says it must be set, and how it begins and ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

import faust
import structlog
from faust.auth import Credentials
from faust.types import ChannelT, Message, StreamT
from mode.services import WaitArgT
from mode.utils.times import Seconds

from schemas.records import Record
from streams.clients import instant
from streams.config import Kafka, Stream
from streams.consumer import CommittedTransport
from streams.transaction import Batch

log: Final = structlog.get_logger("streams.app")

QUIET: Final = ("aiokafka", "faust", "mode", "asyncio", "kafka")

MOST_WINDOWS: Final = 20
"""How many windows a batch may take to fill while more records lie ready: at 5 ms a tenth of a second."""

NEVER: Final = 2**62
"""After so many records Faust would commit in the loop that fetches, and everything would wait for it (10,000 unless
told). Positions are ours; a commit tells the broker's monitoring how far we are, from a task of its own."""

Handler = Callable[[Batch], Awaitable[None]]


class _Filling(faust.Stream[bytes]):
    """Fills a batch as long as records lie ready. Faust hands on what one window of 5 ms brought (44 to 460 of 500 on a
    busy machine, with 2,000 waiting), and each batch costs a transaction. An idle one waits one window, as before."""

    async def wait_for_stopped(self, *awaited: WaitArgT, timeout: Seconds = None) -> bool:  # type: ignore[assignment]
        """What Faust waits with for a full batch, or the end of the window."""
        for _ in range(MOST_WINDOWS):
            stopped = await super().wait_for_stopped(*awaited, timeout=timeout)
            full = any(isinstance(event, asyncio.Event) and event.is_set() for event in awaited)
            if self.should_stop or full or cast(ChannelT[bytes], self.channel).queue.empty():
                break
        return stopped


def build(stream: Stream, handle: Handler) -> faust.App:
    """An application whose one agent hands batches to `handle`, which must not raise."""
    stream.data_directory.mkdir(parents=True, exist_ok=True)
    app = _application(stream)
    app.transport = CommittedTransport(app.conf.broker_consumer, app)
    source = app.topic(
        *stream.topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", internal=False
    )

    most = stream.batches_ahead * stream.batch_records

    async def assess(source_stream: StreamT[bytes]) -> None:
        async for events in cast(faust.Stream[bytes], source_stream).take_events(most, within=stream.batch_window):
            await handle(Batch(tuple(record(event.message) for event in events)))

    app.agent(source, name="assess", concurrency=1)(assess)
    return app


def record(message: Message) -> Record:
    """A Faust message as ours; Faust holds milliseconds as a fraction of seconds."""
    headers = cast(Sequence[tuple[str, bytes | None]], message.headers or ())
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=instant(round(message.timestamp * 1000)),
        key=message.key,
        value=message.value,
        headers=tuple((name, value or b"") for name, value in headers),
    )


def quieten() -> None:
    """Faust and aiokafka speak of trouble only: each debug call would cost a record of its own."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


async def run(app: faust.App, stop: asyncio.Event, *, ready: Callable[[], None]) -> bool:
    """Run until asked to stop, then end cleanly; False when the application broke by itself.

    `ready` is called once, when records can come.
    """

    async def started() -> None:
        ready()

    app.on_startup_finished = started
    life = asyncio.create_task(_live(app))
    over = asyncio.create_task(app.wait_until_stopped())
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait((life, over, asked), return_when=asyncio.FIRST_COMPLETED)
    if life.done() or over.done():
        broke = life.exception() if life.done() else None
        log.error("stream_broke", error=repr(broke or app.crash_reason))
        return False
    await app.stop()
    for task in (life, over):
        task.cancel()
    return True


async def _live(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


def _application(stream: Stream) -> faust.App:
    kafka = stream.kafka
    return faust.App(
        stream.application,
        autodiscover=False,
        datadir=str(stream.data_directory),
        store="memory://",
        broker=[f"kafka://{server}" for server in kafka.servers],
        broker_client_id="tocsin",
        broker_credentials=_credentials(kafka),
        broker_session_timeout=kafka.session_timeout,
        broker_heartbeat_interval=kafka.heartbeat_interval,
        broker_rebalance_timeout=kafka.rebalance_timeout,
        broker_request_timeout=kafka.request_timeout,
        broker_max_poll_interval=300,
        broker_commit_interval=1.0,
        broker_commit_every=NEVER,
        stream_wait_empty=True,
        stream_buffer_maxsize=8192,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        worker_redirect_stdouts=False,
        table_standby_replicas=0,
        Stream=_Filling,
    )


def _credentials(kafka: Kafka) -> Credentials | None:
    if kafka.login is not None:
        return faust.SASLCredentials(
            username=kafka.login.username,
            password=kafka.login.password,
            mechanism="SCRAM-SHA-256",
            ssl_context=kafka.tls,
        )
    return None if kafka.tls is None else faust.SSLCredentials(kafka.tls)
