"""The words of a verdict."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.contracts.channels import Category
from services.contracts.silence import Silence


def silence_named(silence: Silence | None) -> str | None:
    """A silence by its id alone: an address may stand in its comment."""
    return None if silence is None else f"silence {silence.id} until {in_utc(silence.ends_at)}"


def counted(count: int, category: Category) -> str:
    return f"{count} {category} {'message' if count == 1 else 'messages'}"


def in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def by_clock(at: datetime, zone: ZoneInfo) -> str:
    """By a clock on a wall of the zone, to the minute."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"
