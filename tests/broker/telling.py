"""A site that tells, for tests: a real database with subscribers, events put into its outbox, couriers on it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Engine, text

from notifiers.courier import Courier, CourierConfig
from notifiers.dispatch import Dispatched, dispatch
from notifiers.email.pool import MailPool
from notifiers.email.relay import MailRelay
from notifiers.email.smime import Signer
from notifiers.email.verp import Verp
from notifiers.planning import Policy
from notifiers.sending import Channels
from notifiers.service import Service
from notifiers.tokens import Links
from notifiers.webhook.guard import Origin
from notifiers.webhook.sender import WebhookConfig, WebhookSender
from schemas.alert_events import AlertEvent
from schemas.deliveries import Channel, Ground, SubscriberKind
from schemas.subscribers import DestinationEntry, SubscriberEntry, SubscriptionEntry
from schemas.topics import ALERT_EVENTS
from storage import delivery_list, endpoints, outbox, subscribers
from storage.delivery_list import Row
from storage.engine import connect
from storage.outbox import Outgoing
from tests.receivers import SECRET, Hook, Mailbox


@dataclass(frozen=True)
class Site:
    """The database of one test and where its mail goes."""

    engine: Engine
    url: str
    mailbox: Mailbox
    kafka: str = ""

    @property
    def name(self) -> str:
        """What no other site on the same Kafka is called."""
        return f"{self.url.rpartition('/')[2].replace('_', '-')}.example"

    def told(self, *events: AlertEvent) -> None:
        """Put alert events into the outbox, as the worker does."""
        rows = [
            Outgoing(event_id=each.event_id, topic=ALERT_EVENTS, key=each.case_id, body=each.model_dump_json())
            for each in events
        ]
        with self.engine.begin() as connection:
            outbox.add(connection, rows)

    def planned(self, *events: AlertEvent, policy: Policy | None = None) -> Dispatched:
        """Put events into the outbox and plan them to the end, without a courier. What the first round did."""
        self.told(*events)
        first = dispatch(self.engine, policy=policy or Policy())
        while self.unplanned():
            dispatch(self.engine, policy=policy or Policy())
        return first

    def import_(self, *entries: SubscriberEntry) -> subscribers.Imported:
        """As `subscriber add` does; every endpoint has answered its challenge."""
        with self.engine.begin() as connection:
            done = subscribers.bring_in(connection, entries)
            for each in endpoints.listed(connection):
                if each.channel is Channel.WEBHOOK and each.confirmed_at is None:
                    endpoints.confirm(connection, each.id, by="example")
            return done

    def rows(self) -> list[Row]:
        """The ledger, by revision and channel."""
        with self.engine.connect() as connection:
            found = delivery_list.listed(connection, limit=10_000)
        return sorted(found, key=lambda row: (row.alert, row.revision, row.channel, row.address))

    def states(self) -> list[tuple[int, str, str]]:
        """Revision, state and reason of every delivery."""
        return [(row.revision, row.state, row.reason) for row in self.rows()]

    def unplanned(self) -> int:
        return self.sql_one("SELECT count(*) FROM outbox WHERE planned_at IS NULL AND topic = 'alert-events'")

    def open_count(self) -> int:
        return self.sql_one(
            "SELECT count(*) FROM deliveries WHERE state IN ('planned', 'sending', 'deferred', 'unknown')"
        )

    def sql_one(self, statement: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())

    def sql_text(self, statement: str, **values: str) -> str:
        """The one text that a query gives."""
        with self.engine.connect() as connection:
            return str(connection.execute(text(statement), values).scalar_one())

    def sql(self, statement: str) -> None:
        """What an operator or the passing of time would do."""
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def later(self) -> None:
        """The next tries are due, and leases of who is gone have run out."""
        self.sql("UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL")

    def leases_run_out(self, of: str = "%") -> None:
        """Ninety seconds pass for the couriers of this name."""
        self.sql(f"UPDATE destination_leases SET until = now() - interval '1 second' WHERE owner LIKE '{of}'")

    @asynccontextmanager
    async def courier(
        self,
        name: str = "one",
        *,
        dispatches: bool = True,
        hooks: tuple[Hook, ...] = (),
        verp: Verp | None = None,
        signer: Signer | None = None,
        links: Links | None = None,
    ) -> AsyncIterator[Courier]:
        """A courier that runs until the block ends, then drains."""
        relay = relay_at(self.mailbox.port, self.name)
        pool = MailPool(relay)
        origins = frozenset(origin(each.url) for each in hooks)
        async with WebhookSender(WebhookConfig(loopback=origins)) as sender:
            channels = Channels(relay=relay, mail=pool, webhook=sender, verp=verp, signer=signer, links=links)
            courier = Courier(self.engine, channels, CourierConfig(name=name, look_every=0.05))
            stop = asyncio.Event()
            service = Service(engine=self.engine, courier=courier, look_every=0.1)
            task = asyncio.create_task(service.run(stop) if dispatches else courier.run(stop))
            try:
                yield courier
            finally:
                stop.set()
                await task
                await pool.close()


def site(url: str, mailbox: Mailbox, kafka: str = "") -> Site:
    return Site(connect(url, pool_size=10), url, mailbox, kafka)


def relay_at(port: int, site: str = "tocsin.example") -> MailRelay:
    return MailRelay(
        host="127.0.0.1",
        port=port,
        tls="none",
        from_address="alerts@tocsin.example",
        reply_to="duty@tocsin.example",
        site=site,
    )


def origin(url: str) -> Origin:
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    return parts.scheme, parts.hostname, parts.port


def mail_to(reader: str, **changes: object) -> DestinationEntry:
    return DestinationEntry.model_validate(
        {"name": "mail", "channel": "email", "address": f"{reader}@example.org", **changes}
    )


def hook_to(url: str, **changes: object) -> DestinationEntry:
    return DestinationEntry.model_validate(
        {"name": "hook", "channel": "webhook", "address": url, "secret": SECRET, **changes}
    )


def authority(name: str, *destinations: DestinationEntry, subscribed: bool = True) -> SubscriberEntry:
    """A statutory subscriber of Slovenia."""
    return SubscriberEntry(
        id=name,
        name=f"Example authority {name}",
        country="SI",
        kind=SubscriberKind.AUTHORITY,
        example=True,
        destinations=destinations,
        subscriptions=(SubscriptionEntry(name="duty", ground=Ground.STATUTORY),) if subscribed else (),
    )


def volunteer(name: str, *destinations: DestinationEntry, subscribed: bool = True) -> SubscriberEntry:
    """A voluntary subscriber to everything from L2 on, cleared for GREEN."""
    return SubscriberEntry(
        id=name,
        name=f"Example service {name}",
        country="SI",
        kind=SubscriberKind.VOLUNTARY,
        example=True,
        destinations=destinations,
        subscriptions=(SubscriptionEntry(name="wish", ground=Ground.VOLUNTARY),) if subscribed else (),
    )


async def comes(condition: Callable[[], object], *, within: float = 20) -> None:
    """Wait for a condition while the courier works."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"nothing within {within:.0f} s")
        await asyncio.sleep(0.02)
