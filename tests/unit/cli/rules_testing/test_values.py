"""Instants, amounts and lengths as people write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.cli.rules.testing.values import Amount, Money, When, local, read_moment

MONEY: TypeAdapter[Amount] = TypeAdapter(Money)
WHEN: TypeAdapter[datetime | timedelta] = TypeAdapter(When)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@given(st.datetimes(datetime(1970, 1, 2), datetime(8999, 12, 31)))  # noqa: DTZ001 - of whatever zone the file says
def test_an_instant_is_read_back_with_and_without_seconds_and_offset(at: datetime) -> None:
    at = at.replace(microsecond=0)
    assert read_moment(f"{at:%Y-%m-%d %H:%M:%S}") == at
    assert read_moment(f"{at:%Y-%m-%dT%H:%M}+08:00").utcoffset() == timedelta(hours=8)
    assert read_moment(f"{at:%Y-%m-%d}") == at.replace(hour=0, minute=0, second=0)


@pytest.mark.parametrize(
    "text", ["2026-3-1", "20260301", "2026-W09", "2026-03-01 9:00", "2026-02-30", "0001-01-01", 3, None]
)
def test_what_is_no_instant_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"instant|year"):
        read_moment(text)


def test_an_instant_without_offset_is_of_the_zone_of_the_file() -> None:
    assert local(read_moment("2026-03-01 09:00"), SHANGHAI) == datetime(2026, 3, 1, 1, tzinfo=UTC)
    assert local(read_moment("2026-03-01 09:00Z"), SHANGHAI) == datetime(2026, 3, 1, 9, tzinfo=UTC)


@given(st.integers(0, 10**12), st.sampled_from(["CNY", "EUR", "USD"]), st.booleans())
def test_an_amount_is_read_back(minor: int, currency: str, blank: bool) -> None:
    text = f"{minor // 100}.{minor % 100:02}{' ' if blank else ''}{currency}"
    if minor <= 10**12:
        assert MONEY.validate_python(text) == Amount(minor, currency)


def test_amounts_have_the_digits_of_their_currency() -> None:
    assert MONEY.validate_python("120 元") == Amount(12_000, "CNY")
    assert MONEY.validate_python("120 JPY") == Amount(120, "JPY")
    assert MONEY.validate_python("1.205 KWD") == Amount(1205, "KWD")
    for wrong in ("1.2 JPY", "1.234 CNY", "120", "CNY 120", "120 RMB", "-3 CNY", "20000000000 CNY", 120):
        with pytest.raises(ValidationError):
            MONEY.validate_python(wrong)


def test_before_the_test_begins() -> None:
    assert WHEN.validate_python("-44d") == timedelta(days=-44)
    assert WHEN.validate_python("2026-03-01 09:00") == datetime(2026, 3, 1, 9)  # noqa: DTZ001 - of the zone of the file
    for wrong in ("44d", "-44", "- 44d", "yesterday"):
        with pytest.raises(ValidationError):
            WHEN.validate_python(wrong)
