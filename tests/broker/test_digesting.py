"""Digests over a real database and a real relay: one per window, never empty, never twice, whoever sends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from notifiers.digesting import Digesting
from notifiers.email.pool import MailPool
from schemas.vocabularies import Handling, Level
from tests.broker.telling import Site, authority, mail_to, relay_at, site, volunteer
from tests.receivers import mailbox
from tests.telling import alert_event

LATER = datetime.now(UTC) + timedelta(days=8)


@asynccontextmanager
async def digesting(database: str) -> AsyncIterator[tuple[Site, Digesting]]:
    async with mailbox() as box:
        here = site(database, box)
        relay = relay_at(box.port)
        pool = MailPool(relay)
        yield here, Digesting(engine=here.engine, relay=relay, mail=pool)
        await pool.close()


def told(here: Site) -> None:
    """One L1 and one L3 for an authority, who sees both; a volunteer cleared for GREEN sees neither."""
    here.import_(authority("si", mail_to("si")), volunteer("open", mail_to("open")))
    here.planned(alert_event(thread="quiet", level=Level.L1, countries=("SI",)), alert_event(thread="loud"))


async def test_who_has_something_to_read_gets_one_mail_for_the_window(database: str) -> None:
    async with digesting(database) as (here, digests):
        told(here)
        for _ in range(3):
            digests.plan(LATER)
            await digests.send()
        assert here.mailbox.recipients == [mail_to("si").address]
        assert here.sql_one("SELECT count(*) FROM digests WHERE state = 'empty'") == 1
        part = here.mailbox.received[0].get_body(("plain",))
        assert part is not None
        text = part.get_content()
        assert "For information, nothing is urgent".upper() in text
        assert "An opioid: 2 (before: 0)" in text


async def test_two_couriers_send_it_once(database: str) -> None:
    async with digesting(database) as (here, digests):
        told(here)
        await asyncio.gather(*(asyncio.to_thread(digests.plan, LATER) for _ in range(4)))
        await asyncio.gather(*(digests.send() for _ in range(4)))
        assert len(here.mailbox.received) == 1


async def test_the_next_window_tells_only_what_is_new(database: str) -> None:
    async with digesting(database) as (here, digests):
        told(here)
        digests.plan(LATER)
        await digests.send()
        digests.plan(LATER + timedelta(days=7))
        assert await digests.send() == 0


async def test_what_a_courier_left_in_the_middle_is_not_sent_again(database: str) -> None:
    async with digesting(database) as (here, digests):
        told(here)
        digests.plan(LATER)
        here.sql("UPDATE digests SET state = 'sending', attempts = 1, planned_at = now() - interval '1 hour' "
                 "WHERE state = 'planned'")  # fmt: skip
        digests.plan(LATER)
        assert await digests.send() == 0
        assert here.sql_text("SELECT state FROM digests WHERE state <> 'empty'") == "unknown"


@pytest.mark.parametrize(
    "change", ["UPDATE destinations SET active = false", "UPDATE destinations SET suppressed = 'x'"]
)
async def test_nobody_is_written_to_who_left(database: str, change: str) -> None:
    async with digesting(database) as (here, digests):
        told(here)
        digests.plan(LATER)
        here.sql(change)
        assert await digests.send() == 0


async def test_what_is_stricter_now_is_left_out(database: str) -> None:
    async with digesting(database) as (here, digests):
        told(here)
        here.sql(f"UPDATE alert_threads SET handling = '{Handling.RED}'")
        assert digests.plan(LATER) == 0


async def test_who_wants_mail_encrypted_gets_none_in_clear(database: str) -> None:
    async with digesting(database) as (here, digests):
        told(here)
        here.sql(
            "INSERT INTO endpoints (destination_id, security) "
            'SELECT id, CAST(\'{"smime": "encrypt"}\' AS jsonb) FROM destinations ON CONFLICT (destination_id) '
            "DO UPDATE SET security = excluded.security"
        )
        assert digests.plan(LATER) == 0
