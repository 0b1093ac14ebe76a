"""Crossing gates: how one partition stops at a gate, says how it stands, and goes through once all have spoken.

Every step is kept by a mark in the partition's own commit, so that a crash anywhere repeats at most the step in hand.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.contracts.calendar import to_ms
from services.runtime.fold import time_of
from services.runtime.gate import Gate
from services.runtime.held import Held
from services.runtime.publisher import Publisher
from services.runtime.store import Changes, Store, copied

WOKEN_AT_ONCE = 2000
"""Timers set by one commit."""


class Crossing:
    """The gate of a service, as its stage meets it."""

    def __init__(self, gate: Gate, store: Store, publisher: Publisher, *, event_clock: bool) -> None:
        self._gate = gate
        self._store = store
        self._publisher = publisher
        self._event_clock = event_clock

    def claimed(self, held: Held[Any]) -> None:
        held.stale = self._gate.claimed(held.partition, held.marks)

    def released(self, partition: int) -> None:
        self._gate.released(partition)

    def ahead(self, held: Held[Any]) -> int | None:
        """On the event clock, the instant at which to stop."""
        if not self._event_clock:
            return None
        first_ms = held.claim.cursor.watermark_ms
        if first_ms is None:
            first_ms = next((to_ms(at) for e in held.backlog if (at := time_of(e)) is not None), None)
        return None if first_ms is None else self._gate.next_ms(held.marks, first_ms)

    def behind(self, held: Held[Any], now: datetime, *, reading: bool) -> int | None:
        """On the wall clock, the last gate before now, if it was not passed yet.

        While a partition is still `reading` what was there when it began, it has nothing to say of how it stands.
        """
        if reading and not self._gate.begun(held.marks):
            return None
        return self._gate.latest_ms(held.marks, to_ms(now))

    async def cross(self, held: Held[Any], at_ms: int, wake_ms: int) -> bool:
        """Say how the partition stands, once; then go through, if the gate is open. Whoever is to be woken is, at `wake_ms`.

        A partition that has become stale meanwhile has nothing to say before its customers were looked at.
        """
        if held.stale:
            return False
        gate = self._gate
        digests: Mapping[str, bytes] | None = None
        if not gate.said(held.marks, at_ms):
            digests = await self._digests(held)
            outputs, marks = gate.say(held.partition, at_ms, digests)
            await self._publisher.publish(outputs)
            await self._mark(held, marks)
        if not gate.is_open(at_ms):
            return False
        passage = gate.passage(held.partition, at_ms, await self._digests(held) if digests is None else digests)
        await self._mark(held, passage.marks, passage.wake, wake_ms, at_ms if self._event_clock else None)
        return True

    async def look_anew(self, held: Held[Any], now: datetime) -> None:
        """Wake every customer of a partition that is stale."""
        if not held.stale:
            return
        watermark_ms = held.claim.cursor.watermark_ms
        wake_ms = (watermark_ms or 0) + 1 if self._event_clock else to_ms(now)
        digests = await self._digests(held)
        # before anything else is awaited: it may become stale again meanwhile
        held.stale = False
        passage = self._gate.look_anew(held.partition, digests)
        await self._mark(held, passage.marks, passage.wake, wake_ms)

    async def _digests(self, held: Held[Any]) -> Mapping[str, bytes]:
        return await self._store.digests(held.partition, epoch=held.claim.epoch)

    async def _mark(
        self,
        held: Held[Any],
        marks: Mapping[str, str],
        wake: Collection[str] = (),
        wake_ms: int = 0,
        watermark_ms: int | None = None,
    ) -> None:
        """Keep the marks, once every customer to be woken has a timer."""
        rest = list(wake)
        while len(rest) > WOKEN_AT_ONCE:
            some, rest = rest[:WOKEN_AT_ONCE], rest[WOKEN_AT_ONCE:]
            await self._store.commit(held.claim, Changes(copied(held.claim.cursor), {}, dict.fromkeys(some, wake_ms)))
        cursor = copied(held.claim.cursor)
        cursor.marks.update(marks)
        if watermark_ms is not None:
            cursor.watermark_ms = max(watermark_ms, cursor.watermark_ms or watermark_ms)
        await self._store.commit(held.claim, Changes(cursor, {}, dict.fromkeys(rest, wake_ms)))
        held.claim = replace(held.claim, cursor=cursor)
