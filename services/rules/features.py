"""The published catalogue: everything a condition may ask about a customer.

A feature reads a `Scene`, that is one profile at one instant. None means unknown (nobody who never ordered has a day of
the last order); every comparison with unknown is false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.contracts.calendar import BusinessDays, as_day, to_ms
from services.contracts.durations import format_duration, parse_duration
from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS
from services.contracts.profile import Octant, Profile
from services.runtime.problems import suggestion

Value = str | int | float | bool | None

DAY_MS = 86_400_000
COUNT_WINDOW = parse_duration("365d")
"""The one window `count` knows so far: that of the profile."""


class Kind(StrEnum):
    """Type of a value in a condition. ANY is known only when it is read, and equals only its own kind."""

    NUMBER = "number"
    TEXT = "text"
    BOOL = "yes/no"
    ANY = "any"


class Moves(StrEnum):
    """How time alone changes a feature."""

    NEVER = "never"
    DAILY = "at midnight"
    STEADILY = "steadily"


class Scene:
    """One customer at one instant. `tiers` maps ladder names to the tier the customer is in.

    What moves with time is worked out once: conditions read it many times.
    """

    __slots__ = ("activity", "days", "days_since_first_order", "now_ms", "profile", "recency_days", "tiers", "today")

    def __init__(self, profile: Profile, now_ms: int, days: BusinessDays, tiers: Mapping[str, str]) -> None:
        self.profile = profile
        self.now_ms = now_ms
        self.days = days
        self.tiers = tiers
        self.today = days.day_of(now_ms // 1000)
        """The business day of `now`, as a number."""
        self.recency_days = self._since(profile.last_order_day)
        self.days_since_first_order = self._since(profile.first_order_day)
        self.activity = activity_at(profile, now_ms)

    def _since(self, day: date | None) -> int | None:
        return None if day is None else max(0, self.today - as_day(day))


Getter = Callable[[Scene], Value]


@dataclass(frozen=True)
class Feature:
    """A feature without arguments.

    `choices` are the only values of a text, if they are known. `counts_from` is the day from which a daily one counts.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    read: Getter
    moves: Moves = Moves.NEVER
    choices: frozenset[str] = frozenset()
    counts_from: Callable[[Scene], date | None] = lambda _: None


@dataclass(frozen=True)
class Vocabulary:
    """Names that come from the rule set itself: ladders with their tiers, lowest first."""

    ladders: Mapping[str, tuple[str, ...]]


Binder = Callable[[tuple[str, ...], Vocabulary], Feature]


@dataclass(frozen=True)
class Function:
    """A feature with arguments, all of them quoted text.

    `bind` makes the feature of given arguments; it raises `ValueError` with a sentence for wrong ones.
    """

    name: str
    signature: str
    kind: Kind
    unit: str
    meaning: str
    arguments: tuple[int, int]
    bind: Binder


def activity_at(profile: Profile, now_ms: int) -> float:
    """Activity · 2^(−elapsed / half-life); before `activity_at` it stands still."""
    elapsed = now_ms - to_ms(profile.activity_at)
    if elapsed <= 0 or profile.half_life_days <= 0:
        return profile.activity
    return float(profile.activity * 2.0 ** (-elapsed / (profile.half_life_days * DAY_MS)))


_SEGMENTS = frozenset(octant.value for octant in Octant)

FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("r", Kind.NUMBER, "1–5", "Recency score; 5 is most recent", lambda s: s.profile.r),
        Feature("f", Kind.NUMBER, "1–5", "Frequency score; 5 is most often", lambda s: s.profile.f),
        Feature("m", Kind.NUMBER, "1–5", "Money score; 5 is most money", lambda s: s.profile.m),
        Feature(
            "segment",
            Kind.TEXT,
            "",
            "RFM octant: " + "、".join(octant.value for octant in Octant),
            lambda s: s.profile.segment.value,
            choices=_SEGMENTS,
        ),
        Feature(
            "recency_days",
            Kind.NUMBER,
            "calendar days",
            "Business days since the last order that counts, in the profile's zone; unknown without such an order in the window",
            lambda s: s.recency_days,
            Moves.DAILY,
            counts_from=lambda s: s.profile.last_order_day,
        ),
        Feature("orders", Kind.NUMBER, "orders", "Orders that count in the window", lambda s: s.profile.orders),
        Feature("net_minor", Kind.NUMBER, "minor units", "Net money in the window", lambda s: s.profile.net_minor),
        Feature(
            "lifetime_orders",
            Kind.NUMBER,
            "orders",
            "Orders that count, ever",
            lambda s: s.profile.lifetime_orders,
        ),
        Feature(
            "lifetime_net_minor",
            Kind.NUMBER,
            "minor units",
            "Net money, ever",
            lambda s: s.profile.lifetime_net_minor,
        ),
        Feature(
            "days_since_first_order",
            Kind.NUMBER,
            "calendar days",
            "Business days since the first order that counts; unknown without one",
            lambda s: s.days_since_first_order,
            Moves.DAILY,
            counts_from=lambda s: s.profile.first_order_day,
        ),
        Feature(
            "activity",
            Kind.NUMBER,
            "points",
            "Decaying activity, as of this very instant",
            lambda s: s.activity,
            Moves.STEADILY,
        ),
    )
}


def _tagged(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    (tag,) = arguments
    return Feature(f'tagged("{tag}")', Kind.BOOL, "", "", lambda s: tag in s.profile.tags)


def _attr(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    (name,) = arguments
    return Feature(f'attr("{name}")', Kind.ANY, "", "", lambda s: s.profile.attributes.get(name))


def _count(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    kind, *window = arguments
    if kind not in STANDARD_KINDS and not kind.startswith(CUSTOM_PREFIX):
        hint = suggestion(kind, STANDARD_KINDS) or f"; write custom:{kind} for a kind of your own"
        raise ValueError(f"there is no interaction kind {kind}{hint}")
    if not window:
        return Feature(f'count("{kind}")', Kind.NUMBER, "", "", lambda s: s.profile.counts.get(kind, 0))
    if parse_duration(window[0]) != COUNT_WINDOW:
        known = format_duration(COUNT_WINDOW)
        raise ValueError(f"the window {window[0]} is not supported yet; write {known}, or leave it out")

    def read(scene: Scene) -> Value:
        return scene.profile.counts.get(kind, 0) if scene.profile.window_days == COUNT_WINDOW.days else None

    return Feature(f'count("{kind}", "{window[0]}")', Kind.NUMBER, "", "", read)


def _tier(arguments: tuple[str, ...], vocabulary: Vocabulary) -> Feature:
    (ladder,) = arguments
    tiers = vocabulary.ladders.get(ladder)
    if tiers is None:
        raise ValueError(f"there is no ladder {ladder}{suggestion(ladder, vocabulary.ladders)}")
    bottom = tiers[0]
    choices = frozenset(tiers)
    return Feature(f'tier("{ladder}")', Kind.TEXT, "", "", lambda s: s.tiers.get(ladder, bottom), choices=choices)


FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function("tagged", 'tagged("tag")', Kind.BOOL, "", "Whether the customer carries the tag", (1, 1), _tagged),
        Function(
            "count",
            'count("kind")',
            Kind.NUMBER,
            "interactions",
            'Interactions of one kind in the window; `count("kind", "365d")` says the window, and is unknown where the deployment scores over another one',
            (1, 2),
            _count,
        ),
        Function("attr", 'attr("name")', Kind.ANY, "", "An attribute; unknown if it is not set", (1, 1), _attr),
        Function("tier", 'tier("ladder")', Kind.TEXT, "", "The tier in a ladder; for campaigns only", (1, 1), _tier),
    )
}


@dataclass(frozen=True)
class Entry:
    """One line of the published catalogue."""

    name: str
    type: Kind
    unit: str
    meaning: str
    moves: Moves = Moves.NEVER

    @property
    def time_dependent(self) -> bool:
        return self.moves is not Moves.NEVER


CATALOGUE: Mapping[str, Entry] = {
    **{f.name: Entry(f.name, f.kind, f.unit, f.meaning, f.moves) for f in FEATURES.values()},
    **{f.name: Entry(f.signature, f.kind, f.unit, f.meaning) for f in FUNCTIONS.values()},
}
"""Everything a condition may name, for people."""


def catalogue_table() -> str:
    """The catalogue as a Markdown table, for the docs."""
    head = "| feature | type | unit | time changes it | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| `{e.name}` | {e.type} | {e.unit or '–'} | {e.moves} | {e.meaning} |\n" for e in CATALOGUE.values()
    )
