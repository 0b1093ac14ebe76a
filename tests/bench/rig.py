"""What a run stands on: a broker and a Redis of its own, and the services, on free ports of the loopback."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.embedded.ports import HOST, PortTaken, free_ports, require_free
from deploy.embedded.services import SERVICES, Services
from services.cli.topics import create_topics
from services.contracts.topics import TOPICS
from services.runtime.settings import ClockKind, Settings
from tests.bench.meter import Meter
from tests.servers import policy
from tests.servers.redis import redis_or_valkey
from tests.servers.server import Server
from tests.servers.wipe import wipe_kafka, wipe_redis

KEYED = tuple(topic for topic in TOPICS if topic.partitions is None)
"""Topics with as many partitions as the pipeline."""

OPEN_POLICY = Path(__file__).parents[1] / "open-policy.yaml"
"""What rules decide is sent: restraint would leave little to measure at the last hop."""

_TRIES = 50
_SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class Rig:
    """Running servers. `remark` says why the broker is not Apache Kafka, if it is not."""

    directory: Path
    kafka: Server
    redis: Server
    partitions: int
    remark: str | None

    @property
    def idempotent(self) -> bool:
        """The embedded broker has no idempotent producers."""
        return self.remark is None

    async def clear(self) -> None:
        """Forget everything: topics, groups, keys, functions."""
        await wipe_kafka(self.kafka.address)
        await wipe_redis(self.redis.address)

    async def lay(self) -> None:
        """Forget everything, and create the pipeline's topics."""
        await self.clear()
        await create_topics(Settings(kafka=self.kafka.address, partitions=self.partitions))
        await self.settled([topic.name for topic in KEYED])

    async def settled(self, topics: Sequence[str]) -> None:
        """Wait until new topics have leaders; before that, a producer would lose its time with retries."""
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka.address, enable_auto_commit=False) as consumer:
            for topic in topics:
                await consumer.end_offsets([TopicPartition(topic, p) for p in range(self.partitions)])
        await asyncio.sleep(_SETTLE_SECONDS)

    @contextmanager
    def services(
        self,
        name: str,
        rules: Path,
        *,
        clock: ClockKind = ClockKind.WALL,
        zone: str = "Asia/Shanghai",
        scoring: Path | None = None,
    ) -> Iterator[Services]:
        """The four services, ready, with logs in a folder `name`; stopped at the end."""
        env = {
            "KOI_KAFKA": self.kafka.address,
            "KOI_REDIS": self.redis.address,
            "KOI_PARTITIONS": str(self.partitions),
            "KOI_IDEMPOTENT_PRODUCER": str(self.idempotent).lower(),
            "KOI_GROUP_PREFIX": "koi",
            "KOI_HOST": HOST,
            "KOI_RULES": str(rules),
            "KOI_POLICY": str(OPEN_POLICY),
            "KOI_CHANNELS": "console",
            "KOI_CLOCK": clock.value,
            "KOI_ZONE": zone,
        }
        if scoring is not None:
            env["KOI_SCORING"] = str(scoring)
        services = Services(self.directory / name, env, _free_row(len(SERVICES)))
        try:
            services.start()
            yield services
        finally:
            services.stop()

    def meter(self, services: Services | None = None) -> Meter:
        """Of both servers and, when given, the services."""
        pids = {} if services is None else {name: services.process(name).pid for name in SERVICES}
        return Meter({**pids, "kafka": self.kafka.process.pid, "redis": self.redis.process.pid})


@contextmanager
def rig(directory: Path, partitions: int) -> Iterator[Rig]:
    """Servers that start now and are gone afterwards, with their data. Raises `KafkaUnavailable` as the tests do."""
    shutil.rmtree(directory, ignore_errors=True)
    plan = policy.plan()
    kafka = policy.broker(directory / "kafka", plan)
    redis = redis_or_valkey(directory / "redis")
    try:
        kafka.start()
        redis.start()
        yield Rig(directory, kafka, redis, partitions, plan.remark)
    finally:
        kafka.kill()  # nobody reads what they would save
        redis.kill()
        for server in ("kafka", "redis"):
            shutil.rmtree(directory / server, ignore_errors=True)


@contextmanager
def held(services: Services) -> Iterator[None]:
    """Freeze the services meanwhile (well below a session's timeout), so that all begin at one instant."""
    try:
        for name in SERVICES:
            services.process(name).pause()
        yield
    finally:
        for name in SERVICES:
            services.process(name).resume()


def _free_row(count: int) -> int:
    """The first of `count` free ports in a row."""
    for _ in range(_TRIES):
        (first,) = free_ports(1)
        try:
            for port in range(first, first + count):
                require_free(port, "a service", "nothing")
        except (PortTaken, OverflowError):
            continue
        return first
    raise PortTaken(0, "a row of ports", "nothing")
