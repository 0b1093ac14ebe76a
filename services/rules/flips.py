"""When time alone may change the truth of a condition.

A flip function returns the first millisecond strictly after the scene's `now` at which the truth may differ, or None if it
never will while the profile stays as it is. It may be early (a re-evaluation then finds nothing new) but never late:

- a day feature against a value: the business midnight at which the feature passes the value; exact;
- day features in arithmetic or against each other: the next business midnight;
- activity against a value: solved from s·2^(−t/half-life) = value, then corrected to the millisecond at which the
  comparison itself changes; for == and != within 2 ms before.

A compound condition flips no earlier than the first of its comparisons does.
"""

import math
from collections.abc import Callable, Iterator
from datetime import date

from services.contracts.calendar import as_day, to_ms
from services.rules.expression import compare_values, compile_value
from services.rules.features import DAY_MS, Feature, Getter, Moves, Scene, activity_at
from services.rules.tree import Arithmetic, Comparison, Constant, Logic, Membership, Not, Read, Tree, features_of

Flip = Callable[[Scene], int | None]

MAX_MS = 253_370_764_800_000
"""The year 9999: a timer beyond it is no timer."""
_MAX_DAY = as_day(date(9998, 12, 31))
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_UNDERFLOW_HALVINGS = 2200
"""After so many half-lives any double has decayed to 0."""


def flips_of(tree: Tree) -> list[Flip]:
    """One flip function for every comparison that time can change; none for a timeless condition."""
    return [flip for op, left, right in _pairs(tree) for flip in _flip_of_pair(op, left, right)]


def earliest(flips: list[Flip], scene: Scene) -> int | None:
    """The first of several flips."""
    return min((at for flip in flips if (at := flip(scene)) is not None), default=None)


def _pairs(tree: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    match tree:
        case Comparison(first, rest):
            left = first
            for op, right in rest:
                yield op, left, right
                left = right
        case Membership(item, options, _):
            for option in options:
                yield "==", item, option
        case Logic(_, operands):
            for operand in operands:
                yield from _pairs(operand)
        case Not(operand):
            yield from _pairs(operand)
        case Constant() | Read() | Arithmetic():
            return


def _moving(tree: Tree) -> bool:
    return any(feature.moves is not Moves.NEVER for feature in features_of(tree))


def _flip_of_pair(op: str, left: Tree, right: Tree) -> Iterator[Flip]:
    if not _moving(left):
        op, left, right = _MIRRORED[op], right, left
    if not _moving(left):
        return
    if isinstance(left, Read) and not _moving(right):
        other = compile_value(right)
        yield _day_flip(op, left.feature, other) if left.feature.moves is Moves.DAILY else _decay_flip(op, other)
    else:
        yield _next_midnight


def _next_midnight(scene: Scene) -> int | None:
    return _midnight(scene, scene.today + 1)


def _midnight(scene: Scene, day: int) -> int | None:
    return scene.days.start(day) * 1000 if day <= _MAX_DAY else None


def _day_flip(op: str, feature: Feature, other: Getter) -> Flip:
    """A day feature counts up by one at every business midnight; it passes a value once (`==` and `!=`: twice)."""

    def flip(scene: Scene) -> int | None:
        days, value = feature.read(scene), other(scene)
        if not isinstance(days, int | float) or not isinstance(value, int | float):
            return None
        if op in {"<", ">="}:
            turns: tuple[int, ...] = (math.ceil(value),)
        elif op in {"<=", ">"}:
            turns = (math.floor(value) + 1,)
        else:
            turns = (math.floor(value), math.floor(value) + 1)
        ahead = [turn for turn in turns if turn > days]
        if not ahead:
            return None
        start = feature.counts_from(scene)
        # a day in the future reads as 0 days until it has passed
        return None if start is None else _midnight(scene, as_day(start) + ahead[0])

    return flip


def _decay_flip(op: str, other: Getter) -> Flip:
    """Activity moves towards 0 without ever turning, so it passes a value at most once."""

    def flip(scene: Scene) -> int | None:
        profile, value = scene.profile, other(scene)
        if not isinstance(value, int | float) or profile.half_life_days <= 0 or not profile.activity:
            return None
        start, half_life_ms = to_ms(profile.activity_at), profile.half_life_days * DAY_MS
        if value == 0:
            halvings: float = _UNDERFLOW_HALVINGS
        elif (value > 0) is (profile.activity > 0) and abs(value) <= abs(profile.activity):
            halvings = math.log2(profile.activity / value)
        else:
            return None
        crossing = start + halvings * half_life_ms
        if crossing > MAX_MS:
            return None
        guess = math.floor(crossing)
        now = scene.now_ms
        if op in {"==", "!="} and value != 0:
            if now >= guess + 2:
                return None
            return max(guess - 2, now + 1)

        def holds(ms: int) -> bool:
            return compare_values(op, activity_at(profile, ms), value)

        return _first_change(holds, now, guess)

    return flip


def _first_change(holds: Callable[[int], bool], now: int, guess: int) -> int | None:
    """First millisecond after `now` at which `holds` differs, for a truth that changes at most once, near `guess`."""
    before = holds(now)
    low, high = max(now, guess - 2), max(now + 1, guess + 2)
    if holds(high) == before:
        return None
    if holds(low) != before:
        low = now
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) == before else (low, middle)
    return high
