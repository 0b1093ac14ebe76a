"""Business days and their first instants, where clocks jump too."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.days import business_day, from_ms, midnight_ms, to_ms

ZONES = ["Asia/Shanghai", "America/New_York", "Europe/Lisbon", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo",
         "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns", "America/Havana", "Asia/Kathmandu", "UTC"]  # fmt: skip
zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.datetimes(datetime(1985, 1, 1), datetime(2036, 1, 1)).map(lambda at: to_ms(at.replace(tzinfo=UTC)))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("Asia/Shanghai", (2026, 3, 2), datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ("America/New_York", (2017, 3, 13), datetime(2017, 3, 13, 4, tzinfo=UTC)),
        # clocks go from 24:00 to 01:00: the day begins at 01:00
        ("America/Sao_Paulo", (2017, 10, 15), datetime(2017, 10, 15, 3, tzinfo=UTC)),
        # clocks went from 23:30 to 00:30: the day began half an hour early
        ("America/Toronto", (1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC)),
        # a day that never was: its begin is that of the next
        ("Pacific/Apia", (2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_first_instant(zone: str, day: tuple[int, int, int], instant: datetime) -> None:
    """In ordinary zones and in odd ones."""
    assert from_ms(midnight_ms(ZoneInfo(zone), datetime(*day, tzinfo=UTC).toordinal())) == instant


@given(zones, instants)
def test_an_instant_lies_in_its_day(zone: ZoneInfo, now: int) -> None:
    """At or after its begin, before the begin of the next."""
    day = business_day(zone, now)
    assert midnight_ms(zone, day) <= now < midnight_ms(zone, day + 1)


@given(zones, instants, st.integers(0, 3 * 86_400_000))
def test_days_never_run_backwards(zone: ZoneInfo, now: int, later: int) -> None:
    """Not even where clocks are set back over midnight."""
    assert business_day(zone, now) <= business_day(zone, now + later)
