"""Past events for a replay: from files, or from topics as they are now."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.cli.replay.log import EventLog
from services.cli.scores.files import EventFiles, delimiter_of
from services.cli.scores.refusals import Refusals
from services.contracts import wire
from services.contracts.errors import InvalidMessage, KoipondError
from services.contracts.events import AnyEvent, Origin
from services.contracts.topics import EVENTS, INBOUND
from services.ingest import translation
from services.ingest.intake import Intake
from services.ingest.mapping import load_all
from services.runtime.files import read_files
from services.runtime.record import Record

Progress = Callable[[int, int], None]
"""Told how much was read, and of how much: bytes of files, records of topics."""

_AT_ONCE = 5000
_PATIENCE_MS = 500
_CONNECT_SECONDS = 20
_LOOKS = 6
_PAUSE_SECONDS = 0.5
_KNOWN = (EVENTS.name, *(topic.name for topic in INBOUND))


class NoHistory(KoipondError):  # noqa: N818 - it says what is missing
    """There is nothing to replay, or it cannot be had; the message is for the person who asked."""


@dataclass(frozen=True)
class Intaking:
    """Where events go, where what is none goes, and who is told how far it has come."""

    log: EventLog
    refusals: Refusals
    progress: Progress


def mappings_of(places: Sequence[Path]) -> Sequence[translation.Mapping]:
    """Raise `FileError` with everything that is wrong."""
    return load_all(item for place in places for item in read_files(place).items())


def from_files(
    files: Sequence[Path],
    mappings: Sequence[translation.Mapping],
    delimiter: str | None,
    into: Intaking,
) -> Callable[[AnyEvent], str]:
    """Add all events of files to the log; returns where an event stands. Raise `FileError`, `ValueError` and `OSError`."""
    events = EventFiles(
        files,
        mappings,
        arrived_ms=int(time.time() * 1000),
        refusals=into.refusals,
        delimiter=None if delimiter is None else delimiter_of(delimiter),
        progress=into.progress,
    )
    for event in events:
        into.log.add(event)
    return lambda event: "" if event.origin is None else events.place(event.origin)


async def from_topics(
    kafka: str, topics: Sequence[str], mappings: Sequence[translation.Mapping], into: Intaking
) -> Callable[[AnyEvent], str]:
    """Add to the log what topics hold at this moment, from the first record on; returns where an event was published.

    `koi.events` holds events, the inbound topics what ingest would make events of. Raise `NoHistory` where Kafka does not
    answer, or has no such topic.
    """
    for topic in topics:
        if topic not in _KNOWN:
            raise NoHistory(f"{topic!r} holds no events; topics that do are {', '.join(_KNOWN)}")
    reading = _Reading(Intake(mappings), into.log, into.refusals)
    try:
        async with AsyncExitStack() as stack:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=kafka,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_records=_AT_ONCE,
            )
            stack.push_async_callback(consumer.stop)
            await asyncio.wait_for(consumer.start(), _CONNECT_SECONDS)
            await _drain(consumer, topics, reading, into.progress)
    except (KafkaError, OSError) as error:
        raise NoHistory(
            f"Kafka at {kafka} does not answer: {str(error) or type(error).__name__}; see KOI_KAFKA"
        ) from error
    return reading.place


async def _drain(consumer: Any, topics: Sequence[str], reading: "_Reading", progress: Progress) -> None:
    places = [place for topic in topics for place in await _places(consumer, topic)]
    consumer.assign(places)
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    await consumer.seek_to_beginning(*places)
    total = sum(ends[place] - begins[place] for place in places)
    while True:
        positions = {place: await consumer.position(place) for place in places}
        progress(sum(min(positions[p], ends[p]) - begins[p] for p in places), total)
        left = [place for place in places if positions[place] < ends[place]]
        if not left:
            return
        for batch in (await consumer.getmany(timeout_ms=_PATIENCE_MS)).values():
            for r in batch:
                if r.offset < ends[TopicPartition(r.topic, r.partition)]:
                    reading.take(Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers))


async def _places(consumer: Any, topic: str) -> list[TopicPartition]:
    # a topic that was made just now is not known to every broker yet
    for _ in range(_LOOKS):
        if topic in await consumer.topics():
            # the consumer knows the partitions of those topics alone of which it was asked something
            await consumer.beginning_offsets([TopicPartition(topic, 0)])
        if partitions := consumer.partitions_for_topic(topic):
            return [TopicPartition(topic, number) for number in sorted(partitions)]
        await asyncio.sleep(_PAUSE_SECONDS)
    raise NoHistory(f"there is no topic {topic}; koi topics create makes all of them")


class _Reading:
    """Makes events of records, and leaves out what ingest has published twice."""

    def __init__(self, intake: Intake, log: EventLog, refusals: Refusals) -> None:
        self._intake = intake
        self._log = log
        self._refusals = refusals
        self._seen: dict[tuple[int, str, int], tuple[int, int]] = {}

    def take(self, record: Record) -> None:
        try:
            events = self._events(record)
        except InvalidMessage as error:
            self._refusals.add(f"{record.topic}/{record.partition}@{record.offset}", error.reason, error.detail)
            return
        for event in events:
            if event.origin is None or not self._repeats(record.partition, event.origin):
                self._log.add(event)

    def place(self, event: AnyEvent) -> str:
        origin = event.origin
        return f"event {event.id}" if origin is None else f"{origin.topic}/{origin.partition}@{origin.offset}"

    def _events(self, record: Record) -> Sequence[AnyEvent]:
        if record.topic != EVENTS.name:
            return self._intake.accept(record)
        if record.value is None:
            raise InvalidMessage("malformed", f"the record has no value; {record.topic} carries no deletions")
        event = wire.EVENTS.decode(record.value)
        wire.check_year("occurred_at", event.occurred_at)
        return (event,)

    def _repeats(self, partition: int, origin: Origin) -> bool:
        """Origins of one inbound partition arrive in rising order: what goes back is said again."""
        source = (partition, origin.topic, origin.partition)
        known = self._seen.get(source)
        if known is not None and origin.offset < known[0] and origin.timestamp_ms <= known[1]:
            return True
        self._seen[source] = (origin.offset + 1, max(origin.timestamp_ms, known[1] if known else origin.timestamp_ms))
        return False
