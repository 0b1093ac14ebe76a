"""Partitions of topics, from a beginning to their present end, as a command reads them."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.contracts.calendar import to_ms
from services.contracts.errors import InvalidMessage, Retryable

CLOCKS_DIFFER = timedelta(hours=1)
"""How far the clock of a broker may lag behind that of whoever decided what is in a record."""
_POLL_MS = 500
_AT_ONCE = 5000
_FETCH_WAIT_MS = 10
_SILENT_SECONDS = 20.0
_CLOSE_SECONDS = 5.0

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Told how many records were passed, and how many there are."""
Take = Callable[[Sequence[ConsumerRecord]], None]


def _unwatched(_passed: int, _all: int) -> None:
    """Nobody is told."""


async def read_partition(place: TopicPartition, bootstrap: str, take: Take, progress: Progress = _unwatched) -> None:
    """Give all records to `take`, in order. Raise `Retryable` when Kafka cannot be read."""
    await _told(_read_one(place, bootstrap, take, progress))


def values(records: Iterable[ConsumerRecord], key: bytes | None = None) -> Iterator[bytes]:
    """The values of records, of one key alone if it is given."""
    return (record.value for record in records if record.value is not None and key in {None, record.key})


def decoded(found: Iterable[bytes], decode: Callable[[bytes], T]) -> Iterator[T]:
    """The messages; nothing for a record of another release that cannot be read any more."""
    for value in found:
        try:
            message = decode(value)
        except InvalidMessage:
            continue
        yield message


class Topics:
    """Kafka for a command that reads many partitions, one after the other, over one connection.

    `since` leaves out what was appended more than `CLOCKS_DIFFER` before it. All raise `Retryable` when Kafka cannot be read.
    """

    def __init__(self, consumer: AIOKafkaConsumer, runner: asyncio.Runner) -> None:
        self._consumer = consumer
        self._runner = runner

    def partitions(self, topic: str) -> int:
        """How many the topic has."""
        return self._runner.run(_told(_partitions(self._consumer, topic)))

    def size(self, place: TopicPartition, since: datetime | None = None) -> int:
        """How many records there are to read."""
        first, end = self._runner.run(_told(_bounds(self._consumer, place, since)))
        return end - first

    def read(
        self, place: TopicPartition, take: Take, progress: Progress = _unwatched, since: datetime | None = None
    ) -> None:
        """Give the records to `take`, in order, to the end that the partition has now."""
        self._runner.run(_told(_read(self._consumer, place, take, progress, since)))


@contextlib.contextmanager
def topics(bootstrap: str) -> Iterator[Topics]:
    """Raise `Retryable` when Kafka does not answer."""
    with asyncio.Runner() as runner:
        consumer = runner.run(_told(_started(bootstrap)))
        try:
            yield Topics(consumer, runner)
        finally:
            with contextlib.suppress(Retryable):
                runner.run(_told(consumer.stop()))


class _Bounds(NamedTuple):
    """Of what is to be read: the first record, and the one behind the last."""

    first: int
    end: int


async def _started(bootstrap: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id="koi-command",
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_poll_records=_AT_ONCE,
        # at the end of a partition the client asks for more, and the next one has to wait for the answer
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    try:
        await consumer.start()
    except BaseException:
        await _stopped(consumer)
        raise
    return consumer


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    with contextlib.suppress(Retryable, KafkaError, OSError):
        await consumer.stop()


async def _read_one(place: TopicPartition, bootstrap: str, take: Take, progress: Progress) -> None:
    consumer = await _started(bootstrap)
    try:
        await _read(consumer, place, take, progress)
    finally:
        await _stopped(consumer)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> int:
    if topic not in await consumer.topics():
        raise Retryable(f"there is no topic {topic}")
    # the consumer knows the partitions of those topics alone of which it was asked something
    await consumer.beginning_offsets([TopicPartition(topic, 0)])
    return len(consumer.partitions_for_topic(topic) or ())


async def _bounds(consumer: AIOKafkaConsumer, place: TopicPartition, since: datetime | None) -> _Bounds:
    if place.topic not in await consumer.topics():
        raise Retryable(f"there is no topic {place.topic}")
    firsts, ends = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
    first, end = firsts[place], ends[place]
    if since is not None:
        found = (await consumer.offsets_for_times({place: to_ms(since - CLOCKS_DIFFER)}))[place]
        first = end if found is None else max(first, min(found.offset, end))
    return _Bounds(first, end)


async def _read(
    consumer: AIOKafkaConsumer, place: TopicPartition, take: Take, progress: Progress, since: datetime | None = None
) -> None:
    first, end = await _bounds(consumer, place, since)
    consumer.assign([place])
    consumer.seek(place, first)
    position = first
    try:
        while position < end:
            async with asyncio.timeout(_SILENT_SECONDS):
                while (reached := await _pass(consumer, place, take)) == position:
                    """Kafka has nothing to say for the moment."""
            position = reached
            progress(min(position, end) - first, end - first)
    except TimeoutError:
        raise Retryable(f"{place.topic} cannot be read to its end") from None


async def _pass(consumer: AIOKafkaConsumer, place: TopicPartition, take: Take) -> int:
    """Read on; the position after it."""
    for records in (await consumer.getmany(place, timeout_ms=_POLL_MS)).values():
        take(records)
    return int(await consumer.position(place))


async def _told(work: Coroutine[Any, Any, T]) -> T:
    """What came of it; what Kafka's client raises is told as `Retryable`."""
    try:
        return await _apart(work)
    except (KafkaError, OSError) as error:
        raise Retryable(f"{type(error).__name__}: {error}".rstrip(": ")) from error


async def _apart(work: Coroutine[Any, Any, T]) -> T:
    """In a task of its own: a client without its broker cancels what it waits for, which must not look like our being cancelled."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSE_SECONDS)
    if task.cancelled():
        raise Retryable("Kafka does not answer")
    return task.result()
