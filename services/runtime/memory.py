"""A store in memory, for flows on an in-memory broker and for tests. Its rules are those of `store`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TypeVar

from services.runtime.store import Changes, Claim, Cursor, Due, Fenced

T = TypeVar("T")


class MemoryStore:
    def __init__(self) -> None:
        self._epochs: dict[int, int] = defaultdict(int)
        self._cursors: dict[int, Cursor] = defaultdict(Cursor)
        self._states: dict[int, dict[str, bytes]] = defaultdict(dict)
        self._timers: dict[int, dict[str, int]] = defaultdict(dict)
        self._digests: dict[int, dict[str, bytes]] = defaultdict(dict)

    async def claim(self, partition: int) -> Claim:
        self._epochs[partition] += 1
        return Claim(partition, self._epochs[partition], deepcopy(self._cursors[partition]))

    async def load(self, partition: int, customers: Sequence[str], *, epoch: int | None = None) -> list[bytes | None]:
        self._check(partition, epoch)
        states = self._states[partition]
        return [states.get(customer) for customer in customers]

    async def due(self, partition: int, until_ms: int, limit: int, *, epoch: int | None = None) -> list[Due]:
        self._check(partition, epoch)
        timers = self._timers[partition]
        return sorted(Due(at_ms, customer) for customer, at_ms in timers.items() if at_ms <= until_ms)[:limit]

    async def digests(self, partition: int, *, epoch: int | None = None) -> dict[str, bytes]:
        self._check(partition, epoch)
        return dict(self._digests[partition])

    async def cursor(self, partition: int) -> Cursor:
        return deepcopy(self._cursors[partition])

    async def commit(self, claim: Claim, changes: Changes) -> None:
        partition = claim.partition
        self._check(partition, claim.epoch)
        stored, cursor = self._cursors[partition], changes.cursor
        for topic, position in cursor.positions.items():
            if position < stored.positions.get(topic, 0):
                raise Fenced(f"partition {partition} of {topic} stands at {stored.positions[topic]}, beyond {position}")
        stored.positions.update(cursor.positions)
        stored.origins.update(cursor.origins)
        stored.marks.update(cursor.marks)
        if cursor.watermark_ms is not None:
            stored.watermark_ms = cursor.watermark_ms
        _merge(self._states[partition], changes.states)
        _merge(self._timers[partition], changes.timers)
        _merge(self._digests[partition], changes.digests)

    def _check(self, partition: int, epoch: int | None) -> None:
        if epoch is not None and epoch != self._epochs[partition]:
            raise Fenced(f"partition {partition} has epoch {self._epochs[partition]}, not {epoch}")


def _merge(stored: dict[str, T], changes: Mapping[str, T | None]) -> None:
    """None deletes."""
    for customer, value in changes.items():
        if value is None:
            stored.pop(customer, None)
        else:
            stored[customer] = value
