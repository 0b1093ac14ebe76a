"""Puts records of several topics into the order of event time, for a replay.

Topics whose equal partition numbers hold the same customers are merged: the record with the smallest time among the
heads goes first, once every topic has a head to compare, or the one without has been silent for so long that waiting
any longer would only be a stand-still. Within one topic the order of offsets is never changed.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

DEFAULT_BOUND = 5000
_LONG_AGO = -(2**63)


class Held(NamedTuple, Generic[T]):
    """A record waiting for its turn; `at_ms` is Unix milliseconds of event time."""

    at_ms: int
    offset: int
    item: T


class _Input(Generic[T]):
    """One partition of one topic."""

    __slots__ = ("buffer", "idle", "last_ms", "next_offset", "waited_for_since")

    def __init__(self) -> None:
        self.buffer: deque[Held[T]] = deque()
        self.next_offset: int | None = None
        """One behind the last record offered."""
        self.last_ms = _LONG_AGO
        self.waited_for_since: datetime | None = None
        self.idle = False


class Alignment(Generic[T]):
    """Buffers and merges. `now` is any clock that only moves forward; it measures silence, never event time.

    With nobody idle, what is released depends only on what was offered, not on how it was cut into batches or which
    topic came first. An input is idle once the others have waited `idle` for it, and until it is offered again. One
    that is known to have more than it has delivered is waited for longer: `patience`.
    """

    def __init__(self, idle: timedelta, patience: timedelta | None = None, bound: int = DEFAULT_BOUND) -> None:
        self._idle = idle
        self._patience = idle if patience is None else patience
        self._bound = bound
        self._partitions: dict[int, dict[str, _Input[T]]] = {}

    def assign(self, inputs: Iterable[tuple[str, int]]) -> None:
        """Expect these (topic, partition) from now on. One that is assigned already keeps its buffer."""
        for topic, partition in inputs:
            self._partitions.setdefault(partition, {}).setdefault(topic, _Input())

    def revoke(self, inputs: Iterable[tuple[str, int]]) -> None:
        """Forget these and all that they hold. Do this and `assign` again to read from an earlier offset."""
        for topic, partition in inputs:
            topics = self._partitions.get(partition, {})
            topics.pop(topic, None)
            if not topics:
                self._partitions.pop(partition, None)

    def offer(self, topic: str, partition: int, records: Sequence[tuple[int | None, int, T]]) -> None:
        """Take (event time in ms, offset, item), in rising order of offset.

        Without a time of its own (it is no valid event), a record takes that of the one before it. Offsets offered
        before are dropped, and so is everything of an input that is not assigned: it has another owner by now.
        """
        held = self._partitions.get(partition, {}).get(topic)
        if held is None or not records:
            return
        held.idle = False
        held.waited_for_since = None
        for at_ms, offset, item in records:
            if held.next_offset is not None and offset < held.next_offset:
                continue
            if at_ms is not None:
                held.last_ms = at_ms
            held.buffer.append(Held(held.last_ms, offset, item))
            held.next_offset = offset + 1

    def release(self, partition: int, now: datetime, behind: Collection[str] = ()) -> list[T]:
        """All whose turn has come, in order: by time, then topic, then offset.

        `behind` are the topics known to have records that were not offered yet. Offer what has already arrived before asking, or a stand-still of the caller passes for silence of the input.
        """
        released: list[T] = []
        topics = sorted(self._partitions.get(partition, {}).items())
        while self._comparable(topics, now, behind):
            buffers = [(topic, held.buffer) for topic, held in topics if held.buffer]
            while all(buffer for _, buffer in buffers):
                _, _, first = min((buffer[0].at_ms, topic, buffer) for topic, buffer in buffers)
                released.append(first.popleft().item)
        return released

    def position(self, topic: str, partition: int) -> int | None:
        """The offset to commit once all that was released is safe; None as long as nothing was offered."""
        held = self._partitions.get(partition, {}).get(topic)
        if held is None:
            return None
        return held.buffer[0].offset if held.buffer else held.next_offset

    def full(self, topic: str, partition: int) -> bool:
        """Whether to stop fetching this input until more of it is released."""
        held = self._partitions.get(partition, {}).get(topic)
        return held is not None and len(held.buffer) >= self._bound

    def _comparable(self, inputs: Sequence[tuple[str, _Input[T]]], now: datetime, behind: Collection[str]) -> bool:
        """Whether the smallest head is surely the next: nobody who may still have a smaller one is missing."""
        missing = [(topic, held) for topic, held in inputs if not held.buffer]
        if len(missing) == len(inputs):
            for _, held in missing:
                held.waited_for_since = None
            return False
        for topic, held in missing:
            if held.waited_for_since is None:
                held.waited_for_since = now
            longest = self._patience if topic in behind else self._idle
            held.idle = held.idle or now - held.waited_for_since >= longest
        return all(held.idle for _, held in missing)
