"""Scoring as the runtime sees it: an event in, a profile out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import floor
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from services.contracts import wire
from services.contracts.calendar import EPOCH, BusinessDays
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, ClockTick, CustomerDeleted, CustomerMerged, Flag
from services.contracts.profile import Cause, Happening
from services.contracts.topics import PROFILES, TRANSFERS
from services.contracts.transfer import MAX_HOPS, Forwarded, Handover, TransferMessage
from services.runtime.partitioning import partition_of
from services.runtime.processor import Address, Emit, Inbox, Processor, Step
from services.runtime.record import Record
from services.scoring import card, rfm
from services.scoring import state as states
from services.scoring.config import ScoringConfig
from services.scoring.fold import check, fold
from services.scoring.happening import happening
from services.scoring.population import Population, second_of
from services.scoring.snapshot import profile
from services.scoring.state import CustomerState
from services.scoring.union import absorb, absorb_again

ScoringMessage: TypeAlias = AnyEvent | TransferMessage

_MICROSECOND = timedelta(microseconds=1)
SOURCE = "koi.scoring"
"""Of events that scoring itself tells."""
_ENVELOPE_BYTES = 4096
"""Of a record, beside its value."""


class _Behind(NamedTuple):
    """What a profile comes from: nothing but time, unless said. `event` is told to the rules."""

    id: str = ""
    at: datetime | None = None
    event: Happening | None = None


_NOTHING = _Behind()


class ScoringProcessor(Processor[CustomerState, ScoringMessage]):
    """Folds events into customers and publishes a profile whenever one changes.

    `zone` is the business time zone. `partitions` is the number of partitions of every keyed topic: an event that lies
    in another partition than its customer's would split the customer over two owners, and is refused. `population`
    knows the cut-offs in force.
    """

    def __init__(
        self, config: ScoringConfig, zone: ZoneInfo, partitions: int, population: Population | None = None
    ) -> None:
        self._config = config
        self._days = BusinessDays(zone)
        self._zone = zone.key
        self._partitions = partitions
        self._population = population or Population(config, zone, partitions)

    # --- bytes

    def decode(self, record: Record) -> Inbox[ScoringMessage]:
        if record.value is None:
            raise InvalidMessage("malformed", f"the record has no value; {record.topic} carries no deletions")
        if record.topic == TRANSFERS.name:
            return self._decode_transfer(record, record.value)
        event = wire.EVENTS.decode(record.value)
        at = wire.check_year("occurred_at", event.occurred_at)
        if isinstance(event, ClockTick):
            return Inbox("", at, event)
        self._check_owner(event.customer_id, record)
        return Inbox(event.customer_id, at, event, event.origin)

    def _decode_transfer(self, record: Record, value: bytes) -> Inbox[ScoringMessage]:
        transfer = wire.TRANSFERS.decode(value)
        at = transfer.occurred_at if isinstance(transfer, Handover) else transfer.event.occurred_at
        wire.check_year("occurred_at", at)
        self._check_owner(transfer.customer_id, record)
        # it happened to somebody else, in another partition: it does not move the clock of this one
        return Inbox(transfer.customer_id, None, transfer, occurred_at=at)

    def _check_owner(self, customer: str, record: Record) -> None:
        if not customer:
            raise InvalidMessage("malformed", "customer_id is empty")
        owner = partition_of(customer, self._partitions)
        if owner != record.partition:
            raise InvalidMessage(
                "wrong_partition",
                f"this customer belongs to partition {owner} of {self._partitions}; publish through ingest, "
                "or key by customer_id with Kafka's default (murmur2) partitioner",
            )

    def load(self, blob: bytes) -> CustomerState:
        """Raise `UnreadableState` for what another release wrote."""
        state = states.BLOBS.load(blob)
        state.resize(self._config.history_days, self._days, free=self._config.free)
        return state

    def dump(self, state: CustomerState) -> bytes:
        return states.BLOBS.dump(state)

    def digest(self, state: CustomerState) -> bytes | None:
        return card.card(state, self._config.window_days)

    # --- messages

    def apply(
        self, state: CustomerState | None, message: ScoringMessage, record: Record, now: datetime
    ) -> Step[CustomerState] | None:
        if isinstance(message, Handover):
            return self._receive(state, message, now)
        event, hops = (message.event, message.hops) if isinstance(message, Forwarded) else (message, 0)
        check(event, self._config.currency)
        if state is not None and state.merged_into is not None:
            return self._pass_on(state, event, hops, now)
        if isinstance(event, CustomerDeleted):
            return self._erase(state, event, now)
        if isinstance(event, CustomerMerged):
            return self._hand_over(state, event, now)
        offset = None if isinstance(message, Forwarded) else record.offset
        return self._fold(state, event, offset, now)

    def _fold(
        self, state: CustomerState | None, event: AnyEvent, offset: int | None, now: datetime
    ) -> Step[CustomerState] | None:
        """`offset` in koi.events; None for an event that came another way."""
        if state is not None and _void(state, event):
            return None
        state = state or self._new(event.customer_id, now)
        moved = state.advance(self._today(now), self._config.window_days, self._days)
        late = state.is_early(self._days.day_of(floor(event.occurred_at.timestamp())))
        cause = fold(state, event, self._config, self._days)
        if cause is None:
            if not moved:
                return None
            self._score(state)
            return self._publish(state, now, Cause.TIME, _NOTHING)
        if offset is None:
            state.version = max(state.version, 0)
        else:
            state.version, state.published_us = offset, 0
        self._score(state)
        flags: tuple[Flag, ...] = (*event.flags, "late") if late else event.flags
        return self._publish(state, now, cause, _Behind(event.id, event.occurred_at, happening(event)), flags)

    def wake(self, state: CustomerState, now: datetime) -> Step[CustomerState]:
        if state.merged_into is not None:
            return Step(state)
        if state.erased_us is not None and _microseconds(now) >= state.erased_us + self._void_us:
            # nothing that is older can be under way any more
            state.erased_us = None
            if state.blank:
                return Step(None)
        if state.blank:
            return self._step(state)
        moved = state.advance(self._today(now), self._config.window_days, self._days)
        cause = self._cause_of_time(state, moved=moved)
        if cause is None:
            return self._step(state)
        return self._publish(state, now, cause, _NOTHING)

    def tick(self, message: ScoringMessage) -> Sequence[Emit]:
        if isinstance(message, ClockTick):
            return (Emit(PROFILES.name, wire.PROFILES.encode(message)),)
        return ()

    # --- time

    def _cause_of_time(self, state: CustomerState, *, moved: bool) -> Cause | None:
        """Score the customer as of now; why that gives another profile, if it does."""
        before, old, config = state.scores, self._population.at(state.epoch), state.config
        self._score(state)
        if config != self._config.digest:
            return Cause.CONFIG
        if moved:
            return Cause.TIME
        if state.scores == before:
            return None
        # by the old cut-offs, had time alone done it?
        measures = card.measures(state, self._config.window_days)
        return Cause.TIME if rfm.score(measures, self._config, old, before) != before else Cause.DRIFT

    def _score(self, state: CustomerState) -> None:
        """Score the customer as of the state's day, by what is in force."""
        cutoffs = self._population.in_force(partition_of(state.customer_id, self._partitions))
        measures = card.measures(state, self._config.window_days)
        state.scores = rfm.score(measures, self._config, cutoffs, state.scores)
        state.epoch = None if cutoffs is None else second_of(cutoffs)
        state.config = self._config.digest

    def _due(self, state: CustomerState, change: datetime | None) -> datetime | None:
        """When to be woken: at the next change by time alone, or when the note of a deletion ends."""
        if state.erased_us is None:
            return change
        end = EPOCH + timedelta(microseconds=state.erased_us + self._void_us)
        return end if change is None else min(change, end)

    def _next_change(self, state: CustomerState) -> datetime | None:
        """When time alone may next give another profile."""
        width = self._config.window_days
        change = state.next_change(width)
        last = state.last_order_day(width)
        if last is not None:
            cutoffs = self._population.at(state.epoch)
            day = rfm.next_recency_day(last, state.today, self._config, cutoffs)
            if day is not None and (change is None or day < change):
                change = day
        return None if change is None else datetime.fromtimestamp(self._days.start(change), UTC)

    def _today(self, now: datetime) -> int:
        return self._days.day_of(floor(now.timestamp()))

    # --- one person under two ids

    def _hand_over(self, state: CustomerState | None, event: CustomerMerged, now: datetime) -> Step[CustomerState]:
        if event.into_id == event.customer_id:
            raise InvalidMessage("merged_in_a_circle", "a customer cannot be merged into itself")
        if state is not None and event.into_id in state.absorbed:
            raise InvalidMessage("merged_in_a_circle", "that customer was merged into this one before")
        alias = self._new(event.customer_id, now)
        alias.merged_into = event.into_id
        known = state is not None and not state.blank
        state = state or self._new(event.customer_id, now)
        alias.erased_us = state.erased_us
        handover = Handover(
            customer_id=event.into_id,
            from_id=event.customer_id,
            occurred_at=event.occurred_at,
            cause_id=event.id,
            state=self.dump(state),
        )
        # one nobody knew is handed over too: the survivor must know whom it has taken in
        return Step(alias, (self._transfer(handover), *((Emit(PROFILES.name, None),) if known else ())))

    def _receive(self, state: CustomerState | None, handover: Handover, now: datetime) -> Step[CustomerState] | None:
        if state is not None and state.merged_into is not None:
            self._check_hops(handover.hops)
            onward = msgspec.structs.replace(handover, customer_id=state.merged_into, hops=handover.hops + 1)
            return Step(state, (self._transfer(onward),))
        if state is not None and state.erased_us is not None and _microseconds(handover.occurred_at) <= state.erased_us:
            # the person has been deleted meanwhile, under every id
            return Step(
                state,
                (self._tell_deleted(handover.from_id, state.erased_us),),
                self._due(state, self._next_change(state)),
            )
        other = self.load(handover.state)
        if state is not None and handover.from_id in state.absorbed:
            return self._receive_again(state, other, handover, now)
        state = state or self._new(handover.customer_id, now)
        if other.blank and state.blank:
            absorb(state, other, self._config, self._days)
            return self._step(state)
        state.version = max(state.version, 0)
        self._advance_both(state, other, now)
        absorb(state, other, self._config, self._days)
        self._score(state)
        return self._publish(state, now, Cause.MERGED, _Behind(handover.cause_id, handover.occurred_at))

    def _receive_again(
        self, state: CustomerState, other: CustomerState, handover: Handover, now: datetime
    ) -> Step[CustomerState] | None:
        """A handover that came before. After a crash it may hold more than the first time, and nothing of that must be lost."""
        moved = self._advance_both(state, other, now)
        before = self.dump(state)
        absorb_again(state, other, self._config, self._days)
        if not moved and self.dump(state) == before:
            return None
        self._score(state)
        return self._publish(state, now, Cause.MERGED, _Behind(handover.cause_id, handover.occurred_at))

    def _advance_both(self, state: CustomerState, other: CustomerState, now: datetime) -> bool:
        """Bring both to the day of now; whether that alone gives the first another profile."""
        today, width = self._today(now), self._config.window_days
        other.advance(today, width, self._days)
        return state.advance(today, width, self._days)

    def _pass_on(self, state: CustomerState, event: AnyEvent, hops: int, now: datetime) -> Step[CustomerState] | None:
        """An event for an id that belongs to another customer now."""
        assert state.merged_into is not None  # noqa: S101 - the caller knows
        if _void(state, event):
            return None
        if isinstance(event, CustomerMerged):
            if event.into_id == state.merged_into:
                return None
            raise InvalidMessage("merged_before", "this customer was merged into another one before")
        self._check_hops(hops)
        event = msgspec.structs.replace(event, customer_id=state.merged_into, origin=None)
        forwarded = self._transfer(Forwarded(customer_id=state.merged_into, event=event, hops=hops + 1))
        if isinstance(event, CustomerDeleted):
            # it is one person, who is to be forgotten under both ids
            step = self._erase(state, event, now)
            return Step(step.state, (*step.outputs, forwarded), step.due)
        return Step(state, (forwarded,))

    @staticmethod
    def _check_hops(hops: int) -> None:
        if hops >= MAX_HOPS:
            raise InvalidMessage(
                "merged_in_a_circle", f"handed on {hops} times: these customers were merged in a circle"
            )

    def _transfer(self, message: TransferMessage) -> Emit:
        address = Address(partition_of(message.customer_id, self._partitions), message.customer_id.encode())
        value = wire.TRANSFERS.encode(message)
        if len(value) > TRANSFERS.max_message_bytes - _ENVELOPE_BYTES:
            raise InvalidMessage(
                "too_large", f"what is known of the customer has {len(value):,} bytes, too many to hand over"
            )
        return Emit(TRANSFERS.name, value, address)

    # --- forgetting

    @property
    def _void_us(self) -> int:
        """How long after a deletion events from before it may still arrive, microseconds."""
        return self._config.lateness_seconds * 1_000_000

    def _erase(self, state: CustomerState | None, event: CustomerDeleted, now: datetime) -> Step[CustomerState]:
        """Forget everything but that there is something to forget: what is late must not bring it back."""
        at = _microseconds(event.occurred_at)
        customer = event.customer_id if state is None else state.customer_id
        empty = self._new(customer, now)
        empty.erased_us = at if state is None or state.erased_us is None else max(at, state.erased_us)
        # the ids that were merged into this one are the same person's
        told = [] if state is None else [self._tell_deleted(old, at) for old in state.absorbed]
        return Step(empty, [Emit(PROFILES.name, None), *told], self._due(empty, self._next_change(empty)))

    def _tell_deleted(self, old: str, at_us: int) -> Emit:
        """Word to the owner of an id that was merged into a customer who is deleted now."""
        at = EPOCH + timedelta(microseconds=at_us)
        event = CustomerDeleted(id=f"deleted-{at_us}", source=SOURCE, customer_id=old, occurred_at=at, received_at=at)
        return self._transfer(Forwarded(customer_id=old, event=event))

    # --- steps

    def _new(self, customer_id: str, now: datetime) -> CustomerState:
        return states.new(customer_id, self._today(now), self._config.history_days)

    def _step(self, state: CustomerState, *outputs: Emit) -> Step[CustomerState]:
        return Step(state, outputs, self._due(state, self._next_change(state)))

    def _publish(
        self,
        state: CustomerState,
        now: datetime,
        cause: Cause,
        behind: _Behind,
        flags: tuple[Flag, ...] = (),
    ) -> Step[CustomerState]:
        # two snapshots of one version must differ in their instant, or a reader takes the second for a repeat
        as_of = max(now, EPOCH + timedelta(microseconds=state.published_us) + _MICROSECOND)
        state.published_us = _microseconds(as_of)
        cutoffs, change = self._population.at(state.epoch), self._next_change(state)
        snapshot = profile(
            state,
            self._config,
            zone=self._zone,
            cutoffs="" if cutoffs is None else cutoffs.version,
            now=as_of,
            cause=cause,
            cause_id=behind.id,
            occurred_at=now if behind.at is None else behind.at,
            flags=flags,
            event=behind.event,
            fresh_until=change,
        )
        return Step(state, (Emit(PROFILES.name, wire.PROFILES.encode(snapshot)),), self._due(state, change))


def _void(state: CustomerState, event: AnyEvent) -> bool:
    return state.erased_us is not None and _microseconds(event.occurred_at) <= state.erased_us


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND
