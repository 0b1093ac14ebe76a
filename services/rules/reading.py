"""From documents to models: every mistake of shape, with its place and the word that was probably meant."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from services.rules.models import KINDS, PLANNED_KINDS, Campaign, Ladder
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem, suggestion
from services.runtime.validation import problems_of

_SENTENCES = {"string_pattern_mismatch": "{input} is not a name here; use letters, digits, _ . and -, no blanks"}


def read_rule(document: Document) -> tuple[Ladder | Campaign | None, list[Problem]]:
    """The model of one document, or everything wrong with its shape."""
    model = _model_of(document)
    if isinstance(model, Problem):
        return None, [model]
    try:
        rule = model.model_validate(document.data)
    except ValidationError as error:
        return None, problems_of(error, document, model, _SENTENCES)
    if isinstance(rule, Campaign) and len(rule.steps) > 1:
        return None, [_problem(document, ("steps", 1), "not_supported", "more than one step is not supported yet")]
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
        return _problem(document, (), "wrong_type", message)
    if "kind" not in data:
        return _problem(document, (), "missing_key", "kind is missing; write kind: ladder or kind: campaign")
    kind = str(data["kind"])
    if kind in KINDS:
        return KINDS[kind]
    if kind in PLANNED_KINDS:
        return _problem(document, ("kind",), "not_supported", f"kind: {kind} is not supported yet")
    message = f"there is no kind {kind}{suggestion(kind, KINDS)}; only {' and '.join(KINDS)}"
    return _problem(document, ("kind",), "unknown_kind", message)


def _problem(document: Document, path: KeyPath, code: str, message: str) -> Problem:
    return Problem(document.place(path), code, message)
