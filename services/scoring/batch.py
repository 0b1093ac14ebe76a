"""The batch answer: all customers scored as of one instant, from all their events at once or from their live states.

The same fold, the same measures and the same scores as in the service. Two passes: the first works out every customer's
`Line` and counts the population, the second gives each line its scores.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from math import floor
from zoneinfo import ZoneInfo

import msgspec

from services.contracts.calendar import BusinessDays, as_date
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, ClockTick, CustomerDeleted, CustomerMerged
from services.contracts.population import Cutoffs
from services.contracts.profile import Cause, Profile
from services.runtime.epochs import Epochs, instant
from services.scoring import card, rfm
from services.scoring import state as states
from services.scoring.census import Counts, cutoffs
from services.scoring.config import ScoringConfig
from services.scoring.fold import check, fold
from services.scoring.rfm import NOTHING_SCORED, Scores
from services.scoring.snapshot import profile
from services.scoring.state import CustomerState


class Line(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One customer, all but the scores. `activity` is as of the instant asked for; `before` are the scores so far."""

    customer_id: str
    recency_days: int | None
    orders: int
    net_minor: int
    activity: float
    before: Scores
    profile: Profile

    @property
    def measures(self) -> rfm.Measures:
        return rfm.Measures(self.recency_days, self.orders, self.net_minor)

    def scores(self, config: ScoringConfig, version: Cutoffs | None) -> Scores:
        return rfm.score(self.measures, config, version, self.before)

    def forgetful(self) -> "Line":
        """The same without the scores so far: scored as if for the first time."""
        return msgspec.structs.replace(self, before=NOTHING_SCORED)

    @property
    def overdue(self) -> float | None:
        """How many times the customer's own rhythm fits into the silence."""
        rhythm = self.profile.rhythm_days
        return None if self.recency_days is None or not rhythm else self.recency_days / rhythm


class Batch:
    """Scoring as of `as_of`, in the business time zone `zone`."""

    def __init__(self, config: ScoringConfig, zone: ZoneInfo, as_of: datetime, *, before: bool = False) -> None:
        """`before`: what happened at that very instant is left out, as at an epoch."""
        self.config = config
        self.as_of = as_of
        self._until = as_of if before else as_of + timedelta(microseconds=1)
        self._zone = zone
        self._days = BusinessDays(zone)

        self.day = self._days.day_of(floor(as_of.timestamp()))
        """The business day of the instant, as a number."""

    @property
    def today(self) -> date:
        return as_date(self.day)

    @property
    def local_as_of(self) -> datetime:
        """The instant in the business time zone."""
        return self.as_of.astimezone(self._zone)

    def epoch(self) -> datetime:
        """The last epoch before the instant: the one whose cut-offs the live service scores with then."""
        return instant(Epochs(self.config.epoch, self._days).latest(floor(self.as_of.timestamp())))

    def states(
        self, events: Iterable[AnyEvent], refuse: Callable[[AnyEvent, InvalidMessage], None]
    ) -> dict[str, CustomerState]:
        """The customers that these events make, all events of each in the order of time; later ones are left out.

        Whoever was merged into another must be among the same events. What can never be folded goes to `refuse`.
        """
        known = [event for event in events if event.occurred_at < self._until]
        into = _survivors(event for event in known if isinstance(event, CustomerMerged))
        found: dict[str, CustomerState] = {}
        for event in known:
            if isinstance(event, ClockTick | CustomerMerged):
                continue
            customer = into.get(event.customer_id, event.customer_id)
            if isinstance(event, CustomerDeleted):
                found.pop(customer, None)
                # under whatever id, and an id that comes back is somebody new
                into = {old: survivor for old, survivor in into.items() if survivor != customer}
                continue
            try:
                check(event, self.config.currency)
            except InvalidMessage as error:
                refuse(event, error)
                continue
            state = found.get(customer) or states.new(customer, self.day, self.config.history_days)
            if fold(state, event, self.config, self._days) is not None:
                found[customer] = state
        return found

    def line(self, state: CustomerState) -> Line:
        """`state` is brought to the day of the instant, which must not lie before it."""
        state.advance(self.day, self.config.window_days, self._days)
        measures = card.measures(state, self.config.window_days)
        snapshot = profile(
            state,
            self.config,
            zone=self._zone.key,
            cutoffs="",
            now=self.as_of,
            cause=Cause.OWN_EVENT,
            cause_id="",
            occurred_at=self.as_of,
        )
        activity = state.activity.value(self.as_of.timestamp(), self.config.half_life_seconds)
        before = state.scores if not state.blank else NOTHING_SCORED
        return Line(state.customer_id, *measures, activity, before, snapshot)

    def cutoffs(self, counts: Counts) -> Cutoffs:
        """Of the population counted."""
        census = counts.census(self.as_of, self._zone, 0, 1)
        return cutoffs([census], self.as_of, 1, self.config, self._zone)


def _survivors(mergers: Iterable[CustomerMerged]) -> Mapping[str, str]:
    """Who each customer who ended belongs to in the end; the first to say so is believed, and nobody ends in a circle."""
    into: dict[str, str] = {}
    for event in mergers:
        target = event.into_id
        while target in into:
            target = into[target]
        if event.customer_id not in into and target != event.customer_id:
            into[event.customer_id] = event.into_id
    final = {}
    for customer, target in into.items():
        end = target
        while end in into:
            end = into[end]
        final[customer] = end
    return final
