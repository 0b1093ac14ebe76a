"""Folds one partition's records and timers into states: the pure heart of the commit protocol.

Event time and timers are woven together here, so that replaying a year gives what living it gave: before a record is
folded, every timer due at or before that record's instant has been fired, in order, each at its own instant. On the
wall clock everything in a pass happens now.
"""

import heapq
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from services.contracts.calendar import EPOCH, from_ms, to_ms, to_ms_up
from services.contracts.errors import InvalidMessage
from services.contracts.events import TICK_KEY
from services.runtime.processor import Emit, Inbox, Processor, Step
from services.runtime.record import Output, Record
from services.runtime.store import Due

S = TypeVar("S")
M = TypeVar("M")

TIMERS = "(timer)"
"""Stands for the topic in the dead letter of a timer that could not be fired."""
RETURNS = "(return)"
"""The same, of the result of an effect that could not be folded in; the offset is its number."""
Settle: TypeAlias = Callable[[S | None, Any, Any, datetime], Step[S] | None]
"""Folds the result of an effect into the state of the customer whose effect it was. Pure; None if it changes nothing."""


class Entry(NamedTuple, Generic[M]):
    """A record, and what it decoded to (or why it could not be)."""

    record: Record
    inbox: Inbox[M] | InvalidMessage


def time_of(entry: Entry[M]) -> datetime | None:
    """The instant that a record moves the clock to, if it moves it."""
    return None if isinstance(entry.inbox, InvalidMessage) else entry.inbox.at


class Place(NamedTuple):
    """Where a record stands within its partition: offsets are counted for each topic."""

    topic: str
    offset: int


class Rejected(NamedTuple):
    """A record for the dead letter."""

    record: Record
    reason: str
    detail: str


class Effect(NamedTuple):
    """Something to do outside for a customer, and the instant at which it was asked for."""

    customer_id: str
    what: Any
    now: datetime


class Return(NamedTuple):
    """What came of an effect; `number` tells it from all others of the process."""

    number: int
    effect: Effect
    result: Any


@dataclass(slots=True)
class Folded(Generic[S]):
    """What came of a batch.

    `taken`: how many entries were consumed (fewer than given when timers or the dead letter's allowance ran out).
    """

    taken: int = 0
    watermark_ms: int | None = None
    states: dict[str, S | None] = field(default_factory=dict)
    timers: dict[str, int | None] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    fired: int = 0
    flooded: bool = False


class Fold(Generic[S, M]):
    """One pass over one batch of one partition.

    `states` holds the state of every customer named by the entries or the timers (None when unknown) and is changed in
    place. `due` are the stored timers up to the batch's last instant; when there were too many to load, `truncated` says
    so and the pass stops where its knowledge of timers ends. `wall` is the instant all records count for on the wall
    clock; without it each record counts for its own event time, never going backwards from `watermark_ms`, and after the
    last of them timers go on firing until `until_ms`.
    """

    def __init__(
        self,
        processor: Processor[S, M],
        partition: int,
        states: MutableMapping[str, S | None],
        due: Sequence[Due],
        *,
        truncated: bool = False,
        watermark_ms: int | None = None,
        wall: datetime | None = None,
        until_ms: int | None = None,
        allowance: int = 1_000_000,
        poison: Mapping[Place | Due, str] | None = None,
        settle: Settle[S] | None = None,
    ) -> None:
        self._processor = processor
        self._partition = partition
        self._states = states
        self._heap: list[Due] = list(due)
        heapq.heapify(self._heap)
        self._armed: dict[str, int] = {timer.customer_id: timer.at_ms for timer in due}
        self._bound = due[-1] if truncated else None
        self._wall = wall
        self._until_ms = until_ms
        self._allowance = allowance
        self._poison = poison or {}
        self._settle = settle
        self._result: Folded[S] = Folded(watermark_ms=watermark_ms)

    def run(self, entries: Sequence[Entry[M]], returns: Sequence[Return] = ()) -> Folded[S]:
        result = self._result
        self.take_back(returns)
        for entry in entries:
            if not self._take(entry):
                return result
            result.taken += 1
        if self._wall is not None:
            self._fire_until(to_ms(self._wall))
        elif self._until_ms is not None:
            self._fire_until(self._until_ms)
        elif self._bound is not None:
            self._fire_until(self._bound.at_ms)
        return result

    def take_back(self, returns: Sequence[Return]) -> None:
        """Fold in what came of effects, those of this very pass too."""
        for back in returns:
            self._take_back(back)

    def _take(self, entry: Entry[M]) -> bool:
        """Fold one entry; False leaves it, and all after it, for another pass."""
        record, inbox = entry
        if isinstance(inbox, InvalidMessage):
            return self._reject(record, inbox.reason, inbox.detail)
        now = self._now(inbox.at)
        now_ms = to_ms(now)
        if self._bound is not None and now_ms >= self._bound.at_ms:
            self._fire_until(self._bound.at_ms)
            return False
        self._fire_until(now_ms)
        if self._wall is None and inbox.at is not None:
            self._result.watermark_ms = now_ms
        if self._poison and (why := self._poison.get(Place(record.topic, record.offset))) is not None:
            return self._reject(record, "internal_error", why)
        try:
            if not inbox.customer_id:
                self._emit(TICK_KEY, self._processor.tick(inbox.message))
                return True
            step = self._processor.apply(self._states.get(inbox.customer_id), inbox.message, record, now)
        except InvalidMessage as error:
            return self._reject(record, error.reason, error.detail)
        except Exception as error:
            raise Poisoned(Place(record.topic, record.offset), f"{type(error).__name__}: {error}") from error
        self._keep(inbox.customer_id, step, now)
        return True

    def _take_back(self, back: Return) -> None:
        """Fold in what came of an effect. It counts for the wall's now, on the event clock for when it was asked for."""
        effect, place = back.effect, Place(RETURNS, back.number)
        if self._settle is None:
            return
        if place in self._poison:
            key = effect.customer_id.encode()
            record = Record(RETURNS, self._partition, back.number, to_ms(effect.now), key, None)
            self._result.rejected.append(Rejected(record, "internal_error", self._poison[place]))
            return
        now = self._wall or effect.now
        try:
            step = self._settle(self._states.get(effect.customer_id), effect.what, back.result, now)
        except Exception as error:
            raise Poisoned(place, type(error).__name__) from error
        self._keep(effect.customer_id, step, now)

    def _now(self, at: datetime | None) -> datetime:
        if self._wall is not None:
            return self._wall
        watermark_ms = self._result.watermark_ms
        if watermark_ms is None:
            return at or EPOCH
        return from_ms(watermark_ms) if at is None or to_ms(at) < watermark_ms else at

    def _fire_until(self, until_ms: int) -> None:
        heap = self._heap
        while heap and heap[0].at_ms <= until_ms:
            timer = heap[0]
            if self._bound is not None and timer > self._bound:
                return
            heapq.heappop(heap)
            if self._armed.get(timer.customer_id) != timer.at_ms:
                continue
            del self._armed[timer.customer_id]
            self._fire(timer)

    def _fire(self, timer: Due) -> None:
        state = self._states.get(timer.customer_id)
        self._result.fired += 1
        self._result.timers[timer.customer_id] = None
        if self._wall is None:
            self._result.watermark_ms = max(timer.at_ms, self._result.watermark_ms or timer.at_ms)
        if timer in self._poison:
            record = Record(TIMERS, self._partition, timer.at_ms, timer.at_ms, timer.customer_id.encode(), None)
            self._result.rejected.append(Rejected(record, "internal_error", self._poison[timer]))
        elif state is not None:
            # on the wall clock a timer may have been missed for days; what is done now is not dated then
            now = self._wall or from_ms(timer.at_ms)
            try:
                step = self._processor.wake(state, now)
            except Exception as error:
                raise Poisoned(timer, f"{type(error).__name__}: {error}") from error
            self._keep(timer.customer_id, step, now)

    def _keep(self, customer_id: str, step: Step[S] | None, now: datetime) -> None:
        if step is None:
            return
        result = self._result
        self._states[customer_id] = result.states[customer_id] = step.state
        if step.due is None or step.state is None:
            self._armed.pop(customer_id, None)
            result.timers[customer_id] = None
        else:
            # later than now, or a timer that asks for the present would fire for ever
            due_ms = max(to_ms_up(step.due), to_ms(now) + 1)
            if self._armed.get(customer_id) != due_ms:
                self._armed[customer_id] = due_ms
                heapq.heappush(self._heap, Due(due_ms, customer_id))
            result.timers[customer_id] = due_ms
        if step.outputs:
            self._emit(customer_id.encode(), step.outputs)
        for what in step.effects:
            result.effects.append(Effect(customer_id, what, now))

    def _emit(self, key: bytes | None, outputs: Sequence[Emit]) -> None:
        self._result.outputs += [output.addressed(self._partition, key) for output in outputs]

    def _reject(self, record: Record, reason: str, detail: str) -> bool:
        if len(self._result.rejected) >= self._allowance:
            self._result.flooded = True
            return False
        self._result.rejected.append(Rejected(record, reason, detail))
        return True


class Poisoned(Exception):  # noqa: N818
    """A record (by its place) or a timer made the processor fail in a way it does not know.

    States may be half changed: the pass must be redone from the stored ones, without the culprit.
    """

    def __init__(self, culprit: Place | Due, detail: str) -> None:
        super().__init__(detail)
        self.culprit = culprit
        self.detail = detail
