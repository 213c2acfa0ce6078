"""What this site has told, read back from Kafka: receipts, whether a database is too old, and what it cannot know."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from sqlalchemy import text

from schemas.deliveries import DeliveryState
from schemas.topics import DELIVERY_RECEIPTS, SHARED_TOPICS
from schemas.vocabularies import Handling, Level
from storage import epochs
from storage.epochs import Cause, Stale, Told, staleness
from streams.clients import producer_options
from streams.config import Kafka
from streams.relay import Relay
from streams.told import Topics
from streams.topics import apply
from tests.broker.telling import Site, authority, comes, mail_to, site, volunteer
from tests.receivers import Mailbox, mailbox
from tests.telling import alert_event
from tocsin.recovering import Person, recover

PERSON = Person(by="Example duty officer", reason="an old dump was restored")


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def here(kafka: str, database: str, box: Mailbox) -> Iterator[Site]:
    """A site with an authority that must be told and a volunteer who may be."""
    found = site(database, box, kafka)
    asyncio.run(apply(Kafka(bootstrap=kafka), SHARED_TOPICS))
    found.import_(authority("si", mail_to("si")), volunteer("vo", mail_to("vo")))
    yield found
    found.engine.dispose()


async def published(here: Site) -> None:
    """Everything in the outbox goes to Kafka."""
    kafka = Kafka(bootstrap=here.kafka)
    with here.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        async with AIOKafkaProducer(**producer_options(kafka)) as producer:
            while await Relay(here.engine, kafka, here.name).publish(connection, producer):
                pass


def topics(here: Site) -> Topics:
    return Topics(kafka=Kafka(bootstrap=here.kafka), site=here.name)


async def everything(here: Site) -> list[Told]:
    return [told async for told in topics(here).everything()]


async def found_stale(here: Site) -> Stale | None:
    newest = await topics(here).newest()
    with here.engine.begin() as connection:
        return staleness(connection, newest)


GREEN = alert_event(level=Level.L2, handling=Handling.GREEN)
"""An alert that both are told of."""


async def told_to_both(here: Site, *, receipts: bool) -> None:
    """The alert is on Kafka and both have their mails; the receipts are published too, or lost with the database."""
    here.planned(GREEN)
    await published(here)
    async with here.courier():
        await comes(lambda: here.open_count() == 0)
    if receipts:
        await published(here)


async def test_each_outcome_is_published_as_a_receipt_that_names_no_address(here: Site, box: Mailbox) -> None:
    box.answers = ["550 5.1.1 nobody here"]
    await told_to_both(here, receipts=True)
    found = [one for one in await everything(here) if one.topic == DELIVERY_RECEIPTS]
    receipts = {receipt.state: receipt for one in found if (receipt := epochs.receipt_of(one)) is not None}
    assert set(receipts) == {DeliveryState.FAILED, DeliveryState.ACCEPTED}
    for receipt in receipts.values():
        assert (receipt.alert_id, receipt.revision, receipt.epoch) == (GREEN.alert_id, 1, 1)
        assert receipt.attempts == 1
        assert receipt.first_attempt_at is not None and receipt.first_attempt_at <= receipt.changed_at
    assert not any(b"@" in one.body for one in found)
    assert here.sql_one(f"SELECT count(*) FROM outbox WHERE topic = '{DELIVERY_RECEIPTS}'") == 0


async def test_a_database_that_knows_what_it_told_is_not_held_back(here: Site) -> None:
    assert await found_stale(here) is None
    await told_to_both(here, receipts=True)
    assert await found_stale(here) is None
    here.told(alert_event(revision=2))
    assert await found_stale(here) is None


async def test_a_receipt_alone_shows_that_the_database_is_older(here: Site) -> None:
    """The dump was taken after the alert was planned and before it was sent."""
    await told_to_both(here, receipts=True)
    here.sql("UPDATE deliveries SET state = 'planned', attempts = 0, updated_at = planned_at")
    stale = await found_stale(here)
    assert stale is not None and stale.cause is Cause.UNKNOWN_RECEIPT
    assert "tocsin recover" in stale.sentence


async def test_an_event_alone_shows_it_too_and_so_does_a_newer_epoch(here: Site) -> None:
    here.planned(GREEN)
    await published(here)
    here.sql("DELETE FROM outbox")
    stale = await found_stale(here)
    assert stale is not None and stale.cause is Cause.UNKNOWN_EVENT
    here.sql("UPDATE system SET number = 0 WHERE name = 'system_epoch'")
    stale = await found_stale(here)
    assert stale is not None and stale.cause is Cause.NEWER_EPOCH


async def test_what_other_sites_say_holds_nobody_back(here: Site) -> None:
    here.planned(GREEN)
    await published(here)
    here.sql("DELETE FROM outbox")
    other = replace(topics(here), site="other.example")
    assert await other.newest() == ()


async def test_what_was_told_without_a_receipt_is_unknown_and_resent_once_where_it_must_arrive(
    here: Site, box: Mailbox
) -> None:
    await told_to_both(here, receipts=False)
    _lose_everything(here)
    found = await asyncio.to_thread(recover, here.engine, topics(here), PERSON, really=True, leave_out=False)
    assert (found.events, found.unsettled.again, found.unsettled.left, found.epoch) == (1, 1, 1, 2)
    assert [state for _, state, _ in here.states()] == ["unknown", "unknown"]
    assert await found_stale(here) is None
    async with here.courier():
        await comes(lambda: here.sql_one("SELECT count(*) FROM deliveries WHERE state = 'accepted'") == 1)
        await comes(lambda: here.open_count() == 1)
    assert sorted(box.message_ids.values()) == [1, 2]


async def test_what_has_a_receipt_is_not_sent_again_and_the_dry_form_changes_nothing(here: Site, box: Mailbox) -> None:
    await told_to_both(here, receipts=True)
    _lose_everything(here)
    dry = await asyncio.to_thread(recover, here.engine, topics(here), PERSON, really=False, leave_out=False)
    assert here.rows() == [] and await found_stale(here) is not None
    found = await asyncio.to_thread(recover, here.engine, topics(here), PERSON, really=True, leave_out=False)
    assert found == dry and found.receipts == 2
    here.told(GREEN)
    async with here.courier():
        here.told(alert_event(thread="new"))
        await comes(lambda: len(box.received) == 3 and here.open_count() == 0)
    assert set(box.message_ids.values()) == {1} and len(box.received) == 3
    (noted,) = _notes(here)
    assert noted == (2, "Example duty officer", 1)


def _lose_everything(here: Site) -> None:
    """The oldest dump there is: subscribers, and nothing that was told."""
    here.sql("TRUNCATE outbox, attempts, deliveries, alert_threads CASCADE")


def _notes(here: Site) -> list[tuple[int, str, int]]:
    with here.engine.begin() as connection:
        rows = connection.execute(text("SELECT epoch, actor, CAST(body AS text) AS body FROM recoveries"))
        return [(row.epoch, row.actor, json.loads(row.body)["events"]) for row in rows]
