"""A store in memory, for flows on an in-memory broker and for tests. Its rules are those of `store`."""

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy

from services.runtime.store import Changes, Claim, Cursor, Due, Fenced


class MemoryStore:
    def __init__(self) -> None:
        self._epochs: dict[int, int] = defaultdict(int)
        self._cursors: dict[int, Cursor] = defaultdict(Cursor)
        self._states: dict[int, dict[str, bytes]] = defaultdict(dict)
        self._timers: dict[int, dict[str, int]] = defaultdict(dict)

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

    async def commit(self, claim: Claim, changes: Changes) -> None:
        partition = claim.partition
        self._check(partition, claim.epoch)
        stored, cursor = self._cursors[partition], changes.cursor
        for topic, position in cursor.positions.items():
            if position < stored.positions.get(topic, 0):
                raise Fenced(f"partition {partition} of {topic} stands at {stored.positions[topic]}, beyond {position}")
        stored.positions.update(cursor.positions)
        stored.origins.update(cursor.origins)
        if cursor.watermark_ms is not None:
            stored.watermark_ms = cursor.watermark_ms
        for customer, blob in changes.states.items():
            if blob is None:
                self._states[partition].pop(customer, None)
            else:
                self._states[partition][customer] = blob
        for customer, at_ms in changes.timers.items():
            if at_ms is None:
                self._timers[partition].pop(customer, None)
            else:
                self._timers[partition][customer] = at_ms

    def _check(self, partition: int, epoch: int | None) -> None:
        if epoch is not None and epoch != self._epochs[partition]:
            raise Fenced(f"partition {partition} has epoch {self._epochs[partition]}, not {epoch}")
