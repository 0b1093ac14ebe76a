"""Follows small topics: every process reads every record of them, from the first on, and goes on reading."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from services.contracts.errors import KoipondError, Retryable, Stopped
from services.runtime.record import Record

_FETCH_WAIT_MS = 10
_POLL_MS = 1000
_FIRST_POLL_MS = 50
_LOOK_AROUND_SECONDS = 0.5
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_CLOSE_SECONDS = 2.0
_STOP_SECONDS = 5.0
_LOOK_SECONDS = 5.0
_ANSWER_SECONDS = 5.0

T = TypeVar("T")

log = structlog.get_logger()


class Follower:
    """An async context: entering it returns once all that was there has been given to `take`, however long that takes.

    There is no consumer group and no offset: whoever starts reads everything. Records are given in the order of each
    partition, and again if `take` fails. While Kafka is away the news is old, and `trouble` says so.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        take: Callable[[Sequence[Record]], Awaitable[None]],
        *,
        client_id: str,
        stop_asked: Callable[[], bool] = lambda: False,
    ) -> None:
        """`stop_asked` is looked at while the context is entered, which then raises `Stopped`."""
        self._options = {"bootstrap_servers": bootstrap, "client_id": client_id}
        self._topics = topics
        self._take = take
        self._stop_asked = stop_asked
        self._positions: dict[TopicPartition, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Event()
        self._failures = 0
        self._trouble: str | None = None

    def trouble(self) -> str | None:
        """Why the news may be old by now, or None."""
        return self._trouble

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow())
        try:
            await self._all_given()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _all_given(self) -> None:
        while not self._caught_up.is_set():
            if self._stop_asked():
                raise Stopped(f"told to stop while reading {', '.join(self._topics)}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AROUND_SECONDS):
                    await self._caught_up.wait()

    async def _stop(self) -> None:
        """Bounded: a `take` that does not end is left behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_STOP_SECONDS)

    async def _follow(self) -> None:
        """Read for ever; what fails is tried again from where it stood."""
        while True:
            try:
                await _apart(self._read_on())
            except Exception as error:
                why = f"{type(error).__name__}: {error}".rstrip(": ")
                if not self._failures:
                    known = isinstance(error, KafkaError | KoipondError | OSError)
                    log.warning("not_following", topics=self._topics, error=why, exc_info=not known)
                self._trouble = f"{', '.join(self._topics)} cannot be followed: {why}"
                await asyncio.sleep(_pause(self._failures))
                self._failures += 1

    async def _read_on(self) -> None:
        async with self._consumer() as consumer:
            ends = await self._begin(consumer)
            looked_at = time.monotonic()
            while True:
                await self._read(consumer)
                if time.monotonic() - looked_at > _LOOK_SECONDS:
                    await self._look(consumer)
                    looked_at = time.monotonic()
                # what was missed while Kafka was away has to be read first
                if all(self._positions[tp] >= end for tp, end in ends.items()):
                    self._know_all()

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """A consumer whose broker is gone is merely silent, and so are some brokers about what lies beyond their end."""
        ends = await _apart(consumer.end_offsets(list(self._positions)), _ANSWER_SECONDS)
        self._begin_anew([tp for tp, end in ends.items() if self._positions[tp] > end])

    def _begin_anew(self, places: Sequence[TopicPartition]) -> None:
        """Raise `Retryable`, if there are any whose records are others than those that were read."""
        if places:
            for tp in places:
                self._positions.pop(tp, None)
            topics = ", ".join(sorted({tp.topic for tp in places}))
            raise Retryable(f"{topics} no longer holds what was read of it: it is read from its beginning")

    def _know_all(self) -> None:
        if self._failures:
            log.info("following_again", topics=self._topics)
        self._failures, self._trouble = 0, None
        self._caught_up.set()

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self._options,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="none",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            with contextlib.suppress(Retryable, KafkaError, OSError):
                await _apart(consumer.stop(), _CLOSE_SECONDS)

    async def _begin(self, consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, int]:
        """Stand where the reading was left off, or at the beginning; returns the ends at this moment."""
        places = await self._places(consumer)
        firsts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        consumer.assign(places)
        for tp in places:
            position = self._positions.get(tp, 0)
            # beyond the end: the topic was deleted and made anew
            self._positions[tp] = firsts[tp] if position > ends[tp] else max(position, firsts[tp])
            consumer.seek(tp, self._positions[tp])
        return dict(ends)

    async def _places(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        present = await consumer.topics()
        missing = [topic for topic in self._topics if topic not in present]
        if missing:
            raise Retryable(f"there is no topic {', '.join(missing)}; run: koi topics create")
        # the consumer knows the partitions of those topics alone of which it was asked something
        await consumer.beginning_offsets([TopicPartition(topic, 0) for topic in self._topics])
        return [TopicPartition(t, p) for t in self._topics for p in sorted(consumer.partitions_for_topic(t) or {0})]

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        try:
            found = await consumer.getmany(timeout_ms=_POLL_MS if self._caught_up.is_set() else _FIRST_POLL_MS)
        except OffsetOutOfRangeError as error:
            self._begin_anew(list(error.args[0]))
            raise
        for tp, batch in found.items():
            await self._give([_record(r) for r in batch])
            self._positions[tp] = batch[-1].offset + 1
        for tp in self._positions:
            if tp not in found:
                # control records and what compaction removed are passed over
                self._positions[tp] = await consumer.position(tp)

    async def _give(self, records: Sequence[Record]) -> None:
        """Again and again until they are taken: what comes after them must not be given first."""
        failures = 0
        while True:
            try:
                await self._take(records)
            except Exception as error:
                first = records[0]
                log.exception("not_taken", topic=first.topic, partition=first.partition, offset=first.offset)
                self._trouble = f"news of {first.topic} cannot be taken in: {type(error).__name__}: {error}".rstrip(
                    ": "
                )
                await asyncio.sleep(_pause(failures))
                failures += 1
            else:
                return


async def _apart(work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
    """The result of `work`; raise `Retryable` if it takes longer than `seconds`, or gives up.

    In a task of its own: a client without its broker cancels what it waits for, which must not look like our being cancelled.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=2 * _CLOSE_SECONDS)
    if not task.done() or task.cancelled():
        raise Retryable("Kafka does not answer")
    return task.result()


def _pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row, before this one."""
    return _PAUSES[min(failures, len(_PAUSES) - 1)]


def _record(r: ConsumerRecord) -> Record:
    return Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
