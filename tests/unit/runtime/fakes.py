"""A stage and a consumer in memory, for the worker: the stage can fail, the consumer behaves as aiokafka's does."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError

from services.runtime.record import Record
from services.runtime.stage import Resume

TOPIC = "toy.in"


def tp(partition: int) -> TopicPartition:
    return TopicPartition(TOPIC, partition)


class FakeStage:
    """Notes what it is given. `failures` are raised by `handle`, `claim_failures` by `claim`, in order."""

    resume = Resume.BEGINNING

    def __init__(self) -> None:
        self.handled: dict[int, list[int]] = {}
        self.stored: dict[int, int] = {}
        self.claimed: set[int] = set()
        self.claims = 0
        self.drops = 0
        self.failures: list[Exception] = []
        self.claim_failures: list[Exception] = []
        self.wake_failures: list[Exception] = []
        self.finish_failures: list[Exception] = []
        self.finished: list[int] = []
        self.under_way = asyncio.Event()
        self.under_way.set()
        self.woken: list[int] = []
        self.running = 0
        self.most_running = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.holding: frozenset[str] = frozenset()

    behind: list[str] | None = None

    async def claim(self, partition: int) -> Mapping[str, int]:
        if self.claim_failures:
            raise self.claim_failures.pop(0)
        self.claims += 1
        self.claimed.add(partition)
        return {TOPIC: self.stored[partition]} if partition in self.stored else {}

    async def finish(self, partition: int) -> None:
        self.finished.append(partition)
        await self.under_way.wait()
        if self.finish_failures:
            raise self.finish_failures.pop(0)

    async def handle(self, partition: int, records: Sequence[Record], now: datetime) -> None:
        assert now.tzinfo is not None
        assert partition in self.claimed, "a batch of a partition that is not claimed"
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.entered.set()
        try:
            await self.gate.wait()
            if self.failures:
                raise self.failures.pop(0)
            for record in records:
                assert record.offset == self.stored.get(partition, 0), "a gap, or a repeat"
                self.stored[partition] = record.offset + 1
                self.handled.setdefault(partition, []).append(record.offset)
        finally:
            self.running -= 1

    async def wake(self, partition: int, now: datetime, behind: Collection[str] = ()) -> None:  # noqa: ARG002
        self.woken.append(partition)
        assert partition in self.claimed, "a timer of a partition that is not claimed"
        self.behind = list(behind)
        if self.wake_failures:
            raise self.wake_failures.pop(0)

    def drop(self, partition: int) -> None:
        self.drops += 1
        self.claimed.discard(partition)

    def positions(self, partition: int) -> Mapping[str, int]:
        return {TOPIC: self.stored[partition]} if partition in self.stored and partition in self.claimed else {}

    def saturated(self, partition: int) -> Collection[str]:  # noqa: ARG002
        return self.holding


class FakeConsumer:
    """One topic's log. What was fetched is handed over later, as prefetching does."""

    def __init__(self, logs: Mapping[int, int]) -> None:
        self.logs = dict(logs)
        self.positions: dict[TopicPartition, int] = {}
        self.assignment: set[TopicPartition] = set()
        self.stopped: set[TopicPartition] = set()
        self.committed_offsets: dict[TopicPartition, int] = {}
        self.away = False
        self.answered_ms: int | None = None

    def assign(self, partitions: Iterable[int]) -> set[TopicPartition]:
        self.assignment = {tp(p) for p in partitions}
        self.positions = dict.fromkeys(self.assignment, 0)
        self.stopped.clear()
        return set(self.assignment)

    def fetch(self, at_most: int = 3) -> list[ConsumerRecord]:
        """The next records of every partition not paused; the position moves on, whatever becomes of them."""
        batch = []
        for place in sorted(self.assignment - self.stopped):
            start = self.positions[place]
            if start > self.logs[place.partition]:
                start = 0  # out of range: as `auto_offset_reset` says
            end = min(self.logs[place.partition], start + at_most)
            batch += [_raw(place.partition, offset) for offset in range(start, end)]
            self.positions[place] = end
        return batch

    def pause(self, *places: TopicPartition) -> None:
        assert set(places) <= self.assignment
        self.stopped |= set(places)

    def resume(self, *places: TopicPartition) -> None:
        assert set(places) <= self.assignment
        self.stopped -= set(places)

    def paused(self) -> set[TopicPartition]:
        return set(self.stopped)

    def seek(self, place: TopicPartition, offset: int) -> None:
        assert place in self.assignment
        self.positions[place] = offset

    async def position(self, place: TopicPartition) -> int:
        return self.positions[place]

    def highwater(self, place: TopicPartition) -> int:
        return self.logs[place.partition]

    def last_poll_timestamp(self, _place: TopicPartition) -> int | None:
        return self.answered_ms

    async def beginning_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        self._answer()
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        self._answer()
        return {place: self.logs[place.partition] for place in places}

    async def topics(self) -> set[str]:
        self._answer()
        return {TOPIC}

    async def committed(self, place: TopicPartition) -> int | None:
        self._answer()
        return self.committed_offsets.get(place)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._answer()
        self.committed_offsets.update(offsets)

    def _answer(self) -> None:
        if self.away:
            raise KafkaConnectionError("away")


def _raw(partition: int, offset: int) -> ConsumerRecord:
    return ConsumerRecord(
        TOPIC,
        partition,
        offset,
        timestamp=1_700_000_000_000 + offset,
        timestamp_type=1,
        key=b"k",
        value=b"v",
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=1,
        headers=(),
    )
