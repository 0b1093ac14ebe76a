"""Makes a server of the test session look new, which is quicker than a new one."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError
from aiokafka.protocol.admin import DeleteGroupsRequest
from redis.asyncio import Redis

_GONE_SECONDS = 20.0
_PAUSE_SECONDS = 0.05
_NO_ERROR = 0
_LOADING = frozenset({14, 15, 16})
"""The coordinator is still loading, not there yet, or another by now."""
_NON_EMPTY_GROUP = 68


async def wipe_kafka(address: str) -> None:
    """Delete all topics and consumer groups, and return when they are gone.

    Waits until the broker has given up members that died without leaving; raises TimeoutError if a member still lives.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        async with asyncio.timeout(_GONE_SECONDS):
            while groups := await _groups(admin):
                await _delete(admin, groups)
                await asyncio.sleep(_PAUSE_SECONDS)
            while topics := [name for name in await admin.list_topics() if not name.startswith("__")]:
                await admin.delete_topics(topics)
                await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        await admin.close()


async def _groups(admin: AIOKafkaAdminClient) -> list[str]:
    """All consumer groups; waits for a broker that has just started to have read them."""
    while True:
        try:
            return [group for group, *_ in await admin.list_consumer_groups()]
        except (GroupLoadInProgressError, GroupCoordinatorNotAvailableError):
            await asyncio.sleep(_PAUSE_SECONDS)


async def wipe_redis(url: str) -> None:
    """Delete every key and every function library."""
    async with Redis.from_url(url) as client:
        await client.flushall()
        await client.function_flush()


async def _delete(admin: AIOKafkaAdminClient, groups: list[str]) -> None:
    for group in groups:
        # aiokafka knows the request and offers no method for it
        coordinator = await admin.find_coordinator(group)
        answer = await admin._send_request_to_node(coordinator, DeleteGroupsRequest([group]))
        for name, error in answer.results:
            if error not in {_NO_ERROR, _NON_EMPTY_GROUP, *_LOADING}:
                raise RuntimeError(f"the broker did not delete group {name}: error {error}")
