"""Parts of a condition that is being read, and what there is to say about them."""

from typing import NamedTuple

from services.rules.language.lexer import Word
from services.rules.language.terms import Feature, Kind, Moves
from services.rules.language.tree import Constant, Tree, features_of, kind_of
from services.runtime.problems import Place, Problem

BROKEN = Constant(None, Kind.ANY)
"""Stands for what cannot be read: it has been told, and nothing more is said of what it is part of."""
_LONGEST_QUOTE = 40


class Part(NamedTuple):
    """A tree and where it stands in the text, for messages."""

    tree: Tree
    start: int
    end: int

    @property
    def broken(self) -> bool:
        return self.tree is BROKEN

    @property
    def kind(self) -> Kind:
        return kind_of(self.tree)

    @property
    def ticking(self) -> list[Feature]:
        return [feature for feature in features_of(self.tree) if feature.moves.ticking]

    @property
    def steady(self) -> list[Feature]:
        return [feature for feature in self.ticking if feature.moves is Moves.STEADILY]


class Remarks:
    """The text of a condition, and everything wrong with it."""

    def __init__(self, text: str, place: Place) -> None:
        self.text = " ".join(text.splitlines()) if "\n" in text else text
        self.place = place
        self.problems: list[Problem] = []
        # a text over several lines has lost its columns
        self._precise = "\n" not in text

    def note(self, offset: int, code: str, message: str) -> None:
        # what was quoted from the condition may hold anything
        said = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in message)
        self.problems.append(Problem(self.place.right(offset) if self._precise else self.place, code, said))

    def refuse(self, at: Part | Word, code: str, message: str) -> Part:
        self.note(at.start, code, message)
        return Part(BROKEN, at.start, at.end)

    def take_back(self, start: int, end: int) -> None:
        """Nothing is to be said of what stands there."""
        if self._precise:
            columns = range(self.place.column + start, self.place.column + end)
            self.problems = [problem for problem in self.problems if problem.place.column not in columns]

    def written(self, part: Part) -> str:
        text = self.text[part.start : part.end]
        return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}…"
