"""When time alone may change the truth of a condition.

A flip function returns the first millisecond strictly after the scene's `now` at which the truth may differ, or None if it
never will while the profile stays as it is. It may be early (a re-evaluation then finds nothing new) but never late:

- a daily feature against a value: the business midnight at which the feature passes the value; exact;
- daily features in arithmetic or against each other: the next business midnight;
- the time since something against a length: that long after it, exact;
- activity against a value: the time it takes to decay to the value, then corrected to the millisecond at which the
  comparison itself changes; for == and != some 2 ms before.

A compound condition flips no earlier than the first of its comparisons does.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import lru_cache

from services.contracts.calendar import as_day, to_ms
from services.contracts.decay import time_to_fall
from services.rules.language.expression import compare_values, compile_value
from services.rules.language.scene import DAY_MS, Scene, activity_at
from services.rules.language.terms import DayCount, Feature, Getter, Value, one_day
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

Flip = Callable[[Scene], int | None]

MAX_MS = 253_370_764_800_000
"""The year 9999: a timer beyond it is no timer."""
_MAX_DAY = as_day(date(9998, 12, 31))
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_VALUES = (Constant, Money, Read, Arithmetic)
_MOST_DAYS = 4_000_000
"""More than the calendar has."""
_UNDERFLOW_HALVINGS = 2200
"""After so many half-lives any double has decayed to 0."""
_ROUNDING = 2.0**-40
"""What logarithms of doubles, and powers of 2 down to the smallest, are out by at most, in half-lives."""


def flips_of(tree: Tree) -> list[Flip]:
    """One flip function for every comparison that time can change; none for a timeless condition."""
    return [flip for op, left, right in _pairs(tree) for flip in _flip_of_pair(op, left, right)]


def earliest(flips: Sequence[Flip], scene: Scene) -> int | None:
    """The first of several flips."""
    if len(flips) == 1:
        return flips[0](scene)
    return min((at for flip in flips if (at := flip(scene)) is not None), default=None)


def _pairs(tree: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    match tree:
        case Comparison(first, rest):
            left = first
            for op, right in rest:
                yield from _pair(op, left, right)
                left = right
        case Membership(item, options, _):
            for option in options:
                yield from _pair("==", item, option)
        case Logic(_, operands):
            for operand in operands:
                yield from _pairs(operand)
        case Not(operand):
            yield from _pairs(operand)
        case Constant() | Money() | Read() | Arithmetic():
            return


def _pair(op: str, left: Tree, right: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    if isinstance(left, _VALUES) and isinstance(right, _VALUES):
        yield op, left, right
    else:
        # what compares truths changes with one of them: (activity > 3) == true
        yield from _pairs(left)
        yield from _pairs(right)


def _ticking(tree: Tree) -> list[Feature]:
    return [feature for feature in features_of(tree) if feature.moves.ticking]


def _flip_of_pair(op: str, left: Tree, right: Tree) -> Iterator[Flip]:
    if not _ticking(left):
        op, left, right = _MIRRORED[op], right, left
    if not _ticking(left):
        return
    if isinstance(left, Read) and not _ticking(right):
        other, feature = compile_value(right), left.feature
        if feature.days is not None and feature.days.unit is one_day and isinstance(right, Constant):
            yield _fixed_day_flip(op, feature.days.since, right.value)
        elif feature.days is not None:
            yield _day_flip(op, feature.days, other)
        elif feature.start is not None:
            yield _length_flip(op, feature.start, other)
        else:
            yield _decay_flip(op, other)
    else:
        yield _nightly(_ticking(left) + _ticking(right))


def _midnight(scene: Scene, day: int) -> int | None:
    return scene.days.start(day) * 1000 if day <= _MAX_DAY else None


def _nightly(features: list[Feature]) -> Flip:
    """Every midnight, while all of the features are known: one that is not stays so until the next profile."""

    def flip(scene: Scene) -> int | None:
        if any(feature.read(scene) is None for feature in features):
            return None
        return _midnight(scene, scene.today + 1)

    return flip


def _day_flip(op: str, days: DayCount, other: Getter) -> Flip:
    """A daily feature rises at every business midnight; it passes a value once (`==` and `!=`: twice)."""

    def flip(scene: Scene) -> int | None:
        start, unit, value = days.since(scene), days.unit(scene), other(scene)
        if start is None or unit is None or not isinstance(value, int | float):
            return None
        turns = _turns(op, unit, value)
        today = scene.since(start)
        ahead = [turn for turn in turns if turn > today]
        # a day in the future reads as 0 days until it has passed
        return _midnight(scene, as_day(start) + min(ahead)) if ahead else None

    return flip


def _fixed_day_flip(op: str, since: Callable[[Scene], date | None], value: Value) -> Flip:
    """The same for a number of days and a fixed value: when it turns is known beforehand."""
    turns = _turns(op, 1.0, value) if isinstance(value, int | float) else ()

    def flip(scene: Scene) -> int | None:
        start = since(scene)
        if start is None:
            return None
        first = as_day(start)
        today = max(0, scene.today - first)
        for turn in turns:
            if turn > today:
                return _midnight(scene, first + turn)
        return None

    return flip


@lru_cache(maxsize=4096)
def _turns(op: str, unit: float, value: float) -> tuple[int, ...]:
    """The numbers of days at which `days / unit op value` turns, rising."""
    guess = value * unit
    if not guess < _MOST_DAYS:
        return ()
    if op in {"<", ">="}:
        return (_first_day(guess, lambda day: day / unit >= value),)
    passed = _first_day(guess, lambda day: day / unit > value)
    if op in {"<=", ">"}:
        return (passed,)
    # the day before is the only one that can equal it
    return (passed - 1, passed) if (passed - 1) / unit == value else ()


def _first_day(guess: float, reached: Callable[[int], bool]) -> int:
    """The first number of days that has `reached` something; `guess` is out by rounding only."""
    day = math.floor(max(0.0, guess))
    while day > 0 and reached(day - 1):
        day -= 1
    while not reached(day):
        day += 1
    return day


def _length_flip(op: str, start: Callable[[Scene], int | None], other: Getter) -> Flip:
    """The time since an instant rises by a millisecond a millisecond; while the instant is ahead it reads as 0."""

    def flip(scene: Scene) -> int | None:
        began, value = start(scene), other(scene)
        if began is None or not isinstance(value, int | float):
            return None
        reached, passed = began + math.ceil(value), began + math.floor(value) + 1
        turns = {"<": (reached,), ">=": (reached,), "<=": (passed,), ">": (passed,)}.get(op, (reached, passed))
        return min((at for at in turns if at > scene.now_ms and at > began and at <= MAX_MS), default=None)

    return flip


def _decay_flip(op: str, other: Getter) -> Flip:
    """Activity moves towards 0 without ever turning, so it passes a value at most once."""

    def flip(scene: Scene) -> int | None:
        profile, value = scene.profile, other(scene)
        if not isinstance(value, int | float) or profile.half_life_days <= 0 or not profile.activity:
            return None
        half_life_ms = profile.half_life_days * DAY_MS
        if value == 0:
            fall = _UNDERFLOW_HALVINGS * half_life_ms
        elif (value > 0) is (profile.activity > 0) and abs(value) <= abs(profile.activity):
            fall = time_to_fall(abs(profile.activity), abs(value), half_life_ms)
        else:
            return None
        crossing = to_ms(profile.activity_at) + fall
        if not crossing <= MAX_MS:
            return None
        guess, slack = math.floor(crossing), 2 + math.floor(half_life_ms * _ROUNDING)
        now = scene.now_ms
        if op in {"==", "!="} and value != 0:
            return max(guess - slack, now + 1) if now < guess + slack else None

        def holds(ms: int) -> bool:
            return compare_values(op, activity_at(profile, ms), value)

        return _first_change(holds, now, guess, slack)

    return flip


def _first_change(holds: Callable[[int], bool], now: int, guess: int, slack: int) -> int | None:
    """First millisecond after `now` at which `holds` differs, for a truth that changes at most once, `slack` around `guess`."""
    before = holds(now)
    low, high = max(now, guess - slack), max(now + 1, guess + slack)
    if holds(high) == before:
        return None
    if holds(low) != before:
        low = now
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) == before else (low, middle)
    return high
