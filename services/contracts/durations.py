"""Durations as people write them: `45d`, `36h`, `30m`, `90s`, `2w`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_DAYS = 36_500
_SHAPE = re.compile(r"([0-9]{1,10})([smhdw])")


def parse_duration(text: str) -> timedelta:
    """A whole number and one unit; a day is 24 hours; at most a hundred years. Raise `ValueError` with a hint for anything else."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write a whole number and a unit, such as 45d, 36h or 30m")
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds > _MAX_DAYS * _UNITS["d"]:
        raise ValueError(f"{text!r} is too long; write at most {_MAX_DAYS}d")
    return timedelta(seconds=seconds)


def format_duration(length: timedelta) -> str:
    """The shortest writing that `parse_duration` reads back as the same length."""
    seconds = int(length.total_seconds())
    unit = next(u for u in ("w", "d", "h", "m", "s") if seconds % _UNITS[u] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def format_ms(length_ms: int) -> str:
    """A length as people say it, in its two largest units: `2d 3h`, `45m`, `12s`."""
    seconds = max(0, length_ms) // 1000
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _UNITS[unit])
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def _read(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration; write a unit, such as 45d, 36h or 30m")  # noqa: TRY004 - pydantic wants ValueError
    return parse_duration(value)


Duration = Annotated[timedelta, BeforeValidator(_read), PlainSerializer(format_duration, return_type=str)]
"""A length of time in a file that people write; code may give a `timedelta`."""
