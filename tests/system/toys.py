"""Toy services on real servers: start them, hurt them, and compare what they leave with the model."""

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from deploy.embedded.ports import HOST, free_ports
from deploy.embedded.process import Process
from services.contracts.topics import DEAD_LETTER, DEAD_LETTER_PARTITIONS
from services.contracts.wire import DEAD_LETTERS
from services.runtime.partitioning import partition_of
from services.runtime.record import Record
from tests.unit.runtime.stages import once
from tests.unit.runtime.toy import OUT, START_MS, TOPIC, ToyProcessor, model

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
BOUND = 60.0
GROUP = "koi.toy"
CUSTOMERS = [f"顾客{i}" for i in range(40)]


async def until(true: Callable[[], Awaitable[bool]], what: str, seconds: float = BOUND) -> None:
    """Ask until it is true; fail with `what` when that takes too long."""
    try:
        async with asyncio.timeout(seconds):
            while not await true():  # noqa: ASYNC110 - servers have no event to wait for
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"{what} within {seconds:g} s")


@dataclass(slots=True)
class Toys:
    """Topics, any number of toy services in one group, and what they leave."""

    kafka: str
    redis: str
    directory: Path
    services: list[tuple[Process, int]] = field(default_factory=list)
    idempotent: bool = True
    sent: int = 0

    async def prepare(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            topics = [NewTopic(name, PARTITIONS, 1) for name in (TOPIC, OUT)]
            await admin.create_topics([*topics, NewTopic(DEAD_LETTER.name, DEAD_LETTER_PARTITIONS, 1)])
        finally:
            await admin.close()

    def start(self) -> Process:
        """One more service, not waited for."""
        (port,) = free_ports(1)
        settings = {
            "KOI_KAFKA": self.kafka,
            "KOI_REDIS": self.redis,
            "KOI_PORT": str(port),
            "KOI_CLOCK": "event",
            "KOI_PARTITIONS": str(PARTITIONS),
            "KOI_BATCH_RECORDS": "25",
            "KOI_SESSION_TIMEOUT_MS": "2000",
            "KOI_DEAD_LETTER_BURST": "10000",
            "KOI_IDEMPOTENT_PRODUCER": str(self.idempotent).lower(),
        }
        process = Process(
            f"toy{len(self.services)}",
            [sys.executable, "-m", "tests.system.toy_service"],
            self.directory / f"toy{len(self.services)}.log",
            env=settings,
            cwd=ROOT,
            stop_seconds=30.0,
        )
        process.start()
        self.services.append((process, port))
        return process

    async def readiness(self, process: Process) -> str:
        """`ready`, or why not."""
        port = next(port for known, port in self.services if known is process)
        try:
            async with httpx.AsyncClient(timeout=30.0) as client:
                return (await client.get(f"http://{HOST}:{port}/readyz")).text
        except httpx.HTTPError as error:
            return f"does not answer: {type(error).__name__}"

    async def ready(self, process: Process) -> None:
        async def is_ready() -> bool:
            assert process.alive, process.tail()
            return await self.readiness(process) == "ready"

        try:
            await until(is_ready, f"{process.name} is not ready")
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}; it says {await self.readiness(process)}\n{process.tail()}")

    async def not_ready(self, process: Process) -> None:
        async def is_not() -> bool:
            return await self.readiness(process) != "ready"

        await until(is_not, f"{process.name} is still ready")

    async def send(self, count: int, *, seed: int = 0) -> None:
        """Records over all customers, in bursts; some are wrong, some poison, some wait for timers."""
        chance = random.Random(seed)  # noqa: S311 - test data
        async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
            pending = []
            for _ in range(count):
                customer = chance.choice(CUSTOMERS)
                op = chance.choices(("add", "keep", "wrong", "crash"), (90, 4, 1, 1))[0]
                message = {"op": op, "customer": customer, "at": START_MS + self.sent * 10 + chance.randint(-200, 200)}
                if chance.random() < 0.2:
                    message["wait"] = chance.randint(0, 3000)
                place = partition_of(customer, PARTITIONS)
                value = json.dumps(message).encode()
                pending.append(await producer.send(TOPIC, value, key=customer.encode(), partition=place))
                self.sent += 1
            await asyncio.gather(*pending)

    async def positions(self) -> dict[int, int]:
        async with Redis.from_url(self.redis) as client:
            stored = [await client.hget(f"koi:toy:{{{p}}}:meta", f"position:{TOPIC}") for p in range(PARTITIONS)]
        return {p: int(position or 0) for p, position in enumerate(stored)}

    async def done(self, at_least: int, what: str) -> None:
        async def enough() -> bool:
            return sum((await self.positions()).values()) >= at_least

        try:
            await until(enough, what)
        except pytest.fail.Exception as failure:
            tails = "\n".join(f"--- {process.name}\n{process.tail()}" for process, _ in self.services)
            pytest.fail(f"{failure}; positions are {await self.positions()}\n{tails}")

    async def all_done(self) -> None:
        await self.done(self.sent, f"not all {self.sent} records are processed")

    async def read(self, topic: str, partitions: int = PARTITIONS) -> list[list[Record]]:
        """Everything in a topic, by partition."""
        places = [TopicPartition(topic, p) for p in range(partitions)]
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False) as consumer:
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            read: list[list[Record]] = [[] for _ in places]
            async with asyncio.timeout(BOUND):
                while any([await consumer.position(place) < end for place, end in ends.items()]):
                    for place, batch in (await consumer.getmany(timeout_ms=200)).items():
                        read[place.partition] += [
                            Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
                            for r in batch
                        ]
        return read

    async def check(self) -> int:
        """States, timers, positions, outputs and dead letters are those of the model; returns how many repeats were said."""
        toy, repeats = ToyProcessor(), 0
        inputs, outputs = await self.read(TOPIC), await self.read(OUT)
        rejected = set()
        for partition, records in enumerate(inputs):
            expected = model(records)
            rejected |= {(partition, reason, offset) for reason, offset in expected.rejected}
            async with Redis.from_url(self.redis) as client:
                prefix = f"koi:toy:{{{partition}}}:"
                keys = [key async for key in client.scan_iter(match=f"{prefix}c:*", count=1000)]
                blobs: Any = await client.mget(keys) if keys else []
                timers: Any = await client.zrange(f"{prefix}timers", 0, -1, withscores=True)
            names = [key.decode().removeprefix(f"{prefix}c:") for key in keys]
            states = {name: toy.load(blob) for name, blob in zip(names, blobs, strict=True)}
            assert states == expected.states, f"states of partition {partition} differ"
            assert {who.decode(): int(at) for who, at in timers} == expected.timers
            said = [(record.key, record.value) for record in outputs[partition]]
            kept = once(said)
            assert kept == once(expected.outputs), f"outputs of partition {partition} differ"
            repeats += len(said) - len(kept)
        assert await self.positions() == {p: len(records) for p, records in enumerate(inputs)}
        letters = [
            DEAD_LETTERS.decode(record.value or b"")
            for records in await self.read(DEAD_LETTER.name, DEAD_LETTER_PARTITIONS)
            for record in records
        ]
        assert {(letter.partition, letter.reason, letter.offset) for letter in letters} == rejected
        return repeats

    async def committed(self) -> dict[int, int]:
        """The group's offsets in Kafka."""
        # asked by partition: the embedded broker does not answer for a whole group
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka, group_id=GROUP, enable_auto_commit=False) as consumer:
            offsets = {p: await consumer.committed(TopicPartition(TOPIC, p)) for p in range(PARTITIONS)}
        return {partition: offset for partition, offset in offsets.items() if offset is not None}


@contextlib.asynccontextmanager
async def toys(kafka: str, redis: str, directory: Path, *, idempotent: bool = True) -> AsyncIterator[Toys]:
    it = Toys(kafka, redis, directory, idempotent=idempotent)
    await it.prepare()
    try:
        yield it
    finally:
        for process, _ in it.services:
            process.kill()
