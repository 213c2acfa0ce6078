"""The courier process: dispatch and deliveries side by side, woken by NOTIFY, stopped by draining."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Engine

from notifiers import metrics
from notifiers.courier import Courier
from notifiers.coverage import unreached
from notifiers.digesting import Digesting
from notifiers.dispatch import Dispatched, dispatch
from notifiers.escalation import Fired, escalate
from notifiers.metrics import Page
from notifiers.planning import Policy
from notifiers.reconciliation import EVERY, Reconciliation
from notifiers.rehearsal import rehearse
from schemas.deliveries import DeliveryReason, DeliveryState
from schemas.subscribers import Recipient
from storage import delivery_list, subscribers, threads
from storage.engine import is_infrastructure
from storage.wakeups import Bell, Listener, Wakeup

log: Final = structlog.get_logger("notifiers.service")

GAUGES_EVERY: Final = 5.0
DIGESTS_EVERY: Final = 60.0
COVERAGE_EVERY: Final = 60.0
BREATH: Final = 0.1
"""Seconds between two portions of one event: in them the process belongs to those who were planned first."""


Look = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Service:
    """Plans and sends until stopped. Several may run on one database. `ready` is called once, when the first look
    at the database succeeded. `look_every` in seconds: how long a lost wake-up may delay."""

    engine: Engine
    courier: Courier
    policy: Policy = field(default_factory=Policy)
    digesting: Digesting | None = None
    look_every: float = 1.0
    ready: Callable[[], None] = lambda: None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is in flight is finished first."""
        news = asyncio.Event()
        beside = [
            asyncio.create_task(_attempted("rehearsal", self._rehearsal)),
            asyncio.create_task(self._dispatch(news)),
            asyncio.create_task(self._listen(news)),
            asyncio.create_task(_forever("figures", self._gauges, every=GAUGES_EVERY)),
            asyncio.create_task(_forever("escalation", self._escalation(), every=self.look_every)),
            asyncio.create_task(_forever("reconciliation", self._reconciliation(), every=EVERY)),
            asyncio.create_task(_forever("digests", self._digests, every=DIGESTS_EVERY)),
            asyncio.create_task(_forever("coverage", self._coverage, every=COVERAGE_EVERY)),
        ]
        try:
            await self.courier.run(stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _dispatch(self, news: asyncio.Event) -> None:
        bell, first = Bell(self.engine, Wakeup.LEDGER), True
        while True:
            done = await self._round()
            if done is not None and first:
                self.ready()
                first = False
            if done is not None and done.to_send:
                self.courier.wake()
                await asyncio.to_thread(bell.ring)
            if done is None or not done.events:
                await _within(news, self.look_every)
            elif done.begun:
                await _within(news, BREATH)

    async def _round(self) -> Dispatched | None:
        try:
            done = await asyncio.to_thread(dispatch, self.engine, policy=self.policy)
        except Exception as error:
            expected = is_infrastructure(error)
            log.warning("dispatch_failed", error=type(error).__name__, exc_info=None if expected else error)
            return None
        _tell(done)
        return done

    async def _rehearsal(self) -> None:
        """So that the first alert finds its words."""
        await asyncio.to_thread(rehearse, self.engine)

    def _escalation(self) -> Look:
        """What nobody acknowledged in time goes to the next ones."""
        bell = Bell(self.engine, Wakeup.LEDGER)

        async def look() -> None:
            fired = await asyncio.to_thread(escalate, self.engine)
            _tell_fired(fired)
            if fired.to_send:
                self.courier.wake()
                await asyncio.to_thread(bell.ring)

        return look

    def _reconciliation(self) -> Look:
        """Does every authority have what it must?"""
        reconciliation = Reconciliation(self.engine)

        async def look() -> None:
            await asyncio.to_thread(reconciliation.look)

        return look

    async def _listen(self, news: asyncio.Event) -> None:
        with Listener(self.engine, Wakeup.OUTBOX, Wakeup.LEDGER) as listener:
            while True:
                try:
                    heard = await _to_the_end(asyncio.to_thread(listener.wait, self.look_every))
                    if Wakeup.OUTBOX in heard:
                        news.set()
                    if Wakeup.LEDGER in heard:
                        self.courier.wake()
                except Exception as error:
                    log.warning("listen_failed", error=type(error).__name__)
                    await asyncio.sleep(self.look_every)

    async def _coverage(self) -> None:
        """How many countries nobody could be told in."""
        metrics.countries_unreached.set(len(unreached(await asyncio.to_thread(self._recipients))))

    def _recipients(self) -> tuple[Recipient, ...]:
        with self.engine.connect() as connection:
            return subscribers.recipients(connection)

    async def _digests(self) -> None:
        """Plan the windows that are over; they are sent as everything is."""
        if self.digesting is not None:
            planned = await asyncio.to_thread(_digests_planned, self.engine, self.digesting)
            if planned:
                self.courier.wake()

    async def _gauges(self) -> None:
        figures = await asyncio.to_thread(self._figures)
        metrics.show_open(figures.open)
        metrics.oldest_pending.set(max(figures.oldest_pending, 0.0))
        metrics.outbox_age.set(figures.outbox_age)

    def _figures(self) -> delivery_list.Figures:
        with self.engine.connect() as connection:
            return delivery_list.figures(connection)


def _digests_planned(engine: Engine, digesting: Digesting) -> int:
    """By the database's clock, as everything that is due."""
    with engine.connect() as connection:
        now = threads.now(connection)
    return digesting.plan(now)


async def _forever(name: str, look: Look, *, every: float) -> None:
    """Look again and again, `every` seconds apart; trouble ends one look, not the next."""
    while True:
        await _attempted(name, look)
        await asyncio.sleep(every)


async def _attempted(name: str, look: Look) -> None:
    try:
        await look()
    except Exception as error:
        expected = is_infrastructure(error)
        log.warning(f"{name}_failed", error=type(error).__name__, exc_info=None if expected else error)


def _tell(done: Dispatched) -> None:
    if not done.events:
        return
    for hold in done.held:
        metrics.held_events.labels(hold.reason.value).inc()
        metrics.pages.labels(Page.EVENT_HELD.value).inc()
        log.error("page", cause=Page.EVENT_HELD, reason=hold.reason, what=hold.sentence)
    for (state, reason), count in done.rows.items():
        metrics.came_into(state, reason, count)
    log.info(
        "dispatch",
        events=done.events,
        planned=done.planned,
        outdated=done.outdated,
        held=len(done.held),
        to_send=done.to_send,
        superseded=done.superseded,
    )


def _tell_fired(fired: Fired) -> None:
    for step in fired.silent:
        metrics.pages.labels(Page.NOBODY_LEFT.value).inc()
        log.error("page", cause=Page.NOBODY_LEFT, alert=step.alert_id, subscriber=step.subscriber, step=step.step)
    if fired.steps:
        metrics.came_into(DeliveryState.PLANNED, DeliveryReason.ESCALATED, fired.to_send)
        log.info("escalation", steps=fired.steps, to_send=fired.to_send, silent=len(fired.silent))


async def _to_the_end(waiting: Coroutine[None, None, frozenset[Wakeup]]) -> frozenset[Wakeup]:
    """Await a thread; when we are cancelled, only after it has let go of what it holds."""
    task = asyncio.ensure_future(waiting)
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait({task})


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long, and reset it."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    finally:
        event.clear()
