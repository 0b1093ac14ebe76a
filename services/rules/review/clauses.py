"""The condition lists of a rule set: what each says as one tree, and where its items stand."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from services.rules.book.occasions import of_sequence
from services.rules.book.rulebook import Clause, Rulebook
from services.rules.book.sequence import EventSequence
from services.rules.language.condition import Predicate
from services.rules.language.features import FEATURES, known_kind
from services.rules.language.terms import Kind
from services.rules.language.tree import Comparison, Constant, Membership, Read, Tree
from services.rules.review.domains import EVENT_TYPE
from services.rules.review.logic import both, question
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Place

_LONGEST_QUOTE = 60
_AN_EVENT = Membership(
    Read(EVENT_TYPE), tuple(Constant(name, Kind.TEXT) for name in sorted(EVENT_TYPE.choices)), negated=False
)
"""That an event causes the look."""


class Item(NamedTuple):
    """One item of a list: as written, what it says, and its path in the document."""

    text: str
    tree: Tree
    path: KeyPath
    written: Any = None


class Listed(NamedTuple):
    """A list of conditions in a document."""

    document: Document
    path: KeyPath
    items: tuple[Item, ...]

    @property
    def tree(self) -> Tree:
        return both(*(item.tree for item in self.items))

    def place(self, item: Item) -> Place:
        return self.document.text_place(item.path)


class Clauses:
    """The clauses of a rulebook as trees."""

    def __init__(self, book: Rulebook) -> None:
        self._predicates = book.predicates
        self._documents = book.documents
        self._sequences = {of_sequence(sequence).key: sequence for sequence in book.sequences}

    def tree(self, clause: Clause) -> Tree:
        """All that a clause asks for, its rule's schedule, period and sequence included."""
        return both(*(self.part(self._predicates[i]) for i in clause.predicates))

    def surroundings(self, clause: Clause) -> Tree:
        """That schedule, period and sequence alone."""
        predicates = (self._predicates[i] for i in clause.predicates)
        return both(*(self.part(predicate) for predicate in predicates if predicate.tree is None))

    def listed(self, rule: str, clause: Clause, path: KeyPath) -> Listed:
        """The items of a clause that stands at a path of its rule's document."""
        document = self._documents[rule]
        written: Any = document.data
        for key in path:
            written = written[key]
        return listed(document, path, written, [self._predicates[i] for i in clause.predicates], self)

    def part(self, predicate: Predicate) -> Tree:
        """What one condition says, when it is asked at a look."""
        return part(predicate, self._sequences.get(predicate.key))


def part(predicate: Predicate, sequence: EventSequence | None = None) -> Tree:
    """What one condition says, when it is asked at a look; `sequence` is what it stands for, if it does."""
    if predicate.tree is not None:
        return both(_AN_EVENT, predicate.tree) if predicate.pulse else predicate.tree
    unexplained = question(predicate.key)
    if sequence is None or sequence.absence is not None:
        return unexplained
    return both(unexplained, _caused_by(sequence.links[-1].name))


def listed(
    document: Document, path: KeyPath, written: Sequence[Any], predicates: Sequence[Predicate], clauses: Clauses | None
) -> Listed:
    """The items of a list, each with the predicate that was made of it."""
    known = {predicate.key: predicate for predicate in predicates}
    items: list[Item] = []
    for i, item in enumerate(written):
        predicate = known[json.dumps(item, ensure_ascii=False)]
        tree = part(predicate) if clauses is None else clauses.part(predicate)
        items.append(Item(predicate.text, tree, (*path, i), item))
    return Listed(document, path, tuple(items))


def quoted(text: str) -> str:
    """A condition within a sentence."""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"


def _caused_by(name: str) -> Tree:
    feature = FEATURES["event.kind"] if known_kind(name) else EVENT_TYPE
    return Comparison(Read(feature), (("==", Constant(name, Kind.TEXT)),))
