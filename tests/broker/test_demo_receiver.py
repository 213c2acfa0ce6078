"""The demo's webhook receiver over real HTTP: out of order for a while, then takes what is signed and nothing else."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from notifiers.outcomes import Verdict
from notifiers.webhook.sender import Access, WebhookConfig, WebhookSender
from storage import endpoints, subscribers
from storage.engine import connect
from tocsin.demo import audience
from tocsin.demo.receiver import Receiver
from tocsin.embedded.ports import LOOPBACK, choose
from tocsin.errors import Refusal

SECRET = audience.webhook_secret()
OTHER: str = "whsec_" + "A" * 43 + "="
BODY = json.dumps({"type": "tocsin.alert.raised", "subject": "TOC-A-2026-0001"}).encode()


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    """One that works from its first request on."""
    made = Receiver(port=choose([0])[0], secret=SECRET, log=tmp_path / "webhook.jsonl", out_of_order=0.0)
    await made.open()
    yield made
    await made.close()


async def send(to: Receiver, *, secret: str = SECRET, ago: timedelta = timedelta(0)) -> tuple[Verdict, str | None]:
    """As the courier sends it."""
    config = WebhookConfig(loopback=frozenset({("http", LOOPBACK, to.port)}))
    async with WebhookSender(config) as sender:
        outcome = await sender.send(
            url=to.url, access=Access(secrets=(secret,)), message_id="one", timestamp=datetime.now(UTC) - ago, body=BODY
        )
    return outcome.verdict, outcome.code


async def test_a_signed_message_is_taken_and_written_down(receiver: Receiver) -> None:
    assert await send(receiver) == (Verdict.ACCEPTED, "204")
    (line,) = receiver.log.read_text("utf-8").splitlines()
    assert json.loads(line)["webhook-id"] == "one"
    assert json.loads(line)["subject"] == "TOC-A-2026-0001"


async def test_what_another_secret_signed_or_what_is_old_is_not_taken(receiver: Receiver) -> None:
    assert await send(receiver, secret=OTHER) == (Verdict.DEFERRED, "401")
    assert await send(receiver, ago=timedelta(minutes=6)) == (Verdict.DEFERRED, "401")
    assert (receiver.forged, receiver.taken) == (2, 0)
    assert not receiver.log.exists()


async def test_what_is_not_signed_at_all_is_not_taken(receiver: Receiver) -> None:
    async with aiohttp.ClientSession() as session, session.post(receiver.url, data=BODY) as answer:
        assert answer.status == 401
    assert not receiver.log.exists()


async def test_it_turns_away_while_it_is_out_of_order(receiver: Receiver) -> None:
    receiver.out_of_order = 3600
    assert await send(receiver) == (Verdict.DEFERRED, "503")
    receiver.out_of_order = 0
    assert await send(receiver) == (Verdict.ACCEPTED, "204")
    assert (receiver.turned_away, receiver.taken) == (1, 1)


async def test_a_port_that_somebody_took_is_named(receiver: Receiver) -> None:
    second = Receiver(port=receiver.port, secret=SECRET, log=receiver.log, out_of_order=0.0)
    with pytest.raises(Refusal, match=f"Port {receiver.port} is taken"):
        await second.open()
    await second.close()


async def test_it_answers_its_challenge_and_counts_as_confirmed(database: str, receiver: Receiver) -> None:
    engine = connect(database)
    with engine.begin() as connection:
        subscribers.bring_in(connection, audience.audience(webhook=receiver.url))
        assert endpoints.waiting(connection)
    await audience.confirmed(connect(database), receiver.origin)
    with engine.begin() as connection:
        assert endpoints.waiting(connection) == ()
    engine.dispose()
    assert receiver.taken == 0
