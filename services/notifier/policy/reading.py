"""From a file to a policy or a staff directory, or to everything that is wrong with it."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from services.notifier.written import Part
from services.runtime.document import parse_one
from services.runtime.files import read_file
from services.runtime.problems import FileError, Problem
from services.runtime.validation import problems_of

_SENTENCES = {
    "tuple_type": "{key} is a list; write - before each, or [ ]",
    "string_pattern_mismatch": "{input} is no language; write it such as zh or en",
    "quiet_hours[]": 'quiet hours are a map, such as - {{from: "21:00", to: "09:00"}}',
}

P = TypeVar("P", bound=Part)


def load(kind: type[P], path: Path) -> P:
    """What stands in a file. Raise `FileError`."""
    return parse(kind, str(path), read_file(path))


def parse(kind: type[P], file: str, content: bytes | str) -> P:
    """The same of a content; an empty one means the defaults. Raise `FileError` with all that is wrong."""
    document, problems = parse_one(file, content)
    found = None
    if document is None and not problems:
        found = kind()
    elif document is not None and not isinstance(document.data, dict):
        wanted = next(iter(kind.model_fields))
        problems.append(Problem(document.place(()), "wrong_type", f"write a map that begins with {wanted}:"))
    elif document is not None:
        try:
            found = kind.model_validate(document.data)
        except ValidationError as error:
            problems += problems_of(error, document, kind, _SENTENCES)
    if problems or found is None:
        raise FileError(problems)
    return found
