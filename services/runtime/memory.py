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

    async def load(self, partition: int, customers: Sequence[str]) -> list[bytes | None]:
        states = self._states[partition]
        return [states.get(customer) for customer in customers]

    async def due(self, partition: int, until_ms: int, limit: int) -> list[Due]:
        timers = self._timers[partition]
        return sorted(Due(at_ms, customer) for customer, at_ms in timers.items() if at_ms <= until_ms)[:limit]

    async def commit(self, claim: Claim, changes: Changes) -> None:
        partition = claim.partition
        if claim.epoch != self._epochs[partition]:
            raise Fenced(f"partition {partition} has epoch {self._epochs[partition]}, not {claim.epoch}")
        stored = self._cursors[partition].positions
        for topic, position in changes.cursor.positions.items():
            if position < stored.get(topic, 0):
                raise Fenced(f"partition {partition} of {topic} stands at {stored[topic]}, beyond {position}")
        self._cursors[partition] = deepcopy(changes.cursor)
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
