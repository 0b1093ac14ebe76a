"""What the words of a condition are: features, alone or with arguments, their types, and how time changes them.

A feature reads a `Scene`. None means unknown (nobody who never ordered has a day of the last order); every comparison with
unknown is false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from services.rules.language.scene import Scene

if TYPE_CHECKING:
    from services.rules.language.tree import Tree

Value = str | int | float | bool | None
Getter = Callable[[Scene], Value]


class Kind(StrEnum):
    """Type of a value in a condition. ANY is known only when it is read, and equals only its own kind."""

    NUMBER = "number"
    TEXT = "text"
    BOOL = "yes/no"
    LENGTH = "length of time"
    """Milliseconds; written `36h`."""
    ANY = "any"


class Moves(StrEnum):
    """How time alone changes a feature, as the customer sees it."""

    NEVER = "no"
    PULSE = "there for its event only"
    """It is known at the look which its event causes, and at no other."""
    WINDOW = "when a day leaves the window"
    """A new profile says so."""
    DERIVED = "when worked out anew"
    """It is made of things that time changes; a new profile says so, or the customer's ladder moves."""
    DAILY = "at midnight"
    STEADILY = "steadily"

    @property
    def ticking(self) -> bool:
        """Whether it changes while the profile stays as it is, so that a timer has to watch it."""
        return self in {Moves.DAILY, Moves.STEADILY}


def one_day(_: Scene) -> float:
    """The unit of most day counts."""
    return 1.0


@dataclass(frozen=True)
class DayCount:
    """How a daily feature moves: it is the business days since `since`, divided by `unit`; unknown if either is."""

    since: Callable[[Scene], date | None]
    unit: Callable[[Scene], float | None] = one_day


MINOR_UNITS = "minor units"
CALENDAR_DAYS = "calendar days"
"""The unit of a feature that may be compared with a length: `recency_days >= 45d`."""


@dataclass(frozen=True)
class Feature:
    """A feature whose arguments, if it takes any, are given.

    `choices` are the only values of a text, if they are known. Each `Moves.DAILY` one, and no other, has `days`. `start` of
    one that counts the time since an instant (Unix ms) is that instant. `of_tier` marks those that ask where the customer
    stands on a ladder.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    read: Getter
    moves: Moves = Moves.NEVER
    choices: frozenset[str] = frozenset()
    days: DayCount | None = None
    start: Callable[[Scene], int | None] | None = None
    of_tier: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """Names that come from the rule set itself: ladders with their tiers, lowest first, and defined facts.

    `defined` maps the name of a fact to its condition, None if that is broken. `ladder` is the one whose conditions are
    read, if it is a ladder's.
    """

    ladders: Mapping[str, tuple[str, ...]]
    defined: Mapping[str, "Tree | None"] = field(default_factory=dict)
    ladder: str | None = None


Binder = Callable[[tuple[str, ...], Vocabulary], Feature]


class BadArgumentError(ValueError):
    """An argument a function does not know; `position` counts from 0."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class Function:
    """A feature with arguments, all of them quoted text; at least `arguments[0]` of them, at most `arguments[1]`.

    `bind` makes the feature of given arguments; it raises `BadArgumentError` with a sentence for a wrong one. `moves` says what
    is true of most of them.
    """

    name: str
    signature: str
    kind: Kind
    unit: str
    meaning: str
    arguments: tuple[int, int]
    bind: Binder
    moves: Moves = Moves.NEVER
