"""The first profile of a ready-made customer: what a test names, and all else so that it fits."""

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.cli.rules.testing import portrait
from services.cli.rules.testing.portrait import Measured, Scores
from services.cli.rules.testing.sketch import LIFETIME, Sketch, Span
from services.cli.rules.testing.spans import Windows, first_windows, last_instants, rfm_window, said_spans
from services.contracts.calendar import BusinessDays, as_date, as_day, to_ms
from services.contracts.profile import Cause, Profile, RfSegment
from services.scoring.config import ScoringConfig

DAY = timedelta(days=1)
_NOON = timedelta(hours=12)
_FEWEST_FOR_RHYTHM = 3
_LONGEST = 3650
"""Days from the first order to the last, unless said."""


@dataclass(frozen=True)
class Setting:
    """Where a ready-made customer lives: the business days of a zone, and the scoring file."""

    days: BusinessDays
    config: ScoringConfig

    def today(self, at: datetime) -> int:
        """The business day of an instant, as a number."""
        return self.days.day_of(to_ms(at) // 1000)

    def noon(self, day: date) -> datetime:
        return datetime.combine(day, datetime.min.time(), self.days.zone) + _NOON


def first_profile(customer_id: str, sketch: Sketch, setting: Setting, at: datetime) -> Profile:
    """The profile at the instant that the sketch is of."""
    return _First(sketch, setting, at).profile(customer_id)


def average(orders: int, net_minor: int) -> int | None:
    """Net money of an order, minor units, rounded half up; None without orders."""
    return (2 * net_minor + orders) // (2 * orders) if orders else None


def divisor(days: int, overdue: float) -> float:
    """A rhythm that fits `overdue` times into so many days, and not a rounding less."""
    rhythm = days / overdue
    while days / rhythm < overdue:
        rhythm = math.nextafter(rhythm, 0)
    return rhythm


class _First:
    def __init__(self, sketch: Sketch, setting: Setting, at: datetime) -> None:
        self.sketch = sketch
        self.config = setting.config
        self.setting = setting
        self.at = at
        self.today = setting.today(at)
        self.said_recency = self._said_recency()
        if sketch.says("recency_days") or "order.paid" in sketch.since:
            self.buyer = self.said_recency is not None
        else:
            self.buyer = portrait.is_buyer(sketch)
        self.scores, self.recency, self.orders, self.money = self._measured()

    def profile(self, customer_id: str) -> Profile:
        sketch, config, at, scores = self.sketch, self.config, self.at, self.scores
        windows = first_windows(
            sketch,
            recency=self.recency,
            orders=self.orders,
            net_minor=self.money,
            width=config.window_days,
        )
        lifetime = windows.pop(LIFETIME)
        first_day = self._first_order_day(lifetime.orders)
        last_day = None if self.recency is None else as_date(self.today - self.recency)
        nothing = 0.0 if self.orders else None
        return Profile(
            customer_id=customer_id,
            version=0,
            as_of=at,
            cause=Cause.TIME,
            cause_id="",
            occurred_at=at,
            zone=self.setting.days.zone.key,
            r=scores.r,
            f=scores.f,
            m=scores.m,
            segment=sketch.segment or portrait.octant(scores, config),
            rf_segment=sketch.rf_segment or RfSegment.of(scores.r, scores.f),
            super_user=sketch.super_user,
            cutoffs="",
            window_days=config.window_days,
            orders=self.orders,
            net_minor=self.money,
            last_order_day=last_day,
            first_order_day=first_day,
            average_order_minor=sketch.said("average_order_minor", average(self.orders, self.money)),
            discount_share=sketch.said("discount_share", nothing),
            refund_share=sketch.said("refund_share", nothing),
            rhythm_days=sketch.said("rhythm_days", self._rhythm(first_day)),
            windows=windows,
            lifetime=lifetime,
            last_at=self._last_at(last_day, {**windows, LIFETIME: lifetime}),
            currency=sketch.said("currency", config.currency),
            activity=sketch.activity,
            activity_at=at,
            half_life_days=sketch.said("half_life", config.half_life) / DAY,
            tags=tuple(sketch.tags),
            attributes=dict(sketch.attributes),
        )

    def _measured(self) -> tuple[Scores, int | None, int, int]:
        """The scores, and what they are made of."""
        sketch, config = self.sketch, self.config
        measured = Measured(self.said_recency, *_said_orders_and_money(sketch, config))
        if not self.buyer:
            scores = portrait.scores(sketch, Scores(1, 1, 1), config)
            return scores, None, measured.orders or 0, measured.money or 0
        scores = portrait.scores(sketch, portrait.wanted(sketch, measured, config), config)
        recency, orders, money = measured
        if recency is None:
            recency = self._bounded(portrait.recency_of(scores.r, config))
        if orders is None:
            regular = sketch.overdue is not None or sketch.rhythm_days is not None
            fewest = _FEWEST_FOR_RHYTHM if regular and not sketch.says("f") else 1
            orders = max(fewest, portrait.orders_of(scores.f, config))
            if sketch.says("lifetime_orders"):
                orders = min(orders, sketch.lifetime_orders)
        if money is None:
            usual = sketch.average_order_minor
            money = portrait.money_of(scores.m, orders, config) if usual is None else usual * orders
        return scores, recency, orders, money

    def _said_recency(self) -> int | None:
        sketch = self.sketch
        if sketch.says("recency_days"):
            return sketch.recency_days
        if "order.paid" in sketch.since:
            days = self.today - self.setting.today(self.at - sketch.since["order.paid"])
            width = self.config.window_days
            return None if width is not None and days >= width else days
        if sketch.overdue is not None:
            days = math.ceil(sketch.overdue * (self.config.rhythm.prior / DAY))
            return max(1, self._bounded(days))
        return None

    def _bounded(self, days: int) -> int:
        """A number of days since the last order that lies within the window, and not before the first."""
        width, first = self.config.window_days, self.sketch.days_since_first_order
        return min(days, days if width is None else width - 1, days if first is None else first)

    def _first_order_day(self, orders: int) -> date | None:
        sketch, width = self.sketch, self.config.window_days or 0
        if sketch.says("days_since_first_order"):
            ago = sketch.days_since_first_order
            return None if ago is None else as_date(self.today - ago)
        if not self.buyer:
            # whoever bought once, and nothing within the window, did before it
            last = sketch.since.get("order.paid", timedelta(0)).days
            return as_date(self.today - max(last, 2 * width)) if portrait.is_known_buyer(sketch) else None
        gap = sketch.rhythm_days or self.config.rhythm.prior / DAY
        last = width if self.recency is None else self.recency
        return as_date(self.today - last - min(_LONGEST, round(gap * max(0, orders - 1))))

    def _rhythm(self, first_day: date | None) -> float | None:
        if self.sketch.overdue is not None and self.recency:
            return divisor(self.recency, self.sketch.overdue)
        if self.orders < _FEWEST_FOR_RHYTHM or self.recency is None or first_day is None:
            return None
        # as if all had come in equal gaps: see services.scoring.rhythm
        gaps, rhythm = self.orders - 1, self.config.rhythm
        length = max(1.0, (self.today - as_day(first_day) - self.recency) / gaps)
        return (gaps * length + rhythm.weight * (rhythm.prior / DAY)) / (gaps + rhythm.weight)

    def _last_at(self, last_day: date | None, windows: Windows) -> dict[str, datetime]:
        instants = {name: self.at - ago for name, ago in self.sketch.since.items()}
        if last_day is not None:
            instants.setdefault("order.paid", min(self.at, self.setting.noon(last_day)))
        return last_instants(windows, instants, self.at)


def _said_orders_and_money(sketch: Sketch, config: ScoringConfig) -> tuple[int | None, int | None]:
    """Of the window of RFM, which may also be said as one of the windows."""
    span = said_spans(sketch, config.window_days).get(rfm_window(config.window_days), Span())
    return sketch.said("orders", span.orders), sketch.said("net_minor", span.net_minor)
