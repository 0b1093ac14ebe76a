"""What is wrong with a file that people write, said so that its author can mend it."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from services.contracts.errors import KoipondError

_LONGEST_WORD = 64


class Place(NamedTuple):
    """Where in a file: line and column, both counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def right(self, characters: int) -> "Place":
        return self._replace(column=self.column + characters)


class Problem(NamedTuple):
    """One mistake; `code` is stable, `message` a sentence without its full stop."""

    place: Place
    code: str
    message: str

    def __str__(self) -> str:
        file, line, column = self.place
        return f"{file}:{line}:{column}: {self.code}: {self.message}"


class FileError(KoipondError):
    """Files that cannot be used, with all their problems at once, in the order of the files; each is one line of the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.place))
        super().__init__("\n".join(map(str, self.problems)))


def suggestion(word: object, known: Iterable[str], likeness: float = 0.5) -> str:
    """` (did you mean order.paid?)`, or nothing if no known word is as like it, or `word` is no text."""
    text = word[:_LONGEST_WORD] if isinstance(word, str) else ""
    near = get_close_matches(text, sorted(known), n=1, cutoff=likeness)
    return f" (did you mean {near[0]}?)" if near else ""
