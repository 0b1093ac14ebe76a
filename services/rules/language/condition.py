"""Condition lists: every item must hold; `any:` and `not:` blocks nest.

One item of a list is one predicate: the unit that is evaluated, remembered in the mask of true predicates, and explained.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.contracts.decision import Verdict
from services.rules.language.expression import Test, compile_test
from services.rules.language.flips import Flip, earliest, flips_of
from services.rules.language.scene import Scene
from services.rules.language.syntax import parse_expression
from services.rules.language.terms import Feature, Moves, Value, Vocabulary
from services.rules.language.tree import Logic, Not, Tree, features_of
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem, suggestion

MAX_ITEMS = 32
MAX_DEPTH = 6
_BLOCKS = ("any", "not")
_ROUNDED_TO = 6


@dataclass(frozen=True)
class Predicate:
    """One condition as written, ready to be asked. Two with the same `key` are the same.

    `tree` is None for what is no expression: a schedule, a sequence, a period. A `pulse` is true at the look at which it
    happens, and at no other. `fact` is the name of the defined fact that the condition asks for and nothing else.
    """

    key: str
    text: str
    test: Test
    flips: tuple[Flip, ...]
    features: tuple[Feature, ...] = ()
    tree: Tree | None = None
    pulse: bool = False
    fact: str | None = None
    seen: Callable[[Scene], dict[str, Value]] | None = None

    @property
    def timed(self) -> bool:
        """Whether time alone can change it."""
        return bool(self.flips)

    @property
    def of_tier(self) -> bool:
        """Whether it asks where the customer stands on a ladder."""
        return any(feature.of_tier for feature in self.features)

    def flip(self, scene: Scene) -> int | None:
        """The next instant (Unix ms, after `now`) at which it may change by time alone; None if never."""
        return earliest(self.flips, scene)

    def verdict(self, scene: Scene) -> Verdict:
        """Whether it holds, with the value of every feature it reads."""
        if self.seen is not None:
            actual = self.seen(scene)
        else:
            actual = {feature.name: _shown(feature.read(scene)) for feature in self.features}
        return Verdict(condition=self.text, actual=actual, holds=self.test(scene))


def _shown(value: Value) -> Value:
    return round(value, _ROUNDED_TO) if isinstance(value, float) else value


def make_predicate(key: str, text: str, tree: Tree, fact: str | None = None) -> Predicate:
    """What asks about an event is true only at the look which an event causes, even if it is negated."""
    features = tuple(features_of(tree))
    test, pulse = compile_test(tree), any(feature.moves is Moves.PULSE for feature in features)
    if pulse:
        return Predicate(
            key, text, lambda s: s.event is not None and test(s), (), features, tree, pulse=True, fact=fact
        )
    return Predicate(key, text, test, tuple(flips_of(tree)), features, tree, fact=fact)


def parse_conditions(
    items: Sequence[Any], document: Document, path: KeyPath, vocabulary: Vocabulary
) -> tuple[list[Predicate], list[Problem]]:
    """The predicates of one list that stands at `path` of a document, and everything wrong with it."""
    reader = _Reader(document, vocabulary)
    parsed = [reader.item(item, (*path, i), 0) for i, item in enumerate(items)]
    if not items:
        reader.note(path, "empty", "a list of conditions needs at least one")
    if len(items) > MAX_ITEMS:
        reader.note(path, "too_many", f"a list of conditions may have {MAX_ITEMS} items")
    if reader.problems:
        return [], reader.problems
    return [
        make_predicate(json.dumps(item, ensure_ascii=False), text, tree, text if text in vocabulary.defined else None)
        for item, (text, tree) in zip(items, parsed, strict=True)
        if tree is not None
    ], []


class _Reader:
    def __init__(self, document: Document, vocabulary: Vocabulary) -> None:
        self.document = document
        self.vocabulary = vocabulary
        self.problems: list[Problem] = []

    def note(self, path: KeyPath, code: str, message: str) -> None:
        self.problems.append(Problem(self.document.place(path), code, message))

    def item(self, item: Any, path: KeyPath, depth: int) -> tuple[str, Tree | None]:
        if isinstance(item, str):
            tree, problems = parse_expression(item, self.document.text_place(path), self.vocabulary)
            self.problems += problems
            return item.strip(), None if problems else tree
        if isinstance(item, dict) and len(item) == 1:
            return self._block(item, path, depth)
        self.note(path, "bad_condition", "a condition is text such as recency_days >= 45, or a block any: or not:")
        return "", None

    def _block(self, item: dict[str, Any], path: KeyPath, depth: int) -> tuple[str, Tree | None]:
        ((word, inside),) = item.items()
        if not self._is_block(word, inside, path):
            return "", None
        path = (*path, word)
        if depth >= MAX_DEPTH:
            self.note(path, "too_deep", f"any: and not: nest {MAX_DEPTH} deep at most")
            return "", None
        if isinstance(inside, list):
            parts = [self.item(part, (*path, i), depth + 1) for i, part in enumerate(inside)]
        else:
            parts = [self.item(inside, path, depth + 1)]
        if not 1 <= len(parts) <= MAX_ITEMS:
            self.note(path, "empty" if not parts else "too_many", f"{word}: takes 1 to {MAX_ITEMS} conditions")
            return "", None
        trees = tuple(tree for _, tree in parts if tree is not None)
        text = f"{word}: [{'; '.join(text for text, _ in parts)}]"
        if len(trees) < len(parts):
            return text, None
        if word == "any":
            return text, Logic(every=False, operands=trees)
        # not: [a, b] says that a and b do not hold both
        return text, Not(Logic(every=True, operands=trees))

    def _is_block(self, word: str, inside: Any, path: KeyPath) -> bool:
        if word in _BLOCKS and inside is not None:
            return True
        if word in _BLOCKS:
            code, message = "empty", f"{word}: has nothing in it"
        elif word.isidentifier():
            code, message = "unknown_key", f"there is no block {word}{suggestion(word, _BLOCKS)}; only any: and not:"
        else:
            code, message = "bad_condition", "quote the whole condition: it has a colon and a blank in it"
        self.problems.append(Problem(self.document.key_place((*path, word)), code, message))
        return False
