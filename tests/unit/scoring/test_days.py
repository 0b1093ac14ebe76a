"""Business days against zoneinfo itself."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring import days as module
from services.scoring.days import BusinessDays, as_date, as_day
from tests.unit.scoring.reference import ZONES

ODD = [
    *ZONES,
    ZoneInfo("America/Sao_Paulo"),  # skipped midnight until 2018
    ZoneInfo("America/Havana"),  # has midnight twice
    ZoneInfo("America/St_Johns"),  # changed clocks a minute after midnight until 2011
    ZoneInfo("Pacific/Apia"),  # skipped 30 December 2011
]
SECONDS = st.integers(0, int(datetime(2040, 1, 1, tzinfo=UTC).timestamp()))


@given(zone=st.sampled_from(ODD), seconds=st.lists(SECONDS, min_size=1, max_size=20))
def test_a_day_is_the_calendar_day_of_the_zone(zone: ZoneInfo, seconds: list[int]) -> None:
    """Whatever was asked and remembered before, the day is the one zoneinfo says."""
    days = BusinessDays(zone)
    for second in seconds:
        assert as_date(days.day_of(second)) == datetime.fromtimestamp(second, zone).date()


@pytest.mark.parametrize("zone", ODD, ids=str)
def test_days_are_right_in_every_second_around_clock_changes(zone: ZoneInfo) -> None:
    """Around each change of offset of thirty years, quarter hours and the seconds beside them fall on the right day."""
    days = BusinessDays(zone)
    hour = 3600
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // hour for year in (1995, 2025))
    offsets = [datetime.fromtimestamp(h * hour, zone).utcoffset() for h in range(first, last)]
    changes = [first + i for i in range(1, len(offsets)) if offsets[i] != offsets[i - 1]]
    for change in changes:
        for second in range((change - 26) * hour, (change + 26) * hour, 900):
            for near in (second - 1, second, second + 61):
                assert as_date(days.day_of(near)) == datetime.fromtimestamp(near, zone).date()


@given(zone=st.sampled_from(ODD), second=SECONDS, ahead=st.integers(1, 400))
def test_a_day_starts_where_the_calendar_turns(zone: ZoneInfo, second: int, ahead: int) -> None:
    """At its start the calendar shows the day (or one after a skipped day); just before, an earlier one."""
    days = BusinessDays(zone)
    after = datetime.fromtimestamp(second, UTC)
    day = days.day_of(second) + ahead
    start = days.start(day, after)
    assert start > after
    assert as_day(start.astimezone(zone).date()) in (day, day + 1)
    assert as_day((start - timedelta(microseconds=1)).astimezone(UTC).astimezone(zone).date()) <= day


def test_a_midnight_that_comes_twice_is_still_ahead_after_the_first() -> None:
    """Between the two midnights of Havana's autumn the same day starts once more; after both, an hour later is answered."""
    days = BusinessDays(ZoneInfo("America/Havana"))
    day = as_day(date(2023, 11, 5))
    first = days.start(day, datetime(2023, 11, 4, tzinfo=UTC))
    second = days.start(day, first)
    assert second - first == timedelta(hours=1)
    assert days.start(day, second) == second + timedelta(hours=1)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caches are emptied when full, and answers stay right."""
    monkeypatch.setattr(module, "_MAX_CACHED_HOURS", 3)
    monkeypatch.setattr(module, "_MAX_CACHED_DAYS", 3)
    days = BusinessDays(ZONES[0])
    for n in range(10):
        assert days.day_of(n * 86_400) == n
        assert days.start(n + 1, datetime(1970, 1, 1, tzinfo=UTC)) == datetime(1970, 1, 1, 16, tzinfo=UTC) + timedelta(
            n
        )
    assert len(days._offsets) <= 3
    assert len(days._midnights) <= 3
