"""All conditions of a rule set as one function: `(scene) -> mask` of the true ones.

The function is put together from checked trees: comparisons become comparisons of Python, each feature is read once for all that
ask for it, and conditions of the shape `feature == value` are looked up in a table instead of being asked one by one. What
people wrote never gets into the text of the function: names stand for features and values, and what has no shape of its
own here is called as the closure that `expression` makes of it. Both mean the same; the tests compare them.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from services.rules.language.condition import Predicate
from services.rules.language.expression import compile_test, compile_value
from services.rules.language.scene import Scene
from services.rules.language.terms import Feature, Kind
from services.rules.language.tree import Comparison, Constant, Logic, Membership, Not, Read, Tree, kind_of

Mask = Callable[[Scene], int]

_AT_ONCE = 200
"""Conditions in one function of Python."""


def compile_mask(predicates: Iterable[tuple[int, Predicate]]) -> Mask:
    """`predicates` come with the number of their bit."""
    rest = iter(predicates)
    parts = []
    while some := list(islice(rest, _AT_ONCE)):
        parts.append(_Part().function(some))
    if len(parts) == 1:
        return parts[0]

    def mask(scene: Scene) -> int:
        true = 0
        for part in parts:
            true |= part(scene)
        return true

    return mask


class _Part:
    """The text of one function, and what its names stand for."""

    def __init__(self) -> None:
        self._names: dict[str, Any] = {}
        self._features: dict[str, str] = {}
        self._getters: dict[str, Any] = {}
        self._tables: dict[str, dict[Any, int]] = {}

    def function(self, predicates: Iterable[tuple[int, Predicate]]) -> Mask:
        lines = [line for bit, predicate in predicates for line in self._line(1 << bit, predicate)]
        reads = [f"    {name} = {self._name('r', self._getters[name])}(s)" for name in self._features.values()]
        found = [f"    m |= {self._name('e', table)}.get({name}, 0)" for name, table in self._tables.items()]
        text = "\n".join(["def mask(s):", "    m = 0", *reads, *found, *lines, "    return m"])
        exec(compile(text, "<conditions>", "exec"), self._names)  # noqa: S102 - made of names and signs of ours alone
        function: Mask = self._names["mask"]
        return function

    def _line(self, bit: int, predicate: Predicate) -> Iterator[str]:
        match None if predicate.pulse else predicate.tree:
            case None:
                truth = f"{self._name('t', predicate.test)}(s)"
            case Comparison(Read(feature), (("==", Constant(value, _)),)) if feature.kind is not Kind.ANY:
                table = self._tables.setdefault(self._feature(feature), {})
                table[value] = table.get(value, 0) | bit
                return
            case tree:
                truth = self._truth(tree)
        yield f"    if {truth}: m |= {self._name('b', bit)}"

    def _truth(self, tree: Tree) -> str:  # noqa: PLR0911 - one case per kind of node
        match tree:
            case Constant(value, Kind.BOOL):
                return str(value is True)
            case Read(feature) if feature.kind is Kind.BOOL:
                return f"{self._feature(feature)} is True"
            case Logic(every, operands):
                return (" and " if every else " or ").join(f"({self._truth(operand)})" for operand in operands)
            case Not(operand):
                return f"not ({self._truth(operand)})"
            case Comparison(first, rest):
                lefts = (first, *(right for _, right in rest))
                pairs = [self._pair(operator, lefts[i], right) for i, (operator, right) in enumerate(rest)]
                return " and ".join(f"({pair})" for pair in pairs if pair) if all(pairs) else self._called(tree)
            case Membership(Read(feature), options, negated) if feature.kind is not Kind.ANY:
                values = [option.value for option in options if isinstance(option, Constant)]
                if len(values) == len(options):
                    name = self._feature(feature)
                    known = f"{name} is not None and {name} not in" if negated else f"{name} in"
                    return f"{known} {self._name('o', frozenset(values))}"
        return self._called(tree)

    def _pair(self, operator: str, left: Tree, right: Tree) -> str:
        """One comparison; nothing for one that is better called."""
        if Kind.ANY in {kind_of(left), kind_of(right)} or kind_of(left) is Kind.BOOL:
            return ""
        sides = [self._side(side) for side in (left, right)]
        known = [known for known, _ in sides if known]
        return " and ".join([*known, f"{sides[0][1]} {operator} {sides[1][1]}"])

    def _side(self, tree: Tree) -> tuple[str, str]:
        """A test that the value is known, and the value."""
        match tree:
            case Constant(value, _):
                return "", self._name("c", value)
            case Read(feature):
                name = self._feature(feature)
                return f"{name} is not None", name
        name = f"w{len(self._names)}"
        return f"({name} := {self._name('v', compile_value(tree))}(s)) is not None", name

    def _called(self, tree: Tree) -> str:
        return f"{self._name('t', compile_test(tree))}(s)"

    def _feature(self, feature: Feature) -> str:
        name = self._features.get(feature.name)
        if name is None:
            name = self._features[feature.name] = f"f{len(self._features)}"
            self._getters[name] = feature.read
        return name

    def _name(self, letter: str, value: object) -> str:
        name = f"{letter}{len(self._names)}"
        self._names[name] = value
        return name
