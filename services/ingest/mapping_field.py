"""Checks how a mapping file says one field is had, and compiles it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, TypeAdapter, ValidationError

from services.contracts.channels import Category
from services.ingest import conversion
from services.ingest.conversion import Convert
from services.ingest.sentences import ADDRESSED, SCOPES
from services.ingest.sentences import faults as worded
from services.ingest.translation import Field, Path, inside, parse_path
from services.runtime.document import Block, Leaf, Listing, Tree
from services.runtime.problems import Problem, suggestion


class Shape(Enum):
    """What kind of value a canonical field holds, and so which options make sense for it."""

    TEXT = auto()
    TEXTS = auto()
    MONEY = auto()
    INSTANT = auto()
    NUMBER = auto()
    WHOLE = auto()
    SCALAR = auto()
    ADDRESS = auto()
    AGREED = auto()


_SHAPES = {
    "amount_minor": Shape.MONEY,
    "discount_minor": Shape.MONEY,
    "occurred_at": Shape.INSTANT,
    "received_at": Shape.INSTANT,
    "value": Shape.NUMBER,
    "rev": Shape.WHOLE,
    "tags_add": Shape.TEXTS,
    "tags_remove": Shape.TEXTS,
    "channels": Shape.TEXTS,
    "personalised": Shape.AGREED,
}
_CONVERSIONS: dict[Shape, Convert] = {
    Shape.TEXT: conversion.text,
    Shape.TEXTS: conversion.texts,
    Shape.NUMBER: conversion.number,
    Shape.WHOLE: conversion.whole,
    Shape.SCALAR: conversion.scalar,
    Shape.MONEY: conversion.minor,
    Shape.ADDRESS: conversion.address,
    Shape.AGREED: conversion.agreed,
}
_NOT_MAPPED = frozenset({"type", "schema_", "items", "attributes", "contacts", "consent"})
_ATTRIBUTE, _CONTACT, _CONSENT = "attributes.", "contacts.", "consent."
_CONTACTS = tuple(f"{_CONTACT}{channel}" for channel in ADDRESSED)
_STATEMENTS = tuple(f"{_CONSENT}{scope}.{category}" for scope in SCOPES for category in Category)
_OPTIONS = ("from", "join", "with", "prefix", "sum", "value", "map", "default", "unit", "currency", "format", "zone")
_OF_SHAPE = {
    Shape.MONEY: {"unit", "currency"},
    Shape.INSTANT: {"format", "zone"},
    Shape.TEXT: {"prefix"},
    Shape.ADDRESS: {"prefix"},
}
_ADDED = frozenset({Shape.MONEY, Shape.WHOLE})
_JOINED = frozenset({Shape.TEXT, Shape.ADDRESS})
_UNITS = ("major", "minor")
_A_DAY = datetime(2021, 11, 23, tzinfo=UTC)


class Targets:
    """The fields of one canonical type."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model
        self.type = str(model.model_fields["type"].annotation.__args__[0])  # type: ignore[union-attr]
        self.names = tuple(name for name in model.model_fields if name not in _NOT_MAPPED)
        self.required = tuple(name for name in self.names if model.model_fields[name].is_required())
        self._has_attributes = "attributes" in model.model_fields
        if "contacts" in model.model_fields:
            self.names += (*_CONTACTS, *_STATEMENTS)

    def known(self, target: str) -> bool:
        return target in self.names or (self._has_attributes and target.startswith(_ATTRIBUTE) and target != _ATTRIBUTE)

    def fault(self, target: str, value: object) -> str:
        """What is wrong with a value that a file gives to a field; nothing if it is right."""
        name, *keys = inside(target)
        for key in reversed(keys):
            value = {key: value}
        try:
            _adapter(self._model, name).validate_python(value)
        except ValidationError as error:
            # a value that fits no member of a union is told once
            return worded(error, lambda _: target, (self.type, name)).split(" | ")[0].removeprefix(f"{target}: ")
        return ""


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(model.model_fields[name].rebuild_annotation())


def shape_of(target: str) -> Shape:
    for prefix, shape in ((_ATTRIBUTE, Shape.SCALAR), (_CONTACT, Shape.ADDRESS), (_CONSENT, Shape.AGREED)):
        if target.startswith(prefix):
            return shape
    return _SHAPES.get(target, Shape.TEXT)


def field_of(target: str, value: Tree, targets: Targets, *, has_currency: bool, faults: list[Problem]) -> Field | None:
    """The compiled field, or None after a fault. `value` is a path, or a block of options."""
    return _FieldCheck(target, targets, has_currency, faults).field(value)


class _FieldCheck:
    def __init__(self, target: str, targets: Targets, has_currency: bool, faults: list[Problem]) -> None:
        self._target = target
        self._targets = targets
        self._has_currency = has_currency
        self._faults = faults
        self._shape = shape_of(target)
        # an address is not looked up in a file
        self._useless = {"map"} if self._shape is Shape.ADDRESS else set()

    def field(self, value: Tree) -> Field | None:
        before = len(self._faults)
        if isinstance(value, Leaf):
            field = Field(paths=self._paths(value), convert=self._instant(None, None))
        elif isinstance(value, Block):
            field = self._from_options(value)
        else:
            self._add(value, "wrong_type", "write a path, or options such as {from: path}")
            return None
        return field if len(self._faults) == before else None

    def _from_options(self, block: Block) -> Field:
        self._check_keys(block)
        options = {key: entry.value for key, entry in block.entries.items()}
        if "value" in options:
            return Field(value=self._constant(options["value"]))
        unit = self._choice(options.get("unit"), _UNITS, "bad_unit")
        currency = self._currency(options.get("currency"))
        if unit == "major" and currency is None and not self._has_currency:
            self._add(block, "missing_key", "unit: major needs to know the currency; write currency: CNY beside it")
        extra: dict[str, Any] = {}
        if "default" in options:
            extra["default"] = self._constant(options["default"])
        if "map" in options:
            extra["table"] = self._table(options["map"])
        for option, name in (("with", "separator"), ("prefix", "prefix")):
            text = options.get(option)
            if isinstance(text, Leaf):
                extra[name] = text.text
        return Field(
            paths=self._option_paths(options),
            convert=self._instant(options.get("format"), options.get("zone")),
            adds="sum" in options,
            currency=currency,
            in_major=unit == "major",
            **extra,
        )

    def _check_keys(self, block: Block) -> None:
        useful = self._useful(block)
        for key, entry in block.entries.items():
            if key not in _OPTIONS:
                self._faults.append(
                    Problem(entry.place, "unknown_key", f"{key} is not an option{suggestion(key, _OPTIONS)}")
                )
            elif key not in useful:
                self._faults.append(Problem(entry.place, "unknown_key", f"{key} has no use for {self._target} here"))
        if not {"from", "join", "sum", "value"} & block.entries.keys():
            self._add(block, "missing_key", "write where it is found: from, join, sum or value")
        if "join" in block.entries and self._shape not in _JOINED:
            self._add(block, "wrong_type", "join makes text, and this field holds none")
        if "sum" in block.entries and self._shape not in _ADDED:
            self._add(block, "wrong_type", "sum adds up amounts, and this field holds none")

    def _useful(self, block: Block) -> set[str]:
        """The options that have a use beside those that are there."""
        of_shape = _OF_SHAPE.get(self._shape, set())
        for option, useful in (
            ("value", {"value"}),
            ("join", {"join", "with", "prefix", "default"}),
            ("sum", {"sum", "default"} | of_shape),
            ("map", {"from", "map", "default"}),
        ):
            if option in block.entries:
                return useful - self._useless
        return {"from", "map", "default"} - self._useless | of_shape

    def _option_paths(self, options: Mapping[str, Tree]) -> tuple[Path, ...]:
        option = next((name for name in ("join", "sum") if name in options), "from")
        value = options.get(option)
        if option == "from" and isinstance(value, Listing):
            self._add(value, "wrong_type", "from is one path; several are written as join (texts) or sum (amounts)")
            return ()
        return self._paths(value, option)

    def _paths(self, value: Tree | None, option: str = "from") -> tuple[Path, ...]:
        leaves = value.items if isinstance(value, Listing) else (value,)
        paths = []
        for leaf in leaves:
            path = parse_path(leaf.text) if isinstance(leaf, Leaf) else None
            if path is not None:
                paths.append(path)
            elif leaf is not None:
                self._add(leaf, "bad_path", "write a path: keys with dots between, e.g. trade.items.0.sku")
        if isinstance(value, Listing) and not paths:
            self._add(value, "bad_path", f"{option} needs at least one path")
        return tuple(paths)

    def _constant(self, value: Tree) -> object:
        constant = (
            [leaf.value for leaf in value.items if isinstance(leaf, Leaf)] if isinstance(value, Listing) else None
        )
        if isinstance(value, Leaf):
            # YAML reads an id such as 007 as a number; where text is wanted, it is meant as written
            constant = value.text if self._is_written(value) else value.value  # type: ignore[assignment]
        fault = self._targets.fault(self._target, constant)
        if fault:
            self._add(value, "bad_value", fault)
        return constant

    def _is_written(self, value: Leaf) -> bool:
        """Whether a constant is the text that stands there; an address may also be taken away, by null."""
        return self._shape is Shape.TEXT or (self._shape is Shape.ADDRESS and value.value is not None)

    def _table(self, value: Tree) -> dict[str, object]:
        if not isinstance(value, Block) or not value.entries:
            self._add(value, "wrong_type", "map must be a block of {theirs: ours}")
            return {}
        return {key: self._constant(entry.value) for key, entry in value.entries.items()}

    def _currency(self, value: Tree | None) -> str | None:
        if value is None:
            return None
        if not isinstance(value, Leaf) or len(value.text) != 3 or not value.text.isupper():  # noqa: PLR2004
            self._add(value, "bad_value", "currency must be three capital letters, e.g. CNY")
            return None
        return value.text

    def _choice(self, value: Tree | None, known: tuple[str, ...], code: str) -> str | None:
        if value is None or (isinstance(value, Leaf) and value.text in known):
            return value.text if isinstance(value, Leaf) else None
        word = value.text if isinstance(value, Leaf) else "this"
        self._add(value, code, f"{word} is unknown{suggestion(word, known)}; write {' or '.join(known)}")
        return None

    def _instant(self, form: Tree | None, zone: Tree | None) -> Convert | None:
        if self._shape is not Shape.INSTANT:
            return _CONVERSIONS.get(self._shape)
        pattern = form.text if isinstance(form, Leaf) else "rfc3339"
        if pattern not in {"rfc3339", "unix", "unix_ms"} and form is not None and not _tells_a_day(pattern):
            known = ("rfc3339", "unix", "unix_ms")
            said = f"{pattern} tells no date{suggestion(pattern, known)}; write {', '.join(known)} or %Y-%m-%d %H:%M:%S"
            self._add(form, "bad_format", said)
        place = self._zone(zone)
        if form is not None and "%" in pattern and "%z" not in pattern and zone is None:
            self._add(
                form, "missing_key", "this format has no offset; write zone: Asia/Shanghai, or wherever it is from"
            )
        return conversion.instant(pattern, place)

    def _zone(self, value: Tree | None) -> ZoneInfo | None:
        if value is None:
            return None
        name = value.text if isinstance(value, Leaf) else ""
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._add(value, "unknown_zone", f"{name} is not a time zone; write a name such as Asia/Shanghai or UTC")
            return None

    def _add(self, tree: Tree, code: str, message: str) -> None:
        self._faults.append(Problem(tree.place, code, f"{self._target}: {message}"))


def _tells_a_day(pattern: str) -> bool:
    try:
        read = datetime.strptime(_A_DAY.strftime(pattern), pattern)  # noqa: DTZ007 - only the day is compared
    except (ValueError, OverflowError):
        return False
    return read.date() == _A_DAY.date()
