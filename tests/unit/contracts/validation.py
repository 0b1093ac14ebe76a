"""The examples of the contracts, and the three readers that judge them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from check_jsonschema.formats.implementations import validate_rfc3339  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from services.cli.schemas import schema
from services.contracts.topics import INBOUND, TOPICS, Topic
from services.contracts.wire import Wire

CONTRACTS = Path(__file__).parents[3] / "docs" / "contracts"
INTERNAL = [topic for topic in TOPICS if topic not in INBOUND]


@cache
def validator(topic: Topic) -> Draft202012Validator:
    """Judges a value on `topic` by its JSON Schema, formats included."""
    formats = FormatChecker()
    formats.checks("date-time")(_is_rfc3339)
    return Draft202012Validator(schema(topic), format_checker=formats)


def read(topic: Topic, value: bytes) -> Any:
    """What our own reader makes of a value on `topic`. Raise `InvalidMessage` or pydantic's `ValidationError`."""
    if topic in INBOUND:
        return TypeAdapter(topic.message).validate_json(value)
    return Wire[Any](topic.message).decode(value)


def examples(topic: Topic, section: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CONTRACTS / f"{topic.name}.examples.json").read_bytes())[section]
    return found


def _is_rfc3339(value: object) -> bool:
    return not isinstance(value, str) or bool(validate_rfc3339(value))
