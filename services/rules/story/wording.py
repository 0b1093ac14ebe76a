"""Conditions and values as a person writes them, and what a condition that does not hold is short of."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import UnionType

from services.contracts.durations import format_duration, format_ms
from services.rules.language.currencies import CURRENCIES, minor_units
from services.rules.language.expression import compile_test, compile_value, pair_test
from services.rules.language.features import FEATURES
from services.rules.language.functions import FUNCTIONS
from services.rules.language.scene import Scene
from services.rules.language.terms import Kind, Value
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
    features_of,
)

MINOR_UNITS = "minor units"
UNKNOWN = "unknown"
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_DIGITS = 4
_TINY = 1e-3
_HUGE = 1e15


def said(tree: Tree) -> str:
    """A condition written anew from its tree."""
    match tree:
        case Constant():
            text = _literal(tree)
        case Money(minor, currency):
            text = money_text(minor, currency)
        case Read(feature):
            text = feature.name
        case Arithmetic(operator, left, right):
            text = f"{_bracketed(left, Arithmetic)} {operator} {_bracketed(right, Arithmetic)}"
        case Comparison(first, rest):
            text = " ".join([_side(first), *(f"{operator} {_side(right)}" for operator, right in rest)])
        case Membership(item, options, negated):
            text = f"{_side(item)} {'not in' if negated else 'in'} [{', '.join(map(said, options))}]"
        case Logic(every, operands):
            text = (" and " if every else " or ").join(_bracketed(operand, Logic) for operand in operands)
        case Not(operand):
            text = f"not {_bracketed(operand, Logic)}"
    return text


def value_text(name: str, value: Value, currency: str = "") -> str:
    """A value of the feature `name`: an amount in minor units with what it is in money, a length with its unit."""
    base, bracket, _ = name.partition("(")
    known = FUNCTIONS.get(base) if bracket else FEATURES.get(base)
    if known is not None and isinstance(value, int) and not isinstance(value, bool):
        if known.kind is Kind.LENGTH:
            return format_ms(value)
        if known.unit == MINOR_UNITS and currency in CURRENCIES:
            return f"{value} ({money_text(value, currency)})"
    return plain_text(value)


def plain_text(value: Value) -> str:
    """A value by itself: four digits of a fraction are enough to read."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _short(value) if isinstance(value, float) else str(value)


def money_text(minor: int, currency: str) -> str:
    """`123.45 CNY`."""
    unit = minor_units(Decimal(1), currency)
    return f"{Decimal(minor) / unit:.{len(str(unit)) - 1}f} {currency}"


def shortfall(tree: Tree, scene: Scene) -> str:
    """What a condition that does not hold is short of: `f is 3, needs 4`."""
    match tree:
        case Comparison(first, rest):
            lefts = (first, *(right for _, right in rest))
            pairs = ((operator, lefts[i], right) for i, (operator, right) in enumerate(rest))
            short = next((_of_pair(*pair, scene) for pair in pairs if not pair_test(*pair)(scene)), "")
        case Membership(item, options, negated):
            wanted = ", ".join(_target(option, scene) for option in options)
            short = f"{_stands(item, scene)}, needs {'none' if negated else 'one'} of {wanted}"
        case Logic(every, operands):
            missing = (operand for operand in operands if not compile_test(operand)(scene))
            short = (" and " if every else ", or ").join(shortfall(operand, scene) for operand in missing)
        case Not(Logic(every=True, operands=(Read() as operand,)) | (Read() as operand)):
            short = f"{_stands(operand, scene)}, needs no"
        case Not(Logic(every=True, operands=(operand,)) | operand):
            short = f"{said(operand)} holds, and must not"
        case _:
            short = f"{_stands(tree, scene)}, needs yes"
    return short


def _of_pair(operator: str, left: Tree, right: Tree, scene: Scene) -> str:
    if not features_of(left) and features_of(right):
        operator, left, right = _MIRRORED[operator], right, left
    if isinstance(right, Money) and right.currency != scene.profile.currency:
        return f"{said(left)} is in {scene.profile.currency}, needs {right.currency}"
    sign = {"==": "", ">=": "", "!=": "anything but "}.get(operator, f"{operator} ")
    actual, wanted = _stands(left, scene), _target(right, scene)
    if isinstance(compile_value(left)(scene), float) and actual.endswith(f" is {wanted}"):
        # they differ in digits that are usually left out
        actual, wanted = _stands(left, scene, repr), _target(right, scene, repr)
    return f"{actual}, needs {sign}{wanted}"


Write = Callable[[Value], str]


def _stands(tree: Tree, scene: Scene, write: Write | None = None) -> str:
    return f"{said(tree)} is {_value(tree, scene, write)}"


def _target(tree: Tree, scene: Scene, write: Write | None = None) -> str:
    match tree:
        case Constant(value, kind):
            return str(value) if kind is Kind.TEXT else _literal(tree)
        case Money():
            return said(tree)
        case _:
            return f"{said(tree)}, which is {_value(tree, scene, write)}"


def _value(tree: Tree, scene: Scene, write: Write | None = None) -> str:
    value = compile_value(tree)(scene)
    if write is not None:
        return write(value)
    return value_text(tree.feature.name, value, scene.profile.currency) if isinstance(tree, Read) else plain_text(value)


def _literal(constant: Constant) -> str:
    value = constant.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if constant.kind is Kind.LENGTH and isinstance(value, int):
        return format_duration(timedelta(milliseconds=value))
    return f'"{value}"' if constant.kind is Kind.TEXT else str(value)


def _side(tree: Tree) -> str:
    return _bracketed(tree, Comparison | Membership | Logic | Not)


def _bracketed(tree: Tree, kinds: type | UnionType) -> str:
    return f"({said(tree)})" if isinstance(tree, kinds) else said(tree)


def _short(value: float) -> str:
    if (value and abs(value) < _TINY) or abs(value) >= _HUGE:
        return f"{value:.2g}"
    decimals = max(0, _DIGITS - len(str(int(abs(value)))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
