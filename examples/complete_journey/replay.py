"""Publishes the year as upstream would have: both topics side by side, in the order of time, a tick each midnight.

The services run on the event clock, so time passes only as records pass. A tick tells every partition that a day is
over even if none of its customers did anything.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from examples.complete_journey.dataset import SOURCE, Entry
from services.contracts import topics
from services.contracts.events import ClockTick
from services.contracts.wire import EVENTS
from services.runtime.partitioning import partition_of

AFTER_THE_LAST = timedelta(days=1)


class Letter(NamedTuple):
    """One record, and where it goes. Without a key it is a tick."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes


class Day(NamedTuple):
    """One simulated day: the midnight tick that opens it (not on the very first day), then its events."""

    date: date
    letters: list[Letter]
    events: int


class Progress(Protocol):
    """Told after each day how many events are acknowledged so far."""

    def __call__(self, events: int, day: date) -> None: ...


def days(entries: Sequence[Entry], partitions: int) -> Iterator[Day]:
    """Every day from the first event to the last, quiet ones included, and one more that only closes the year.

    `entries` must be in the order of time. Within each topic and partition the letters are in that order too.
    """
    if not entries:
        return
    by_day = {day: list(group) for day, group in groupby(entries, key=lambda entry: entry.event.occurred_at.date())}
    first, last = min(by_day), max(by_day)
    day = first
    while day <= last:
        ticks = [] if day == first else _ticks(datetime.combine(day, time(), UTC), partitions)
        events = by_day.get(day, [])
        yield Day(day, [*ticks, *(_letter(entry, partitions) for entry in events)], len(events))
        day += timedelta(days=1)
    end = entries[-1].event.occurred_at + AFTER_THE_LAST
    yield Day(end.date(), _ticks(end, partitions), 0)


def _ticks(at: datetime, partitions: int) -> list[Letter]:
    return [
        Letter(
            topic.name,
            partition,
            None,
            EVENTS.encode(
                ClockTick(id=f"tick-{at:%Y-%m-%d}-{partition}", source=SOURCE, occurred_at=at, received_at=at)
            ),
        )
        for topic in topics.INBOUND
        for partition in range(partitions)
    ]


def _letter(entry: Entry, partitions: int) -> Letter:
    customer = entry.event.customer_id
    return Letter(entry.topic, partition_of(customer, partitions), customer.encode(), EVENTS.encode(entry.event))


def producer(kafka: str) -> AIOKafkaProducer:
    """A producer for `publish`, not started. Create it inside the running event loop."""
    # any broker will do: embedded ones know no idempotent producers, and a repeat is harmless, events carry ids
    return AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=False)


async def publish(entries: Sequence[Entry], producer: AIOKafkaProducer, *, partitions: int, progress: Progress) -> int:
    """Publish everything, each day acknowledged before the next but one begins; return the number of events, ticks apart."""
    published = 0
    waiting: tuple[Day, list[asyncio.Future[object]]] | None = None
    for day in days(entries, partitions):
        sent = await _send(producer, day.letters)
        if waiting is not None:
            published = await _settle(*waiting, published, progress)
        waiting = (day, sent)
    return published if waiting is None else await _settle(*waiting, published, progress)


async def _settle(day: Day, sent: Iterable[asyncio.Future[object]], before: int, progress: Progress) -> int:
    await asyncio.gather(*sent)
    published = before + day.events
    progress(published, day.date)
    return published


async def _send(producer: AIOKafkaProducer, letters: Iterable[Letter]) -> list[asyncio.Future[object]]:
    """Hand the letters over, one batch per topic and partition (more if one is full); the futures end with the acknowledgement."""
    open_batches: dict[tuple[str, int], BatchBuilder] = {}
    futures: list[asyncio.Future[object]] = []

    async def close(place: tuple[str, int]) -> None:
        batch = open_batches.pop(place)
        batch.close()
        futures.append(await producer.send_batch(batch, place[0], partition=place[1]))

    for letter in letters:
        place = (letter.topic, letter.partition)
        batch = open_batches.setdefault(place, producer.create_batch())
        if batch.append(key=letter.key, value=letter.value, timestamp=None) is None:
            await close(place)
            open_batches[place] = producer.create_batch()
            open_batches[place].append(key=letter.key, value=letter.value, timestamp=None)
    for place in list(open_batches):
        await close(place)
    return futures
