"""What is wrong with a rule file, said so that its author can mend it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from services.contracts.errors import KoipondError


class Place(NamedTuple):
    """Where in a file: line and column, both counted from 1."""

    file: str
    line: int
    column: int

    def right(self, characters: int) -> "Place":
        return self._replace(column=self.column + characters)


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. `code` is stable, `message` a sentence without its full stop."""

    place: Place
    code: str
    message: str

    def __str__(self) -> str:
        file, line, column = self.place
        return f"{file}:{line}:{column}: {self.code}: {self.message}"


class RuleError(KoipondError):
    """Rule files that cannot be used, with all their problems at once, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


def suggestion(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for the nearest known word, or nothing."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]}?)" if near else ""
