"""Defined facts: names for conditions, which may ask for each other, though never in a circle."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.rules.book.models import Define
from services.rules.language.condition import Predicate, parse_conditions
from services.rules.language.terms import Vocabulary
from services.rules.language.tree import Logic, Tree, is_larger
from services.runtime.document import Document
from services.runtime.problems import Place, Problem

MAX_NODES = 1000
"""Of a fact with all the facts it builds on: each of them could double the last."""


class Facts(Mapping[str, Tree | None]):
    """The conditions of all facts by name, read when they are first asked for; None for a broken one.

    `used` are the facts that were asked for, directly or by way of another, since it was cleared.
    """

    def __init__(self) -> None:
        self.used: set[str] = set()
        self._said: dict[str, tuple[Document, list[Any]]] = {}
        self._expected: dict[str, None] = {}
        self._trees: dict[str, Tree | None] = {}
        self._needs: dict[str, set[str]] = {}
        self._open: list[str] = []
        self._problems: list[Problem] = []
        self.ladders: Mapping[str, tuple[str, ...]] = {}
        """What the facts may ask for; to be set before any is read."""

    def add(self, document: Document, rule: Define) -> Iterator[Problem]:
        """Take in the facts of one document."""
        for name, items in rule.define.items():
            if name in self._said:
                first: Place = self._said[name][0].key_place(("define", name))
                message = f"a fact {name} is already defined in {first.file}, line {first.line}"
                yield Problem(document.key_place(("define", name)), "duplicate_name", message)
            else:
                self._said[name] = document, items

    def expect(self, names: Iterable[str]) -> None:
        """Names that a broken document wants to define."""
        self._expected |= dict.fromkeys(names)

    def resolve(self, ladders: Mapping[str, tuple[str, ...]]) -> list[Problem]:
        """Read those nobody has asked for; everything that is wrong with any fact."""
        self.ladders = ladders
        for name in self._said:
            self[name]
        return self._problems

    def said(self, names: Iterable[str]) -> dict[str, list[Any]]:
        """The conditions of facts as they are written."""
        return {name: self._said[name][1] for name in names if name in self._said}

    def parts(self, name: str, vocabulary: Vocabulary) -> list[Predicate]:
        """The conditions that a sound fact follows from."""
        if name not in self._said:
            return []
        document, items = self._said[name]
        return parse_conditions(items, document, ("define", name), vocabulary)[0]

    def __getitem__(self, name: str) -> Tree | None:
        if name in self._open:
            document, _ = self._said[name]
            circle = " → ".join([*self._open[self._open.index(name) :], name])
            place = document.key_place(("define", name))
            self._problems.append(Problem(place, "circle", f"a fact cannot follow from itself: {circle}"))
            return None
        if name not in self._trees:
            self._trees[name] = self._read(name)
        self.used |= {name, *self._needs.get(name, ())}
        return self._trees[name]

    def __contains__(self, name: object) -> bool:
        return name in self._said or name in self._expected

    def __iter__(self) -> Iterator[str]:
        return iter({**self._said, **self._expected})

    def __len__(self) -> int:
        return len({**self._said, **self._expected})

    def _read(self, name: str) -> Tree | None:
        if name not in self._said:
            return None
        document, items = self._said[name]
        outer, self.used = self.used, set()
        self._open.append(name)
        predicates, problems = parse_conditions(items, document, ("define", name), Vocabulary(self.ladders, self))
        self._open.pop()
        self._needs[name], self.used = self.used, outer
        self._problems += problems
        trees = tuple(predicate.tree for predicate in predicates if predicate.tree is not None)
        if not trees:
            return None
        tree = trees[0] if len(trees) == 1 else Logic(every=True, operands=trees)
        if is_larger(tree, MAX_NODES):
            message = f"with all the facts it builds on, {name} asks more than {MAX_NODES} things; build it on fewer"
            self._problems.append(Problem(document.key_place(("define", name)), "too_large", message))
            return None
        return tree
