"""Sets of values that a feature may have: numbers as spans, texts, truths, and whether it may be unknown.

They are closed under `&`, `|` and `~`, exactly: what is left of a value when all that conditions say of it is taken together
is computed, never guessed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil, floor, inf, isinf
from typing import NamedTuple, TypeAlias

from services.rules.language.terms import Value


class Cut(NamedTuple):
    """A place between numbers: right below `at`, or right above it."""

    at: float
    above: bool = False


class Span(NamedTuple):
    """The numbers between two cuts."""

    low: Cut
    high: Cut


Numbers: TypeAlias = tuple[Span, ...]
"""Spans that do not meet, lowest first."""

REALS: Numbers = (Span(Cut(-inf), Cut(inf, above=True)),)
_BOTH = frozenset({True, False})


def span(operator: str, value: float) -> Numbers:
    """The numbers that compare with a value as an operator says."""
    below, above = Cut(value), Cut(value, above=True)
    ((bottom, top),) = REALS
    match operator:
        case "==":
            return (Span(below, above),)
        case "!=":
            return Span(bottom, below), Span(above, top)
        case "<":
            return (Span(bottom, below),)
        case "<=":
            return (Span(bottom, above),)
        case ">":
            return (Span(above, top),)
        case _:
            return (Span(below, top),)


def between(low: float, high: float) -> Numbers:
    """Both ends are included."""
    return (Span(Cut(low), Cut(high, above=True)),)


@dataclass(frozen=True)
class Texts:
    """These texts, or with `others` all but these."""

    named: frozenset[str] = frozenset()
    others: bool = False

    def __and__(self, other: "Texts") -> "Texts":
        match self.others, other.others:
            case False, False:
                return Texts(self.named & other.named)
            case False, True:
                return Texts(self.named - other.named)
            case True, False:
                return Texts(other.named - self.named)
            case _:
                return Texts(self.named | other.named, others=True)

    def __invert__(self) -> "Texts":
        return Texts(self.named, not self.others)

    def __bool__(self) -> bool:
        return self.others or bool(self.named)


@dataclass(frozen=True)
class Values:
    """Nothing, unless said."""

    numbers: Numbers = ()
    texts: Texts = Texts()
    truths: frozenset[bool] = frozenset()
    unknown: bool = False

    def __and__(self, other: "Values") -> "Values":
        return Values(
            tuple(_common(self.numbers, other.numbers)),
            self.texts & other.texts,
            self.truths & other.truths,
            self.unknown and other.unknown,
        )

    def __or__(self, other: "Values") -> "Values":
        return ~(~self & ~other)

    def __invert__(self) -> "Values":
        return Values(tuple(_gaps(self.numbers)), ~self.texts, _BOTH - self.truths, not self.unknown)

    def __bool__(self) -> bool:
        return bool(self.numbers or self.texts or self.truths or self.unknown)

    def whole(self) -> "Values":
        """The same with whole numbers only: each span from its first to its last."""
        return replace(self, numbers=tuple(_whole(self.numbers)))


def exactly(value: Value) -> Values:
    """The set of one value."""
    match value:
        case None:
            return Values(unknown=True)
        case bool():
            return Values(truths=frozenset({value}))
        case str():
            return Values(texts=Texts(frozenset({value})))
        case _:
            return Values(span("==", value))


def compared(operator: str, value: Value) -> Values:
    """All known values that compare with a known one as an operator says; another kind of value never does."""
    match value:
        case bool():
            alike = Values(truths=_BOTH)
        case str():
            alike = Values(texts=Texts(others=True))
        case None:
            return Values()
        case _:
            return Values(span(operator, value))
    return exactly(value) if operator == "==" else alike & ~exactly(value)


def _common(ours: Iterable[Span], theirs: Iterable[Span]) -> Iterator[Span]:
    others = tuple(theirs)
    for one in ours:
        for other in others:
            low, high = max(one.low, other.low), min(one.high, other.high)
            if low < high:
                yield Span(low, high)


def _gaps(spans: Iterable[Span]) -> Iterator[Span]:
    ((low, top),) = REALS
    for each in spans:
        if low < each.low:
            yield Span(low, each.low)
        low = each.high
    if low < top:
        yield Span(low, top)


def _whole(spans: Iterable[Span]) -> Iterator[Span]:
    for (low, low_above), (high, high_above) in spans:
        first = low if isinf(low) else floor(low) + 1 if low_above else ceil(low)
        last = high if isinf(high) else floor(high) if high_above else ceil(high) - 1
        if first <= last:
            yield Span(Cut(first), Cut(last, above=True))


EVERYTHING = ~Values()
"""Every value there is, and unknown."""
