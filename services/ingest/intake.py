"""The gate: one inbound record in, canonical events out, or a reason why not."""

import re
from collections.abc import Mapping as Table
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import msgspec
from pydantic import ValidationError
from pydantic_core import from_json

from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, Origin
from services.contracts.inbound import INBOUND, MAX_DEPTH, MAX_MESSAGE_BYTES, Inbound
from services.ingest.canonical import canonical
from services.ingest.sentences import faults, shown
from services.ingest.translation import TYPES, Mapping, decode
from services.runtime.problems import suggestion
from services.runtime.record import Headers, Record

CLOUD_EVENTS = {"ce_id": "id", "ce_source": "source", "ce_type": "type", "ce_time": "occurred_at"}
"""Kafka headers of CloudEvents' binary mode, and the field each one fills in where the message leaves it out."""

_BOM = b"\xef\xbb\xbf"
# Possessive, and an open string runs to the end: linear time whatever the bytes are.
_JSON_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_BYTE_PLACE = re.compile(r"\(byte (\d+)\)")
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Accepted(NamedTuple):
    """A message as its publisher said it, in canonical shape, and the event made of it."""

    said: Inbound
    event: AnyEvent


class Intake:
    """Accepts canonical JSON, and what the mappings cover. Keeps no state: the same record gives the same answer."""

    def __init__(self, mappings: Sequence[Mapping] = ()) -> None:
        self._mappings: dict[str, list[Mapping]] = {}
        for mapping in mappings:
            self._mappings.setdefault(mapping.topic, []).append(mapping)

    def accept(self, record: Record) -> tuple[AnyEvent, ...]:
        """The events of one record, if nothing else of it is wanted. Raise `InvalidMessage`, as `read` does."""
        return tuple(accepted.event for accepted in self.read(record))

    def read(self, record: Record) -> tuple[Accepted, ...]:
        """What one record says: one thing, or nothing if a mapping says that such messages are to be ignored.

        The first mapping of the topic whose `when` holds decides; without one the message must be canonical.
        Raise `InvalidMessage` for anything else, and nothing but that.
        """
        value = _checked(record.value)
        origin = Origin(record.topic, record.partition, record.offset, record.timestamp_ms)
        mappings = self._mappings.get(record.topic)
        if mappings:
            try:
                message = decode(value)
            except ValueError as error:
                return (self._canonical(value, record.headers, origin, mappings, error),)
            mapped = _covered(mappings, message, origin)
            if mapped is not None:
                return mapped
        return (self._canonical(value, record.headers, origin, mappings or ()),)

    def translate(self, message: object, origin: Origin) -> tuple[AnyEvent, ...]:
        """The same for a message that is decoded already, to what `translation.decode` makes of JSON.

        How large and how deep it may be is the caller's to see to.
        """
        mappings = self._mappings.get(origin.topic, ())
        mapped = _covered(mappings, message, origin)
        accepted = (self._canonical(_encode(message), (), origin, mappings),) if mapped is None else mapped
        return tuple(one.event for one in accepted)

    @staticmethod
    def _canonical(
        value: bytes, headers: Headers, origin: Origin, tried: Sequence[Mapping], undecoded: ValueError | None = None
    ) -> Accepted:
        try:
            filled = _filled(value, headers) if headers else None
            inbound = INBOUND.validate_json(value) if filled is None else INBOUND.validate_python(filled)
        except ValidationError as error:
            _refuse(error, value, tried, undecoded)
        return Accepted(inbound, canonical(inbound, origin))


def _checked(value: bytes | None) -> bytes:
    """The bytes of a message that is worth parsing: neither empty nor too large nor too deep, and UTF-8."""
    if value is None or not value or value.isspace():
        raise InvalidMessage("empty", "the record has no value; write one JSON object")
    if len(value) > MAX_MESSAGE_BYTES:
        raise InvalidMessage(
            "too_large", f"the message has {len(value):,} bytes; at most {MAX_MESSAGE_BYTES:,} are accepted"
        )
    if not value.isascii():
        try:
            value.decode()
        except UnicodeDecodeError as error:
            raise InvalidMessage(
                "not_utf8", f"byte {error.start} (0x{value[error.start]:02x}) is not UTF-8; JSON is written in UTF-8"
            ) from None
        value = value.removeprefix(_BOM)
    # few brackets cannot be deep, and nearly all messages have few
    if value.count(b"{") + value.count(b"[") > MAX_DEPTH and _depth_beyond(value, MAX_DEPTH):
        raise InvalidMessage(
            "too_deep",
            f"objects and lists are nested more than {MAX_DEPTH} deep; send the event without its surroundings",
        )
    return value


def _depth_beyond(value: bytes, limit: int) -> bool:
    depth = 0
    for bracket in _JSON_STRING.sub(b"", value).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            return True
    return False


def _filled(value: bytes, headers: Headers) -> dict[str, Any] | None:
    """The message with what CloudEvents headers add to it, or None if they add nothing."""
    attributes = {CLOUD_EVENTS[name]: (name, content) for name, content in headers if name in CLOUD_EVENTS}
    if not attributes:
        return None
    try:
        message = from_json(value)
    except ValueError:
        # validation meets the same error, and words it
        return None
    if not isinstance(message, dict):
        return None
    absent = [field for field in attributes if message.get(field) is None]
    for field in absent:
        name, content = attributes[field]
        try:
            message[field] = content.decode()
        except (UnicodeDecodeError, AttributeError):  # a header may also have no value at all
            raise InvalidMessage(
                "invalid_header", f"header {name} stands for the missing {field}, but is not UTF-8 text"
            ) from None
    return message if absent else None


def _covered(mappings: Sequence[Mapping], message: object, origin: Origin) -> tuple[Accepted, ...] | None:
    """What the first mapping that covers the message makes of it; None if there is none."""
    for mapping in mappings:
        if mapping.matches(message):
            return _mapped(mapping, message, origin)
    return None


def _mapped(mapping: Mapping, message: object, origin: Origin) -> tuple[Accepted, ...]:
    if mapping.ignores:
        return ()
    try:
        inbound = INBOUND.validate_python(mapping.translate(message))
    except ValidationError as error:
        raise InvalidMessage("mapping_failed", f"mapping {mapping.name}: {faults(error, mapping.place)}") from None
    return (Accepted(inbound, canonical(inbound, origin)),)


def _refuse(error: ValidationError, value: bytes, tried: Sequence[Mapping], undecoded: ValueError | None) -> NoReturn:
    first: Table[str, Any] = error.errors(include_url=False)[0]
    kind = first["type"]
    if kind == "json_invalid":
        raise InvalidMessage("not_json", f"the message is not JSON: {first['ctx']['error']}") from None
    if not kind.startswith("union_tag") and first["loc"]:
        raise InvalidMessage("invalid_field", faults(error)) from None
    if not isinstance(first["input"], dict):
        raise InvalidMessage(
            "not_object", f"the message is {shown(first['input'])}; write one JSON object per record"
        ) from None
    if undecoded is not None:
        raise InvalidMessage("not_json", f"the message is not JSON: {_placed(undecoded, value)}") from None
    word = first["input"].get("type")
    said = "type: is required" if word is None else f"type: {shown(word)} is unknown{suggestion(word, TYPES)}"
    if tried:
        names = ", ".join(mapping.name for mapping in tried)
        raise InvalidMessage("no_mapping", f"no mapping matches (tried {names}), nor is it canonical: {said}") from None
    raise InvalidMessage("unknown_type", f"{said}; write one of {', '.join(TYPES)}") from None


def _placed(error: ValueError, value: bytes) -> str:
    """The error with line and column for the byte it names."""

    def line_and_column(found: re.Match[str]) -> str:
        before = value[: int(found[1])]
        return f"at line {before.count(10) + 1} column {len(before) - (before.rfind(10) + 1) + 1}"

    return _BYTE_PLACE.sub(line_and_column, str(error).removeprefix("JSON is malformed: "))
