"""What a text may do with a value: `{{ net_minor | money }}`. What is unknown stays unknown, so `default` may come last."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision, is_currency
from jinja2 import pass_context
from jinja2.runtime import Context

from services.notifier.templates.values import Unknown, Unspeakable

LANGUAGE, CURRENCY = "_language", "_currency"
"""Where the filters look; no text can name these."""

_MAX_DIGITS = 4
_LOCALES: Mapping[str, str] = {"zh": "zh_Hans_CN", "en": "en"}


def as_money(minor: int, currency: object, language: str) -> str:
    """Minor units in words of that language. Raise `Unspeakable` for what is no currency of ISO 4217."""
    if not isinstance(currency, str) or not is_currency(currency):
        raise Unspeakable("money needs a currency, and this is none")
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return format_currency(amount, currency, locale=_LOCALES[language])


def _number(value: Any, filter_name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unspeakable(f"{filter_name} takes a number")
    return Decimal(str(value))


def _locale(context: Context) -> str:
    return _LOCALES[context[LANGUAGE]]


@pass_context
def money(context: Context, value: Any, currency: Any = None) -> Any:
    """Minor units as money: `¥1,234.50`."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unspeakable("money takes a whole number of minor units")
    return as_money(value, currency or context[CURRENCY], context[LANGUAGE])


@pass_context
def number(context: Context, value: Any, digits: Any = 0) -> Any:
    """Rounded, with separators: `1,235`, or with `digits` behind the point."""
    if isinstance(value, Unknown):
        return value
    if isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= _MAX_DIGITS:
        raise Unspeakable(f"number takes 0 to {_MAX_DIGITS} digits")
    return format_decimal(_number(value, "number"), "#,##0" + ("." + "#" * digits) * bool(digits), _locale(context))


@pass_context
def percent(context: Context, value: Any) -> Any:
    """A share as a percentage: `12%`."""
    return value if isinstance(value, Unknown) else format_percent(_number(value, "percent"), locale=_locale(context))


@pass_context
def day(context: Context, value: Any) -> Any:
    """A day such as 2026-11-11 in words: `2026年11月11日`, `November 11, 2026`."""
    if isinstance(value, Unknown):
        return value
    try:
        return format_date(date.fromisoformat(value), "long", _locale(context))
    except (ValueError, TypeError):
        raise Unspeakable("date takes a day such as 2026-11-11") from None


def default(value: Any, instead: Any) -> Any:
    """What stands there when the value is unknown."""
    return instead if isinstance(value, Unknown) else value


FILTERS: Mapping[str, Callable[..., Any]] = {
    "money": money,
    "number": number,
    "percent": percent,
    "date": day,
    "default": default,
}

TESTS: Mapping[str, Callable[[Any], bool]] = {
    "known": lambda value: not isinstance(value, Unknown),
    "unknown": lambda value: isinstance(value, Unknown),
}
"""`{% if recency_days is known %}`"""
