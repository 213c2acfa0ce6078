"""The consumer that Faust is given: reads what was committed, hands each message on without a task of its own."""

from collections.abc import Awaitable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

import aiokafka
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from mode.services import WaitArgT, WaitResults
from mode.utils.times import Seconds


class _CommittedThread(AIOKafkaConsumerThread):
    """Faust reads uncommitted records unless it writes transactions itself; we want committed ones only."""

    def _create_worker_consumer(self, transport: Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer


class _CommittedConsumer(Consumer):
    def _new_consumer_thread(self) -> _CommittedThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def wait_first(self, *awaited: WaitArgT, timeout: Seconds = None) -> WaitResults:  # type: ignore[assignment]
        """What Faust hands each message on with, to hear of an end while its buffer is full: four tasks a message. One
        for which there is room is handed on in one step, and needs none."""
        handing_on, *others = awaited
        if not isinstance(handing_on, Coroutine):
            return await super().wait_first(*awaited, timeout=timeout)
        try:
            waits_for = handing_on.send(None)
        except StopIteration as handed_on:
            for other in others:
                if isinstance(other, Coroutine):
                    other.close()
            return WaitResults([handing_on], [handed_on.value], False)
        return await super().wait_first(_Rest(handing_on, waits_for), *others, timeout=timeout)


@dataclass(frozen=True, slots=True)
class _Rest(Awaitable[Any]):
    """A coroutine from where it stands, waiting for something."""

    begun: Coroutine[Any, Any, Any]
    waits_for: Any

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self.waits_for
        try:
            while True:
                try:
                    answer = yield waits_for
                except BaseException as error:
                    waits_for = self.begun.throw(error)
                else:
                    waits_for = self.begun.send(answer)
        except StopIteration as ended:
            return ended.value


class CommittedTransport(Transport):
    """Faust's transport with this consumer."""

    Consumer = _CommittedConsumer
