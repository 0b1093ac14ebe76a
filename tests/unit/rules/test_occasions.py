"""Schedules, periods and sequences: the instants they say are the ones at which they come true, and there are no others."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.calendar import BusinessDays, as_date, from_ms, to_ms
from services.contracts.profile import Happening
from services.rules.book.models import Campaign, Period, Timing
from services.rules.book.occasions import of_period, of_sequence, of_timing
from services.rules.book.sequence import MOST_REMEMBERED, EventSequence, Link, remembered
from services.rules.book.timetable import Timetable
from services.rules.language.scene import DAY_MS, Past, Scene
from tests.unit.rules.customers import NOON, profile
from tests.unit.rules.generated import KINDS, ZONES, periods, schedules
from tests.unit.rules.reference import covers, endings, instants

HOUR_MS = 3_600_000
zones = st.sampled_from(ZONES)
clock_changes = [
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York, forward
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # New York, back
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin, forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Berlin, back
    datetime(2026, 2, 15, 2, tzinfo=UTC),  # Casablanca, before Ramadan
    datetime(2026, 3, 22, 2, tzinfo=UTC),  # Casablanca, after it
]
near_a_change = st.tuples(st.sampled_from(clock_changes), st.integers(-3 * DAY_MS, 3 * DAY_MS)).map(
    lambda pair: to_ms(pair[0]) + pair[1]
)
moments = near_a_change | st.integers(
    to_ms(datetime(2026, 1, 1, tzinfo=UTC)), to_ms(datetime(2027, 12, 31, tzinfo=UTC))
)
shares = st.lists(st.floats(0, 1, exclude_max=True), max_size=8)


def scene(now_ms: int, zone: str = "Asia/Shanghai", previous_ms: int | None = None, **more: Any) -> Scene:
    old = from_ms(to_ms(datetime(2025, 1, 1, tzinfo=UTC)))
    return Scene(
        profile(zone=zone, as_of=old, occurred_at=old),
        now_ms,
        BusinessDays(ZoneInfo(zone)),
        {},
        previous_ms=now_ms - 1 if previous_ms is None else previous_ms,
        **more,
    )


def between(now_ms: int, end_ms: int, parts: list[float]) -> set[int]:
    """Instants after now and before the end, the last of them among these."""
    found = {now_ms + 1 + int((end_ms - now_ms - 1) * part) for part in parts} | {end_ms - 1}
    return {at for at in found if now_ms < at < end_ms}


@settings(max_examples=200, deadline=None)
@given(schedules, zones, moments, shares)
def test_a_schedule_says_its_next_instant(said: dict[str, Any], zone: str, now_ms: int, parts: list[float]) -> None:
    """It is the first of the calendar's after now; until then the schedule never comes, and then it does."""
    timing = Timing.model_validate(said)
    asked = of_timing(timing)
    flip = asked.flip(scene(now_ms, zone))
    today = from_ms(now_ms).astimezone(ZoneInfo(zone)).date()
    calendar = instants(timing, ZoneInfo(zone), today, today + timedelta(days=70))
    assert flip == next(at for at in calendar if at > now_ms)
    for at in between(now_ms, flip, parts):
        assert not asked.test(scene(at, zone, previous_ms=now_ms))
    assert asked.test(scene(flip, zone, previous_ms=now_ms))
    assert not asked.test(scene(flip + 1, zone, previous_ms=flip))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([time(0, 0), time(2, 30), time(10, 0), time(23, 59)]), zones, moments, st.integers(0, 127))
def test_a_timetable_finds_the_last_and_the_next(at: time, zone: str, now_ms: int, week: int) -> None:
    """Of all its instants, on whatever days of the week it has."""
    table = Timetable(at, frozenset(day for day in range(7) if week >> day & 1))
    days = BusinessDays(ZoneInfo(zone))
    today = from_ms(now_ms).astimezone(ZoneInfo(zone)).date()
    around = [today + timedelta(days=n) for n in range(-9, 10)]
    comes = [
        to_ms(datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)) for day in around if day.weekday() in table.weekdays
    ]  # fmt: skip
    assert table.latest(now_ms, days) == max((ms for ms in comes if ms <= now_ms), default=None)
    assert table.following(now_ms, days) == min((ms for ms in comes if ms > now_ms), default=None)


@pytest.mark.parametrize(
    ("zone", "said", "after", "expected"),
    [
        ("Europe/Berlin", {"every": "day", "at": "02:30"}, "2026-03-28T12:00Z", "2026-03-29T01:30Z"),  # 03:30, the jump later
        ("Europe/Berlin", {"every": "day", "at": "02:30"}, "2026-10-24T12:00Z", "2026-10-25T00:30Z"),  # the first of two
        ("America/New_York", {"every": "sunday", "at": "02:30"}, "2026-03-07T12:00Z", "2026-03-08T07:30Z"),
        ("America/New_York", {"every": "weekday", "at": "10:00"}, "2026-03-06T15:00Z", "2026-03-09T14:00Z"),  # over a weekend, and the change
        ("Africa/Casablanca", {"every": "day", "at": "10:00"}, "2026-02-14T12:00Z", "2026-02-15T10:00Z"),  # UTC+0 in Ramadan
        ("Africa/Casablanca", {"every": "day", "at": "10:00"}, "2026-03-21T12:00Z", "2026-03-22T09:00Z"),
        ("Asia/Shanghai", {"every": "month", "on": 31, "at": "10:00"}, "2026-03-31T02:00Z", "2026-05-31T02:00Z"),  # April is shorter
        ("Asia/Shanghai", {"every": "month", "on": 29, "at": "00:00"}, "2026-01-30T00:00Z", "2026-03-28T16:00Z"),  # no leap year
        ("Asia/Shanghai", {"every": "month", "on": 29, "at": "00:00"}, "2028-01-30T00:00Z", "2028-02-28T16:00Z"),
    ],
)  # fmt: skip
def test_schedules_by_the_clocks_of_a_zone(zone: str, said: dict[str, Any], after: str, expected: str) -> None:
    """Where clocks jump, and where months are of different lengths."""
    now_ms, then_ms = (to_ms(datetime.fromisoformat(text)) for text in (after, expected))
    flip = of_timing(Timing.model_validate(said)).flip(scene(now_ms, zone))
    assert (flip, str(from_ms(flip or 0))) == (then_ms, str(from_ms(then_ms)))


def test_a_schedule_is_made_up_for_on_its_day_only() -> None:
    """A service that was down at ten says it at eleven, not on the next day; and nothing to one who was not there yet."""
    asked = of_timing(Timing.model_validate({"every": "tuesday", "at": "10:00"}))
    ten = to_ms(datetime(2026, 3, 3, 2, tzinfo=UTC))
    assert asked.test(scene(ten + HOUR_MS, previous_ms=ten - HOUR_MS))
    assert not asked.test(scene(ten + DAY_MS, previous_ms=ten - HOUR_MS))
    assert not asked.test(scene(ten + HOUR_MS, previous_ms=ten))
    first = scene(ten)
    first.previous_ms = None
    assert not asked.test(first)


def test_a_profile_that_is_newer_says_nothing_about_then() -> None:
    """Whoever becomes worth a message at noon did not miss it at ten; what time changed at ten may come a little late."""
    asked = of_timing(Timing.model_validate({"every": "tuesday", "at": "10:00"}))
    ten = to_ms(datetime(2026, 3, 3, 2, tzinfo=UTC))

    def told(late_ms: int, event: Happening | None) -> Scene:
        news = profile(as_of=from_ms(ten + late_ms), event=event)
        return Scene(news, ten + late_ms, BusinessDays(ZoneInfo("Asia/Shanghai")), {}, previous_ms=ten - HOUR_MS)

    paid = Happening(type="order.paid")
    assert asked.test(told(0, paid))
    assert not asked.test(told(1, paid))
    assert asked.test(told(60_000, None))
    assert not asked.test(told(60_001, None))


@settings(max_examples=150, deadline=None)
@given(periods, zones, moments | st.just(to_ms(NOON)), shares)
def test_a_period_turns_at_midnights(said: dict[str, Any], zone: str, now_ms: int, parts: list[float]) -> None:
    """It holds on its days; between now and the instant it names nothing changes, and then it does."""
    period = Period.model_validate(said)
    asked = of_period(period)
    at = scene(now_ms, zone)
    truth = asked.test(at)
    assert truth is covers(period, from_ms(now_ms).astimezone(ZoneInfo(zone)).date())
    flip = asked.flip(at)
    end = now_ms + 900 * DAY_MS if flip is None else flip
    assert all(asked.test(scene(ms, zone)) is truth for ms in between(now_ms, end, parts))
    if flip is not None:
        assert asked.test(scene(flip, zone)) is not truth
        assert from_ms(flip).astimezone(ZoneInfo(zone)).time() == time(0, 0)


def test_a_period_of_one_day_lasts_a_day() -> None:
    """Both ends belong to it."""
    asked = of_period(Period.model_validate({"from": "2026-11-11", "to": "2026-11-11"}))
    start = to_ms(datetime(2026, 11, 10, 16, tzinfo=UTC))
    assert [asked.test(scene(start + ms)) for ms in (-1, 0, DAY_MS - 1, DAY_MS)] == [False, True, True, False]
    assert asked.flip(scene(start - 1)) == start
    assert asked.flip(scene(start)) == start + DAY_MS
    assert asked.flip(scene(start + DAY_MS)) is None
    assert as_date(scene(start).today) == date(2026, 11, 11)


events = st.lists(
    st.tuples(st.integers(0, 40).map(lambda n: n * HOUR_MS // 4), st.sampled_from(KINDS)), max_size=14
).map(lambda found: [Past(*each) for each in sorted(set(found))])
links = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 12).map(lambda n: n * HOUR_MS // 4)), min_size=1, max_size=4
)


def _model(parts: list[tuple[str, int]]) -> list[Any]:
    said: list[Any] = [parts[0][0], *({"event": name, "within": f"{ms // 1000}s"} for name, ms in parts[1:])]
    said.append({"event": "view", "within": "1h"})
    whole = {"kind": "campaign", "name": "c", "sequence": said, "steps": [{"wait": "1h"}]}
    return list(Campaign.model_validate(whole).sequence or ())[:-1]


@settings(max_examples=200, deadline=None)
@given(links.filter(lambda parts: all(ms for _, ms in parts[1:])), events)
def test_the_ends_of_a_sequence_are_those_that_trying_everything_finds(
    parts: list[tuple[str, int]], past: list[Past]
) -> None:
    """Keeping the latest of each beginning misses none."""
    sequence = EventSequence(tuple(Link(name, ms if i else 0) for i, (name, ms) in enumerate(parts)), None)
    assert sequence._ends(past) == endings(_model(parts), past)


@settings(max_examples=200, deadline=None)
@given(links, st.tuples(st.sampled_from(KINDS), st.integers(1, 30)), events, st.integers(0, 60), shares)
def test_an_absence_is_over_when_it_says(
    parts: list[tuple[str, int]], no: tuple[str, int], past: list[Past], now: int, cuts: list[float]
) -> None:
    """Until the instant it names it does not complete, then it does, once; and without one it never will."""
    absence = Link(no[0], no[1] * HOUR_MS // 4)
    asked = of_sequence(EventSequence(tuple(Link(name, ms if i else 0) for i, (name, ms) in enumerate(parts)), absence))
    now_ms = to_ms(NOON) + max(now * HOUR_MS // 4, past[-1].at_ms if past else 0)
    recent = [Past(to_ms(NOON) + each.at_ms, each.name) for each in past]
    flip = asked.flip(scene(now_ms, recent=recent))
    end = now_ms + 60 * DAY_MS if flip is None else flip
    assert end > now_ms
    for ms in between(now_ms, end, cuts):
        assert not asked.test(scene(ms, previous_ms=now_ms, recent=recent))
    if flip is not None:
        assert asked.test(scene(flip, previous_ms=now_ms, recent=recent))
        assert not asked.test(scene(flip + 1, previous_ms=flip, recent=recent))
        assert recent[-1].at_ms + absence.within_ms >= flip
        assert any(each.at_ms + absence.within_ms == flip for each in recent)


def test_a_sequence_without_an_absence_waits_for_no_timer() -> None:
    """It is complete with its last event, or not at all."""
    asked = of_sequence(EventSequence((Link("view", 0), Link("cart_add", HOUR_MS)), None))
    assert not asked.timed
    assert asked.pulse
    assert not asked.test(scene(to_ms(NOON), recent=[Past(to_ms(NOON) - 1, "view"), Past(to_ms(NOON), "cart_add")]))


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(KINDS)), max_size=90), st.integers(0, 80))
def test_only_what_still_matters_is_remembered(came: list[tuple[int, str]], horizon: int) -> None:
    """In the order of happening, whatever the order of coming; not longer than any sequence looks back, and not too many."""
    recent: list[tuple[int, str]] = []
    for each in came:
        recent = remembered(recent, Past(*each), horizon)
        assert [at_ms for at_ms, _ in recent] == sorted(at_ms for at_ms, _ in recent)
        assert len(recent) <= MOST_REMEMBERED
        assert all(recent[-1][0] - at_ms <= horizon for at_ms, _ in recent)
    newest = max((at_ms for at_ms, _ in came), default=0)
    if len(came) <= MOST_REMEMBERED:
        kept = [each for each in came if each[0] >= newest - horizon]
        # of one instant, in the order of coming
        assert recent == sorted(kept, key=lambda each: each[0])
