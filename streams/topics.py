"""Makes the cluster's topics what `schemas.topics` says: creates what is missing, never changes a partition count."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from schemas.topics import TopicSpec
from streams.admin import administration
from streams.config import Kafka

ALREADY_EXISTS: Final = 36
VISIBLE_WITHIN: Final = 30.0


class TopicState(StrEnum):
    """What applying did to a topic."""

    CREATED = "created"
    CHANGED = "changed"
    SAME = "same"


class TopicsDiffer(Exception):
    """Topics exist with another number of partitions, which would tear a laboratory's order apart."""

    def __init__(self, found: Mapping[str, tuple[int, int]]) -> None:
        said = "; ".join(f"{name} has {has} and should have {wants}" for name, (has, wants) in sorted(found.items()))
        super().__init__(
            f"Partition counts are never changed, and nothing was: {said}. "
            "Move what is in such a topic aside and delete it, then run this again."
        )
        self.found = found


@dataclass(frozen=True, slots=True)
class Applied:
    """One topic after applying."""

    topic: str
    state: TopicState


async def apply(kafka: Kafka, specs: Sequence[TopicSpec]) -> tuple[Applied, ...]:
    """Create missing topics and set the settings of existing ones; raises `TopicsDiffer` before any change."""
    async with administration(kafka) as client:
        counts = await _partition_counts(client)
        differing = {
            spec.name: (counts[spec.name], spec.partitions)
            for spec in specs
            if spec.name in counts and counts[spec.name] != spec.partitions
        }
        if differing:
            raise TopicsDiffer(differing)
        new = [spec for spec in specs if spec.name not in counts]
        await _create(client, new)
        changed = await _set(client, [spec for spec in specs if spec.name in counts])
    created = {spec.name for spec in new}
    return tuple(Applied(spec.name, _state(spec.name, created=created, changed=changed)) for spec in specs)


def _state(name: str, *, created: set[str], changed: set[str]) -> TopicState:
    if name in created:
        return TopicState.CREATED
    return TopicState.CHANGED if name in changed else TopicState.SAME


async def _partition_counts(client: AIOKafkaAdminClient) -> dict[str, int]:
    return {one["topic"]: len(one["partitions"]) for one in await client.describe_topics()}


async def _create(client: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> None:
    if not specs:
        return
    answer = await client.create_topics([NewTopic(one.name, one.partitions, -1, {}, one.settings()) for one in specs])
    for error in answer.topic_errors:
        if error[1] not in (0, ALREADY_EXISTS):
            raise for_code(error[1])(f"Topic {error[0]}: {error[2] if len(error) > 2 else 'refused'}")
    await asyncio.wait_for(_visible(client, {one.name for one in specs}), VISIBLE_WITHIN)


async def _visible(client: AIOKafkaAdminClient, names: set[str]) -> None:
    while True:
        described = await client.describe_topics(sorted(names))
        led = [one["topic"] for one in described if one["partitions"] and _all_led(one["partitions"])]
        if names <= set(led):
            return
        await asyncio.sleep(0.05)


def _all_led(partitions: Sequence[Mapping[str, int]]) -> bool:
    return all(one["leader"] >= 0 for one in partitions)


async def _set(client: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> set[str]:
    wanted = {spec.name: spec.settings() for spec in specs}
    if not wanted:
        return set()
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, settings) for name, settings in wanted.items()]
    differing = set()
    for answer in await client.describe_configs(asked):
        for resource in answer.resources:
            name, entries = resource[3], resource[4]
            found = {entry[0]: entry[1] for entry in entries}
            if any(found.get(key) != value for key, value in wanted[name].items()):
                differing.add(name)
    if differing:
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, wanted[name]) for name in sorted(differing)]
        )
    return differing
