"""From documents to models: every mistake of shape, with its place and the word that was probably meant."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.rules.models import KINDS, PLANNED_KINDS, Action, Campaign, Jump, Ladder, Notify, Tier
from services.rules.problems import Problem, suggestion
from services.rules.source import Document, KeyPath

_INSIDE: dict[str, type[BaseModel]] = {"tiers": Tier, "on_jump": Jump, "steps": Action, "notify": Notify}
"""Which model the values of a key have."""


def read_rule(document: Document) -> tuple[Ladder | Campaign | None, list[Problem]]:
    """The model of one document, or everything wrong with its shape."""
    model = _model_of(document)
    if isinstance(model, Problem):
        return None, [model]
    try:
        rule = model.model_validate(document.data)
    except ValidationError as error:
        return None, [_translated(document, model, details) for details in error.errors(include_url=False)]
    if isinstance(rule, Campaign) and len(rule.steps) > 1:
        return None, [_problem(document, ("steps", 1), "not-supported", "more than one step is not supported yet")]
    return rule, []


def loose_ladders(document: Document) -> dict[str, tuple[str, ...]]:
    """Ladder and tier names of a document that has no model, as far as they can be seen."""
    tiers = document.data.get("tiers") if isinstance(document.data, dict) else None
    if not isinstance(tiers, list) or not isinstance(document.data.get("name"), str):
        return {}
    return {document.data["name"]: tuple(str(tier.get("name")) for tier in tiers if isinstance(tier, dict)) or ("",)}


def loose_conditions(document: Document) -> Iterator[tuple[KeyPath, list[Any]]]:
    """The condition lists of a document that has no model, so that their mistakes are told in the same breath."""
    data = document.data if isinstance(document.data, dict) else {}
    tiers = data.get("tiers")
    maps: list[tuple[KeyPath, Any]] = [((), data)]
    maps += [(("tiers", i), tier) for i, tier in enumerate(tiers)] if isinstance(tiers, list) else []
    for path, mapping in maps:
        for key in ("when", "enter", "leave"):
            if isinstance(mapping, dict) and isinstance(mapping.get(key), list):
                yield (*path, key), mapping[key]


def _model_of(document: Document) -> type[Ladder] | type[Campaign] | Problem:
    data = document.data
    if not isinstance(data, dict):
        message = "a rule is a map that begins with kind: ladder or kind: campaign"
        return _problem(document, (), "bad-value", message)
    if "kind" not in data:
        return _problem(document, (), "missing-key", "kind is missing; write kind: ladder or kind: campaign")
    kind = str(data["kind"])
    if kind in KINDS:
        return KINDS[kind]
    if kind in PLANNED_KINDS:
        return _problem(document, ("kind",), "not-supported", f"kind: {kind} is not supported yet")
    message = f"there is no kind {kind}{suggestion(kind, KINDS)}; only {' and '.join(KINDS)}"
    return _problem(document, ("kind",), "unknown-kind", message)


def _problem(document: Document, path: KeyPath, code: str, message: str) -> Problem:
    return Problem(document.place(path), code, message)


def _translated(document: Document, model: type[Ladder] | type[Campaign], details: ErrorDetails) -> Problem:
    path: KeyPath = details["loc"]
    key = str(path[-1]) if path else ""
    owner = _model_at(model, path[:-1])
    if details["type"] == "extra_forbidden":
        place = document.keys.get(path, document.place(path))
        if key in getattr(owner, "planned", ()):
            return Problem(place, "not-supported", f"{key} is not supported yet")
        known = [field.alias or name for name, field in owner.model_fields.items()]
        hint = suggestion(key, known) or f"; here stand {', '.join(known)}"
        return Problem(place, "unknown-key", f"there is no key {key}{hint}")
    if details["type"] == "missing":
        return _problem(document, path[:-1], "missing-key", f"{key} is missing")
    return _problem(document, path, "bad-value", _sentence(key, details))


def _model_at(model: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel]:
    for key in path:
        model = _INSIDE.get(key, model)
    return model


def _sentence(key: str, details: ErrorDetails) -> str:
    value = details["input"]
    match details["type"]:
        case "enum" | "literal_error":
            expected = str(details.get("ctx", {}).get("expected", ""))
            words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
            return f"{key} is never {value}{suggestion(str(value), words)}; write {expected}"
        case "value_error":
            return str(details.get("ctx", {}).get("error", details["msg"]))
        case "string_pattern_mismatch":
            return f"{value!r} is not a name here; use letters, digits, _ and -, no blanks"
        case _:
            said = details["msg"][:1].lower() + details["msg"][1:]
            return f"{key}: {said}" if key else said
