"""Business days against zoneinfo itself, where clocks jump too."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import calendar as module
from services.contracts.calendar import BusinessDays, as_date, as_day

ZONES = ["Asia/Shanghai", "America/New_York", "Europe/Lisbon", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo",
         "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns", "America/Havana", "Asia/Kathmandu", "UTC"]  # fmt: skip
zones = st.sampled_from(ZONES).map(ZoneInfo)
seconds = st.integers(0, int(datetime(2040, 1, 1, tzinfo=UTC).timestamp()))
HOUR = 3600


def shown(zone: ZoneInfo, second: int) -> int:
    return as_day(datetime.fromtimestamp(second, zone).date())


def slow_day(zone: ZoneInfo, second: int) -> int:
    """The latest day that the calendar has shown up to an instant, looking back 26 hours, minute by minute."""
    return max(shown(zone, second), *(shown(zone, at) for at in range(second // 60 * 60, second - 26 * HOUR, -60)))


def changes(zone: ZoneInfo, years: range) -> list[int]:
    """The hours in which clocks were changed."""
    first, last = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // HOUR for year in (years.start, years.stop))
    offsets = [datetime.fromtimestamp(hour * HOUR, zone).utcoffset() for hour in range(first, last)]
    return [first + i for i in range(1, len(offsets)) if offsets[i] != offsets[i - 1]]


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("Asia/Shanghai", (2026, 3, 2), datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ("America/New_York", (2017, 3, 13), datetime(2017, 3, 13, 4, tzinfo=UTC)),
        # clocks go from 24:00 to 01:00: the day begins at 01:00
        ("America/Sao_Paulo", (2017, 10, 15), datetime(2017, 10, 15, 3, tzinfo=UTC)),
        # clocks went from 23:30 to 00:30: the day began half an hour early
        ("America/Toronto", (1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC)),
        # midnight comes twice: the day begins with the first
        ("America/Havana", (2023, 11, 5), datetime(2023, 11, 5, 4, tzinfo=UTC)),
        # clocks went from 00:01 back to 23:01: the hour before the second midnight belongs to the day as well
        ("America/St_Johns", (2010, 11, 7), datetime(2010, 11, 7, 2, 30, tzinfo=UTC)),
        # a day that never was: its begin is that of the next
        ("Pacific/Apia", (2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_its_first_instant(zone: str, day: tuple[int, int, int], instant: datetime) -> None:
    """In ordinary zones and in odd ones."""
    days = BusinessDays(ZoneInfo(zone))
    start = days.start(as_day(date(*day)))
    assert datetime.fromtimestamp(start, UTC) == instant
    assert days.day_of(start - 1) < as_day(date(*day)) <= days.day_of(start)


@settings(max_examples=60)
@given(zone=zones, asked=st.lists(seconds, min_size=1, max_size=5))
def test_a_day_is_the_latest_the_calendar_has_shown(zone: ZoneInfo, asked: list[int]) -> None:
    """Whatever was asked and remembered before."""
    days = BusinessDays(zone)
    assert [days.day_of(second) for second in asked] == [slow_day(zone, second) for second in asked]


@pytest.mark.parametrize("zone", ZONES)
def test_days_are_right_around_clock_changes(zone: str) -> None:
    """Around each change of thirty years, on the quarter hour and beside it; in the order of time and against it."""
    known, where = BusinessDays(ZoneInfo(zone)), ZoneInfo(zone)
    for change in changes(where, range(1995, 2025)):
        near = [
            at + beside
            for at in range((change - 26) * HOUR, (change + 26) * HOUR, 900)
            for beside in (-1, 0, 61)
        ]  # fmt: skip
        latest = slow_day(where, near[0])
        expected = [latest := max(latest, shown(where, at)) for at in near]
        assert [known.day_of(at) for at in near] == expected
        fresh = BusinessDays(where)
        assert [fresh.day_of(at) for at in reversed(near)] == expected[::-1]


@given(zone=zones, second=seconds, ahead=st.integers(0, 400))
def test_an_instant_lies_between_the_begin_of_its_day_and_the_next(zone: ZoneInfo, second: int, ahead: int) -> None:
    """Also when days ahead were asked for."""
    days = BusinessDays(zone)
    day = days.day_of(second)
    assert days.start(day) <= second < days.start(day + 1) <= days.start(day + 1 + ahead)


@given(zone=zones, second=seconds, later=st.integers(0, 3 * 86_400))
def test_days_never_run_backwards(zone: ZoneInfo, second: int, later: int) -> None:
    """Not even where clocks are set back over midnight."""
    days = BusinessDays(zone)
    assert days.day_of(second) <= days.day_of(second + later)


@given(st.dates(date(1, 1, 1)))
def test_a_day_number_comes_back(day: date) -> None:
    """Any day of the calendar."""
    assert as_date(as_day(day)) == day


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caches are emptied when full, and answers stay right."""
    monkeypatch.setattr(module, "_MAX_CACHED_HOURS", 3)
    monkeypatch.setattr(module, "_MAX_CACHED_STARTS", 3)
    days = BusinessDays(ZoneInfo("Asia/Shanghai"))
    for n in range(10):
        assert days.day_of(n * 86_400) == n
        assert days.start(n + 1) == n * 86_400 + 16 * HOUR
    assert len(days._hours) <= 3
    assert len(days._starts) <= 3
