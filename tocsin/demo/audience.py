"""Who the demo tells: six example bodies by mail, one of them by webhook too, at the demo's own receiver."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

from sqlalchemy import Engine

from notifiers.sending import access_of
from notifiers.webhook.challenge import challenge
from notifiers.webhook.sender import WebhookConfig, WebhookSender
from schemas.deliveries import Channel
from schemas.subscribers import DestinationEntry, SubscriberEntry
from storage import endpoints
from tocsin.commands.subscriber import read_text

_FILE: Final = "subscribers.yaml"


def audience(*, webhook: str) -> tuple[SubscriberEntry, ...]:
    """The shipped file, with this address in the place of its stand-in."""
    text = files("tocsin.demo").joinpath(_FILE).read_text("utf-8")
    return tuple(_at(entry, webhook) for entry in read_text(text, name=_FILE).subscribers)


def webhook_secret() -> str:
    """What the webhooks of the file are signed with: one example secret, for this machine only."""
    found = {each.secret for entry in audience(webhook="http://127.0.0.1:1/") for each in _webhooks(entry)}
    if len(found) != 1 or (secret := found.pop()) is None:
        raise AssertionError("the demo has one webhook, with a secret")
    return secret


async def confirmed(engine: Engine, origin: str) -> None:
    """Challenge the demo's webhooks, as `tocsin destination confirm` does, and dispose of the engine."""
    scheme, _, rest = origin.partition("://")
    host, _, port = rest.rpartition(":")
    config = WebhookConfig(loopback=frozenset({(scheme, host, int(port))}))
    async with WebhookSender(config) as sender:
        with engine.begin() as connection:
            for each in endpoints.listed(connection):
                if each.channel is not Channel.WEBHOOK or each.confirmed_at is not None:
                    continue
                access = access_of((each.secret or "",), each.security)
                if (await challenge(sender, each.address, access, at=datetime.now(UTC))).echoed:
                    endpoints.confirm(connection, each.id, by="demo")
    engine.dispose()


def _webhooks(entry: SubscriberEntry) -> list[DestinationEntry]:
    return [each for each in entry.destinations if each.channel is Channel.WEBHOOK]


def _at(entry: SubscriberEntry, webhook: str) -> SubscriberEntry:
    destinations = tuple(
        each.model_copy(update={"address": webhook}) if each.channel is Channel.WEBHOOK else each
        for each in entry.destinations
    )
    return entry.model_copy(update={"destinations": destinations})
