"""Sends what the ledger says is due: owns destinations by lease, claims before each send, records what came of it."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from sqlalchemy import Connection, Engine

from notifiers import metrics
from notifiers.booking import Booking
from notifiers.breaker import Breaker
from notifiers.email.verdicts import loses_address
from notifiers.escalation import second_way
from notifiers.lanes import Limits, admit
from notifiers.metrics import Page
from notifiers.outcomes import Outcome, OutcomeReason, Verdict
from notifiers.retry import Circumstances, Next, after
from schemas.answers import Way
from schemas.deliveries import Channel, DeliveryReason, DeliveryState, Purpose
from schemas.vocabularies import Level
from storage import answers, endpoints, leases, ledger, subscribers, threads
from storage.engine import is_infrastructure
from storage.epochs import Fence, Restored
from storage.ledger import Claimed, Due, Left, Refused, Result

log: Final = structlog.get_logger("notifiers.courier")

BY_WEBHOOK: Final = "the receiving system"

RECORDING: Final = 2.0
"""Seconds at the end of draining in which what was broken off is still recorded."""


NOT_THEIRS: Final = frozenset(
    {
        OutcomeReason.CERTIFICATE_MISSING,
        OutcomeReason.CANNOT_RENDER,
        OutcomeReason.UNSAFE_TEXT,
        OutcomeReason.ABOVE_HANDLING,
        OutcomeReason.INTERNAL_ERROR,
    }
)
"""What says nothing about the endpoint."""


class Sender(Protocol):
    """What the courier hands a claimed delivery to. Everything that can happen is an `Outcome`."""

    async def send(self, delivery: Claimed, *, at: datetime) -> Outcome: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class CourierConfig:
    """`name` is unique to the process. `drain`, `look_every` and `renew_every` in seconds; `threads` is for the
    database."""

    name: str
    limits: Limits = field(default_factory=Limits)
    drain: float = 9.0
    look_every: float = 1.0
    renew_every: float = 20.0
    threads: int = 8


class Courier:
    """Promises: no send without a committed claim under a living lease (P2); a send ends before its lease does; a
    result is recorded or the delivery is `unknown`. Any number of couriers may run. One ends with `Restored` when the
    database went back under it."""

    def __init__(self, engine: Engine, sender: Sender, config: CourierConfig) -> None:
        self._ledger = Booking(engine, config.name, threads=config.threads)
        self._sender = sender
        self._config = config
        self._busy: dict[str, tuple[Due, asyncio.Task[None]]] = {}
        self._waiting: tuple[Due, ...] = ()
        self._swept = float("-inf")
        self._stopping = False
        self._refilling = self._looks = False
        self._wake = asyncio.Event()
        self._fence = Fence()
        self._breaker = Breaker()
        self._sends: set[asyncio.Timeout] = set()

    def wake(self) -> None:
        """There may be something due: look now."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then nothing new is begun, what is in flight runs to its end, and all leases go back."""
        stopping = asyncio.create_task(stop.wait())
        renewing = asyncio.create_task(self._renew())
        try:
            while not stop.is_set():
                await self._guarded(self._look)
                await self._rest(stopping)
        finally:
            self._stopping = True
            stopping.cancel()
            await self._drain()
            renewing.cancel()

    async def _rest(self, stopping: "asyncio.Task[bool]") -> None:
        waking = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({waking, stopping}, timeout=self._config.look_every, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
        self._wake.clear()

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._swept + self._config.look_every:
            self._swept = now
            await self._sweep()
        if len(self._busy) < self._config.limits.in_flight:
            shut, passed = self._breaker.shut(now), self._breaker.passed()
            self._waiting = await self._ledger.transact(lambda connection: self._due(connection, shut, passed))
            self._start()
        else:
            await self._ledger.transact(self._fence.look)

    async def _sweep(self) -> None:
        """What a courier left in flight when it vanished becomes `unknown`, by the same rules as a lost reply."""
        found = await self._ledger.transact(ledger.left_behind)
        lost = Outcome(verdict=Verdict.UNKNOWN, reason=OutcomeReason.LEASE_RAN_OUT)
        await asyncio.gather(*(self._finish(left, lost) for left in found))

    def _start(self) -> bool:
        """Begin what the lanes have room for, if anything; the rest waits here until something ends. A stale entry is
        harmless: its claim finds nothing."""
        if self._stopping:
            return False
        waiting = [each for each in self._waiting if each.delivery_id not in self._busy]
        busy = [wanted for wanted, _ in self._busy.values()]
        started = admit(waiting, busy, self._config.limits, self._breaker.answering)
        begun = {each.delivery_id for each in started}
        self._waiting = tuple(each for each in waiting if each.delivery_id not in begun)
        now = asyncio.get_running_loop().time()
        for each in started:
            if self._breaker.begin(each, now):
                self._busy[each.delivery_id] = each, asyncio.create_task(self._deliver(each))
        return bool(started)

    def _due(self, connection: Connection, shut: frozenset[str], passed: frozenset[str]) -> tuple[Due, ...]:
        self._fence.look(connection)
        limits = self._config.limits
        leases.acquire(connection, self._config.name, limit=4 * limits.in_flight)
        return ledger.due(
            connection,
            self._config.name,
            per_destination=16 * limits.per_destination,
            limit=4 * limits.in_flight,
            shut=shut,
            passed=passed,
        )

    async def _deliver(self, wanted: Due) -> None:
        """One attempt from claim to result. The time for the send runs from before the claim, so that it is over
        before the lease can be."""
        clock = asyncio.get_running_loop()
        begun, claimed, outcome = clock.time(), None, None
        try:
            claimed = await self._ledger.claim(wanted)
            if isinstance(claimed, Refused):
                metrics.came_into(claimed.state, claimed.reason)
                log.info("delivery", stage="claim", outcome=claimed.state, reason=claimed.reason, **_ids(wanted))
            elif claimed is not None:
                outcome = await self._send(claimed, until=begun + leases.SEND_SECONDS)
                metrics.send_seconds.labels(claimed.channel).observe(clock.time() - begun)
                await self._settle(claimed, outcome, wanted.circuit, seconds=clock.time() - begun)
        except Exception as error:
            expected = is_infrastructure(error)
            log.warning("delivery_interrupted", exc_info=None if expected else error, **_ids(wanted))
        finally:
            self._breaker.end(wanted, outcome, clock.time())
            del self._busy[wanted.delivery_id]
            self._next(looks=claimed is not None)

    def _next(self, *, looks: bool) -> None:
        """Fill up, once for all that end together. What found nothing to claim finds nothing more by looking at once:
        the next look comes in time."""
        self._looks = self._looks or looks
        if not self._refilling:
            self._refilling = True
            asyncio.get_running_loop().call_soon(self._refill)

    def _refill(self) -> None:
        """Where nothing of what waits here may start, as behind hanging endpoints, others may that are due too."""
        looks, self._looks, self._refilling = self._looks, False, False
        if not self._start() and looks:
            self._wake.set()

    async def _send(self, claimed: Claimed, *, until: float) -> Outcome:
        if asyncio.get_running_loop().time() >= until:
            return Outcome(verdict=Verdict.DEFERRED, reason=OutcomeReason.TIMED_OUT, answer="no time left to begin")
        try:
            async with asyncio.timeout_at(until) as ends:
                self._sends.add(ends)
                return await self._sender.send(claimed, at=datetime.now(UTC))
        except TimeoutError:
            return Outcome(verdict=Verdict.UNKNOWN, reason=OutcomeReason.TIMED_OUT)
        except Exception as error:
            log.error("send_broke", delivery=claimed.delivery_id, exc_info=error)
            return Outcome(verdict=Verdict.UNKNOWN, reason=OutcomeReason.INTERNAL_ERROR, answer=type(error).__name__)
        finally:
            self._sends.discard(ends)

    async def _settle(self, claimed: Claimed, outcome: Outcome, circuit: str, *, seconds: float) -> None:
        state = await self._finish(claimed, outcome)
        if state in (DeliveryState.ACCEPTED, DeliveryState.ACKNOWLEDGED):
            since = datetime.now(UTC) - claimed.decided_at
            metrics.report_seconds.labels(claimed.channel).observe(max(since.total_seconds(), 0.0))
        if outcome.reason is OutcomeReason.GONE or loses_address(outcome):
            await self._lose_address(claimed, outcome)
        if self._needs_second_way(claimed, outcome, circuit):
            told = await self._ledger.insist(
                lambda each: second_way(each, claimed.alert_id, destination=claimed.destination)
            )
            log.info("second_way", delivery=claimed.delivery_id, told=told)
        if claimed.channel is Channel.WEBHOOK:
            await self._judge_endpoint(claimed, outcome)
        log.info(
            "delivery",
            stage="send",
            outcome=state,
            reason=outcome.reason,
            code=outcome.code,
            attempt=claimed.attempt,
            seconds=round(seconds, 4),
            delivery=claimed.delivery_id,
            alert=claimed.alert_id,
            destination=claimed.destination,
        )

    def _needs_second_way(self, claimed: Claimed, outcome: Outcome, circuit: str) -> bool:
        """An L4 goes by mail beside a webhook that failed twice, or that would not be asked again soon."""
        failed = outcome.verdict is not Verdict.ACCEPTED and claimed.channel is Channel.WEBHOOK
        if not failed or claimed.level < Level.L4 or claimed.purpose is Purpose.CANCEL:
            return False
        return claimed.tries >= 2 or outcome.verdict is Verdict.FAILED or self._breaker.is_open(circuit)

    async def _finish(self, tried: Claimed | Left, outcome: Outcome) -> DeliveryState | None:
        """Record the result, however long the database is away; the lease running out meanwhile is the reader's
        `unknown`, which a late answer still settles."""
        follows = after(outcome, _circumstances(tried), chance=random.random())
        result = _result(tried, outcome, follows)
        if outcome.acknowledged and isinstance(tried, Claimed):
            state = await self._ledger.insist(lambda connection: _acknowledged(connection, tried, result))
        else:
            state = await self._ledger.record(result)
        metrics.attempts.labels(tried.channel, outcome.verdict).inc()
        if state is DeliveryState.SUPERSEDED:
            metrics.came_into(state, DeliveryReason.RETRACTION)
        elif state is not None:
            metrics.came_into(state, follows.reason)
        if follows.page:
            self._page(tried, follows)
        return state

    async def _lose_address(self, claimed: Claimed, outcome: Outcome) -> None:
        """Nothing more goes to an address that does not exist. Statutory webhooks are never switched off: they page."""
        if claimed.statutory:
            metrics.pages.labels(Page.ADDRESS_LOST.value).inc()
            log.error("page", cause=Page.ADDRESS_LOST, destination=claimed.destination, reason=outcome.reason)
        if not claimed.statutory or claimed.channel is Channel.EMAIL:
            await self._ledger.insist(lambda each: subscribers.suppress(each, claimed.destination, outcome.reason))

    async def _judge_endpoint(self, claimed: Claimed, outcome: Outcome) -> None:
        """An endpoint that did nothing but fail for five days is switched off, and its owner told; a statutory one
        never is: its failed deliveries page."""
        destination = claimed.destination
        if outcome.verdict is Verdict.ACCEPTED:
            if claimed.failing:
                await self._ledger.insist(lambda each: endpoints.heard(each, destination))
        elif outcome.reason not in NOT_THEIRS:
            may_end = not claimed.statutory
            if await self._ledger.insist(lambda each: endpoints.failed(each, destination, may_end=may_end)):
                log.warning("endpoint_switched_off", destination=destination)

    def _page(self, tried: Claimed | Left, follows: Next) -> None:
        cause = {
            DeliveryState.UNKNOWN: Page.UNKNOWN_TWICE,
            DeliveryState.FAILED: Page.FAILED,
        }.get(follows.state, Page.RELAY_TROUBLE)
        metrics.pages.labels(cause.value).inc()
        log.error("page", cause=cause, delivery=tried.delivery_id, reason=follows.reason, attempt=tried.attempt)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._config.renew_every)
            await self._guarded(self._keep)

    async def _keep(self) -> None:
        busy = [wanted.destination for wanted, _ in self._busy.values()]

        def keep(connection: Connection) -> None:
            leases.renew(connection, self._config.name)
            leases.release(connection, self._config.name, busy=busy)

        await self._ledger.transact(keep)

    async def _drain(self) -> None:
        """What is in flight may end; what still hangs near the end of the time is broken off and recorded as what it
        is, `unknown`."""
        await self._ended(within=self._config.drain - RECORDING)
        for one in tuple(self._sends):
            with contextlib.suppress(RuntimeError):  # it ran out in this moment by itself
                one.reschedule(asyncio.get_running_loop().time())
        await self._ended(within=RECORDING)
        try:
            await self._ledger.transact(lambda each: leases.release(each, self._config.name, busy=(), everything=True))
        except Exception as error:
            log.warning("leases_not_returned", error=type(error).__name__)
        self._ledger.close()

    async def _ended(self, *, within: float) -> None:
        if self._busy:
            await asyncio.wait([task for _, task in self._busy.values()], timeout=within)

    async def _guarded(self, step: Callable[[], Awaitable[None]]) -> None:
        """A step whose trouble ends only that step: the next look comes anyway."""
        try:
            await step()
        except Restored:
            raise
        except Exception as error:
            log.warning("step_failed", error=type(error).__name__, exc_info=None if is_infrastructure(error) else error)


def _acknowledged(connection: Connection, tried: Claimed, result: Result) -> DeliveryState | None:
    """The result and the acknowledgement that the receiver's answer is, in one transaction."""
    threads.lock(connection, tried.alert_id)
    state = ledger.finish_one(connection, result)
    if state is None:
        return None
    answers.acknowledge(connection, tried.delivery_id, by=BY_WEBHOOK, way=Way.WEBHOOK)
    return DeliveryState.ACKNOWLEDGED


def _circumstances(tried: Claimed | Left) -> Circumstances:
    return Circumstances(
        channel=tried.channel,
        purpose=tried.purpose,
        level=tried.level,
        statutory=tried.statutory,
        attempt=tried.tries,
        resent=tried.resent,
    )


def _result(tried: Claimed | Left, outcome: Outcome, follows: Next) -> Result:
    return Result(
        delivery_id=tried.delivery_id,
        attempt=tried.attempt,
        epoch=tried.epoch,
        state=follows.state,
        verdict=outcome.verdict,
        reason=follows.reason,
        code=outcome.code,
        answer=outcome.answer,
        wait=follows.wait,
        resent=follows.resend,
    )


def _ids(wanted: Due) -> dict[str, str]:
    return {"delivery": wanted.delivery_id, "alert": wanted.alert_id, "destination": wanted.destination}
