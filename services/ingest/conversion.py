"""From what a vendor writes to the value of one canonical field. Exact: money never passes through a float.

Vendor JSON is decoded with every number that has a point or an exponent as a `Decimal`. All functions here raise
`ValueError` with a sentence.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TypeAlias
from zoneinfo import ZoneInfo

from services.contracts.calendar import EPOCH
from services.ingest.sentences import shown

Convert: TypeAlias = Callable[[object], object]

_NO_DECIMALS = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_MAX_MAGNITUDE = 18
_MAX_DIGITS = 25
"""So that scaling to minor units stays within the 28 digits of exact arithmetic."""
_FIRST_LIKELY_MS = 100_000_000_000
"""As seconds this lies in the year 5138, as milliseconds in 1973."""
_MAX_SECONDS = 221_845_392_000
"""The year 9000."""


def minor_decimals(currency: str) -> int:
    """How many decimals the minor unit of a currency has (ISO 4217); two where it is not known to differ."""
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def text(value: object) -> str:
    """Text as it is; a whole number, as vendors like to write ids, in its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:  # noqa: PLR2004
        return str(value)
    raise ValueError(f"must be text or a whole number, not {shown(value)}")


def texts(value: object) -> list[str]:
    """A list of texts, or one text alone."""
    return [text(item) for item in value] if isinstance(value, list) else [text(value)]


def scalar(value: object) -> str | int | float | bool | None:
    """A value of an attribute."""
    if isinstance(value, Decimal):
        return float(_bounded(value))
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"must be text, a number, true or false, not {shown(value)}")


def address(value: object) -> str:
    """An address, as text or, of a telephone, in digits. What is wrong with one is told without it."""
    try:
        return text(value)
    except ValueError:
        raise ValueError("must be text or a whole number") from None


def agreed(value: object) -> bool:
    """Whether somebody agreed. Nobody guesses what else might mean so: a map can say it."""
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false; write a map from their words to ours")


def number(value: object) -> float:
    return float(_decimal(value))


def whole(value: object) -> int:
    exact = _decimal(value)
    if exact != exact.to_integral_value():
        raise ValueError(f"must be a whole number, not {shown(value)}")
    return int(exact)


def minor(value: object) -> int:
    """Money that is written in minor units already."""
    exact = _decimal(value)
    if exact != exact.to_integral_value():
        raise ValueError(
            f"must be a whole number of minor units, not {shown(value)}; is it in major ones (unit: major)?"
        )
    return int(exact)


def major(value: object, currency: str) -> int:
    """Money in major units (19.90 yuan) to minor ones (1990 fen), exactly or not at all."""
    exact = _decimal(value)
    decimals = minor_decimals(currency)
    scaled = exact * 10**decimals
    if scaled != scaled.to_integral_value():
        raise ValueError(f"has more than the {decimals} decimals of {currency}: {shown(value)}")
    return int(scaled)


def instant(form: str, zone: ZoneInfo | None) -> Convert:
    """The conversion for a `format` of a mapping file: rfc3339, unix, unix_ms, or a pattern such as %Y-%m-%d %H:%M:%S.

    `zone` holds where an instant is written without an offset of its own.
    """
    match form:
        case "unix":
            return partial(_unix, scale=1)
        case "unix_ms":
            return partial(_unix, scale=1000)
        case "rfc3339":
            return partial(_written, read=datetime.fromisoformat, form=form, zone=zone)
        case _:
            return partial(_written, read=lambda value: datetime.strptime(value, form), form=form, zone=zone)  # noqa: DTZ007


def _written(value: object, *, read: Callable[[str], datetime], form: str, zone: ZoneInfo | None) -> datetime:
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - a fault of the message, like the others
            f"is not written as {form}: {shown(value)}; for a number write format: unix or unix_ms"
        )
    try:
        at = read(value.strip())
    except (ValueError, OverflowError):
        raise ValueError(f"is not written as {form}: {shown(value)}") from None
    if at.tzinfo is None:
        if zone is None:
            raise ValueError(f"has no offset: {shown(value)}; write zone: Asia/Shanghai, or wherever it is from")
        at = at.replace(tzinfo=zone)
    try:
        # the zone of a vendor is of no interest to anybody behind this
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"is out of range: {shown(value)}") from None


def _unix(value: object, *, scale: int) -> datetime:
    exact = _decimal(value)
    if scale == 1 and abs(exact) >= _FIRST_LIKELY_MS:
        raise ValueError(f"is too large for seconds: {shown(value)}; are these milliseconds (format: unix_ms)?")
    if not 0 <= exact <= _MAX_SECONDS * scale:
        raise ValueError(f"is out of range: {shown(value)}")
    return EPOCH + timedelta(microseconds=int(exact * (1_000_000 // scale)))


def _decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return _bounded(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:  # noqa: PLR2004
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return _bounded(Decimal(value.strip()))
    raise ValueError(f"is not a plain number such as 19.90: {shown(value)}")


def _bounded(value: Decimal) -> Decimal:
    """Beyond these bounds arithmetic would round, or take for ever."""
    if not value:
        # whatever its exponent, which nobody should have to write out
        return Decimal(0)
    if abs(value.adjusted()) > _MAX_MAGNITUDE:
        raise ValueError(f"is out of range: {shown(value)}")
    if len(value.as_tuple().digits) > _MAX_DIGITS:
        raise ValueError(f"has more than {_MAX_DIGITS} digits: {shown(value)}")
    return value
