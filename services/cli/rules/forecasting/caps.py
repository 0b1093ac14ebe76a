"""How many messages a limit per customer would have held back. Transactional ones know no limit."""

from collections import Counter, deque
from dataclasses import dataclass

from services.contracts.channels import Category

WEEK = 7


@dataclass(frozen=True)
class Limits:
    """Messages of one category that a customer gets at most: on a calendar day, and on any seven days one after the other."""

    day: int = 1
    week: int = 3


class Caps:
    """Counts messages in the order of time, for each customer and category. What was held back does not count any more."""

    def __init__(self, limits: Limits) -> None:
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
        if category is Category.TRANSACTIONAL:
            return True
        sent = self._sent.setdefault((customer_id, category), deque())
        while sent and sent[0] <= day - WEEK:
            sent.popleft()
        if sum(1 for each in sent if each == day) >= self.limits.day:
            self.by_day[category] += counted
            return False
        if len(sent) >= self.limits.week:
            self.by_week[category] += counted
            return False
        sent.append(day)
        return True
