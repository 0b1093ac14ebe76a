"""How many messages the caps of a policy would have held back.

Of the policy only the caps are looked at, by days of the business zone: a week is seven days one after the other, where the
notifier counts 7 × 24 hours.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from services.contracts.channels import Category
from services.notifier.policy.models import Policy

WEEK = 7


@dataclass(frozen=True)
class Limits:
    """Messages that a customer gets at most: on a calendar day, and on any seven days; None is any number."""

    day: int | None
    week: int | None

    def __str__(self) -> str:
        day, week = ("any number" if most is None else most for most in (self.day, self.week))
        return f"{day} a day and {week} in {WEEK} days"


LimitsOf: TypeAlias = Mapping[Category, Limits]
"""By category; one that is not there knows no limit."""


def limits_of(policy: Policy, day: int | None = None, week: int | None = None) -> LimitsOf:
    """The caps of a policy. `day` and `week` stand for those of every category that has any."""
    caps = {category: cap for category in Category if (cap := policy.cap_for(category)) is not None}
    return {
        category: Limits(cap.day if day is None else day, cap.week if week is None else week)
        for category, cap in caps.items()
    }


def unless_said() -> LimitsOf:
    """Those of a notifier without a policy file."""
    return limits_of(Policy())


def worded(limits: LimitsOf) -> str:
    """`marketing 1 a day and 3 in 7 days, service …`."""
    return ", ".join(f"{category} {most}" for category, most in sorted(limits.items()))


class Caps:
    """Counts messages in the order of time, for each customer and category. What was held back does not count any more."""

    def __init__(self, limits: LimitsOf) -> None:
        self.limits = limits
        self.by_day: Counter[Category] = Counter()
        """Held back by the limit of the day."""
        self.by_week: Counter[Category] = Counter()
        """Held back by the limit of seven days alone."""
        self._sent: dict[tuple[str, Category], deque[int]] = {}

    @property
    def total(self) -> int:
        return self.by_day.total() + self.by_week.total()

    def send(self, customer_id: str, category: Category, day: int, *, counted: bool = True) -> bool:
        """Whether a message passes on a business day (a number), which is not before that of the customer's last one.

        `counted`: tell it in the sums; without, it only takes its place.
        """
        limits = self.limits.get(category)
        if limits is None:
            return True
        sent = self._sent.setdefault((customer_id, category), deque())
        while sent and sent[0] <= day - WEEK:
            sent.popleft()
        if limits.day is not None and sum(1 for each in sent if each == day) >= limits.day:
            self.by_day[category] += counted
            return False
        if limits.week is not None and len(sent) >= limits.week:
            self.by_week[category] += counted
            return False
        sent.append(day)
        return True
