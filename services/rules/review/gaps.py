"""Edges at which a little change of one number leads from one condition to another."""

from collections.abc import Iterator
from itertools import product

from services.rules.language.terms import Feature, Moves
from services.rules.language.tree import Not, Tree, features_of
from services.rules.review.domains import is_whole
from services.rules.review.logic import Case, both, known_cases, merged
from services.rules.review.values import Numbers

_ONE_WAY = frozenset({Moves.DAILY, Moves.NEVER, Moves.PULSE})
"""Days go by one at a time, and only an event turns them back; what was ever counted stays."""


def meeting(enter: Tree, leave: Tree) -> tuple[str, float] | None:
    """A feature that wavers, and its value at which one may enter, and right next to which one has to leave."""
    inside, outside = known_cases(both(enter, Not(leave))), known_cases(leave)
    if inside is None or outside is None:
        return None
    asked = {feature.name for feature in features_of(leave)}
    edges = (
        (feature.name, edge)
        for feature in features_of(enter)
        if feature.name in asked and _wavers(feature)
        for one, other in product(inside, outside)
        if (edge := _edge(feature, one, other)) is not None
    )
    return next(edges, None)


def _wavers(feature: Feature) -> bool:
    return feature.moves not in _ONE_WAY and feature.start is None


def _edge(feature: Feature, one: Case, other: Case) -> float | None:
    if feature.name not in one or feature.name not in other:
        return None
    rest = [{name: values for name, values in case.items() if name != feature.name} for case in (one, other)]
    if merged(*rest) is None:
        return None
    step = 1 if is_whole(feature) else 0
    return next(_meetings(one[feature.name].numbers, other[feature.name].numbers, step), None)


def _meetings(ours: Numbers, theirs: Numbers, step: int) -> Iterator[float]:
    for one in ours:
        for other in theirs:
            if one.low.at - other.high.at == step:
                yield one.low.at
            elif other.low.at - one.high.at == step:
                yield one.high.at
