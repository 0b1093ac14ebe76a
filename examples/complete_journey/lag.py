"""How far every stage is, seen from outside: committed offsets of its consumer group against the ends of its topics."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from examples.complete_journey.setting import DemoFailed
from services.contracts import topics

STAGES: tuple[tuple[str, tuple[topics.Topic, ...]], ...] = (
    ("ingest", topics.INBOUND),
    ("scoring", (topics.EVENTS,)),
    ("rules", (topics.PROFILES,)),
    ("notifier", (topics.NOTIFICATIONS,)),
)
"""Upstream first, each with the topics it reads."""

_LOOK_SECONDS = 0.25
_STALL_SECONDS = 90.0
_LONGEST_SECONDS = 900.0


@dataclass(frozen=True)
class Reach:
    """Records a stage has behind it, and how many there are for it so far."""

    stage: str
    done: int
    total: int


Report: TypeAlias = Callable[[Sequence[Reach]], None]


class Lag:
    """Reads offsets as anybody could; it is in nobody's consumer group."""

    def __init__(self, kafka: str, partitions: int) -> None:
        self._partitions = partitions
        self._admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)

    async def __aenter__(self) -> Self:
        await self._admin.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def look(self) -> list[Reach]:
        """Every stage, upstream first and in that order of time: if all are done, so is the pipeline.

        A stage publishes before it commits, so once its offsets are at the end, the end of the next topic is final.
        """
        return [await self._reach(stage, inputs) for stage, inputs in STAGES]

    async def until_quiet(self, report: Report) -> None:
        """Return when every stage has done everything; raise `DemoFailed` when nothing moves or it takes too long."""
        started = moved = time.monotonic()
        before: list[Reach] = []
        while True:
            try:
                now = await self.look()
            except KafkaError:  # a group is between two coordinators or owners; look again
                now = before
            report(now)
            if now and all(reach.done >= reach.total for reach in now):
                return
            if now != before:
                before, moved = now, time.monotonic()
            behind = ", ".join(f"{r.stage} {r.done:,} of {r.total:,}" for r in now if r.done < r.total)
            if time.monotonic() - moved > _STALL_SECONDS:
                raise DemoFailed(f"nothing has moved for {_STALL_SECONDS:.0f} s: {behind}")
            if time.monotonic() - started > _LONGEST_SECONDS:
                raise DemoFailed(f"not done after {_LONGEST_SECONDS:.0f} s: {behind}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def follow(self, report: Report) -> None:
        """Report again and again, until cancelled."""
        while True:
            with contextlib.suppress(KafkaError):  # only for show
                report(await self.look())
            await asyncio.sleep(2 * _LOOK_SECONDS)

    async def _reach(self, stage: str, inputs: Sequence[topics.Topic]) -> Reach:
        places = [TopicPartition(topic.name, partition) for topic in inputs for partition in range(self._partitions)]
        ends = await self._consumer.end_offsets(places)
        committed = await self._admin.list_consumer_group_offsets(f"koi.{stage}", partitions=places)
        done = {place: max(0, found.offset) for place, found in committed.items()}
        return Reach(stage, sum(min(done.get(place, 0), ends[place]) for place in places), sum(ends.values()))


async def collect(kafka: str, take: Callable[[str, bytes], None], wanted: Sequence[topics.Topic]) -> None:
    """Read topics from their beginning to where they end now, as a stranger would; `take` gets topic and value."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [
            TopicPartition(topic.name, partition)
            for topic in wanted
            for partition in sorted(await _partitions(consumer, topic.name))
        ]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        left = {place for place in places if ends[place] > await consumer.position(place)}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=1000, max_records=5000)).values():
                for record in records:
                    if record.value is not None:
                        take(record.topic, record.value)
            left = {place for place in left if await consumer.position(place) < ends[place]}
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    # asking for a topic's partitions only looks at what is cached; subscribing to its metadata fetches it
    await consumer.topics()
    return set(consumer.partitions_for_topic(topic) or ())
