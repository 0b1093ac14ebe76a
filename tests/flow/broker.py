"""A broker in memory: one list of records per topic and partition, and the accidents that can befall its clients."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from services.contracts.calendar import to_ms
from services.contracts.errors import Retryable
from services.runtime.memory import MemoryStore
from services.runtime.record import Headers, Output, Record
from services.runtime.store import Changes, Claim, StoreUnavailable


class Mishap(Enum):
    """What can go wrong at the two places where a stage speaks to the outside."""

    LOST = "nothing of the publication arrived"
    TORN = "of every partition, a part from the beginning arrived"
    UNANSWERED = "everything arrived, the acknowledgement did not"
    NOT_STORED = "the commit never reached the store"
    STORED_UNANSWERED = "the commit was applied, the answer was lost"


PUBLISHING = (Mishap.LOST, Mishap.TORN, Mishap.UNANSWERED)
COMMITTING = (Mishap.NOT_STORED, Mishap.STORED_UNANSWERED)


class Point(NamedTuple):
    """The nth publication or commit of one service, counted from 0."""

    service: str
    committing: bool
    nth: int


class Misfortune:
    """Which mishap happens where; counts the points passed, so that a run without any says which points there are."""

    def __init__(self, plan: Mapping[Point, Mishap] | None = None) -> None:
        self.happened: list[Point] = []
        self.passed: Counter[tuple[str, bool]] = Counter()
        self._plan = plan or {}

    def strike(self, service: str, *, committing: bool) -> Mishap | None:
        point = Point(service, committing, self.passed[service, committing])
        self.passed[service, committing] += 1
        mishap = self._plan.get(point)
        if mishap is not None:
            self.happened.append(point)
        return mishap


class Broker:
    """Records in the order of their arrival, stamped with the broker's own time (`now`)."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._logs: dict[tuple[str, int], list[Record]] = defaultdict(list)

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> Record:
        log = self._logs[topic, partition]
        record = Record(topic, partition, len(log), to_ms(self.now), key, value, headers)
        log.append(record)
        return record

    def read(self, topic: str, partition: int, position: int, limit: int) -> list[Record]:
        return self._logs[topic, partition][position : position + limit]

    def end(self, topic: str, partition: int) -> int:
        return len(self._logs[topic, partition])

    def records(self, topic: str) -> list[Record]:
        """All of a topic, by partition and offset."""
        return [r for (name, _), log in sorted(self._logs.items()) if name == topic for r in log]


class Outlet:
    """The `Publisher` of one service."""

    def __init__(self, broker: Broker, service: str, misfortune: Misfortune, rng: random.Random) -> None:
        self._broker = broker
        self._service = service
        self._misfortune = misfortune
        self._rng = rng

    async def publish(self, outputs: Sequence[Output]) -> None:
        mishap = self._misfortune.strike(self._service, committing=False)
        by_target: dict[tuple[str, int], list[Output]] = defaultdict(list)
        for output in outputs:
            by_target[output.topic, output.partition].append(output)
        for (topic, partition), group in by_target.items():
            arrived = len(group)
            if mishap is Mishap.LOST:
                arrived = 0
            elif mishap is Mishap.TORN:
                arrived = self._rng.randrange(len(group) + 1)
            for output in group[:arrived]:
                self._broker.append(topic, partition, output.key, output.value, output.headers)
        if mishap is not None:
            raise Retryable(mishap.value)


class Vault(MemoryStore):
    """The store of one service; it outlives every stage that uses it."""

    def __init__(self, service: str, misfortune: Misfortune) -> None:
        super().__init__()
        self._service = service
        self._misfortune = misfortune

    async def commit(self, claim: Claim, changes: Changes) -> None:
        mishap = self._misfortune.strike(self._service, committing=True)
        if mishap is not Mishap.NOT_STORED:
            await super().commit(claim, changes)
        if mishap is not None:
            raise StoreUnavailable(mishap.value)

    def next_due(self) -> int | None:
        """The earliest timer of all partitions, Unix milliseconds."""
        return min((at_ms for timers in self._timers.values() for at_ms in timers.values()), default=None)
