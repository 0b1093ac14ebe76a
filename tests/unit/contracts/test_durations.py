"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.contracts.durations import Duration, format_duration, parse_duration

ADAPTER: TypeAdapter[timedelta] = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("36h", timedelta(hours=36)),
        ("45d", timedelta(days=45)),
        ("2w", timedelta(days=14)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    """A day is 24 hours."""
    assert ADAPTER.validate_python(text) == parse_duration(text) == length


@given(st.integers(0, 36_500 * 86_400).map(lambda seconds: timedelta(seconds=seconds)))
def test_parse_undoes_format(length: timedelta) -> None:
    """And so does reading what pydantic dumped."""
    assert parse_duration(format_duration(length)) == length
    assert ADAPTER.validate_python(ADAPTER.dump_python(length)) == length


@pytest.mark.parametrize("value", [45, "45", "d", "45 d", "1.5d", "-1d", "٤d", None, True])
def test_anything_else_is_refused_with_an_example(value: object) -> None:
    """Code may give a `timedelta`."""
    with pytest.raises(ValidationError, match=r"is not a duration; write a .*such as 45d, 36h or 30m"):
        ADAPTER.validate_python(value)
    assert ADAPTER.validate_python(timedelta(1)) == timedelta(1)


@pytest.mark.parametrize("text", ["36501d", "9999999999w"])
def test_a_duration_has_an_end(text: str) -> None:
    """A hundred years from now there is still a calendar."""
    with pytest.raises(ValueError, match=f"'{text}' is too long; write at most 36500d"):
        parse_duration(text)
