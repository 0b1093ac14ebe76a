"""The features a condition names without arguments."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS, AnyEvent, Touchpoint
from services.contracts.profile import Octant, RfSegment
from services.rules.language.scene import Scene
from services.rules.language.terms import CALENDAR_DAYS, MINOR_UNITS, DayCount, Feature, Kind, Moves, Value
from services.runtime.problems import suggestion

_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(AnyEvent)) - {
    # these end a customer, or move one to another: no snapshot tells of them
    "clock.tick",
    "customer.deleted",
    "customer.merged",
}


def _of_event(name: str, kind: Kind, unit: str, meaning: str, choices: frozenset[str] = frozenset()) -> Feature:
    """A part of the event behind a look; unknown at a look that no event caused."""

    def read(scene: Scene) -> Value:
        event: Any = scene.event
        value: Value = None if event is None else getattr(event, name)
        return value

    return Feature(f"event.{name}", kind, unit, meaning, read, Moves.PULSE, choices)


FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature("r", Kind.NUMBER, "1–5", "Recency score; 5 is most recent", lambda s: s.profile.r, Moves.DERIVED),
        Feature("f", Kind.NUMBER, "1–5", "Frequency score; 5 is most often", lambda s: s.profile.f, Moves.DERIVED),
        Feature("m", Kind.NUMBER, "1–5", "Money score; 5 is most money", lambda s: s.profile.m, Moves.DERIVED),
        Feature(
            "segment",
            Kind.TEXT,
            "",
            "RFM octant: " + "、".join(octant.value for octant in Octant),
            lambda s: s.profile.segment.value,
            Moves.DERIVED,
            choices=frozenset(octant.value for octant in Octant),
        ),
        Feature(
            "rf_segment",
            Kind.TEXT,
            "",
            "Segment by `r` and `f` alone: " + ", ".join(segment.value for segment in RfSegment),
            lambda s: s.profile.rf_segment.value,
            Moves.DERIVED,
            choices=frozenset(segment.value for segment in RfSegment),
        ),
        Feature(
            "super_user",
            Kind.BOOL,
            "",
            "Among the best by money in the window",
            lambda s: s.profile.super_user,
            Moves.DERIVED,
        ),
        Feature(
            "recency_days",
            Kind.NUMBER,
            CALENDAR_DAYS,
            "Business days since the last order that counts, in the profile's zone; unknown without such an order in the window",
            lambda s: s.recency_days,
            Moves.DAILY,
            days=DayCount(lambda s: s.profile.last_order_day),
        ),
        Feature(
            "rhythm_days",
            Kind.NUMBER,
            CALENDAR_DAYS,
            "The customer's own gap between purchase days of the last 365 days; unknown before the third such day",
            lambda s: s.profile.rhythm_days,
            Moves.WINDOW,
        ),
        Feature(
            "overdue",
            Kind.NUMBER,
            "times",
            "How often `rhythm_days` fits into `recency_days`: 1 is due, 2 is a whole rhythm late; unknown if one of them is",
            lambda s: s.overdue,
            Moves.DAILY,
            days=DayCount(lambda s: s.profile.last_order_day, lambda s: s.rhythm),
        ),
        Feature(
            "orders",
            Kind.NUMBER,
            "orders",
            "Orders that count in the window",
            lambda s: s.profile.orders,
            Moves.WINDOW,
        ),
        Feature(
            "net_minor",
            Kind.NUMBER,
            MINOR_UNITS,
            "Net money in the window",
            lambda s: s.profile.net_minor,
            Moves.WINDOW,
        ),
        Feature(
            "average_order_minor",
            Kind.NUMBER,
            MINOR_UNITS,
            "Net money per order that counts, in the window; unknown without one",
            lambda s: s.profile.average_order_minor,
            Moves.WINDOW,
        ),
        Feature(
            "discount_share",
            Kind.NUMBER,
            "0–1",
            "Discounts of the window's orders over what they would have cost without; unknown if nothing was bought",
            lambda s: s.profile.discount_share,
            Moves.WINDOW,
        ),
        Feature(
            "refund_share",
            Kind.NUMBER,
            "0–1",
            "What went back of what was paid in the window; unknown if nothing was paid",
            lambda s: s.profile.refund_share,
            Moves.WINDOW,
        ),
        Feature(
            "lifetime_orders",
            Kind.NUMBER,
            "orders",
            "Orders that count, ever",
            lambda s: s.profile.lifetime.orders,
        ),
        Feature(
            "lifetime_net_minor",
            Kind.NUMBER,
            MINOR_UNITS,
            "Net money, ever",
            lambda s: s.profile.lifetime.net_minor,
        ),
        Feature(
            "days_since_first_order",
            Kind.NUMBER,
            CALENDAR_DAYS,
            "Business days since the first order that counts; unknown without one",
            lambda s: s.days_since_first_order,
            Moves.DAILY,
            days=DayCount(lambda s: s.profile.first_order_day),
        ),
        Feature(
            "activity",
            Kind.NUMBER,
            "points",
            "Decaying activity, as of this very instant",
            lambda s: s.activity,
            Moves.STEADILY,
        ),
        _of_event("type", Kind.TEXT, "", "Type of the event that is looked at: " + ", ".join(sorted(_TYPES)), _TYPES),
        _of_event("kind", Kind.TEXT, "", "Its kind, of an interaction"),
        _of_event("value", Kind.NUMBER, "", "Its value, of an interaction"),
        _of_event("amount_minor", Kind.NUMBER, MINOR_UNITS, "Its amount, of an order, an amendment or a refund"),
        _of_event("discount_minor", Kind.NUMBER, MINOR_UNITS, "Its discount, of an order"),
        _of_event(
            "touchpoint",
            Kind.TEXT,
            "",
            "Where it happened: " + ", ".join(get_args(Touchpoint)),
            frozenset(get_args(Touchpoint)),
        ),
        _of_event("channel", Kind.TEXT, "", "The channel it came over"),
        _of_event("shop", Kind.TEXT, "", "The shop of an order"),
        _of_event("object_id", Kind.TEXT, "", "What it was about, of an interaction"),
        _of_event("group_id", Kind.TEXT, "", "The group it happened in"),
        _of_event("campaign_id", Kind.TEXT, "", "The campaign it answers"),
    )
}
"""By name."""


def known_kind(kind: str) -> bool:
    """Whether an interaction kind can ever be seen."""
    return kind in STANDARD_KINDS or (kind.startswith(CUSTOM_PREFIX) and kind != CUSTOM_PREFIX)


def unknown_kind(kind: str) -> str:
    """The sentence about an interaction kind that there is not."""
    return _unknown("interaction kind", kind, STANDARD_KINDS)


def known_event(name: str) -> bool:
    """Whether `name` is an interaction kind, or a type of event that is no interaction."""
    return known_kind(name) or (name in _TYPES and name != "interaction")


def unknown_event(name: str) -> str:
    """The sentence about a kind or type of event that there is not."""
    return _unknown("kind or type of event", name, EVENT_NAMES)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    if name == CUSTOM_PREFIX:
        return f"{CUSTOM_PREFIX} needs a name, such as {CUSTOM_PREFIX}tasting"
    hint = suggestion(name, known) or f"; write {CUSTOM_PREFIX}{name} for a kind of your own"
    return f"there is no {what} {name}{hint}"


EVENT_NAMES = frozenset(STANDARD_KINDS | _TYPES) - {"interaction"}
"""What `known_event` knows, but for kinds of one's own."""
