"""Quiet hours, by the clock on the wall, whatever clocks do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.policy.hours import DAY_MINUTES, Hours, covering, next_open

MINUTE = timedelta(minutes=1)
NIGHT = Hours(21 * 60, 9 * 60)

CHANGES = [
    ("Asia/Shanghai", "1990-04-14T18:00"),  # clocks were set here, too, until 1991
    ("Asia/Shanghai", "1990-09-15T17:00"),
    ("Asia/Shanghai", "2026-03-02T04:00"),
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # by half an hour
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Pacific/Apia", "2011-12-30T10:00"),  # a whole day was skipped
    ("Pacific/Apia", "2012-03-31T14:00"),
]
"""Zones, and when their clocks were or will be set."""

MINUTES = st.integers(0, DAY_MINUTES)
HOURS = st.lists(st.builds(Hours, MINUTES, MINUTES), max_size=3)


def minutes_of(hours: Hours) -> set[int]:
    """The minutes of the day that hours cover, counted one by one."""
    minute, found = hours.begin % DAY_MINUTES, set()
    length = hours.end - hours.begin if hours.begin <= hours.end else hours.end + DAY_MINUTES - hours.begin
    for _ in range(length):
        found.add(minute)
        minute = (minute + 1) % DAY_MINUTES
    return found


def first_open(now: datetime, zone: ZoneInfo, quiet: set[int]) -> datetime | None:
    """The same as `next_open`, by looking at the clock every minute for three days."""
    at = now
    while at < now + timedelta(days=3):
        wall = at.astimezone(zone)
        if wall.hour * 60 + wall.minute not in quiet:
            return at
        at = at.replace(second=0, microsecond=0) + MINUTE
    return None


@settings(max_examples=300)
@given(
    change=st.sampled_from(CHANGES),
    seconds=st.integers(-2 * 86_400, 86_400),
    microseconds=st.sampled_from([0, 1, 999_999]),
    hours=HOURS,
)
def test_the_next_opening_is_the_one_a_watchman_finds(
    change: tuple[str, str], seconds: int, microseconds: int, hours: list[Hours]
) -> None:
    """Around every change of clocks, the first open instant is the one found by looking at a clock each minute."""
    name, at = change
    zone = ZoneInfo(name)
    now = datetime.fromisoformat(at).replace(tzinfo=UTC) + timedelta(seconds=seconds, microseconds=microseconds)
    quiet = set[int]().union(*map(minutes_of, hours))
    assert next_open(now, zone, hours) == first_open(now, zone, quiet)
    wall = now.astimezone(zone)
    assert (covering(hours, now, zone) is None) is (wall.hour * 60 + wall.minute not in quiet)


@settings(max_examples=60)
@given(change=st.sampled_from(CHANGES), shift=st.integers(-90, 90), length=st.integers(1, 90))
def test_a_narrow_opening_is_found(change: tuple[str, str], shift: int, length: int) -> None:
    """Even if all but a few minutes are quiet, and just those are skipped or repeated."""
    name, at = change
    zone = ZoneInfo(name)
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    wall = (moment - MINUTE).astimezone(zone)
    begin = (wall.hour * 60 + wall.minute + shift) % DAY_MINUTES
    hours = [Hours((begin + length) % DAY_MINUTES, begin)]
    now = moment - timedelta(hours=20)
    assert next_open(now, zone, hours) == first_open(now, zone, minutes_of(hours[0]))


@pytest.mark.parametrize(
    ("zone", "hours", "now", "opens"),
    [
        ("Asia/Shanghai", NIGHT, "2026-03-02T20:59:59+08:00", "2026-03-02T20:59:59+08:00"),
        ("Asia/Shanghai", NIGHT, "2026-03-02T21:00+08:00", "2026-03-03T09:00+08:00"),
        ("Asia/Shanghai", NIGHT, "2026-03-03T08:59:59.999999+08:00", "2026-03-03T09:00+08:00"),
        ("Asia/Shanghai", NIGHT, "2026-03-03T09:00+08:00", "2026-03-03T09:00+08:00"),
        # they end at 02:30, which is skipped: clocks go from 02:00 to 03:00
        ("Europe/Berlin", Hours(0, 150), "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"),
        # they begin at 02:30, which is skipped: they begin at 03:00
        ("Europe/Berlin", Hours(150, 240), "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"),
        # they lie within what is skipped
        ("Europe/Berlin", Hours(130, 170), "2026-03-29T01:59+01:00", "2026-03-29T01:59+01:00"),
        # 02:00 to 03:00 comes twice: they are over at the first 02:30, and come again with the second 02:00
        ("Europe/Berlin", Hours(0, 150), "2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00"),
        ("Europe/Berlin", Hours(0, 150), "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"),
        # the clock goes back from 03:00 into them, and from 02:00 out of them
        ("Europe/Berlin", Hours(160, 180), "2026-10-25T02:50+02:00", "2026-10-25T02:00+01:00"),
        # half an hour comes twice
        ("Australia/Lord_Howe", Hours(0, 110), "2026-04-05T01:40+11:00", "2026-04-05T01:50+11:00"),
        ("Australia/Lord_Howe", Hours(0, 110), "2026-04-05T01:30+10:30", "2026-04-05T01:50+10:30"),
        # a day is skipped: the night of the 29th ends on the morning of the 31st
        ("Pacific/Apia", NIGHT, "2011-12-29T23:00-10:00", "2011-12-31T09:00+14:00"),
    ],
)
def test_clocks_decide(zone: str, hours: Hours, now: str, opens: str) -> None:
    """Hours end when the clock shows so, or is set to a time outside of them."""
    found = next_open(datetime.fromisoformat(now), ZoneInfo(zone), [hours])
    assert found == datetime.fromisoformat(opens)
    assert found.tzinfo is UTC


def test_hours_without_length_are_none() -> None:
    """What ends when it begins covers nothing."""
    now = datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert next_open(now, ZoneInfo("UTC"), [Hours(240, 240)]) == now
    assert not Hours(0, 0).cover(time(0, 0))


@pytest.mark.parametrize("hours", [[Hours(0, DAY_MINUTES)], [Hours(600, 540), Hours(500, 620)]])
def test_a_whole_day_never_opens(hours: list[Hours]) -> None:
    """If no minute of the day is left, there is no next opening."""
    assert next_open(datetime(2026, 3, 2, 4, tzinfo=UTC), ZoneInfo("Europe/Berlin"), hours) is None


def test_hours_are_written_as_people_do() -> None:
    """With both minutes, and 24:00 for midnight at the end."""
    assert [str(NIGHT), str(Hours(0, DAY_MINUTES))] == ["21:00–09:00", "00:00–24:00"]
