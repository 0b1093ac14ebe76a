"""What is wrong with a message, in a person's words: the place, what was found there, and what to write instead.

What was found is never told where it may be an address.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

from pydantic import ValidationError

from services.contracts.channels import Category, ChannelName
from services.contracts.contacts import ALL_CHANNELS
from services.contracts.events import AnyEvent
from services.contracts.inbound import Contacts
from services.runtime.problems import suggestion

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
    "bool_type": "must be true, false or null, not in quotes",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
}
_FIELDS = frozenset(name for event in AnyEvent.__args__ for name in event.__struct_fields__)
_DISCREET = ("contacts", "consent", "channels")
"""Below these no value is told, and no name but one that is nearly right: publishers confuse them with addresses."""
_NEARLY = re.compile(r"[A-Za-z_]{1,20}")
ADDRESSED = tuple(Contacts.__annotations__)
"""The channels of which a customer has an address."""
SCOPES = (ALL_CHANNELS, *ChannelName)
"""What a statement of consent is about."""
_NAMED: Mapping[tuple[int | str, ...], Sequence[Sequence[int | str]]] = {
    ("contacts",): (ADDRESSED,),
    ("consent",): (SCOPES, tuple(Category)),
}
"""The names that a path tells, level by level; at any other it ends."""
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


def faults(
    error: ValidationError, place: Callable[[str], str] = lambda path: path, within: tuple[str, ...] = ()
) -> str:
    """All that pydantic found, each as `path: sentence`; `place` words a path, for one who writes another shape.

    `within`: where in a message stands what was validated, if that is no whole message: its type, then keys.
    """
    found: dict[str, str] = {}
    for fault in error.errors(include_url=False):
        loc = (*within, *fault["loc"])
        path = _path(loc)
        # a value that fits no member of a union is one fault, not one for each member
        found.setdefault(path, _sentence(path, loc, fault))
    worded = [f"{place(path)}: {sentence}" for path, sentence in list(found.items())[:MAX_FAULTS]]
    more = len(found) - len(worded)
    return " | ".join(worded) + (f" | and {more} more" if more else "")


def _path(loc: tuple[int | str, ...]) -> str:
    # the first element names the event type, not a place in the message
    parts = loc[1:]
    if parts[:1] == ("attributes",):
        parts = parts[:2]
    elif parts[:1] in _NAMED:
        known = takewhile(lambda pair: pair[0] in pair[1], zip(parts[1:], _NAMED[parts[:1]], strict=False))
        parts = (*parts[:1], *(name for name, _ in known))
    words = [f"[{part}]" if isinstance(part, int) else f".{_UNENCODABLE.sub('�', part[:64])}" for part in parts]
    return "".join(words).removeprefix(".")


def _sentence(path: str, loc: Sequence[int | str], fault: Mapping[str, Any]) -> str:
    kind, found = str(fault["type"]), fault["input"]
    if kind == "missing":
        return _SENTENCES[kind] + _misspelt(path, found)
    if path.startswith("attributes.") and kind in {"string_type", "finite_number"}:
        return f"must be text, a finite number, true, false or null, not {shown(found)}"
    if loc[1] in _DISCREET:
        return _wrong_name(path, loc, fault) or _worded(fault)
    return f"{_worded(fault)} (found {shown(found)})"


def _worded(fault: Mapping[str, Any]) -> str:
    """What is wrong, without what was found."""
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    known = _SENTENCES.get(str(fault["type"]))
    return known.format(**fault.get("ctx", {})) if known else str(fault["msg"])


def _wrong_name(path: str, loc: Sequence[int | str], fault: Mapping[str, Any]) -> str:
    """The sentence about a name that is none of those that may stand there; nothing about any other fault."""
    if fault["type"] not in {"extra_forbidden", "enum", "literal_error"}:
        return ""
    match path.partition("."):
        case ("contacts", _, _) if loc[2] in list(ChannelName):
            return f"{loc[2]} needs no address of a customer"
        case ("contacts", _, _):
            return _unknown(loc[2], "channel with an address", ADDRESSED)
        case ("consent", "", _):
            return _unknown(loc[2], "channel", SCOPES)
        case ("consent", _, _):
            return _unknown(loc[3], "category", tuple(Category))
        case _:
            return _unknown(fault["input"], "channel", tuple(ChannelName))


def _unknown(name: object, what: str, known: Sequence[str]) -> str:
    hint = suggestion(name, known) if isinstance(name, str) and _NEARLY.fullmatch(name) else ""
    return f"{name} is no {what}{hint}" if hint else f"there is a name that is no {what}; write {', '.join(known)}"


def _misspelt(path: str, found: Mapping[str, Any]) -> str:
    name = path.rpartition(".")[2]
    keys = (key for key in list(found)[:100] if len(key) <= _SHOWN)
    others = [key for key in keys if key not in _FIELDS]
    near = get_close_matches(name, others, n=1)
    return f" (is it {shown(near[0])}?)" if near else ""
