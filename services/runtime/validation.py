"""What pydantic finds wrong with a document, as problems with places and the words that were probably meant."""

import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem, suggestion

NO_VALUE = "no_value"
"""The type of an error about a key without a value."""
_KEY = "[key]"
_NUMBERS = {1: "one", 2: "two"}


def problems_of(
    error: ValidationError, document: Document, model: type[BaseModel], sentences: Mapping[str, str] | None = None
) -> list[Problem]:
    """One problem per mistake in `document`, which is no `model`.

    A model may name keys that people look for in it in vain in a class variable `elsewhere`, each with a sentence that says
    where they stand. `sentences` word some of pydantic's error types for this kind of file, or all of what can be wrong with
    a key; `steps[]` are the items of the list `steps`. `{key}` is the key, `{input}` is what was found.
    """
    return [
        _problem(details, document, _model_at(model, details["loc"][:-1]), sentences or {})
        for details in error.errors(include_url=False)
        if not _is_refused(details["loc"], document)
    ]


def _is_refused(path: KeyPath, document: Document) -> bool:
    return any(document.place(path[:end]) in document.refused for end in range(1, len(path) + 1))


def _problem(
    details: ErrorDetails, document: Document, owner: type[BaseModel], sentences: Mapping[str, str]
) -> Problem:
    path: KeyPath = details["loc"]
    place = document.place(path)
    if path[-1:] == (_KEY,):
        path = path[:-1]
        place = document.key_place(path)
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    match details["type"]:
        case "extra_forbidden":
            place = document.key_place(path)
            elsewhere: Mapping[str, str] = getattr(owner, "elsewhere", {})
            if key in elsewhere:
                return Problem(place, "not_supported", elsewhere[key])
            known = [field.alias or name for name, field in owner.model_fields.items()]
            hint = suggestion(key, known) or f"; here stand {', '.join(known)}"
            return Problem(place, "unknown_key", f"there is no key {key}{hint}")
        case "missing":
            return Problem(document.place(path[:-1]), "missing_key", f"{key} is missing")
        case "unknown_value":
            return Problem(place, "unknown_value", details["msg"])
        case _ if _is_empty(details, path):
            advice = "write one" if _is_required(key, owner) else "write one or remove the key"
            return Problem(document.key_place(path), "bad_value", f"{key} has no value; {advice}")
        case _:
            of_item = bool(path) and isinstance(path[-1], int)
            return Problem(place, "bad_value", _sentence(key, of_item, details, sentences))


def _is_empty(details: ErrorDetails, path: KeyPath) -> bool:
    """Whether it is wrong because nothing stands behind the key; errors of our own have their own words for that."""
    expected = details["type"]
    of_pydantic = expected in {NO_VALUE, "enum", "literal_error"} or expected.endswith("_type")
    return details["input"] is None and of_pydantic and isinstance(path[-1] if path else None, str)


def _is_required(key: str, owner: type[BaseModel]) -> bool:
    return any(field.is_required() for name, field in owner.model_fields.items() if key == (field.alias or name))


def _sentence(key: str, of_item: bool, details: ErrorDetails, sentences: Mapping[str, str]) -> str:
    value, expected = details["input"], details["type"]
    what = f"an item of {key}" if of_item else key
    if expected == "value_error" and expected not in sentences:
        return str(details.get("ctx", {}).get("error", details["msg"]))
    for word in (expected, f"{key}[]" if of_item else key):
        if word in sentences:
            return sentences[word].format(key=what, input=repr(value))
    if expected in {"enum", "literal_error"}:
        choices = str(details.get("ctx", {}).get("expected", ""))
        words = [word.strip("'") for word in choices.replace(" or ", ", ").split(", ")]
        return f"{key} is never {value}{suggestion(value, words)}; write {choices}"
    said = details["msg"][:1].lower() + details["msg"][1:]
    return _shape(what, details) or (f"{key}: {said}" if key else said)


def _shape(what: str, details: ErrorDetails) -> str:
    """The sentence about text, maps and how long they may be; none about anything else."""
    context = details.get("ctx", {})
    match details["type"]:
        case "string_type":
            return _no_text(what, details["input"])
        case "model_type" | "dict_type":
            return f"{what or 'this file'} is a map; write key: value"
        case "too_short":
            least = context["min_length"]
            return f"{what} needs at least {_NUMBERS.get(least, least)}"
        case "too_long":
            return f"{what} takes at most {context['max_length']}"
        case "string_too_long":
            return f"{what} takes at most {context['max_length']} characters"
        case _:
            return ""


def _no_text(what: str, value: Any) -> str:
    match value:
        case None:
            return f"{what} is text; nothing stands here"
        case list() | dict():
            return f"{what} is text, not a {'list' if isinstance(value, list) else 'map'}"
        case _:
            written = json.dumps(value)
            kind = "no text" if isinstance(value, bool) else "a number"
            return f'{written} is {kind}; write "{written}" to make it text'


def _model_at(model: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel]:
    """The model of what stands at a path; the nearest around it where that has none."""
    for key in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if key in fields:
            model = _inside(fields[key].annotation) or model
    return model


def _inside(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inside(part)) is not None), None)
