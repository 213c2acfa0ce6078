"""Who the demo tells: six example bodies by mail, one of them by webhook too, at the demo's own receiver."""

from importlib.resources import files
from typing import Final

from schemas.deliveries import Channel
from schemas.subscribers import DestinationEntry, SubscriberEntry
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


def _webhooks(entry: SubscriberEntry) -> list[DestinationEntry]:
    return [each for each in entry.destinations if each.channel is Channel.WEBHOOK]


def _at(entry: SubscriberEntry, webhook: str) -> SubscriberEntry:
    destinations = tuple(
        each.model_copy(update={"address": webhook}) if each.channel is Channel.WEBHOOK else each
        for each in entry.destinations
    )
    return entry.model_copy(update={"destinations": destinations})
