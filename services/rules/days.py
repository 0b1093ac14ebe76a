"""Business days: which calendar day an instant belongs to in a zone, and when a day begins.

Instants are Unix milliseconds, days are proleptic ordinals (`date.toordinal`). A day begins at its first instant; where
clocks are set back over midnight the second pass still belongs to the later day, so days never run backwards.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000
MAX_MS = 253_370_764_800_000  # the year 9999: a timer beyond it is no timer
MAX_DAY = date(9998, 12, 31).toordinal()
_MS = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Whole milliseconds, rounded down."""
    return (instant - EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def _local_day(zone: ZoneInfo, ms: int) -> int:
    return from_ms(ms).astimezone(zone).toordinal()


@lru_cache(maxsize=8192)
def midnight_ms(zone: ZoneInfo, day: int) -> int:
    """First instant of a day; of the next existing one if the zone skipped it."""
    start = date.fromordinal(day)
    guess = to_ms(datetime(start.year, start.month, start.day, tzinfo=zone).astimezone(UTC))
    if _local_day(zone, guess - 1) < day:
        return guess
    # clocks jumped over midnight from before it: the day began with the jump
    low, high = guess - DAY_MS, guess
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _local_day(zone, middle) >= day else (middle, high)
    return high


def business_day(zone: ZoneInfo, ms: int) -> int:
    """The day an instant belongs to; rises with time."""
    day = _local_day(zone, ms)
    return day + 1 if ms >= midnight_ms(zone, day + 1) else day
