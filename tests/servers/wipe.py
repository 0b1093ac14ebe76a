"""Makes a server of the test session look new, which is quicker than a new one."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis

_GONE_SECONDS = 20.0


async def wipe_kafka(address: str) -> None:
    """Delete all topics and all consumer groups, and return when the topics are gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        groups = [group for group, *_ in await admin.list_consumer_groups()]
        if groups:
            await admin.delete_consumer_groups(groups)
        topics = await _topics(admin)
        if topics:
            await admin.delete_topics(topics)
        async with asyncio.timeout(_GONE_SECONDS):
            while await _topics(admin):  # noqa: ASYNC110 - a broker has no event to wait for
                await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def wipe_redis(url: str) -> None:
    """Delete every key and every function library."""
    async with Redis.from_url(url) as client:
        await client.flushall()
        await client.function_flush()


async def _topics(admin: AIOKafkaAdminClient) -> list[str]:
    return [name for name in await admin.list_topics() if not name.startswith("__")]
