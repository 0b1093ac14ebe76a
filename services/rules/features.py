"""The features a condition names without arguments."""

from collections.abc import Mapping

from services.contracts.profile import Octant, RfSegment
from services.rules.terms import DayCount, Feature, Kind, Moves

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
            "calendar days",
            "Business days since the last order that counts, in the profile's zone; unknown without such an order in the window",
            lambda s: s.recency_days,
            Moves.DAILY,
            days=DayCount(lambda s: s.profile.last_order_day),
        ),
        Feature(
            "rhythm_days",
            Kind.NUMBER,
            "calendar days",
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
            "minor units",
            "Net money in the window",
            lambda s: s.profile.net_minor,
            Moves.WINDOW,
        ),
        Feature(
            "average_order_minor",
            Kind.NUMBER,
            "minor units",
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
            "minor units",
            "Net money, ever",
            lambda s: s.profile.lifetime.net_minor,
        ),
        Feature(
            "days_since_first_order",
            Kind.NUMBER,
            "calendar days",
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
    )
}
