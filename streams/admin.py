"""What is asked of the cluster itself: who it is, which topics it has, and to create those that are ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from streams.clients import connection_options
from streams.config import Kafka


@asynccontextmanager
async def administration(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, closed at the end."""
    client = AIOKafkaAdminClient(**connection_options(kafka))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def cluster_id(kafka: Kafka) -> str:
    """The id that a cluster keeps for life."""
    async with administration(kafka) as client:
        return str((await client.describe_cluster())["cluster_id"])
