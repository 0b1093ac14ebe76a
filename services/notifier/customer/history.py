"""What was sent to a customer of late, as far as caps ask for it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from services.contracts.calendar import BusinessDays, as_day, to_ms
from services.contracts.channels import Category

WEEK = timedelta(days=7)
CAPACITY = 100
"""Messages of a category that are kept, the latest; no cap can allow more than that."""
_KEPT_MS = 8 * 24 * 3600 * 1000
"""A week, and a day to spare for clocks that differ."""
_WEEK_MS = int(WEEK.total_seconds() * 1000)


class Sent(msgspec.Struct, array_like=True, frozen=True, gc=False, order=True):
    """`at_ms`: Unix milliseconds."""

    at_ms: int
    category: Category


class History(msgspec.Struct, array_like=True, frozen=True):
    """Never changed in place. `sent`: short key of a command -> when it was sent, of the last eight days.

    Any order of the same messages gives the same history, and a repeat changes nothing.
    """

    sent: dict[bytes, Sent] = {}

    def took(self, key: bytes, category: Category, at: datetime) -> "History":
        """The history with one message more. Transactional ones know no cap and are not kept."""
        if category is Category.TRANSACTIONAL:
            return self
        return self.union(History({key: Sent(to_ms(at), category)}))

    def gave_back(self, key: bytes) -> "History":
        """The history without a message that was not sent after all."""
        return History({other: sent for other, sent in self.sent.items() if other != key})

    def union(self, other: "History") -> "History":
        """What both tell; of a message that they tell differently, the later."""
        both = dict(self.sent)
        for key, sent in other.sent.items():
            both[key] = max(sent, both.get(key, sent))
        return History(_latest(both))

    def on_day(self, category: Category, day: date, zone: ZoneInfo) -> int:
        """How many were sent on a calendar day of a zone."""
        days, number = BusinessDays(zone), as_day(day)
        first_ms, next_ms = days.start(number) * 1000, days.start(number + 1) * 1000
        return sum(first_ms <= sent.at_ms < next_ms for sent in self._of(category))

    def in_week(self, category: Category, now: datetime) -> int:
        """How many were sent within 7 × 24 hours before `now`, or later than that: a clock elsewhere may be ahead."""
        after_ms = to_ms(now) - _WEEK_MS
        return sum(sent.at_ms > after_ms for sent in self._of(category))

    def _of(self, category: Category) -> list[Sent]:
        return [sent for sent in self.sent.values() if sent.category is category]


def _latest(sent: Mapping[bytes, Sent]) -> dict[bytes, Sent]:
    """What is kept of it, in the order of time."""
    if not sent:
        return {}
    after_ms = max(sent.values()).at_ms - _KEPT_MS
    kept: dict[bytes, Sent] = {}
    for category in Category:
        ordered = sorted((s, key) for key, s in sent.items() if s.category is category and s.at_ms > after_ms)
        kept |= {key: s for s, key in ordered[-CAPACITY:]}
    return kept
