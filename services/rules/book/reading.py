"""From documents to models: every mistake of shape, with its place and the word that was probably meant."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from services.rules.book.models import KINDS, MAX_PRIORITY, MAX_SEATS, Rule
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem, suggestion
from services.runtime.validation import problems_of

_NUMBER = "{key} is a whole number from %s to %s"
_SENTENCES = {
    "string_pattern_mismatch": "{input} is not a name here; use letters, digits, _ . and -, no blanks",
    "list_type": "{key} is a list; write - before each, or [ ]",
    "steps[]": "a step is a map, such as - notify: {{…}}",
    "tiers[]": "a tier is a map, such as - name: 核心",
    "on_jump[]": "a jump is a map, such as - {{to: 核心, notify: {{…}}}}",
    "sequence[]": "a part of a sequence is text or a map, such as cart_add or {{no: order.paid, within: 24h}}",
    "priority": _NUMBER % (0, MAX_PRIORITY),
    "max": _NUMBER % (1, f"{MAX_SEATS:,}"),
    "on": _NUMBER % (1, 31),
    "personalised": "{key} is true or false",
    "variants[]": "a variant is a map, such as - {{name: A, template: we_miss_you, share: 50%}}",
    "to_lower": "write to_lower: true, or leave it out",
    "to_higher": "write to_higher: true, or leave it out",
}
_BEGIN = "kind: ladder, kind: campaign or kind: define"
_CONDITIONS = ("when", "until", "enter", "leave")


def read_rule(document: Document) -> tuple[Rule | None, list[Problem]]:
    """The model of one document, or everything wrong with its shape."""
    model = _model_of(document)
    if isinstance(model, Problem):
        return None, [model]
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        return None, problems_of(error, document, model, _SENTENCES)


def loose_ladders(document: Document) -> dict[str, tuple[str, ...]]:
    """Ladder and tier names of a document that has no model, as far as they can be seen."""
    tiers = document.data.get("tiers") if isinstance(document.data, dict) else None
    if not isinstance(tiers, list) or not isinstance(document.data.get("name"), str):
        return {}
    return {document.data["name"]: tuple(str(tier.get("name")) for tier in tiers if isinstance(tier, dict)) or ("",)}


def loose_facts(document: Document) -> dict[str, Any]:
    """Names of facts that a document without a model wants to define, and what stands there."""
    facts = document.data.get("define") if isinstance(document.data, dict) else None
    return dict(facts) if isinstance(facts, dict) else {}


def loose_conditions(document: Document) -> Iterator[tuple[KeyPath, list[Any]]]:
    """The condition lists of a document that has no model, so that their mistakes are told in the same breath."""
    data = document.data if isinstance(document.data, dict) else {}
    maps: list[tuple[KeyPath, Any]] = [((), data)]
    for key in ("tiers", "steps"):
        items = data.get(key)
        maps += [((key, i), item) for i, item in enumerate(items)] if isinstance(items, list) else []
    for path, mapping in maps:
        for key in _CONDITIONS:
            if isinstance(mapping, dict) and isinstance(mapping.get(key), list):
                yield (*path, key), mapping[key]


def _model_of(document: Document) -> type[Rule] | Problem:
    data = document.data
    if not isinstance(data, dict):
        hint = "; ： is full width, write : and a blank" if isinstance(data, str) and "：" in data else ""
        return _problem(document, (), "wrong_type", f"a rule is a map that begins with {_BEGIN}{hint}")
    if "kind" not in data and "define" in data:
        return KINDS["define"]
    if "kind" not in data:
        return _problem(document, (), "missing_key", f"kind is missing; write {_BEGIN}")
    if data["kind"] is None:
        return Problem(document.key_place(("kind",)), "bad_value", f"kind has no value; write {_BEGIN}")
    kind = str(data["kind"])
    if kind in KINDS:
        return KINDS[kind]
    message = f"there is no kind {kind}{suggestion(kind, KINDS)}; only {', '.join(KINDS)}"
    return _problem(document, ("kind",), "unknown_kind", message)


def _problem(document: Document, path: KeyPath, code: str, message: str) -> Problem:
    return Problem(document.place(path), code, message)
