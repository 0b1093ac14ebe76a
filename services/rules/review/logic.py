"""What conditions can be at once, what always is, and what follows from what.

A condition is taken apart into cases: of each, what every feature it reads may be. Comparisons of a feature with a value
are understood exactly, with unknown and with what features can be at all; any other is taken for a question of its own that
may be answered either way. So nothing is called impossible that is not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from services.rules.language.terms import Feature, Kind
from services.rules.language.tree import Arithmetic, Comparison, Constant, Logic, Membership, Money, Not, Read, Tree
from services.rules.review.domains import CURRENCY, EVENT_TYPE, domain, is_whole, types_with
from services.rules.review.values import Texts, Values, compared, exactly

MAX_CASES = 400
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CURRENCY = Feature(CURRENCY, Kind.TEXT, "", "", lambda scene: scene.profile.currency)

Case: TypeAlias = Mapping[str, Values]
"""By the name of a feature: what it may be. Of one that is not named nothing is said."""


class TooManyCasesError(ValueError):
    """A condition that has so many cases that they are not looked through."""


def cases(tree: Tree, *, holds: bool = True) -> list[Case]:  # noqa: PLR0911 - one answer for each kind of tree
    """Every way in which a condition may hold, or not hold. Raise `TooManyCasesError`."""
    match tree:
        case Logic(every, operands):
            parts = (cases(operand, holds=holds) for operand in operands)
            return _all(parts) if every is holds else _any(parts)
        case Not(operand):
            return cases(operand, holds=not holds)
        case Comparison(first, rest):
            lefts = (first, *(right for _, right in rest))
            pairs = (_pair(operator, lefts[i], right, holds=holds) for i, (operator, right) in enumerate(rest))
            return _all(pairs) if holds else _any(pairs)
        case Membership(item, options, negated):
            operator = "!=" if negated else "=="
            pairs = (_pair(operator, item, option, holds=holds) for option in options)
            return _all(pairs) if negated is holds else _any(pairs)
        case Constant(value, _):
            return [{}] if (value is True) is holds else []
        case Read(feature):
            return _case(feature, exactly(True), holds=holds)
        case _:
            return _question(tree, holds=holds)


def known_cases(tree: Tree) -> list[Case] | None:
    """The same; None if there are too many to be looked through."""
    try:
        return cases(tree)
    except TooManyCasesError:
        return None


def meet(some: Iterable[Case], others: Sequence[Case]) -> bool:
    """Whether one of some cases and one of others can be at once."""
    return any(merged(one, other) is not None for one in some for other in others)


def possible(tree: Tree) -> bool:
    """Whether a condition can hold; True if that is not known."""
    return known_cases(tree) != []


def certain(tree: Tree) -> bool:
    """Whether a condition holds whoever the customer is; False if that is not known."""
    return not possible(Not(tree))


def follows(consequence: Tree, condition: Tree) -> bool:
    """Whether one condition holds whenever another does; False if that is not known."""
    return not possible(both(condition, Not(consequence)))


def both(*trees: Tree) -> Tree:
    """That all of these hold."""
    return Logic(every=True, operands=trees)


def question(name: str) -> Tree:
    """A condition of which nothing is known but its name: it is either so or not."""
    return Read(Feature(name, Kind.BOOL, "", "", lambda _: None))


def merged(one: Case, other: Case) -> Case | None:
    """What is so in both cases; None if they cannot be at once."""
    case = dict(one)
    for name, values in other.items():
        case[name] = case[name] & values if name in case else values
        if not case[name]:
            return None
    return case


def _all(parts: Iterable[list[Case]]) -> list[Case]:
    found: list[Case] = [{}]
    for part in parts:
        found = _distinct(case for one in found for other in part if (case := merged(one, other)) is not None)
    return found


def _any(parts: Iterable[list[Case]]) -> list[Case]:
    return _distinct(case for part in parts for case in part)


def _distinct(found: Iterator[Case]) -> list[Case]:
    kept: list[Case] = []
    for case in found:
        if case not in kept:
            kept.append(case)
        if len(kept) > MAX_CASES:
            raise TooManyCasesError
    return kept


def _pair(operator: str, left: Tree, right: Tree, *, holds: bool) -> list[Case]:
    match left, right:
        case ((Constant() | Money()), Read()):
            return _pair(_MIRRORED.get(operator, operator), right, left, holds=holds)
        case Read(feature), Constant(value, _):
            return _case(feature, compared(operator, value), holds=holds)
        case Read(feature), Money(minor, currency):
            # the amount is known to those who pay in its currency, and to nobody else
            parts = (
                _case(_CURRENCY, exactly(currency), holds=holds),
                _case(feature, compared(operator, minor), holds=holds),
            )
            return _all(parts) if holds else _any(parts)
    return _question(Comparison(left, ((operator, right),)), holds=holds)


def _case(feature: Feature, values: Values, *, holds: bool) -> list[Case]:
    left = domain(feature) & (values if holds else ~values)
    if is_whole(feature):
        left = left.whole()
    if not left:
        return []
    types = types_with(feature)
    if types is None or left.unknown:
        return [{feature.name: left}]
    # what is known of an event tells its type
    return _all([[{feature.name: left}], [{EVENT_TYPE.name: Values(texts=Texts(types))}]])


def _question(tree: Tree, *, holds: bool) -> list[Case]:
    return [{_written(tree): exactly(holds)}]


def _written(tree: Tree) -> str:  # noqa: PLR0911 - one answer for each kind of tree
    """The same for two trees only if they are the same."""
    match tree:
        case Constant(value, kind):
            return f"{kind} {value!r}"
        case Money(minor, currency):
            return f"{minor} {currency}"
        case Read(feature):
            return feature.name
        case Arithmetic(operator, left, right):
            return f"({_written(left)} {operator} {_written(right)})"
        case Comparison(first, rest):
            return f"({_written(first)}{''.join(f' {operator} {_written(right)}' for operator, right in rest)})"
        case Membership(item, options, negated):
            return f"({_written(item)} {negated} {'; '.join(map(_written, options))})"
        case Logic(every, operands):
            return f"({every} {'; '.join(map(_written, operands))})"
        case Not(operand):
            return f"(not {_written(operand)})"
