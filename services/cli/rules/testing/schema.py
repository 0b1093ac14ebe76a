"""The JSON Schema of a test file, for editors that complete and check while one writes."""

from typing import Any

from services.cli.rules.testing.happening import TYPES
from services.cli.rules.testing.models import NONE, Sheet
from services.cli.rules.testing.sketch import WINDOW_NAMES
from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS

TITLE = "Tests of Koipond rules"
_DURATION = {"type": "string", "pattern": "^[0-9]{1,10}[smhdw]$"}
_UNKNOWABLE = "Sketch"
"""The only part in which a value may be null: it says that something is unknown."""


def schema() -> dict[str, Any]:
    """What `Sheet` takes, short forms included, with the keys that people write."""
    found = Sheet.model_json_schema(by_alias=True, mode="validation")
    parts = found["$defs"]
    for name, part in (*parts.items(), ("", found)):
        # what comes after the first paragraph is for those who read the code
        part["description"] = str(part.get("description", "")).split("\n\n", maxsplit=1)[0].replace("\n", " ")
        for key, value in part.get("properties", {}).items():
            part["properties"][key] = _plain(value, nullable=name == _UNKNOWABLE)
    for part in (parts["Act"], parts["Case"]):
        part["properties"]["expect"]["anyOf"][0] = {"const": NONE}
    parts["Standing"] = {"anyOf": [{"type": "string"}, parts["Standing"]]}
    parts["Sketch"]["properties"]["windows"]["propertyNames"] = {"enum": list(WINDOW_NAMES)}
    deed = parts["Deed"]
    deed["properties"]["type"] = {"enum": list(TYPES)}
    deed["properties"]["kind"] = {"anyOf": [{"enum": sorted(STANDARD_KINDS)}, {"pattern": f"^{CUSTOM_PREFIX}."}]}
    del deed["required"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": TITLE}


def _plain(value: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    """A schema of a value without what people need not read: titles, defaults, and null where it is refused."""
    said = {key: part for key, part in value.items() if key not in {"title", "default"}}
    if said.get("format") == "duration":
        return {**{key: part for key, part in said.items() if key != "format"}, **_DURATION}
    if isinstance(said.get("additionalProperties"), dict):
        said["additionalProperties"] = _plain(said["additionalProperties"], nullable=nullable)
    options = [_plain(option, nullable=nullable) for option in said.get("anyOf", ())]
    kept = [option for option in options if nullable or option != {"type": "null"}]
    if len(kept) == 1:
        return {**{key: part for key, part in said.items() if key != "anyOf"}, **kept[0]}
    return {**said, "anyOf": kept} if kept else said
