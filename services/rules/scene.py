"""What a condition is asked about: one customer at one instant."""

from collections.abc import Mapping
from datetime import date

from services.contracts.calendar import BusinessDays, as_day, to_ms
from services.contracts.decay import decay
from services.contracts.profile import Profile

DAY_MS = 86_400_000


class Scene:
    """One customer at one instant. `tiers` maps ladder names to the tier the customer is in.

    What moves with time is worked out once: conditions read it many times.
    """

    __slots__ = ("activity", "days", "days_since_first_order", "now_ms", "profile", "recency_days", "tiers", "today")

    def __init__(self, profile: Profile, now_ms: int, days: BusinessDays, tiers: Mapping[str, str]) -> None:
        self.profile = profile
        self.now_ms = now_ms
        self.days = days
        self.tiers = tiers
        self.today = days.day_of(now_ms // 1000)
        """The business day of `now`, as a number."""
        self.recency_days = self._since_known(profile.last_order_day)
        self.days_since_first_order = self._since_known(profile.first_order_day)
        self.activity = activity_at(profile, now_ms)

    def since(self, day: date) -> int:
        """Business days from `day` to today; a day still ahead reads as 0."""
        return max(0, self.today - as_day(day))

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
