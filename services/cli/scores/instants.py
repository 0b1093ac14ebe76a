"""The instant that scores are as of, as a person writes it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.contracts.calendar import YEARS, BusinessDays, as_day, from_ms

_DATE = "YYYY-MM-DD"


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last microsecond of a business day."""
    return datetime.fromtimestamp(BusinessDays(zone).start(as_day(day) + 1), UTC) - timedelta(microseconds=1)


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """A date, which means the end of that business day, or an instant; without an offset it is in the business zone.

    Raise `ValueError` with a hint.
    """
    try:
        if len(text) == len(_DATE):
            found = end_of_day(date.fromisoformat(text), zone)
        else:
            at = datetime.fromisoformat(text)
            found = (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no instant; write a date such as 2026-03-31, or an instant such as 2026-03-31T18:00:00+08:00"
        ) from None
    if found.year not in YEARS:
        raise ValueError(f"the year of {text} must lie between {YEARS[0]} and {YEARS[-1]}")
    return found


def read_beginning(text: str, zone: ZoneInfo) -> datetime:
    """As `read_instant`, but a date means its first instant. Raise `ValueError` with a hint."""
    found = read_instant(text, zone)
    if len(text) != len(_DATE):
        return found
    return from_ms(BusinessDays(zone).start(as_day(date.fromisoformat(text))) * 1000)
