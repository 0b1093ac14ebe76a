"""The servers of the test session do what the system tests rely on."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from deploy.embedded.process import ProcessFailed
from tests.servers.server import Server
from tests.servers.wipe import wipe_kafka

pytestmark = pytest.mark.system


async def _create(address: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()


async def _send(address: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await producer.send_and_wait(topic, value)


async def _read(address: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        value: bytes | None = (await consumer.getone()).value
        return value


async def test_a_record_survives_a_killed_broker(clean_kafka: str, durable_kafka: Server) -> None:
    """What Apache Kafka acknowledged is there after kill -9 and a start, on the same address."""
    await _create(clean_kafka, "ponds")
    await _send(clean_kafka, "ponds", b"koi")
    durable_kafka.kill()
    durable_kafka.start()
    assert await _read(clean_kafka, "ponds") == b"koi"


async def test_cleaning_leaves_nothing(kafka: str) -> None:
    """A test that asks for a clean broker sees neither topics nor groups of the test before."""
    await _create(kafka, "puddles")
    await _send(kafka, "puddles", b"frog")
    async with AIOKafkaConsumer(
        "puddles", bootstrap_servers=kafka, group_id="herons", session_timeout_ms=1000
    ) as reader:
        await reader.commit({TopicPartition("puddles", 0): 1})
    await wipe_kafka(kafka)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        assert [name for name in await admin.list_topics() if not name.startswith("__")] == []
        assert await admin.list_consumer_groups() == []
    finally:
        await admin.close()


async def test_redis_keeps_its_keys_when_killed(clean_redis: str, redis_server: Server) -> None:
    """A key that Redis has written to its log is there after kill -9 and a start."""
    async with Redis.from_url(clean_redis) as client:
        await client.set("pond", b"koi")
        async with asyncio.timeout(10):
            # with appendfsync everysec a write waits while the disk is busy with the last second's
            while (await client.info("persistence"))["aof_buffer_length"]:  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(0.01)
    redis_server.kill()
    redis_server.start()
    async with Redis.from_url(clean_redis) as client:
        assert await client.get("pond") == b"koi"


def test_a_paused_server_does_not_answer(redis_server: Server) -> None:
    """Pause freezes a server without closing its port; resume brings it back."""
    redis_server.pause()
    try:
        with pytest.raises(ProcessFailed, match="not ready within"):
            redis_server.process.wait_ready(redis_server.answers, 0.1)
    finally:
        redis_server.resume()
    assert redis_server.answers()
