"""The toy processor in a real `PublishThenCommit`, on a store and a publisher that can be made to fail."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from services.contracts.errors import Retryable
from services.contracts.topics import DEAD_LETTER
from services.contracts.wire import DEAD_LETTERS
from services.runtime.commit import PublishThenCommit
from services.runtime.dead_letter import Budget, Flooded
from services.runtime.errands import Errands
from services.runtime.gate import Gate
from services.runtime.memory import MemoryStore
from services.runtime.publisher import Publisher
from services.runtime.record import Output, Record
from services.runtime.store import Changes, Claim, Due, Fenced, Store, StoreUnavailable
from services.runtime.telemetry import Telemetry
from tests.unit.runtime.toy import TOPIC, Toy, ToyProcessor, World, said

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class Mode(Enum):
    """How a call fails: without effect, after its effect, or because another owner came in between."""

    BEFORE = "before"
    AFTER = "after"
    FENCED = "fenced"


class Fuse:
    """Counts the calls to the outside, and makes the chosen ones fail."""

    def __init__(self, failures: Mapping[int, Mode] | None = None) -> None:
        self._failures = failures or {}
        self.calls = 0

    def next(self) -> Mode | None:
        self.calls += 1
        return self._failures.get(self.calls)


class FailingStore(MemoryStore):
    """A `MemoryStore` whose calls fail when the fuse says so."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    async def claim(self, partition: int) -> Claim:
        mode = self._fuse.next()
        if mode is Mode.BEFORE:
            raise StoreUnavailable("injected")
        claim = await super().claim(partition)
        if mode is not None:
            raise StoreUnavailable("injected, though applied")
        return claim

    async def load(self, partition: int, customers: Sequence[str], *, epoch: int | None = None) -> list[bytes | None]:
        if self._fuse.next() is not None:
            raise StoreUnavailable("injected")
        return await super().load(partition, customers, epoch=epoch)

    async def due(self, partition: int, until_ms: int, limit: int, *, epoch: int | None = None) -> list[Due]:
        if self._fuse.next() is not None:
            raise StoreUnavailable("injected")
        return await super().due(partition, until_ms, limit, epoch=epoch)

    async def digests(self, partition: int, *, epoch: int | None = None) -> dict[str, bytes]:
        if self._fuse.next() is not None:
            raise StoreUnavailable("injected")
        return await super().digests(partition, epoch=epoch)

    async def commit(self, claim: Claim, changes: Changes) -> None:
        mode = self._fuse.next()
        if mode is Mode.BEFORE:
            raise StoreUnavailable("injected")
        if mode is Mode.FENCED:
            await super().claim(claim.partition)
        await super().commit(claim, changes)
        if mode is Mode.AFTER:
            raise StoreUnavailable("injected, though applied")


class Recorder:
    """A publisher that keeps what it acknowledged, and some of what it did not."""

    def __init__(self, fuse: Fuse | None = None) -> None:
        self.published: list[Output] = []
        self._fuse = fuse or Fuse()

    async def publish(self, outputs: Sequence[Output]) -> None:
        mode = self._fuse.next()
        if mode is Mode.BEFORE:
            raise Retryable("injected")
        if mode is not None:
            self.published += outputs[: len(outputs) // 2 + 1]
            raise Retryable("injected, though half is there")
        self.published += outputs


def make_stage(
    store: Store,
    publisher: Publisher,
    *,
    event_clock: bool = True,
    errands: Errands[Toy] | None = None,
    budget: Budget | None = None,
    telemetry: Telemetry | None = None,
    observe: Callable[[Sequence[Output]], None] = lambda _outputs: None,
    digest: Callable[[Toy], bytes | None] | None = lambda toy: str(toy.steps).encode(),
    gate: Gate | None = None,
) -> PublishThenCommit[Toy, dict[str, Any]]:
    return PublishThenCommit(
        ToyProcessor(),
        store,
        publisher,
        budget or Budget(10_000, 1.0),
        telemetry or Telemetry("toy", "0"),
        service="toy",
        event_clock=event_clock,
        errands=errands,
        observe=observe,
        digest=digest,
        gate=gate,
    )


async def drive(
    stage: PublishThenCommit[Toy, dict[str, Any]],
    records: Sequence[Record],
    cut: Callable[[Sequence[Record]], Sequence[Sequence[Record]]] = lambda records: [records],
    now: datetime = NOW,
    failures: int = 200,
) -> int:
    """Feed all records as a worker does: after a failure, drop, claim again, and go on from the stored position.

    Returns how often it failed.
    """
    for failed in range(failures):
        try:
            position = (await stage.claim(0)).get(TOPIC, 0)
            for batch in cut(records):
                if left := [record for record in batch if record.offset >= position]:
                    await stage.handle(0, left, now)
        except (Retryable, StoreUnavailable, Fenced, Flooded):
            stage.drop(0)
        else:
            return failed
    raise AssertionError(f"not through after {failures} failures")


def world(store: MemoryStore, published: Sequence[Output]) -> World:
    """What the store holds, and what was said; repeats of an output count once."""
    toy = ToyProcessor()
    return World(
        states={who: toy.load(blob) for who, blob in store._states[0].items()},
        timers=dict(store._timers[0]),
        watermark_ms=store._cursors[0].watermark_ms,
        outputs=list(said(published)),
        rejected=[(letter.reason, letter.offset) for letter in letters(published)],
    )


def letters(published: Sequence[Output]) -> list[Any]:
    return [DEAD_LETTERS.decode(o.value or b"") for o in published if o.topic == DEAD_LETTER.name]


def once(outputs: Sequence[tuple[bytes | None, bytes | None]]) -> dict[tuple[bytes | None, int], bytes | None]:
    """Outputs as a reader keeps them: one per customer and version; all repeats must be equal."""
    kept: dict[tuple[bytes | None, int], bytes | None] = {}
    for key, value in outputs:
        version = json.loads(value or b"{}").get("version", -1)
        assert kept.setdefault((key, version), value) == value, "a repeat differs from the first time"
    return kept
