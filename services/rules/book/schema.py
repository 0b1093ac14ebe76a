"""The JSON Schema of one document of a rule file, for editors that complete and check while one writes.

It is made of the models, and knows all of their shape and as much of their sense as a schema can say. Conditions are text to
it: what they ask is checked by `koi rules check` alone. It is stricter than the loader where that takes more than one way of
writing for the same: a key has a value, and lengths, days and times are written in the usual way.
"""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import DefsRef, GenerateJsonSchema, JsonRef

from services.rules.book.meanings import MEANINGS
from services.rules.book.models import KINDS, Rule
from services.rules.book.shapes import BESIDES, DEFINITIONS, FACT_NAME

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ABOUT = "One rule: a ladder, a campaign or facts. A file may hold several, with a line of --- between them."
_DURATIONS = {"P3D": "3d", "PT0S": "0s"}
"""The defaults of lengths, as they are written."""
_VALUES = {
    ("Campaign", "holdout"): "Percentage",
    ("Variant", "share"): "Percentage",
    ("Notify", "params"): "Params",
    ("Variant", "params"): "Params",
    ("Notify", "template"): "Name",
    ("Timing", "at"): "Clock",
    ("Period", "from"): "Day",
    ("Period", "to"): "Day",
    ("Goal", "event"): "EventName",
    ("Link", "event"): "EventName",
    ("Link", "no"): "EventName",
    ("Action", "wait"): "Length",
    ("Goal", "within"): "Length",
    ("Link", "within"): "Length",
}
"""The kinds of values that the models check in Python."""


@cache
def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of one document."""
    generated = TypeAdapter(Rule).json_schema(schema_generator=_Generator)["$defs"]
    models = {name: _model(name, generated[name]) if name in MEANINGS else _word(generated[name]) for name in generated}
    models["Link"] = {"anyOf": [{"$ref": "#/$defs/EventName"}, models["Link"]]}
    named = {"properties": {"kind": {"enum": list(KINDS)}}, "required": ["kind"]}
    return {
        "$schema": DIALECT,
        "$id": "urn:koipond:rules",
        "title": "Koipond rules",
        "description": _ABOUT,
        "type": "object",
        # one branch a kind, so that an editor says what is wrong with a ladder, and not that it is no campaign
        "allOf": [_branch(kind, model.__name__) for kind, model in KINDS.items()]
        + [{"if": {"not": {"required": ["kind"]}}, "then": {"$ref": "#/$defs/Define"}, "else": named}],
        "$defs": dict(sorted({**models, **DEFINITIONS}.items())),
    }


def _branch(kind: str, model: str) -> dict[str, Any]:
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"$ref": f"#/$defs/{model}"},
    }


def _word(generated: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in generated.items() if key != "title"}


def _model(name: str, generated: dict[str, Any]) -> dict[str, Any]:
    model = {key: value for key, value in generated.items() if key != "title"}
    model["properties"] = {
        key: {"description": MEANINGS[name][key], **_property(name, key, value)}
        for key, value in generated["properties"].items()
    }
    model["required"] = [key for key in generated.get("required", ()) if (name, key) != ("Notify", "category")]
    if not model["required"]:
        del model["required"]
    return {**model, **BESIDES.get(name, {})}


def _property(model: str, key: str, generated: dict[str, Any]) -> dict[str, Any]:
    """What one key may hold; keys that may be left out are not written without a value."""
    value = {word: part for word, part in generated.items() if word != "title"}
    if "anyOf" in value:
        (inner,) = (part for part in value.pop("anyOf") if part != {"type": "null"})
        value = {**inner, **value}
    if value.get("default", 0) in (None, []):
        del value["default"]
    if (model, key) in _VALUES:
        return {"$ref": f"#/$defs/{_VALUES[model, key]}"}
    match value:
        case {"format": "duration"}:
            length = {"$ref": "#/$defs/Duration"}
            value = {**length, "default": _DURATIONS[value["default"]]} if "default" in value else length
        case {"items": {"$ref": "#/$defs/Condition"}}:
            value = {"$ref": "#/$defs/Conditions"}
        case {"pattern": _}:
            value = {"$ref": "#/$defs/Name"}
        case {"propertyNames": _}:
            value |= {"propertyNames": FACT_NAME, "additionalProperties": {"$ref": "#/$defs/Conditions"}}
        case {"items": {"type": "string"}}:
            value |= {"items": {"$ref": "#/$defs/Channel"}, "uniqueItems": True}
    return value


class _Generator(GenerateJsonSchema):
    """Knows that there will be a `Condition`, which the models name and do not have."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        name = DefsRef("Condition")
        self.definitions[name] = {}
        self.json_to_defs_refs[JsonRef("#/$defs/Condition")] = name
        self._prioritized_defsref_choices[name] = [name]
