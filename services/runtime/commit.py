"""Publish, then commit: how every stateful stage handles a batch of one partition.

1. load the states of the customers in the batch, and the timers that fall due within it, if this is still the owner
2. skip records below the stored position, and repeats of a stateless publisher upstream
3. fold with pure functions
4. publish the outputs and await the broker's acknowledgements
5. write states, timers and position in one atomic call that fails if the partition has another owner by now
6. begin what is to be done outside; what comes of it is folded in by a later round (see `errands`)

(The Kafka offset is committed later and only saves time: the store holds the truth.) A crash anywhere loses nothing and
applies every record's state change exactly once; outputs can repeat, with the same ids and versions.

A service whose partitions must meet now and then has a gate (see `gate`): on the event clock what lies behind it is kept
in a backlog until it opens.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

from services.contracts.calendar import to_ms
from services.contracts.errors import InvalidMessage
from services.runtime.crossing import Crossing
from services.runtime.dead_letter import Budget, Flooded, letters
from services.runtime.errands import Errands
from services.runtime.fold import Entry, Fold, Folded, Place, Poisoned, Return, time_of
from services.runtime.gate import Gate
from services.runtime.held import Held
from services.runtime.origins import note, repeats
from services.runtime.processor import Processor
from services.runtime.publisher import Publisher
from services.runtime.record import Output, Record
from services.runtime.stage import Resume
from services.runtime.store import Changes, Cursor, Due, Seen, Store, copied
from services.runtime.telemetry import Telemetry
from services.runtime.unreadable import Unreadable

S = TypeVar("S")
M = TypeVar("M")

TIMERS_AT_ONCE = 2000
FINISH_SECONDS = 20.0
"""How long a partition that is given up waits for what is under way outside."""
CACHED_STATES = 8000
"""States kept decoded between batches, over all partitions. A decoded one takes some ten times its stored size."""


class _Round(NamedTuple):
    """What one round goes by: the wall's now, until when timers fire on the event clock, how many dead letters are left, and what came back from outside."""

    now: datetime
    until_ms: int | None
    allowance: int
    returns: Sequence[Return]


class PublishThenCommit(Generic[S, M]):
    """A `Stage` for a service with state.

    `event_clock` makes event time the clock instead of the wall's; a replay waits for what is done outside, so that its
    results too come in order. `errands`: what does it. `observe` sees every output once it is committed. `digest`: what to keep of each customer to be seen at a glance. `gate`: where the partitions of the service meet.
    """

    resume = Resume.BEGINNING

    def __init__(
        self,
        processor: Processor[S, M],
        store: Store,
        publisher: Publisher,
        budget: Budget,
        telemetry: Telemetry,
        *,
        service: str,
        event_clock: bool,
        errands: Errands[S] | None = None,
        digest: Callable[[S], bytes | None] | None = None,
        gate: Gate | None = None,
        observe: Callable[[Sequence[Output]], None] = lambda _outputs: None,
    ) -> None:
        self._processor = processor
        self._store = store
        self._publisher = publisher
        self._budget = budget
        self._telemetry = telemetry
        self._service = service
        self._event_clock = event_clock
        self._errands = errands
        self._digest = digest
        self._crossing = None if gate is None else Crossing(gate, store, publisher, event_clock=event_clock)
        self._observe = observe
        self._held: dict[int, Held[S]] = {}

    async def claim(self, partition: int) -> Mapping[str, int]:
        claim = await self._store.claim(partition)
        held: Held[S] = Held(claim)
        if self._crossing is not None:
            self._crossing.claimed(held)
        self._held[partition] = held
        return claim.cursor.positions

    def drop(self, partition: int) -> None:
        if self._held.pop(partition, None) is not None and self._crossing is not None:
            self._crossing.released(partition)

    def renew(self) -> None:
        """All customers are to be looked at anew: what they are judged by has changed. Needs a gate."""
        for held in self._held.values():
            held.stale = True

    def positions(self, partition: int) -> Mapping[str, int]:
        held = self._held.get(partition)
        return held.claim.cursor.positions if held else {}

    def saturated(self, partition: int) -> Collection[str]:
        held = self._held.get(partition)
        return {entry.record.topic for entry in held.backlog} if held else ()

    async def handle(self, partition: int, records: Sequence[Record], now: datetime) -> None:
        held = self._held[partition]
        fresh = [r for r in records if r.offset >= held.claim.cursor.positions.get(r.topic, 0)]
        self._telemetry.skipped(self._service, "replayed", len(records) - len(fresh))
        held.backlog += map(self._entry, fresh)
        await self._advance(held, now)

    async def wake(self, partition: int, now: datetime, behind: Collection[str] = ()) -> None:
        held = self._held[partition]
        if self._event_clock:
            if held.backlog:
                await self._advance(held, now)
            return
        crossing = self._crossing
        if crossing is not None:
            await crossing.look_anew(held, now)
        while await self._store.due(partition, to_ms(now), 1) or self._returned(partition):
            await self._commit_some(held, (), now)
        at_ms = None if crossing is None else crossing.behind(held, now, reading=bool(behind))
        if crossing is not None and at_ms is not None:
            await crossing.cross(held, at_ms, to_ms(now))

    async def finish(self, partition: int) -> None:
        held = self._held.get(partition)
        if held is None or self._errands is None:
            return
        await self._errands.idle(partition, FINISH_SECONDS)
        while self._returned(partition):
            await self._commit_some(held, (), datetime.now(UTC))

    async def _advance(self, held: Held[S], now: datetime) -> None:
        """Fold what has been read, as far as the next gate that is closed."""
        crossing = self._crossing
        if crossing is not None:
            await crossing.look_anew(held, now)
        while held.backlog:
            gate_ms = None if crossing is None else crossing.ahead(held)
            reach = next((i for i, e in enumerate(held.backlog) if _lies_behind(gate_ms, e)), len(held.backlog))
            if reach:
                del held.backlog[: await self._commit_some(held, held.backlog[:reach], now)]
            elif crossing is None or gate_ms is None or not await self._pass_in_time(crossing, held, gate_ms, now):
                return

    async def _pass_in_time(self, crossing: Crossing, held: Held[S], at_ms: int, now: datetime) -> bool:
        """Let everything happen that time brings before the gate, then go through; False if it is closed."""
        while await self._store.due(held.partition, at_ms, 1):
            await self._commit_some(held, (), now, until_ms=at_ms)
        # a millisecond later: time has its own say first, and both are told apart by their instants
        return await crossing.cross(held, at_ms, at_ms + 1)

    async def _commit_some(
        self, held: Held[S], entries: Sequence[Entry[M]], now: datetime, *, until_ms: int | None = None
    ) -> int:
        """One round of the protocol; returns how many records it consumed. `until_ms`: fire timers until then as well."""
        started = time.monotonic()
        returns = self._returned(held.partition)
        cursor = copied(held.claim.cursor)
        fresh, seen = self._fresh(entries, cursor)
        going_by = _Round(now, until_ms, self._budget.available(started), returns)
        folded = await self._fold_without_poison(held, fresh, going_by)
        taken = self._taken(entries, fresh, folded)
        _advance(cursor, entries[:taken], folded.watermark_ms, seen if taken == len(entries) else None)
        outputs = folded.outputs
        if folded.rejected:
            outputs += letters(self._service, folded.rejected, datetime.now(UTC))
        # before anything is published: a state that cannot be encoded says so here
        changes = self._changes(cursor, folded)
        if outputs:
            await self._publisher.publish(outputs)
        await self._store.commit(held.claim, changes)
        held.claim = replace(held.claim, cursor=cursor)
        held.cache.update(folded.states)
        if len(held.cache) > CACHED_STATES // max(1, len(self._held)):
            held.cache.clear()
        if self._errands is not None:
            self._errands.committed(held.partition, returns)
            if not self._event_clock:
                self._errands.begin(held.partition, folded.effects)
        self._observe(outputs)
        self._count(folded, entries[:taken], started)
        if folded.flooded:
            raise Flooded(f"{self._service} wrote {len(folded.rejected)} dead letters and reached its limit")
        return taken

    def _entry(self, record: Record) -> Entry[M]:
        if isinstance(record, Unreadable):
            return Entry(record, record.error)
        try:
            return Entry(record, self._processor.decode(record))
        except InvalidMessage as error:
            return Entry(record, error)
        except Exception as error:  # noqa: BLE001 - a bug in the decoder must not stop the partition for ever
            return Entry(record, InvalidMessage("internal_error", f"{type(error).__name__}: {error}"))

    def _fresh(self, entries: Sequence[Entry[M]], cursor: Cursor) -> tuple[list[Entry[M]], dict[str, Seen]]:
        """Entries without the repeats of a stateless publisher upstream, and the origins known after all of them."""
        seen = dict(cursor.origins)
        fresh = []
        for entry in entries:
            inbox = entry.inbox
            if isinstance(inbox, InvalidMessage) or not repeats(seen, inbox.origin):
                fresh.append(entry)
                if not isinstance(inbox, InvalidMessage):
                    note(seen, inbox.origin)
        self._telemetry.skipped(self._service, "repeated", len(entries) - len(fresh))
        return fresh, seen

    async def _fold_without_poison(self, held: Held[S], entries: Sequence[Entry[M]], going_by: _Round) -> Folded[S]:
        poison: dict[Place | Due, str] = {}
        while True:
            try:
                return await self._fold(held, entries, going_by, poison)
            except Poisoned as culprit:
                # states may be half changed: start over from the stored ones, without it
                poison[culprit.culprit] = culprit.detail
                held.cache.clear()

    async def _fold(
        self,
        held: Held[S],
        entries: Sequence[Entry[M]],
        going_by: _Round,
        poison: Mapping[Place | Due, str],
    ) -> Folded[S]:
        now, until_ms, allowance, returns = going_by
        partition, watermark_ms = held.claim.partition, held.claim.cursor.watermark_ms
        due: list[Due] = []
        horizon_ms = until_ms if until_ms is not None else self._horizon(entries, watermark_ms, now)
        if horizon_ms is not None:
            due = await self._store.due(partition, horizon_ms, TIMERS_AT_ONCE, epoch=held.claim.epoch)
        customers = {e.inbox.customer_id for e in entries if not isinstance(e.inbox, InvalidMessage)}
        customers.update(timer.customer_id for timer in due)
        customers.update(back.effect.customer_id for back in returns)
        customers.discard("")
        states = await self._load(held, customers)
        fold = Fold(
            self._processor,
            partition,
            states,
            due,
            truncated=len(due) == TIMERS_AT_ONCE,
            watermark_ms=watermark_ms,
            wall=None if self._event_clock else now,
            until_ms=until_ms,
            allowance=allowance,
            poison=poison,
            settle=None if self._errands is None else self._errands.settle,
        )
        folded = fold.run(entries, returns)
        if self._event_clock and self._errands is not None and folded.effects:
            fold.take_back(await self._errands.finish(folded.effects))
        return folded

    def _horizon(self, entries: Sequence[Entry[M]], watermark_ms: int | None, now: datetime) -> int | None:
        if not self._event_clock:
            return to_ms(now)
        newest = [to_ms(at) for e in entries if (at := time_of(e)) is not None]
        if not newest:
            return None
        return max(*newest, watermark_ms if watermark_ms is not None else newest[0], newest[0])

    async def _load(self, held: Held[S], customers: set[str]) -> dict[str, S | None]:
        cache = held.cache
        unknown = sorted(customers - cache.keys())
        blobs = await self._store.load(held.claim.partition, unknown, epoch=held.claim.epoch)
        for customer, blob in zip(unknown, blobs, strict=True):
            cache[customer] = None if blob is None else self._processor.load(blob)
        return cache

    @staticmethod
    def _taken(entries: Sequence[Entry[M]], fresh: Sequence[Entry[M]], folded: Folded[S]) -> int:
        if folded.taken == len(fresh):
            return len(entries)
        stopped_at = fresh[folded.taken]
        return next(i for i, entry in enumerate(entries) if entry is stopped_at)

    def _returned(self, partition: int) -> Sequence[Return]:
        return () if self._errands is None else self._errands.returned(partition)

    def _changes(self, cursor: Cursor, folded: Folded[S]) -> Changes:
        dump = self._processor.dump
        states = {c: None if state is None else dump(state) for c, state in folded.states.items()}
        digest = self._digest
        if digest is None:
            return Changes(cursor, states, folded.timers)
        digests = {c: None if state is None else digest(state) for c, state in folded.states.items()}
        return Changes(cursor, states, folded.timers, digests)

    def _count(self, folded: Folded[S], entries: Sequence[Entry[M]], started: float) -> None:
        self._budget.spend(len(folded.rejected))
        for item in folded.rejected:
            self._telemetry.dead_letter(self._service, item.reason)
        self._telemetry.batch(self._service, len(entries), folded.fired, time.monotonic() - started)
        if not self._event_clock and entries and not isinstance(entries[0].inbox, InvalidMessage):
            oldest = entries[0].inbox.occurred_at or entries[0].inbox.at
            if oldest is not None:
                self._telemetry.latency(self._service, (datetime.now(UTC) - oldest).total_seconds())


def _lies_behind(gate_ms: int | None, entry: Entry[M]) -> bool:
    at = time_of(entry)
    return gate_ms is not None and at is not None and to_ms(at) >= gate_ms


def _advance(cursor: Cursor, taken: Sequence[Entry[M]], watermark_ms: int | None, seen: dict[str, Seen] | None) -> None:
    """Move past what was taken. `seen` are the origins after all of it, where they are known already."""
    for record, inbox in taken:
        cursor.positions[record.topic] = record.offset + 1
        if seen is None and not isinstance(inbox, InvalidMessage):
            note(cursor.origins, inbox.origin)
    if seen is not None:
        cursor.origins = seen
    if watermark_ms is not None:
        cursor.watermark_ms = watermark_ms
