"""What pydantic finds wrong with a document, as problems with places and the words that were probably meant."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem, suggestion


def problems_of(
    error: ValidationError, document: Document, model: type[BaseModel], sentences: Mapping[str, str] | None = None
) -> list[Problem]:
    """One problem per mistake in `document`, which is no `model`.

    A model may name keys that a later version will know in a class variable `planned`. `sentences` word some of
    pydantic's error types for this kind of file; `{input}` is what was found.
    """
    return [
        _problem(details, document, _model_at(model, details["loc"][:-1]), sentences or {})
        for details in error.errors(include_url=False)
    ]


def _problem(
    details: ErrorDetails, document: Document, owner: type[BaseModel], sentences: Mapping[str, str]
) -> Problem:
    path: KeyPath = details["loc"]
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    match details["type"]:
        case "extra_forbidden":
            place = document.key_place(path)
            if key in getattr(owner, "planned", ()):
                return Problem(place, "not_supported", f"{key} is not supported yet")
            known = [field.alias or name for name, field in owner.model_fields.items()]
            hint = suggestion(key, known) or f"; here stand {', '.join(known)}"
            return Problem(place, "unknown_key", f"there is no key {key}{hint}")
        case "missing":
            return Problem(document.place(path[:-1]), "missing_key", f"{key} is missing")
        case "unknown_value":
            return Problem(document.place(path), "unknown_value", details["msg"])
        case _:
            return Problem(document.place(path), "bad_value", _sentence(key, details, sentences))


def _sentence(key: str, details: ErrorDetails, sentences: Mapping[str, str]) -> str:
    value = details["input"]
    if details["type"] in sentences:
        return sentences[details["type"]].format(input=repr(value))
    match details["type"]:
        case "enum" | "literal_error":
            expected = str(details.get("ctx", {}).get("expected", ""))
            words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
            return f"{key} is never {value}{suggestion(value, words)}; write {expected}"
        case "value_error":
            return str(details.get("ctx", {}).get("error", details["msg"]))
        case _:
            said = details["msg"][:1].lower() + details["msg"][1:]
            return f"{key}: {said}" if key else said


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
