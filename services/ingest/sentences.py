"""What is wrong with a message, in a person's words: the place, what was found there, and what to write instead."""

import json
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from services.contracts.events import AnyEvent

MAX_FAULTS = 3
"""How many faults of one message are spelled out; the rest are counted."""

_SHOWN = 60
_INSTANT_HINT = "e.g. 2026-01-31T08:00:00+08:00"
_SENTENCES: dict[str, str] = {
    "missing": "is required",
    "timezone_aware": f"has no time zone; write an offset, {_INSTANT_HINT}",
    "datetime_from_date_parsing": f"is not an instant; write date, time and offset, {_INSTANT_HINT}",
    "datetime_parsing": f"is not an instant; write date, time and offset, {_INSTANT_HINT}",
    "datetime_type": f"is not an instant; write date, time and offset, {_INSTANT_HINT}",
    "int_type": "must be a whole number, not in quotes; money counts minor units, so 19.90 is written 1990",
    "string_type": "must be text, in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "is longer than {max_length} characters",
    "string_pattern_mismatch": "must be three capital letters, e.g. CNY",
    "too_long": "has more than {max_length} entries",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
}
_FIELDS = frozenset(name for event in AnyEvent.__args__ for name in event.__struct_fields__)
_UNENCODABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def shown(value: object) -> str:
    """A value as a JSON writer would know it, on one line, at most about 60 characters."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        text = json.dumps(value[: _SHOWN + 1], ensure_ascii=False)
    elif isinstance(value, bool) or value is None:
        text = json.dumps(value)
    elif isinstance(value, int) and value.bit_length() > _SHOWN * 3:
        # the interpreter refuses to write out a very long one
        text = "a number of more than 50 digits"
    else:
        text = str(value)
    text = _UNENCODABLE.sub("�", text)
    return text if len(text) <= _SHOWN + 2 else text[:_SHOWN] + "…"


def faults(error: ValidationError, place: Callable[[str], str] = lambda path: path) -> str:
    """All that pydantic found, each as `path: sentence`; `place` words a path, for one who writes another shape."""
    found: dict[str, str] = {}
    for fault in error.errors(include_url=False):
        path = _path(fault["loc"])
        # a value that fits no member of a union is one fault, not one for each member
        found.setdefault(path, _sentence(path, fault))
    worded = [f"{place(path)}: {sentence}" for path, sentence in list(found.items())[:MAX_FAULTS]]
    more = len(found) - len(worded)
    return " | ".join(worded) + (f" | and {more} more" if more else "")


def _path(loc: tuple[int | str, ...]) -> str:
    # the first element names the event type, not a place in the message
    parts = loc[1:]
    if parts[:1] == ("attributes",):
        parts = parts[:2]
    words = [f"[{part}]" if isinstance(part, int) else f".{_UNENCODABLE.sub('�', part[:64])}" for part in parts]
    return "".join(words).removeprefix(".")


def _sentence(path: str, fault: Mapping[str, Any]) -> str:
    kind, found = str(fault["type"]), fault["input"]
    if kind == "missing":
        return _SENTENCES[kind] + _misspelt(path, found)
    if path.startswith("attributes.") and kind in {"string_type", "finite_number"}:
        return f"must be text, a finite number, true, false or null, not {shown(found)}"
    if kind == "value_error":
        return f"{fault['ctx']['error']} (found {shown(found)})"
    known = _SENTENCES.get(kind)
    sentence = known.format(**fault.get("ctx", {})) if known else str(fault["msg"])
    return f"{sentence} (found {shown(found)})"


def _misspelt(path: str, found: Mapping[str, Any]) -> str:
    name = path.rpartition(".")[2]
    keys = (key for key in list(found)[:100] if len(key) <= _SHOWN)
    others = [key for key in keys if key not in _FIELDS]
    near = get_close_matches(name, others, n=1)
    return f" (is it {shown(near[0])}?)" if near else ""
