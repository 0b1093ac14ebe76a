"""The scoring service as the runtime sees it: an event in, a profile out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor
from zoneinfo import ZoneInfo

from services.contracts import wire
from services.contracts.calendar import BusinessDays
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, ClockTick
from services.contracts.profile import Cause
from services.contracts.topics import PROFILES
from services.runtime.partitioning import partition_of
from services.runtime.processor import Emit, Inbox, Processor, Step
from services.runtime.record import Record
from services.scoring import rfm
from services.scoring import state as states
from services.scoring.config import ScoringConfig
from services.scoring.fold import check, fold
from services.scoring.snapshot import profile
from services.scoring.state import CustomerState


class ScoringProcessor(Processor[CustomerState, AnyEvent]):
    """Folds events into customers and publishes a profile whenever one changes.

    `zone` is the business time zone. `partitions` is the number of partitions of every keyed topic: an event that lies
    in another partition than its customer's would split the customer over two owners, and is refused.
    """

    def __init__(self, config: ScoringConfig, zone: ZoneInfo, partitions: int) -> None:
        self._config = config
        self._days = BusinessDays(zone)
        self._zone = zone.key
        self._partitions = partitions

    def decode(self, record: Record) -> Inbox[AnyEvent]:
        if record.value is None:
            raise InvalidMessage("malformed", "the record has no value; koi.events carries no deletions")
        event = wire.EVENTS.decode(record.value)
        at = wire.check_year("occurred_at", event.occurred_at)
        if isinstance(event, ClockTick):
            return Inbox("", at, event)
        customer = event.customer_id
        if not customer:
            raise InvalidMessage("malformed", "customer_id is empty")
        owner = partition_of(customer, self._partitions)
        if owner != record.partition:
            raise InvalidMessage(
                "wrong_partition",
                f"this customer belongs to partition {owner} of {self._partitions}; publish through ingest, "
                "or key by customer_id with Kafka's default (murmur2) partitioner",
            )
        return Inbox(customer, at, event, event.origin)

    def load(self, blob: bytes) -> CustomerState:
        """Raise `UnreadableState` for what another release wrote."""
        state = states.BLOBS.load(blob)
        state.log.resize(self._config.window_days)
        return state

    def dump(self, state: CustomerState) -> bytes:
        return states.BLOBS.dump(state)

    def apply(
        self, state: CustomerState | None, message: AnyEvent, record: Record, now: datetime
    ) -> Step[CustomerState] | None:
        check(message, self._config.currency)
        if state is None:
            state = states.new(message.customer_id, self._day(now), self._config.window_days)
        cause = fold(state, message, self._config, self._days)
        if cause is None:
            return None
        state.version = record.offset
        self._rescore(state, now)
        return self._step(state, self._emit(state, now, cause, message.id, message.occurred_at))

    def wake(self, state: CustomerState, now: datetime) -> Step[CustomerState]:
        if not self._rescore(state, now):
            return self._step(state)
        return self._step(state, self._emit(state, now, Cause.TIME, "", now))

    def tick(self, message: AnyEvent) -> Sequence[Emit]:
        return (Emit(PROFILES.name, wire.PROFILES.encode(message)),)

    def _day(self, now: datetime) -> int:
        return self._days.day_of(floor(now.timestamp()))

    def _rescore(self, state: CustomerState, now: datetime) -> bool:
        """Move the state to the day of `now`; whether any sum or score changed."""
        moved = state.log.move(self._day(now))
        scores = rfm.score(state.log, self._config)
        if scores == state.scores:
            return moved
        state.scores = scores
        return True

    def _step(self, state: CustomerState, *outputs: Emit) -> Step[CustomerState]:
        change = rfm.next_change(state.log, self._config)
        return Step(state, outputs, None if change is None else datetime.fromtimestamp(self._days.start(change), UTC))

    def _emit(self, state: CustomerState, now: datetime, cause: Cause, cause_id: str, occurred_at: datetime) -> Emit:
        snapshot = profile(
            state,
            self._config,
            zone=self._zone,
            now=now,
            cause=cause,
            cause_id=cause_id,
            occurred_at=occurred_at,
        )
        return Emit(PROFILES.name, wire.PROFILES.encode(snapshot))
