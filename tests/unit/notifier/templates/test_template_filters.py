"""What filters make of values, in both languages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.templates.filters import FILTERS
from services.notifier.templates.values import Unspeakable, Value
from tests.unit.notifier.templates.texts import said


@pytest.mark.parametrize(
    ("source", "value", "zh", "en"),
    [
        ("x | money", 123_450, "¥1,234.50", "CN¥1,234.50"),
        ("x | money", 0, "¥0.00", "CN¥0.00"),
        ("x | money", -5, "-¥0.05", "-CN¥0.05"),
        ("x | money('USD')", 1999, "US$19.99", "$19.99"),
        ("x | money('JPY')", 1999, "JP¥1,999", "¥1,999"),
        ("x | money('KWD')", 1999, "KWD1.999", "KWD1.999"),
        ("x | number", 1234.5, "1,234", "1,234"),
        ("x | number(1)", 21.5, "21.5", "21.5"),
        ("x | number(2)", 3, "3", "3"),
        ("x | percent", 0.123, "12%", "12%"),
        ("x | percent", 1, "100%", "100%"),
        ("x | date", "2026-11-30", "2026年11月30日", "November 30, 2026"),
        ("x | default('–')", "好", "好", "好"),
        ("x | default('–')", None, "–", "–"),
        ("x | default('–')", 0, "0", "0"),
    ],
)
def test_each_filter(source: str, value: Value, zh: str, en: str) -> None:
    """Money by ISO 4217, whose currencies have 0, 2 or 3 decimals."""
    assert said("{{ " + source + " }}", language="zh", x=value) == zh
    assert said("{{ " + source + " }}", language="en", x=value) == en


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "default"])
def test_unknown_stays_unknown(name: str) -> None:
    """So that `default` may come before or behind."""
    assert said("{{ x | " + name + " | default('–') }}", x=None) == "–"
    with pytest.raises(Unspeakable, match=r"^x is unknown"):
        said("{{ x | " + name + " }}", x=None)


@pytest.mark.parametrize(
    ("source", "value", "why"),
    [
        ("x | money", 1.5, "money takes a whole number of minor units"),
        ("x | money", True, "money takes a whole number of minor units"),
        ("x | money", "100", "money takes a whole number of minor units"),
        ("x | money('yuan')", 1, "money needs a currency, and this is none"),
        ("x | money(1)", 1, "money needs a currency, and this is none"),
        ("x | number", "a", "number takes a number"),
        ("x | number(5)", 1, "number takes 0 to 4 digits"),
        ("x | number('1')", 1, "number takes 0 to 4 digits"),
        ("x | percent", "a", "percent takes a number"),
        ("x | date", "11.11.", "date takes a day such as 2026-11-11"),
        ("x | date", 20261111, "date takes a day such as 2026-11-11"),
    ],
)
def test_what_a_filter_cannot_take(source: str, value: Value, why: str) -> None:
    """In words, and without the value."""
    with pytest.raises(Unspeakable, match=f"^{re.escape(why)}$"):
        said("{{ " + source + " }}", x=value)


def test_money_needs_the_currency_of_the_message() -> None:
    """It is never guessed."""
    with pytest.raises(Unspeakable, match=r"^money needs a currency"):
        said("{{ x | money }}", x=1, currency=None)


@given(st.integers(-(10**13), 10**13))
def test_money_is_exact(minor: int) -> None:
    """Every fen is there, however large the sum."""
    digits = re.sub(r"[^0-9-]", "", said("{{ x | money }}", x=minor))
    assert int(digits) == minor
