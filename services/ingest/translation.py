"""What a mapping file says, at work: which messages it covers, and how one becomes canonical.

`mapping` reads and checks the files; nothing here can be wrong in itself any more.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, cast

import msgspec

from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.ingest.conversion import Convert, major
from services.ingest.sentences import shown
from services.runtime.problems import suggestion

TYPES = tuple(str(event.__struct_config__.tag) for event in AnyEvent.__args__)
"""The `type` of every canonical event."""

Path: TypeAlias = tuple[str, ...]
"""Keys from the outside in; a number also counts the elements of a list, from 0."""

_SEGMENT = re.compile(r'"([^"]+)"|([^."\s]+(?: +[^."\s]+)*)')
_ABSENT = object()


class _Decoder:
    """Generic JSON with exact numbers."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(float_hook=Decimal).decode

    def __call__(self, value: bytes) -> object:
        """Raise `ValueError` for what is not JSON."""
        try:
            return cast(object, self._decode(value))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        except ArithmeticError as error:
            raise ValueError("a number is out of range") from error


decode = _Decoder()


def parse_path(written: str) -> Path | None:
    """`trade.items.0."a.b"` to its keys; a key with a dot in it stands in quotes. None if it cannot be read."""
    keys: list[str] = []
    at = 0
    while found := _SEGMENT.match(written, at):
        keys.append(found[1] or found[2])
        at = found.end()
        if at == len(written):
            return tuple(keys)
        if written[at] != ".":
            return None
        at += 1
    return None


def look_up(message: object, path: Path) -> object:
    """What stands there; null and nothing at all are the same: `_ABSENT`."""
    for key in path:
        if isinstance(message, dict):
            message = message.get(key)
        elif isinstance(message, list) and key.isdecimal() and len(key) <= 3 and int(key) < len(message):  # noqa: PLR2004
            message = message[int(key)]
        else:
            return _ABSENT
    return _ABSENT if message is None else message


def spelling(value: object) -> str | None:
    """A JSON scalar as it is compared with what a file says; None for an object or a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal) or (isinstance(value, int) and value.bit_length() <= 64):  # noqa: PLR2004
        return str(value)
    return None


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds if what stands at `path` is one of `values`, or, without values, if it is there (or not) at all."""

    path: Path
    values: frozenset[str] | None
    exists: bool = True

    def holds(self, message: object) -> bool:
        found = look_up(message, self.path)
        if self.values is None:
            return (found is not _ABSENT) == self.exists
        return spelling(found) in self.values


@dataclass(frozen=True, slots=True)
class Field:
    """How one canonical field is had: from one path, from several joined or added up, or a value of its own.

    With `table`, what is found is looked up there and not converted. `default` stands in for what is absent, and for
    what the table does not know. With `adds`, what is found is added up, and absent is only what none of the paths
    leads to. An amount `in_major` units is of `currency`, or else of the mapping's currency field. `prefix` goes before
    a text that was found.
    """

    paths: tuple[Path, ...] = ()
    convert: Convert | None = None
    separator: str = "-"
    prefix: str = ""
    table: dict[str, object] | None = None
    value: object = _ABSENT
    default: object = _ABSENT
    adds: bool = False
    currency: str | None = None
    in_major: bool = False

    def read(self, message: object, currency: Callable[[], object]) -> object:
        """Raise `ValueError` for what cannot be converted."""
        if self.value is not _ABSENT:
            return self.value
        found = [look_up(message, path) for path in self.paths]
        if self.adds:
            return self._added(found, currency)
        if _ABSENT in found:
            return self.default
        if self.table is not None:
            return self._translated(found[0])
        convert = self._conversion(currency)
        converted = [convert(value) if convert else value for value in found]
        if len(converted) == 1 and not self.prefix:
            return converted[0]
        return self.prefix + self.separator.join(str(part) for part in converted)

    def _added(self, found: Sequence[object], currency: Callable[[], object]) -> object:
        there = [(path, value) for path, value in zip(self.paths, found, strict=True) if value is not _ABSENT]
        if not there:
            return self.default
        convert = cast(Convert, self._conversion(currency))
        total = 0
        for path, value in there:
            try:
                total += cast(int, convert(value))
            except ValueError as error:
                raise ValueError(f"{written(path)} {error}") from None
        return total

    def _conversion(self, currency: Callable[[], object]) -> Convert | None:
        if not self.in_major:
            return self.convert
        code = self.currency or currency()
        if not isinstance(code, str):
            raise ValueError("is in major units, but the message has no currency")  # noqa: TRY004 - a fault of the message
        return lambda value: major(value, code)

    def _translated(self, found: object) -> object:
        table = cast(dict[str, object], self.table)
        known = table.get(spelling(found) or "", self.default)
        if known is _ABSENT:
            raise ValueError(
                f"{shown(found)} is not in its map{suggestion(found, table)}; add it, or a default for all others"
            )
        return known


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping file. `type` None means that the messages it covers are to be ignored."""

    name: str
    topic: str
    when: tuple[Condition, ...]
    type: str | None
    source: str | None
    fields: dict[str, Field]

    @property
    def ignores(self) -> bool:
        return self.type is None

    def matches(self, message: object) -> bool:
        return all(condition.holds(message) for condition in self.when)

    def translate(self, message: object) -> dict[str, object]:
        """The message in canonical shape, not validated yet.

        Raise `InvalidMessage` (`mapping_failed`), naming all fields that cannot be converted.
        """
        result: dict[str, object] = {"type": self.type}
        if self.source is not None:
            result["source"] = self.source
        failed: list[str] = []
        for target, field in self.fields.items():
            try:
                value = field.read(message, lambda: self._currency(message))
            except ValueError as error:
                failed.append(f"{self.place(target)}: {error}")
                continue
            if value is _ABSENT:
                continue
            _put(result, target, value)
        if failed:
            raise InvalidMessage("mapping_failed", f"mapping {self.name}: {' | '.join(failed)}")
        return result

    def place(self, target: str) -> str:
        """A canonical field and where this mapping looks for it, for messages."""
        field = self.fields.get(target)
        if field is None or not field.paths:
            return target
        return f"{target} (from {', '.join(written(path) for path in field.paths)})"

    def _currency(self, message: object) -> object:
        field = self.fields.get("currency")
        return field.read(message, lambda: None) if field else None


def inside(target: str) -> tuple[str, ...]:
    """The keys of a canonical field, from the outside in: `consent.sms.marketing` lies in two objects.

    The name of an attribute is whatever follows the first dot.
    """
    return tuple(target.split(".", 2 if target.startswith("consent.") else 1))


def _put(message: dict[str, object], target: str, value: object) -> None:
    *around, key = inside(target)
    for name in around:
        message = cast(dict[str, object], message.setdefault(name, {}))
    message[key] = value


def written(path: Sequence[str]) -> str:
    """A path as a file writes it."""
    return ".".join(f'"{key}"' if "." in key else key for key in path)
