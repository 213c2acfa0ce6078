"""What the cluster says about the partitions whose books are audited."""

from collections.abc import Mapping, Sequence

from storage.positions import LogEdges, Partition
from streams.admin import administration
from streams.config import Kafka
from streams.continuity import Log


async def logs_of(kafka: Kafka, partitions: Sequence[Partition]) -> tuple[str, Mapping[Partition, LogEdges]]:
    """The cluster's id, and the edges of those logs that it has; a topic it lacks is absent."""
    async with administration(kafka) as client:
        cluster = str((await client.describe_cluster())["cluster_id"])
        existing = {one["topic"]: len(one["partitions"]) for one in await client.describe_topics()}
    there = [one for one in partitions if one.partition < existing.get(one.topic, 0)]
    return cluster, await Log(kafka).edges(there) if there else {}
