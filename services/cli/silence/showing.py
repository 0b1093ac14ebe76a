"""Silences for a person, and as JSON."""

import json
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from services.contracts.silence import Matcher, Silence


def in_words(matcher: Matcher) -> str:
    """`rule=win-back category=marketing`, as one would type it; `everything` for a matcher that fits all."""
    said = msgspec.to_builtins(matcher)
    names = {"customer_id": "customer"}
    return " ".join(f"{names.get(name, name)}={value}" for name, value in said.items()) or "everything"


def state(silence: Silence, now: datetime) -> str:
    if silence.ends_at <= now:
        return "expired"
    return "pending" if now < silence.starts_at else "active"


def table(silences: Iterable[Silence], now: datetime, zone: ZoneInfo) -> RenderableType:
    """Instants in the business zone."""
    shown = Table("id", "state", "what", "until", "by", "why", box=None, pad_edge=False, header_style="bold")
    shown.columns[0].no_wrap = True
    for column in shown.columns[2:]:
        column.overflow = "fold"
    for silence in silences:
        until = silence.ends_at.astimezone(zone).isoformat(" ", "minutes")
        what = in_words(silence.matcher)
        row = (silence.id, state(silence, now), what, until, silence.created_by, silence.comment)
        shown.add_row(*map(escape, row))
    return shown


def as_json(silences: Iterable[Silence], now: datetime) -> str:
    """A list, one object a silence: as on the topic, and its state."""
    said = [msgspec.to_builtins(silence) | {"state": state(silence, now)} for silence in silences]
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"
