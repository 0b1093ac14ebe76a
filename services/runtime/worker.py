"""A worker: keeps one stage fed from Kafka, through rebalances, failures and stops.

FastStream polls and calls `on_batch`; `maintain` claims partitions, fires timers and commits offsets in between. Both
take the same lock, and so does a rebalance: a partition is never taken away under a running batch.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from services.contracts.errors import Retryable
from services.runtime.outlook import Outlook
from services.runtime.record import Record
from services.runtime.stage import Resume, Stage
from services.runtime.telemetry import Telemetry
from services.runtime.trouble import Trouble
from services.runtime.unreadable import Unreadable

_MAINTAIN_SECONDS = 0.1
_LOOKS = 10
"""How often in that time it is looked whether the worker was stirred."""
_WAKE_SECONDS = 0.25
_COMMIT_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_LOOK_SECONDS = 5.0
_STUCK_SECONDS = 10.0
_FRESH_MS = 1000.0
_FINISH_SECONDS = 35.0
_AT_ONCE = 8
"""Partitions of one batch handled side by side: they wait for the network more than they compute."""

log = structlog.get_logger()


class PositionLost(Retryable):
    """The stored position and the topic do not fit together."""


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs `stage` on whatever partitions the consumer group assigns.

    A partition is *assigned* by Kafka, and *held* once the stage has claimed it and the consumer stands at its position.
    Records of partitions not held are dropped unread: they are read again after the claim.

    A batch may have been fetched before the claim's seek and arrive after it; taking it would leave a gap. So claims are
    numbered, the numbers are noted whenever a batch is done (the next one is fetched after that), and records fetched
    under an older number are dropped and read again.
    """

    def __init__(self, stage: Stage, telemetry: Telemetry, *, fence_seconds: float) -> None:
        self._stage = stage
        self._telemetry = telemetry
        self._fence_seconds = fence_seconds
        self._consumer: AIOKafkaConsumer | None = None
        self._assigned: dict[int, set[TopicPartition]] = {}
        self._held: set[int] = set()
        self._claims: dict[int, int] = defaultdict(int)
        self._claims_at_fetch: dict[int, int] = {}
        self._expected: dict[TopicPartition, int] = {}
        self._claimed_ms: dict[int, float] = {}
        self._trouble: dict[int, Trouble] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._lock = asyncio.Lock()
        self._joined = False
        self._stopping = False
        self._stirred: set[int] = set()
        self._alive_at = time.monotonic()
        self._wake_at = 0.0
        self._commit_at = 0.0
        self._look_at = 0.0
        self._batch_since: float | None = None
        self._outlook = Outlook(telemetry, self._position)

    def attach(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    def stir(self, *partitions: int) -> None:
        """Something may have become possible that was not: look at these partitions now, or at all, not only when it is time."""
        self._stirred.update(partitions or self._assigned)

    # --- what health asks

    def not_ready(self) -> str | None:
        """Why this worker is not doing its whole job, or None."""
        if self._stopping:
            return "stopping"
        if not self._joined:
            return "waiting for the consumer group"
        # being claimed again does not end a partition's trouble; a batch that succeeds does, or having nothing to do
        troubled = (self._assigned.keys() - self._held) | self._trouble.keys()
        if troubled:
            why = next((trouble.why for trouble in self._trouble.values()), "claiming")
            return f"{len(troubled)} of {len(self._assigned)} partitions are not processed: {why}"
        if self._batch_since is not None and (stuck := time.monotonic() - self._batch_since) > _STUCK_SECONDS:
            return f"the batch in hand has been waiting for {stuck:.0f} s"
        return self._outlook.away

    def expected(self) -> dict[TopicPartition, int]:
        """Where the partitions that are held stand: the offsets that must come next."""
        return {tp: self._expected[tp] for p in self._held for tp in self._assigned.get(p, ())}

    def silent_seconds(self) -> float:
        """Seconds since the worker last showed that it moves. Waiting for Kafka or the store is not silence."""
        return 0.0 if self._lock.locked() else time.monotonic() - self._alive_at

    # --- what Kafka tells

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        async with self._lock:
            try:
                await self._finish_stage({tp.partition for tp in revoked})
                await self._commit_offsets()
            finally:
                for tp in revoked:
                    self._release(tp)
                self._telemetry.rebalance()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        # No I/O here: aiokafka swallows what a listener raises. `maintain` claims.
        self._joined = True
        self._telemetry.rebalance()
        assigned = set(assigned)
        for tp in assigned:
            self._assigned.setdefault(tp.partition, set()).add(tp)
            self._let_go(tp.partition)
        if self._consumer is not None:
            self._consumer.pause(*assigned)

    # --- what FastStream brings

    async def on_batch(self, batch: Sequence[ConsumerRecord | Unreadable]) -> None:
        """Never raises: what fails is dropped here and read again from its position."""
        by_partition: dict[int, list[Record]] = defaultdict(list)
        for r in batch:
            by_partition[r.partition].append(
                r
                if isinstance(r, Unreadable)
                else Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
            )
        async with self._lock:
            if self._stopping:
                return
            self._batch_since = time.monotonic()
            try:
                gate = asyncio.Semaphore(_AT_ONCE)
                await asyncio.gather(*(self._handle(gate, p, records) for p, records in by_partition.items()))
            finally:
                self._batch_since = None
            self._claims_at_fetch = dict(self._claims)
            self._alive_at = time.monotonic()

    async def _handle(self, gate: asyncio.Semaphore, partition: int, records: Sequence[Record]) -> None:
        async with gate:
            if partition not in self._held:
                return
            if self._claims_at_fetch.get(partition) != self._claims[partition]:
                self._read_again(partition)
                return
            try:
                self._check_start(partition, records)
                await self._stage.handle(partition, records, datetime.now(UTC))
                self._trouble.pop(partition, None)
                self._expect(partition, records)
                self._throttle(partition)
            except Exception as error:  # noqa: BLE001 - whatever it is, the batch must not be lost
                await self._failed(partition, error)

    def _check_start(self, partition: int, records: Sequence[Record]) -> None:
        """A consumer whose position lies beyond the end of its topic silently starts at the beginning."""
        for tp in self._assigned[partition]:
            first = next((record.offset for record in records if record.topic == tp.topic), None)
            if first is not None and first < self._expected[tp]:
                raise PositionLost(
                    f"the stored position {self._expected[tp]} of {tp.topic}/{tp.partition} lies beyond its end: "
                    "the topic was deleted and made anew, or this is another Kafka"
                )

    def _expect(self, partition: int, records: Sequence[Record]) -> None:
        for tp in self._assigned[partition]:
            last = next((record.offset for record in reversed(records) if record.topic == tp.topic), None)
            if last is not None:
                self._expected[tp] = last + 1

    def _read_again(self, partition: int) -> None:
        if self._consumer is not None:
            for tp in self._assigned[partition]:
                self._consumer.seek(tp, self._expected[tp])

    # --- what time brings

    async def maintain(self) -> None:
        """Runs until cancelled, whatever happens: without it no partition would be claimed."""
        while True:
            for _ in range(_LOOKS):
                await asyncio.sleep(_MAINTAIN_SECONDS / _LOOKS)
                if self._stirred:
                    break
            stirred, self._stirred = self._stirred, set()
            try:
                await self._maintain_once(stirred)
            except Exception:
                log.exception("maintenance_failed")
                self._telemetry.failure("internal")

    async def _maintain_once(self, stirred: Collection[int]) -> None:
        consumer = self._consumer
        async with self._lock:
            if consumer is None or self._stopping:
                return
            await self._claim_missing(consumer)
            now = time.monotonic()
            if now - self._wake_at > _WAKE_SECONDS:
                self._wake_at = now
                await self._wake(consumer, self._held)
            elif stirred:
                await self._wake(consumer, self._held.intersection(stirred))
            if now - self._commit_at > _COMMIT_SECONDS:
                self._commit_at = now
                await self._commit_offsets()
            self._alive_at = time.monotonic()
        if now - self._look_at > _LOOK_SECONDS:
            self._look_at = now
            await self._outlook.look(consumer, self._held_places())
        self._telemetry.owned(len(self._held))

    async def _wake(self, consumer: AIOKafkaConsumer, partitions: Iterable[int]) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._wake_one(gate, consumer, partition) for partition in sorted(partitions)))

    async def _wake_one(self, gate: asyncio.Semaphore, consumer: AIOKafkaConsumer, partition: int) -> None:
        async with gate:
            try:
                behind = [tp.topic for tp in self._assigned[partition] if await self._is_behind(consumer, tp)]
                await self._stage.wake(partition, datetime.now(UTC), behind)
                self._throttle(partition)
                if not behind:
                    self._trouble.pop(partition, None)
            except Exception as error:  # noqa: BLE001 - the same: drop, and read again
                await self._failed(partition, error)

    async def _is_behind(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> bool:
        """Whether the broker may have more than was handed over: unless it has just said that it has not."""
        answered_ms, end = consumer.last_poll_timestamp(tp), consumer.highwater(tp)
        if answered_ms is None or end is None:
            return True
        if answered_ms < max(self._claimed_ms[tp.partition], time.time() * 1000 - _FRESH_MS):
            return True
        return bool(await consumer.position(tp) < end)

    async def finish(self) -> None:
        """Let the batch in hand finish, commit, and take no more.

        Bounded, and given up as soon as Kafka does not answer: a batch may be waiting for it. What is not finished is
        done again.
        """
        self._stopping = True
        finishing = asyncio.create_task(self._finish())
        tasks = {finishing}
        if self._consumer is not None:
            tasks.add(asyncio.create_task(self._outlook.until_away(self._consumer)))
        try:
            await asyncio.wait(tasks, timeout=_FINISH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not finishing.done():
                log.warning("batch_abandoned", why=self._outlook.away or f"not done after {_FINISH_SECONDS:g} s")
        finally:
            for task in tasks:
                task.cancel()

    async def _finish(self) -> None:
        async with self._lock:
            await self._finish_stage(set(self._held))
            await self._commit_offsets()

    async def _finish_stage(self, partitions: Collection[int]) -> None:
        """Let what is under way outside end, side by side. What does not is done again by whoever comes next."""
        held = sorted(self._held.intersection(partitions))
        ends = await asyncio.gather(*map(self._stage.finish, held), return_exceptions=True)
        for partition, end in zip(held, ends, strict=True):
            if isinstance(end, BaseException):
                log.warning("not_finished", partition=partition, error=f"{type(end).__name__}: {end}")

    async def _claim_missing(self, consumer: AIOKafkaConsumer) -> None:
        now = time.monotonic()
        for partition in sorted(self._assigned.keys() - self._held):
            trouble = self._trouble.get(partition)
            if trouble is not None and trouble.retry_at > now:
                continue
            if self._stopping:
                return
            try:
                await self._claim(consumer, partition)
            except Exception as error:  # noqa: BLE001 - the partition stays unheld and is tried again
                await self._failed(partition, error)
                return  # the others have their turn while this one waits

    async def _claim(self, consumer: AIOKafkaConsumer, partition: int) -> None:
        start = await self._stage.claim(partition)
        tps = self._assigned[partition]
        for tp in tps:
            await self._seek(consumer, tp, start.get(tp.topic))
        self._claims[partition] += 1
        self._claimed_ms[partition] = time.time() * 1000
        self._held.add(partition)
        consumer.resume(*tps)

    async def _seek(self, consumer: AIOKafkaConsumer, tp: TopicPartition, position: int | None) -> None:
        """Always seek, even to where the consumer seems to stand: it may have read ahead."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                if position is None and self._stage.resume is Resume.COMMITTED:
                    position = await consumer.committed(tp)
                first = (await consumer.beginning_offsets([tp]))[tp]
        except (KafkaError, TimeoutError) as error:
            raise Retryable(f"Kafka: {type(error).__name__}: {error}") from error
        if position is None:
            position = first
        elif position < first:
            log.error("records_lost_to_retention", topic=tp.topic, partition=tp.partition, count=first - position)
            self._telemetry.failure("retention")
        self._expected[tp] = max(position, first)
        consumer.seek(tp, self._expected[tp])

    def _throttle(self, partition: int) -> None:
        """Fetch no more of what the stage holds back; go on once it has let go."""
        if self._consumer is None:
            return
        saturated = self._stage.saturated(partition)
        paused = self._consumer.paused()
        for tp in self._assigned[partition]:
            if tp.topic in saturated and tp not in paused:
                self._consumer.pause(tp)
            elif tp.topic not in saturated and tp in paused:
                self._consumer.resume(tp)

    async def _failed(self, partition: int, error: Exception) -> None:
        """Drop the partition: forget what is held, stop fetching, claim again after a while.

        What was done before the failure is committed first: a stage without a store has no other record of it.
        """
        await self._commit_offsets()
        trouble = Trouble.after(error, self._trouble.get(partition), time.monotonic(), self._fence_seconds)
        unknown = trouble.kind == "internal"
        self._telemetry.failure(trouble.kind)
        log.log(
            logging.ERROR if unknown else logging.WARNING,
            "batch_dropped",
            partition=partition,
            why=trouble.kind,
            error=trouble.why,
            retry_in_seconds=round(trouble.delay, 2),
            exc_info=error if unknown else None,
        )
        self._let_go(partition)
        self._trouble[partition] = trouble
        if self._consumer is not None and partition in self._assigned:
            with contextlib.suppress(KafkaError):  # not assigned any more: nothing to pause
                self._consumer.pause(*self._assigned[partition])

    def _release(self, tp: TopicPartition) -> None:
        self._let_go(tp.partition)
        self._committed.pop(tp, None)
        self._outlook.forget(tp)
        tps = self._assigned.get(tp.partition, set())
        tps.discard(tp)
        if not tps:
            self._assigned.pop(tp.partition, None)
            self._trouble.pop(tp.partition, None)

    def _let_go(self, partition: int) -> None:
        self._held.discard(partition)
        self._stage.drop(partition)

    async def _commit_offsets(self) -> None:
        """Tell Kafka where we stand. Only saves time and shows lag: a failure is no more than a log line."""
        offsets = {}
        for partition in self._held:
            positions = self._stage.positions(partition)
            for tp in self._assigned.get(partition, ()):
                position = positions.get(tp.topic)
                if position is not None and self._committed.get(tp) != position:
                    offsets[tp] = position
        if not offsets or self._consumer is None:
            return
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):  # not wait_for: in Python 3.11 that can swallow a cancellation
                await self._consumer.commit(offsets)
            self._committed.update(offsets)
        except (KafkaError, TimeoutError) as error:
            log.warning("offset_commit_failed", error=f"{type(error).__name__}: {error}")

    def _held_places(self) -> list[TopicPartition]:
        return [tp for partition in self._held for tp in self._assigned.get(partition, ())]

    def _position(self, tp: TopicPartition) -> int | None:
        held = tp.partition in self._held and tp in self._assigned.get(tp.partition, ())
        return self._stage.positions(tp.partition).get(tp.topic) if held else None
