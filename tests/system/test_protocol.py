"""Publish, then commit, on a real Kafka and a real Redis: processes that are killed, frozen, stopped and cut off."""

import asyncio
import json
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from deploy.embedded.process import Process
from services.runtime.partitioning import partition_of
from tests.servers.server import Server
from tests.system.toys import CUSTOMERS, PARTITIONS, Toys, toys
from tests.unit.runtime.toy import START_MS, TOPIC

pytestmark = pytest.mark.system


@pytest.fixture
async def pond(clean_kafka: str, clean_redis: str, kafka_server: Server, tmp_path: Path) -> AsyncIterator[Toys]:
    """Empty topics, an empty Redis, and no service yet."""
    async with toys(clean_kafka, clean_redis, tmp_path, idempotent=kafka_server.durable) as it:
        yield it


async def test_kill_nine_in_the_middle_leaves_exact_states(pond: Toys) -> None:
    """Two services, one killed at work and started again: states, timers, positions and outputs by version are exact."""
    victim, other = pond.start(), pond.start()
    await asyncio.gather(pond.ready(victim), pond.ready(other))
    sending = asyncio.create_task(pond.send(3000))
    await pond.done(300, "nothing is processed")
    victim.kill()
    await sending
    await pond.done(2000, "the service that is left does not go on")
    victim.start()
    await pond.send(1000, seed=1)
    await pond.all_done()
    await pond.check()


async def test_kills_one_after_the_other(pond: Toys) -> None:
    """A single service killed and started again and again comes through, exactly."""
    service = pond.start()
    sending = asyncio.create_task(pond.send(2500))
    for goal in (200, 700, 1300):
        await pond.done(goal, "the service does not go on")
        service.kill()
        service.start()
    await sending
    await pond.all_done()
    await pond.check()


async def test_a_frozen_service_that_wakes_up_writes_nothing(pond: Toys) -> None:
    """A zombie, frozen beyond its session, is fenced by the new owner; afterwards both work, and nothing is wrong."""
    zombie, owner = pond.start(), pond.start()
    await asyncio.gather(pond.ready(zombie), pond.ready(owner))
    sending = asyncio.create_task(pond.send(2000))
    await pond.done(200, "nothing is processed")
    zombie.pause()
    await sending
    await pond.all_done()
    zombie.resume()
    await pond.send(500, seed=2)
    await pond.all_done()
    await asyncio.gather(pond.ready(zombie), pond.ready(owner))
    await pond.check()


async def test_a_graceful_stop_commits_and_the_next_start_repeats_nothing(pond: Toys) -> None:
    """SIGTERM finishes and commits the batch in hand, and tells Kafka; no output is said twice."""
    service = pond.start()
    sending = asyncio.create_task(pond.send(2000))
    await pond.done(300, "nothing is processed")
    _stop_in_order(service)
    await sending
    assert {p: at for p, at in (await pond.positions()).items() if at} == await pond.committed()
    service.start()
    await pond.all_done()
    assert await pond.check() == 0


def _stop_in_order(service: Process) -> None:
    # when all is done, uvicorn ends by the very signal that asked for it
    assert service.stop() in (0, -signal.SIGTERM), service.tail()
    assert "Application shutdown complete." in service.tail()


async def test_services_that_come_and_go(pond: Toys) -> None:
    """Rebalances in the middle of the work, by starting and stopping in order, lose and repeat no state."""
    first = pond.start()
    sending = asyncio.create_task(pond.send(3000))
    await pond.done(200, "nothing is processed")
    second = pond.start()
    await pond.ready(second)
    first.stop()
    third = pond.start()
    await sending
    await pond.send(500, seed=3)
    await pond.all_done()
    await asyncio.gather(pond.ready(second), pond.ready(third))
    await pond.check()


async def test_redis_killed_and_started_again(pond: Toys, redis_server: Server) -> None:
    """Without Redis the service is alive and not ready; with Redis back it goes on by itself, and nothing is lost."""
    service = pond.start()
    await pond.ready(service)
    await pond.send(500)
    await pond.all_done()
    # the append-only file is written every second; what was answered before that may be lost with the server
    await _saved(redis_server)
    redis_server.kill()
    try:
        await pond.not_ready(service)
        await pond.send(500, seed=4)
    finally:
        redis_server.start()
    await pond.all_done()
    await pond.ready(service)
    assert service.alive
    await pond.check()


async def _saved(server: Server) -> None:
    async with Redis.from_url(server.address) as client:
        await client.config_set("appendfsync", "always")
        await client.set("saved", 1)
        await client.config_set("appendfsync", "everysec")


async def test_kafka_killed_and_started_again(pond: Toys, durable_kafka: Server) -> None:
    """Without Kafka the service is alive and not ready; with Kafka back it goes on by itself, and nothing is lost."""
    service = pond.start()
    await pond.ready(service)
    await pond.send(500)
    await pond.done(50, "nothing is processed")
    durable_kafka.kill()
    try:
        await pond.not_ready(service)
    finally:
        durable_kafka.start()
    await pond.ready(service)
    await pond.send(500, seed=5)
    await pond.all_done()
    assert service.alive
    await pond.check()


async def test_a_service_can_stop_while_kafka_is_away(pond: Toys, durable_kafka: Server) -> None:
    """SIGTERM ends a service also when there is nobody to say good-bye to."""
    service = pond.start()
    await pond.ready(service)
    durable_kafka.kill()
    try:
        await pond.not_ready(service)
        _stop_in_order(service)
    finally:
        durable_kafka.start()


async def test_a_service_can_stop_while_a_batch_waits_for_a_frozen_kafka(pond: Toys, durable_kafka: Server) -> None:
    """Connections stay open and nobody answers: SIGTERM gives the batch up, and the next start does it again."""
    service = pond.start()
    sending = asyncio.create_task(pond.send(2000))
    await pond.done(300, "nothing is processed")
    durable_kafka.pause()
    try:
        _stop_in_order(service)
    finally:
        durable_kafka.resume()
    await sending
    service.start()
    await pond.all_done()
    await pond.check()


async def test_a_service_waits_for_servers_that_come_later(pond: Toys, redis_server: Server) -> None:
    """Started before Redis, a service waits and then works."""
    redis_server.kill()
    try:
        service = pond.start()
        await pond.send(100)
        await pond.not_ready(service)
    finally:
        redis_server.start()
    await pond.ready(service)
    await pond.all_done()
    await pond.check()


async def test_headers_that_are_not_text_do_not_lose_the_batch(pond: Toys) -> None:
    """Records whose headers are not UTF-8 are processed like any other, and reach the dead letter as they came."""
    service = pond.start()
    await pond.ready(service)
    headers = [("trace", b"\xff\xfe\x80"), ("empty", b"")]
    async with AIOKafkaProducer(bootstrap_servers=pond.kafka) as producer:
        for op in ("add", "wrong", "add"):
            value = json.dumps({"op": op, "customer": "甲", "at": START_MS}).encode()
            await producer.send_and_wait(TOPIC, value, key="甲".encode(), partition=0, headers=headers)
        await producer.send_and_wait(TOPIC, b"\x00\xff", key=None, partition=0, headers=headers)
    pond.sent = 4
    await pond.all_done()
    await pond.check()


if shutil.which("kcat"):  # known vectors are in tests/unit/runtime/test_partitioning.py

    async def test_partitions_are_those_of_a_foreign_client(pond: Toys, durable_kafka: Server) -> None:  # noqa: ARG001
        """Where another client, partitioning as Kafka's own does, puts an id, we look for it; Chinese ids too."""
        ids = [*CUSTOMERS, "C-1", "a b", "é", "🐟鱼", "0", "x" * 100]
        lines = "".join(f"{who}\tv\n" for who in ids)
        command = ["kcat", "-b", pond.kafka, "-P", "-t", TOPIC, "-K", "\t", "-X", "partitioner=murmur2_random"]
        await asyncio.to_thread(subprocess.run, command, input=lines.encode(), check=True, timeout=60)
        found = {
            (record.key or b"").decode(): partition
            for partition, records in enumerate(await pond.read(TOPIC))
            for record in records
        }
        assert found == {who: partition_of(who, PARTITIONS) for who in ids}
