"""The instants at which the population is counted."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.calendar import BusinessDays
from services.scoring.config import Every
from services.scoring.epochs import Epochs, instant
from tests.unit.scoring.reference import ZONES

SHANGHAI = ZoneInfo("Asia/Shanghai")


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


@given(every=st.sampled_from(Every), zone=st.sampled_from(ZONES), second=st.integers(0, 4_000_000_000))
def test_every_instant_lies_between_two_epochs(every: Every, zone: ZoneInfo, second: int) -> None:
    """None is skipped, and the latest of an epoch is itself."""
    epochs = Epochs(every, BusinessDays(zone))
    found = epochs.latest(second)
    after = epochs.following(found)
    assert found <= second < after
    assert epochs.latest(found) == epochs.latest(after - 1) == found
    assert epochs.latest(after) == after


def test_an_epoch_is_an_aware_instant() -> None:
    """In UTC."""
    assert instant(0) == datetime(1970, 1, 1, tzinfo=UTC)
