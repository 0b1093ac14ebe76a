"""What a section of a report is made of. Plain text everywhere: the page escapes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

Cell: TypeAlias = str | int | float
Tone: TypeAlias = Literal["good", "bad", "neutral"]


@dataclass(frozen=True)
class Figure:
    """One number that matters, as text, and what it means."""

    label: str
    value: str
    hint: str = ""
    tone: Tone = "neutral"


@dataclass(frozen=True)
class Figures:
    """A row of them."""

    kind: ClassVar[str] = "figures"
    figures: Sequence[Figure]
    title: str = ""
    note: str = ""
    wide: bool = True


@dataclass(frozen=True)
class Table:
    """Numbers are set to the right and grouped by thousands."""

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Chart:
    """An ECharts option (see `charts`), drawn `height` pixels high. `numbers` can be unfolded below the picture."""

    kind: ClassVar[str] = "chart"
    title: str
    option: Mapping[str, Any]
    note: str = ""
    height: int = 320
    wide: bool = False
    numbers: Table | None = None


@dataclass(frozen=True)
class Check:
    """One condition, the values it saw, and whether it held."""

    text: str
    actual: str
    holds: bool


@dataclass(frozen=True)
class StoryStep:
    """Something that happened on a day, why, and what came of it."""

    when: str
    what: str
    tone: Tone = "neutral"
    checks: Sequence[Check] = ()
    results: Sequence[str] = ()


@dataclass(frozen=True)
class Story:
    """One customer on a card."""

    title: str
    badge: str
    facts: str
    steps: Sequence[StoryStep]
    more: str = ""


@dataclass(frozen=True)
class Stories:
    """A wall of cards."""

    kind: ClassVar[str] = "stories"
    stories: Sequence[Story]
    title: str = ""
    note: str = ""
    wide: bool = True


Block: TypeAlias = Figures | Table | Chart | Stories
