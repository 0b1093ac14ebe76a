"""From a checked tree to a function: `(scene) -> value`, composed of small closures, without `eval`.

A comparison with unknown (None) is false, `!=` and `not in` included; `not` turns that into true. Arithmetic with unknown,
a division by zero or a result out of range is unknown.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from services.rules.language.scene import Scene
from services.rules.language.terms import Getter, Kind, Value
from services.rules.language.tree import (
    Arithmetic,
    Comparison,
    Constant,
    Logic,
    Membership,
    Money,
    Not,
    Read,
    Tree,
    kind_of,
)

Test = Callable[[Scene], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RECKON: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def compile_test(tree: Tree) -> Test:
    """The truth of a tree whose kind is yes/no."""
    match tree:
        case Comparison(first, rest):
            lefts = (first, *(right for _, right in rest))
            return _every([pair_test(op, lefts[i], right) for i, (op, right) in enumerate(rest)])
        case Membership(item, options, negated):
            if negated:
                return _every([pair_test("!=", item, option) for option in options])
            return _some([pair_test("==", item, option) for option in options])
        case Logic(every, operands):
            tests = [compile_test(operand) for operand in operands]
            return _every(tests) if every else _some(tests)
        case Not(operand):
            test = compile_test(operand)
            return lambda scene: not test(scene)
        case _:
            value = compile_value(tree)
            return lambda scene: value(scene) is True


def compile_value(tree: Tree) -> Getter:
    """The value of any tree; None is unknown."""
    match tree:
        case Constant(value, _):
            return lambda _: value
        case Money(minor, currency):
            return lambda scene: minor if scene.profile.currency == currency else None
        case Read(feature):
            return feature.read
        case Arithmetic(op, left, right):
            return _arithmetic(_RECKON[op], compile_value(left), compile_value(right))
        case _:
            return compile_test(tree)


def pair_test(op: str, left: Tree, right: Tree) -> Test:
    """One comparison of two sides."""
    compare = _COMPARE[op]
    read_left, read_right = compile_value(left), compile_value(right)
    if Kind.ANY in {kind_of(left), kind_of(right)}:
        return _guarded(compare, read_left, read_right)
    if isinstance(right, Constant):
        constant = right.value
        return lambda scene: (value := read_left(scene)) is not None and compare(value, constant)

    def test(scene: Scene) -> bool:
        a, b = read_left(scene), read_right(scene)
        return a is not None and b is not None and compare(a, b)

    return test


def compare_values(op: str, left: Value, right: Value) -> bool:
    """One comparison of two values of the same kind."""
    return left is not None and right is not None and _COMPARE[op](left, right)


def _guarded(compare: Callable[[Any, Any], bool], left: Getter, right: Getter) -> Test:
    def test(scene: Scene) -> bool:
        a, b = left(scene), right(scene)
        if a is None or b is None or _family(a) is not _family(b):
            return False
        return compare(a, b)

    return test


def _family(value: Value) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _arithmetic(reckon: Callable[[Any, Any], Any], left: Getter, right: Getter) -> Getter:
    def value(scene: Scene) -> Value:
        a, b = left(scene), right(scene)
        if a is None or b is None or _family(a) is not float or _family(b) is not float:
            return None
        try:
            result: int | float = reckon(a, b)
            return result if math.isfinite(result) else None
        except (ZeroDivisionError, OverflowError):
            return None

    return value


def _every(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda scene: all(test(scene) for test in tests)


def _some(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda scene: any(test(scene) for test in tests)
