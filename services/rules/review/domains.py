"""What the features can be at all, whoever the customer is. What is not known of a feature is not claimed."""

from math import inf

from services.rules.language.features import FEATURES
from services.rules.language.terms import Feature, Kind
from services.rules.review.values import EVERYTHING, REALS, Numbers, Texts, Values, between

CURRENCY = "currency"
"""Stands for the currency of a customer: no condition can name it, amounts ask for it."""
EVENT_TYPE = FEATURES["event.type"]

_INTERACTION = frozenset({"interaction"})
_ORDER = frozenset({"order.paid"})
_TYPES_WITH = {
    **dict.fromkeys(("kind", "value", "object_id", "group_id", "campaign_id", "touchpoint"), _INTERACTION),
    "amount_minor": frozenset({"order.paid", "order.refunded", "order.amended"}),
    "discount_minor": _ORDER,
    "shop": _ORDER,
    "channel": _INTERACTION | _ORDER,
}
"""The types of event that have a part: see `Happening`."""

_SCORE = between(1, 5)
_COUNT = between(0, inf)
_SHARE = between(0, 1)
_NUMBERS: dict[str, Numbers] = {
    **dict.fromkeys(("r", "f", "m"), _SCORE),
    **dict.fromkeys(("recency_days", "days_since_first_order", "tier_days", "since"), _COUNT),
    **dict.fromkeys(("orders", "lifetime_orders", "count"), _COUNT),
    **dict.fromkeys(("rhythm_days", "overdue"), _COUNT),
    **dict.fromkeys(("discount_share", "refund_share"), _SHARE),
}
_WHOLE = frozenset(
    {
        "r",
        "f",
        "m",
        "recency_days",
        "days_since_first_order",
        "tier_days",
        "since",
        "orders",
        "lifetime_orders",
        "count",
        "net_minor",
        "lifetime_net_minor",
        "average_order_minor",
        "event.amount_minor",
        "event.discount_minor",
    }
)
_ALWAYS_KNOWN = frozenset(
    {
        "r",
        "f",
        "m",
        "segment",
        "rf_segment",
        "super_user",
        "orders",
        "lifetime_orders",
        "net_minor",
        "lifetime_net_minor",
        "activity",
        "count",
        "tagged",
        "tier",
        CURRENCY,
    }
)


def domain(feature: Feature) -> Values:
    """All values that a feature may have."""
    name = feature.name.partition("(")[0]
    match feature.kind:
        case Kind.NUMBER | Kind.LENGTH:
            values = Values(_NUMBERS.get(name, REALS))
        case Kind.TEXT:
            values = Values(texts=Texts(feature.choices) if feature.choices else Texts(others=True))
        case Kind.BOOL:
            values = Values(truths=frozenset({True, False}))
        case _:
            values = EVERYTHING
    if is_whole(feature):
        values = values.whole()
    return values if name in _ALWAYS_KNOWN else values | Values(unknown=True)


def is_whole(feature: Feature) -> bool:
    """Whether it is never a fraction."""
    return feature.name.partition("(")[0] in _WHOLE


def types_with(feature: Feature) -> frozenset[str] | None:
    """The types of event at which a part of the event can be known; None for what is no such part."""
    group, _, part = feature.name.partition(".")
    return _TYPES_WITH.get(part) if group == "event" else None
