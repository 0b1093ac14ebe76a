"""What a condition is asked about: one customer at one instant."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from services.contracts.calendar import BusinessDays, as_date, as_day, to_ms
from services.contracts.decay import decay
from services.contracts.profile import Happening, Profile

DAY_MS = 86_400_000
_NOWHERE: Mapping[str, int] = {}


class Past(NamedTuple):
    """Something that happened: when (Unix ms), and its kind, or its type if it is no interaction."""

    at_ms: int
    name: str


class Scene:
    """One customer at one instant.

    `tiers` maps ladder names to the tier the customer is in, `entered` to when that began (Unix ms; `began_ms` for those not
    named: since when the customer is known). `event` is the event behind the look, if one is. `previous_ms` is the instant
    of the last look, `recent` what happened lately, oldest first.

    What moves with time is worked out once: conditions read it many times.
    """

    __slots__ = (
        "activity",
        "began_ms",
        "days",
        "days_since_first_order",
        "entered",
        "event",
        "happened",
        "now_ms",
        "previous_ms",
        "profile",
        "recency_days",
        "recent",
        "tiers",
        "today",
    )

    def __init__(
        self,
        profile: Profile,
        now_ms: int,
        days: BusinessDays,
        tiers: Mapping[str, str],
        *,
        entered: Mapping[str, int] = _NOWHERE,
        began_ms: int | None = None,
        event: Happening | None = None,
        previous_ms: int | None = None,
        recent: Sequence[Past] = (),
    ) -> None:
        self.profile = profile
        self.now_ms = now_ms
        self.days = days
        self.tiers = tiers
        self.entered = entered
        self.began_ms = began_ms
        self.event = event
        self.happened = None if event is None else Past(to_ms(profile.occurred_at), event.kind or event.type)
        """That event in short."""
        self.previous_ms = previous_ms
        self.recent = recent
        self.today = days.day_of(now_ms // 1000)
        """The business day of `now`, as a number."""
        self.recency_days = self._since_known(profile.last_order_day)
        self.days_since_first_order = self._since_known(profile.first_order_day)
        self.activity = activity_at(profile, now_ms)

    def since(self, day: date) -> int:
        """Business days from `day` to today; a day still ahead reads as 0."""
        return max(0, self.today - as_day(day))

    def entered_day(self, ladder: str) -> date | None:
        """The business day on which the customer came into the tier of now."""
        entered_ms = self.entered.get(ladder, self.began_ms)
        return None if entered_ms is None else as_date(self.days.day_of(entered_ms // 1000))

    def last_ms(self, name: str) -> int | None:
        """When an interaction kind, or a type of event, last happened (Unix ms)."""
        at = self.profile.last_at.get(name)
        return None if at is None else to_ms(at)

    @property
    def rhythm(self) -> float | None:
        """The customer's own rhythm in days, if there is one; always more than 0."""
        rhythm = self.profile.rhythm_days
        return rhythm if rhythm is not None and rhythm > 0 else None

    @property
    def overdue(self) -> float | None:
        """How often the rhythm fits into the silence; None without rhythm or recency."""
        rhythm = self.rhythm
        return None if rhythm is None or self.recency_days is None else self.recency_days / rhythm

    def _since_known(self, day: date | None) -> int | None:
        return None if day is None else self.since(day)


def activity_at(profile: Profile, now_ms: int) -> float:
    """The decayed activity; before `activity_at`, and without a half-life, it stands still."""
    elapsed = now_ms - to_ms(profile.activity_at)
    if elapsed <= 0 or profile.half_life_days <= 0:
        return profile.activity
    return profile.activity * decay(elapsed, profile.half_life_days * DAY_MS)
