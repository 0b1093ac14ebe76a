"""Ingest and several workers of scoring, or of rules too, on the session's Kafka and Redis: fed, killed one by one, and read."""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from deploy.embedded.backlog import Backlog
from deploy.embedded.ports import HOST, free_ports
from deploy.embedded.process import Process
from services.cli.topics import create_topics
from services.contracts.topics import TOPICS
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.servers.server import Server
from tests.servers.wipe import wipe_kafka, wipe_redis
from tests.system.pipeline import PARTITIONS, Fact, page, sampled

WORKERS = 3
CREW: Mapping[str, int] = {"scoring": WORKERS}
_STORES = {"scoring": "score", "rules": "rules", "notifier": "notify"}
_BOUND_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


class Scorers:
    """Whatever waits is bounded, and says with the last words of those who run why it gave up.

    `crew` says how many workers of each service there are, beside one of ingest.
    """

    def __init__(
        self, kafka: str, redis: str, directory: Path, env: Mapping[str, str], crew: Mapping[str, int] = CREW
    ) -> None:
        self.kafka = kafka
        self.redis = redis
        self._directory = directory
        self._env = {**env, "KOI_KAFKA": kafka, "KOI_REDIS": redis}
        self.settings = Settings(kafka=kafka, redis=redis, partitions=PARTITIONS, zone=env["KOI_ZONE"])
        self._ports: dict[Process, int] = {}
        self._crew = {"ingest": 1, **crew}
        self._running = {name: [self._started(name) for _ in range(count)] for name, count in self._crew.items()}

    def workers(self, service: str) -> Sequence[Process]:
        """Those of a service that are to run."""
        return self._running[service]

    def add_one(self, service: str) -> Process:
        """One more worker; it is not waited for."""
        self._running[service].append(self._started(service))
        return self._running[service][-1]

    def kill_one(self, chance: random.Random, service: str = "scoring") -> None:
        """Kill -9 of any worker; another one starts, and is not waited for."""
        killed = self._running[service].pop(chance.randrange(self._crew[service]))
        assert killed.kill() == -9, killed.tail()
        self._running[service].append(self._started(service))

    def publish(self, facts: Sequence[Fact]) -> None:
        """In this order, as far as partitions keep one."""
        asyncio.run(_publish(self.kafka, facts))

    def publish_and_kill(
        self, facts: Sequence[Fact], topic: str, more: int, chance: random.Random, service: str = "scoring"
    ) -> None:
        """Publish, and kill one as soon as a topic has so many more records than before."""
        least = self.count(topic) + more
        self.publish(facts)
        self.until(f"{topic} has {least} records", lambda: self.count(topic) >= least)
        self.kill_one(chance, service)

    def records(self, topic: str) -> list[Record]:
        """All of a topic, in the order of each partition."""
        return asyncio.run(_read(self.kafka, topic))

    def count(self, topic: str) -> int:
        """Records in a topic."""
        return asyncio.run(_count(self.kafka, topic))

    def claims(self, service: str = "scoring") -> list[int]:
        """How often each partition was taken over."""
        return asyncio.run(_claims(self.redis, _STORES[service]))

    def port(self, worker: Process) -> int:
        """Where a worker is reached."""
        return self._ports[worker]

    def get(self, worker: Process, path: str) -> tuple[int, str]:
        """Status and text of a page of a worker."""
        return page(f"http://{HOST}:{self._ports[worker]}{path}")

    def metric(self, worker: Process, name: str, /, **labels: str) -> float:
        """Sum of a metric's samples that carry these labels; 0 as long as the worker has no pages yet."""
        try:
            return sampled(self.get(worker, "/metrics")[1], name, labels)
        except OSError:
            return 0.0

    def ready(self) -> None:
        """Wait until all that run are ready."""
        for process, port in self._ports.items():
            if process.alive:
                self.until(f"{process.name} is ready", lambda port=port: _is_ready(port))  # type: ignore[misc]

    def rest(self) -> None:
        """Wait until all have read all that was published."""
        asyncio.run(self._rest())

    async def _rest(self) -> None:
        deadline = time.monotonic() + _BOUND_SECONDS
        async with Backlog(self.kafka, PARTITIONS) as backlog:
            while True:
                stages = await backlog.measure()
                if all(stages[name][0] >= stages[name][1] for name in self._crew):
                    return
                self._give_up(deadline, f"rest: {dict(stages)}")
                await asyncio.sleep(_PAUSE_SECONDS * 4)

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + _BOUND_SECONDS
        while not holds():
            self._give_up(deadline, what)
            time.sleep(_PAUSE_SECONDS)

    def _give_up(self, deadline: float, what: str) -> None:
        """Raise if the time is over, or somebody is dead who should not be."""
        running = [process for workers in self._running.values() for process in workers]
        if time.monotonic() > deadline or not all(process.alive for process in running):
            words = "\n".join(f"--- {process.name}\n{process.tail(8)}" for process in running)
            raise AssertionError(f"not within {_BOUND_SECONDS:g} s: {what}\n{words}")

    def stop(self) -> None:
        """Kill whoever runs: nobody reads what they would save."""
        for process in self._ports:
            process.kill()

    def _started(self, service: str) -> Process:
        (port,) = free_ports(1)
        name = f"{service}-{len(self._ports)}"
        process = Process(
            name,
            [sys.executable, "-m", "services.cli.main", "run", service],
            self._directory / f"{name}.log",
            env={**self._env, "KOI_PORT": str(port)},
            stop_seconds=45.0,
        )
        process.start()
        self._ports[process] = port
        return process


@contextmanager
def scorers(
    server: Server, redis: str, directory: Path, env: Mapping[str, str], crew: Mapping[str, int] = CREW
) -> Iterator[Scorers]:
    """On an emptied Kafka and Redis, all of them ready."""
    asyncio.run(wipe_kafka(server.address))
    asyncio.run(wipe_redis(redis))
    asyncio.run(create_topics(Settings(kafka=server.address, partitions=PARTITIONS)))
    common = {
        "KOI_PARTITIONS": str(PARTITIONS),
        "KOI_IDEMPOTENT_PRODUCER": "true" if server.durable else "false",
        "KOI_SESSION_TIMEOUT_MS": "2000",
    }
    running = Scorers(server.address, redis, directory, {**common, **env}, crew)
    try:
        running.ready()
        yield running
    finally:
        running.stop()


def portions(facts: Sequence[Fact], count: int) -> list[Sequence[Fact]]:
    """So many parts of about the same size, in order."""
    size = -(-len(facts) // count)
    return [facts[start : start + size] for start in range(0, len(facts), size)]


def _is_ready(port: int) -> bool:
    try:
        return page(f"http://{HOST}:{port}/readyz")[0] == 200
    except OSError:
        return False


async def _publish(kafka: str, facts: Sequence[Fact]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5) as producer:
        sent = [await producer.send(f.topic, f.value, f.key, f.partition) for f in facts]
        await asyncio.gather(*sent)


def _places(name: str) -> list[TopicPartition]:
    count = next(topic.partitions or PARTITIONS for topic in TOPICS if topic.name == name)
    return [TopicPartition(name, partition) for partition in range(count)]


async def _count(kafka: str, topic: str) -> int:
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        return sum((await consumer.end_offsets(_places(topic))).values())


async def _read(kafka: str, topic: str) -> list[Record]:
    records: list[Record] = []
    places = _places(topic)
    async with AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False) as consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        async with asyncio.timeout(_BOUND_SECONDS):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += [
                        Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in batch
                    ]
    return records


async def _claims(redis: str, store: str) -> list[int]:
    async with Redis.from_url(redis) as client:
        return [int(await client.hget(f"koi:{store}:{{{p}}}:meta", "epoch") or 0) for p in range(PARTITIONS)]
