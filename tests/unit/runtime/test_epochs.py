"""The instants at which partitions meet."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.calendar import BusinessDays
from services.runtime.epochs import Epochs, Every, instant

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo")]
DELAYS = st.integers(0, 86_399)
"""Seconds, of less than a day."""


@pytest.mark.parametrize(
    ("every", "latest", "following"),
    [
        (Every.HOURLY, (2026, 11, 25, 13), (2026, 11, 25, 14)),
        (Every.DAILY, (2026, 11, 25, 0), (2026, 11, 26, 0)),
        (Every.WEEKLY, (2026, 11, 23, 0), (2026, 11, 30, 0)),
        (Every.MONTHLY, (2026, 11, 1, 0), (2026, 12, 1, 0)),
    ],
)
def test_they_are_beginnings_of_business_time(
    every: Every, latest: tuple[int, int, int, int], following: tuple[int, int, int, int]
) -> None:
    """Of the hour, the day, the week from Monday, the month; in the business time zone."""
    epochs = Epochs(every, BusinessDays(SHANGHAI))
    now = datetime(2026, 11, 25, 13, 30, tzinfo=SHANGHAI)
    found = epochs.latest(int(now.timestamp()))
    assert instant(found) == datetime(*latest, tzinfo=SHANGHAI)
    assert instant(epochs.following(found)) == datetime(*following, tzinfo=SHANGHAI)


@given(
    every=st.sampled_from(Every),
    zone=st.sampled_from(ZONES),
    delay_s=DELAYS,
    second=st.integers(0, 4_000_000_000),
)
def test_every_instant_lies_between_two_epochs(every: Every, zone: ZoneInfo, delay_s: int, second: int) -> None:
    """None is skipped, and the latest of an epoch is itself."""
    epochs = Epochs(every, BusinessDays(zone), delay_s=delay_s)
    found = epochs.latest(second)
    after = epochs.following(found)
    assert found <= second < after
    assert epochs.latest(found) == epochs.latest(after - 1) == found
    assert epochs.latest(after) == after


@given(
    every=st.sampled_from(Every),
    zone=st.sampled_from(ZONES),
    delay_s=DELAYS,
    second=st.integers(0, 4_000_000_000),
)
def test_with_a_delay_all_come_so_much_later(every: Every, zone: ZoneInfo, delay_s: int, second: int) -> None:
    """After the very same instants, whatever clocks do in between."""
    prompt, delayed = Epochs(every, BusinessDays(zone)), Epochs(every, BusinessDays(zone), delay_s=delay_s)
    found = prompt.latest(second)
    assert delayed.latest(found + delay_s) == found + delay_s
    assert delayed.latest(found + delay_s - 1) < found + delay_s
    assert delayed.following(found + delay_s) == prompt.following(found) + delay_s


def test_an_epoch_is_an_aware_instant() -> None:
    """In UTC."""
    assert instant(0) == datetime(1970, 1, 1, tzinfo=UTC)


@given(delay_s=DELAYS)
def test_of_several_periods_every_instant_counts(delay_s: int) -> None:
    """And each once."""
    epochs = Epochs((Every.WEEKLY, Every.MONTHLY), BusinessDays(SHANGHAI), delay_s=delay_s)
    found = [int(datetime(2026, 5, 25, tzinfo=SHANGHAI).timestamp()) + delay_s]
    while len(found) < 4:
        found.append(epochs.following(found[-1]))
    assert [instant(epoch).astimezone(SHANGHAI).date().isoformat() for epoch in found] == [
        "2026-05-25",
        "2026-06-01",
        "2026-06-08",
        "2026-06-15",
    ]
    assert epochs.latest(int(datetime(2026, 7, 2, tzinfo=SHANGHAI).timestamp())) == delay_s + int(
        datetime(2026, 7, 1, tzinfo=SHANGHAI).timestamp()
    )


@given(
    zone=st.sampled_from(ZONES),
    delay_s=DELAYS,
    second=st.integers(0, 4_000_000_000),
    later=st.integers(0, 90 * 86_400),
)
def test_what_was_missed_is_made_up_for_period_by_period(zone: ZoneInfo, delay_s: int, second: int, later: int) -> None:
    """Whoever was away longer goes through the last epoch of each period, in the order of time, and through nothing else."""
    days = BusinessDays(zone)
    periods = (Every.DAILY, Every.WEEKLY, Every.MONTHLY)
    epochs, now = Epochs(periods, days, delay_s=delay_s), second + later
    passed: int | None = epochs.latest(second)
    made_up = []
    while (missed := epochs.missed(passed, now)) is not None:
        made_up.append(missed)
        passed = missed
    latest = {Epochs(every, days, delay_s=delay_s).latest(now) for every in periods}
    assert made_up == sorted(epoch for epoch in latest if epoch > epochs.latest(second))
    assert epochs.missed(None, now) == min(latest)
