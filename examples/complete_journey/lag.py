"""How far every stage is, seen from outside, and what the topics hold in the end."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.embedded.backlog import Backlog
from examples.complete_journey.setting import DemoFailed
from services.contracts import topics

Reach: TypeAlias = Mapping[str, tuple[int, int]]
"""Service, upstream first -> records behind it, records there are for it so far."""

Report: TypeAlias = Callable[[Reach], None]

_LOOK_SECONDS = 0.25
_STALL_SECONDS = 90.0
_LONGEST_SECONDS = 900.0


async def follow(backlog: Backlog, report: Report) -> None:
    """Report again and again, until cancelled."""
    while True:
        with contextlib.suppress(KafkaError):  # only for show
            report(await backlog.measure())
        await asyncio.sleep(2 * _LOOK_SECONDS)


async def until_quiet(backlog: Backlog, report: Report) -> None:
    """Return when every stage has done everything; raise `DemoFailed` when nothing moves or it takes too long."""
    started = moved = time.monotonic()
    before: Reach = {}
    while True:
        try:
            now = await backlog.measure()
        except KafkaError:  # a group is between two coordinators or owners; look again
            now = before
        report(now)
        behind = {service: (done, total) for service, (done, total) in now.items() if done < total}
        if now and not behind:
            return
        if now != before:
            before, moved = now, time.monotonic()
        where = ", ".join(f"{service} {done:,} of {total:,}" for service, (done, total) in behind.items())
        if time.monotonic() - moved > _STALL_SECONDS:
            raise DemoFailed(f"nothing has moved for {_STALL_SECONDS:.0f} s: {where}")
        if time.monotonic() - started > _LONGEST_SECONDS:
            raise DemoFailed(f"not done after {_LONGEST_SECONDS:.0f} s: {where}")
        await asyncio.sleep(_LOOK_SECONDS)


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
