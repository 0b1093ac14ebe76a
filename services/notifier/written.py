"""What people write for the notifier: what every map in such a file has in common, and its JSON Schema for editors."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticCustomError

from services.runtime.validation import NO_VALUE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}


class Part(BaseModel):
    """A map of a file that people write."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        # an empty cap, read as no cap, would be the opposite of restraint
        if value is None:
            raise PydanticCustomError(NO_VALUE, "it has no value")
        return value


def schema_of(name: str, title: str, kind: type[Part]) -> dict[str, Any]:
    """The schema (draft 2020-12) of a file, made of its model: it knows the shape, and what a schema can say of the sense."""
    head = {"$schema": DIALECT, "$id": f"urn:koipond:{name}", "title": title}
    body: dict[str, Any] = _clean(kind.model_json_schema(by_alias=True))
    return head | body


def text_of(document: dict[str, Any]) -> str:
    """A schema as it is published."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _clean(part: Any) -> Any:
    """Without titles, which repeat the names; and without null, for a key that is written has a value."""
    if isinstance(part, list):
        return [_clean(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept: dict[str, Any] = {
        key: _properties(value) if key == "properties" else _clean(value)
        for key, value in part.items()
        if key != "title" and value is not None
    }
    choices = kept.get("anyOf", [])
    if _NULL in choices:
        del kept["anyOf"]
        (inner,) = (choice for choice in choices if choice != _NULL)
        kept.update({key: value for key, value in inner.items() if key not in kept})
    return kept


def _properties(properties: dict[str, Any]) -> dict[str, Any]:
    # here a key is a name, even if it were "title"
    return {name: _clean(value) for name, value in properties.items()}
