"""Conditions as they stand for one customer at one instant: whether they hold, what they see, and when time changes that."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.rules.book.rulebook import Clause, Rulebook
from services.rules.language.condition import Predicate
from services.rules.language.expression import Test, compile_test
from services.rules.language.flips import MAX_MS, Flip, earliest, flips_of
from services.rules.language.scene import Scene
from services.rules.language.terms import Moves, Value
from services.rules.language.tree import Logic, Not, Tree, features_of
from services.rules.story.wording import said, shortfall

MOST_LOOKS = 1000
"""How often a condition that time may change is looked at ahead: almost three years of midnights."""


@dataclass(frozen=True)
class Finding:
    """One condition as it stands.

    `actual` are the features it reads, with their values. `needs` says in words what is missing. `flip_ms` is when time alone
    will change whether it holds (Unix ms), None if it never will, or not within `MOST_LOOKS` looks; for what holds at single
    looks, when it next may. `parts` are the conditions within a block, or those a fact follows from.
    """

    text: str
    holds: bool
    actual: dict[str, Value]
    needs: str = ""
    flip_ms: int | None = None
    pulse: bool = False
    parts: tuple["Finding", ...] = ()


@dataclass(frozen=True)
class Findings:
    """A list of conditions, and whether all hold. `turn_ms` is when time alone will change that (Unix ms)."""

    holds: bool
    conditions: tuple[Finding, ...]
    turn_ms: int | None = None

    @property
    def missing(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.conditions if not finding.holds)


class Finder:
    """Looks at the conditions of a rule set in one scene, which knows what the state knows."""

    def __init__(self, book: Rulebook, scene: Scene) -> None:
        self._predicates = book.predicates
        self._facts = {fact.name: fact.needs for fact in book.facts}
        self._scene = scene

    def clause(self, clause: Clause) -> Findings:
        """Every condition of a list."""
        found = tuple(self._finding(self._predicates[i]) for i in clause.predicates)
        turn_ms = _turn([self._predicates[i] for i in clause.predicates], self._scene)
        return Findings(all(finding.holds for finding in found), found, turn_ms)

    def _finding(self, predicate: Predicate) -> Finding:
        scene, tree = self._scene, predicate.tree
        verdict = predicate.verdict(scene)
        flip_ms = _sane(predicate.flip(scene)) if predicate.pulse else _change(predicate.test, predicate.flips, scene)
        finding = Finding(verdict.condition, verdict.holds, verdict.actual, "", flip_ms, predicate.pulse)
        if tree is None:
            return finding
        if predicate.fact is not None:
            return self._fact(finding, predicate.fact)
        needs = "" if verdict.holds else _needs(tree, scene)
        return replace(finding, needs=needs, parts=tuple(self._parts(tree, json.loads(predicate.key))))

    def _fact(self, finding: Finding, name: str) -> Finding:
        parts = tuple(self._finding(self._predicates[i]) for i in self._facts[name])
        needs = "; ".join(part.needs or part.text for part in parts if not part.holds)
        return replace(finding, needs="" if finding.holds else needs, parts=parts)

    def _parts(self, tree: Tree, item: Any) -> Iterator[Finding]:
        """What a block is made of, as written where that is known."""
        for operand, written in _split(tree, item):
            text = written if isinstance(written, str) else said(operand)
            test = compile_test(operand)
            holds = test(self._scene)
            finding = Finding(
                _title(written) or text.strip(),
                holds,
                {feature.name: feature.read(self._scene) for feature in features_of(operand)},
                "" if holds else _needs(operand, self._scene),
                _change(test, flips_of(operand), self._scene),
                any(feature.moves is Moves.PULSE for feature in features_of(operand)),
            )
            if text in self._facts:
                yield self._fact(finding, text)
            else:
                yield replace(finding, parts=tuple(self._parts(operand, written)))


def later(scene: Scene, at_ms: int) -> Scene:
    """The same customer at another instant, if nothing happens: no event, and the tiers of now."""
    return Scene(
        scene.profile,
        at_ms,
        scene.days,
        scene.tiers,
        entered=scene.entered,
        began_ms=scene.began_ms,
        previous_ms=scene.previous_ms,
        recent=scene.recent,
    )


def _split(tree: Tree, item: Any) -> Sequence[tuple[Tree, Any]]:
    match tree:
        case Logic(_, operands) | Not(Logic(every=True, operands=operands)):
            pass
        case Not(Logic() as operand):
            operands = (operand,)
        case _:
            return ()
    inside: Any = next(iter(item.values())) if isinstance(item, dict) else None
    written = inside if isinstance(inside, list) else [inside]
    return list(zip(operands, written if len(written) == len(operands) else [None] * len(operands), strict=True))


def _title(written: Any) -> str:
    """The word of a block within a block."""
    return f"{next(iter(written))}:" if isinstance(written, Mapping) else ""


def _needs(tree: Tree, scene: Scene) -> str:
    if scene.event is None and any(feature.moves is Moves.PULSE for feature in features_of(tree)):
        return f"needs an event with {said(tree)}"
    return shortfall(tree, scene)


def _change(test: Test, flips: Sequence[Flip], scene: Scene) -> int | None:
    """When the truth of something changes by time alone. Flips may be early, so each is looked at."""
    before = test(scene)
    return _seek(scene, lambda at: earliest(list(flips), at), lambda at: test(at) is not before)


def _turn(predicates: Sequence[Predicate], scene: Scene) -> int | None:
    """When time alone changes whether all hold. While they do, with the first; else not before the last of the missing."""
    before = all(predicate.test(scene) for predicate in predicates)

    def bound(at: Scene) -> int | None:
        if before:
            return min((ms for predicate in predicates if (ms := predicate.flip(at)) is not None), default=None)
        missing = [predicate.flip(at) for predicate in predicates if not predicate.test(at)]
        known = [ms for ms in missing if ms is not None]
        return max(known) if len(known) == len(missing) else None

    return _seek(scene, bound, lambda at: all(predicate.test(at) for predicate in predicates) is not before)


def _seek(scene: Scene, bound: Callable[[Scene], int | None], found: Callable[[Scene], bool]) -> int | None:
    at = scene
    for _ in range(MOST_LOOKS):
        ms = _sane(bound(at))
        if ms is None:
            return None
        at = later(scene, ms)
        if found(at):
            return ms
    return None


def _sane(at_ms: int | None) -> int | None:
    return None if at_ms is None or at_ms > MAX_MS else at_ms
