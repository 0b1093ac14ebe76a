"""A ready-made customer: the profiles that scoring would have published of somebody with the features that a test names."""

from datetime import date, datetime
from typing import Any

import msgspec

from services.cli.rules.testing import portrait
from services.cli.rules.testing.first import DAY, Setting, average, divisor, first_profile
from services.cli.rules.testing.portrait import Measured, Scores
from services.cli.rules.testing.sketch import LIFETIME, Sketch, Span
from services.cli.rules.testing.spans import last_instants, raised, rfm_window, said_spans, said_windows
from services.contracts.calendar import as_date, as_day, to_ms
from services.contracts.events import (
    AnyEvent,
    CustomerUpdated,
    Interaction,
    OrderAmended,
    OrderCancelled,
    OrderPaid,
    OrderRefunded,
)
from services.contracts.profile import Cause, Profile, RfSegment
from services.rules.language.scene import activity_at
from services.scoring.happening import happening, name_of

_AS_SAID = frozenset(
    {
        "r",
        "f",
        "m",
        "super_user",
        "rhythm_days",
        "average_order_minor",
        "discount_share",
        "refund_share",
        "activity",
        "currency",
    }
)
"""Features that stand in a profile under their own name."""
_DAYS = (("recency_days", "last_order_day"), ("days_since_first_order", "first_order_day"))
_SCORES = frozenset({"r", "f", "m", "segment", "rf_segment"})


class ReadyMade:
    """One customer from an instant on; `profile` is the newest.

    Nothing changes by itself but what time changes of a profile: days and activity. A feature that was named stays as it was
    said, until it is said otherwise or an event changes it; a score or a segment that was not follows from the rest.
    """

    def __init__(self, customer_id: str, sketch: Sketch, setting: Setting, at: datetime) -> None:
        self._setting = setting
        self._said = sketch
        self.profile = first_profile(customer_id, sketch, setting, at)

    def change(self, sketch: Sketch | None, event: AnyEvent | None, at: datetime) -> Profile:
        """The next profile: after an event, and with the features of a sketch different now."""
        before = self.profile
        after = msgspec.structs.replace(
            before,
            version=before.version + 1,
            as_of=at,
            occurred_at=at,
            cause=Cause.TIME,
            cause_id="",
            event=None,
            activity=activity_at(before, to_ms(at)),
            activity_at=at,
        )
        if event is not None:
            after = self._happened(after, event)
        if sketch is not None:
            self._said = _newer(self._said, sketch)
            after = msgspec.structs.replace(after, **self._different(after, sketch, at))
        self.profile = self._scored(before, after, at)
        return self.profile

    def _happened(self, profile: Profile, event: AnyEvent) -> Profile:
        changed: dict[str, Any] = {"event": happening(event), "cause": Cause.OWN_EVENT, "cause_id": event.id}
        windows = {**profile.windows, LIFETIME: profile.lifetime}
        if not isinstance(event, CustomerUpdated):
            changed["last_at"] = {**profile.last_at, name_of(event): event.occurred_at}
        match event:
            case Interaction():
                windows = raised(windows, kind=event.kind)
                changed["activity"] = profile.activity + self._setting.config.weight(event.kind) * event.value
            case OrderPaid() if event.amount_minor or self._setting.config.free:
                changed |= self._bought(profile, event)
                windows = raised(windows, orders=1, net_minor=event.amount_minor)
                self._said = _without(self._said, _SCORES)
            case OrderRefunded():
                changed |= {"cause": Cause.REFUND, "net_minor": profile.net_minor - event.amount_minor}
                windows = raised(windows, net_minor=-event.amount_minor)
                self._said = _without(self._said, {"m", "segment"})
            case OrderCancelled() | OrderAmended():
                # which order it is nobody said: what it comes to stands in the profile of the test
                changed["cause"] = Cause.REFUND
            case CustomerUpdated():
                kept = {tag for tag in profile.tags if tag not in event.tags_remove}
                changed["tags"] = tuple(sorted(kept.union(event.tags_add)))
                attributes = {**profile.attributes, **event.attributes}
                changed["attributes"] = {name: value for name, value in attributes.items() if value is not None}
            case _:
                pass
        changed["lifetime"] = windows.pop(LIFETIME)
        return msgspec.structs.replace(profile, **changed, windows=windows)

    def _bought(self, profile: Profile, event: OrderPaid) -> dict[str, Any]:
        day = as_date(self._setting.today(event.occurred_at))
        orders, net_minor = profile.orders + 1, profile.net_minor + event.amount_minor
        return {
            "orders": orders,
            "net_minor": net_minor,
            "average_order_minor": average(orders, net_minor),
            "discount_share": profile.discount_share or 0.0,
            "refund_share": profile.refund_share or 0.0,
            "last_order_day": day,
            "first_order_day": profile.first_order_day or day,
        }

    def _different(self, profile: Profile, sketch: Sketch, at: datetime) -> dict[str, Any]:
        """The fields that a sketch says are different now."""
        changed: dict[str, Any] = {name: getattr(sketch, name) for name in sketch.model_fields_set & _AS_SAID}
        for feature, field in _DAYS:
            if sketch.says(feature):
                ago = getattr(sketch, feature)
                changed[field] = None if ago is None else as_date(self._setting.today(at) - ago)
        last_day = changed.get("last_order_day", profile.last_order_day)
        if last_day is not None and profile.first_order_day is None:
            changed.setdefault("first_order_day", last_day)
        if sketch.overdue is not None and last_day is not None:
            changed["rhythm_days"] = divisor(max(1, self._since(last_day, at)), sketch.overdue)
        if sketch.says("half_life"):
            changed["half_life_days"] = sketch.half_life / DAY
        if sketch.says("tags"):
            changed["tags"] = tuple(sketch.tags)
        if sketch.says("attributes"):
            changed["attributes"] = {**profile.attributes, **sketch.attributes}
        return changed | self._different_windows(profile, sketch, at)

    def _different_windows(self, profile: Profile, sketch: Sketch, at: datetime) -> dict[str, Any]:
        width = self._setting.config.window_days
        said = said_spans(sketch, width)
        windows = said_windows({**profile.windows, LIFETIME: profile.lifetime}, said)
        span = said.get(rfm_window(width), Span())
        orders = profile.orders if span.orders is None else span.orders
        net_minor = profile.net_minor if span.net_minor is None else span.net_minor
        orders, net_minor = sketch.said("orders", orders), sketch.said("net_minor", net_minor)
        known = {**profile.last_at, **{name: at - ago for name, ago in sketch.since.items()}}
        changed: dict[str, Any] = {
            "last_at": last_instants(windows, known, at),
            "orders": orders,
            "net_minor": net_minor,
        }
        if (orders, net_minor) != (profile.orders, profile.net_minor) and not self._said.says("average_order_minor"):
            changed["average_order_minor"] = average(orders, net_minor)
        return {**changed, "lifetime": windows.pop(LIFETIME), "windows": windows}

    def _scored(self, before: Profile, after: Profile, at: datetime) -> Profile:
        """Scores and segments that were not said, by what has changed."""
        config, day = self._setting.config, after.last_order_day
        measured = Measured(
            None if day is None or day == before.last_order_day else self._since(day, at),
            None if after.orders == before.orders else after.orders,
            None if after.net_minor == before.net_minor else after.net_minor,
        )
        new, old = portrait.wanted(Sketch(), measured, config), (before.r, before.f, before.m)
        wanted = (o if known is None else n for n, o, known in zip(new, old, measured, strict=True))
        scores = portrait.scores(self._said, Scores(*wanted), config)
        return msgspec.structs.replace(
            after,
            r=scores.r,
            f=scores.f,
            m=scores.m,
            segment=self._said.segment or portrait.octant(scores, config),
            rf_segment=self._said.rf_segment or RfSegment.of(scores.r, scores.f),
        )

    def _since(self, day: date, at: datetime) -> int:
        return max(0, self._setting.today(at) - as_day(day))


def _newer(old: Sketch, new: Sketch) -> Sketch:
    """Both, the newer where they differ: what is said of scores anew ends what was said of segments, and the other way round."""
    gone: set[str] = set()
    if new.says("r", "f", "m"):
        gone.add("segment")
    if new.says("r", "f"):
        gone.add("rf_segment")
    if new.says("segment"):
        gone |= {"r", "f", "m", "rf_segment"}
    if new.says("rf_segment"):
        gone |= {"r", "f", "segment"}
    return Sketch.model_construct(**{**_plain(_without(old, gone)), **_plain(new)})


def _without(sketch: Sketch, names: set[str] | frozenset[str]) -> Sketch:
    return Sketch.model_construct(**{name: value for name, value in _plain(sketch).items() if name not in names})


def _plain(sketch: Sketch) -> dict[str, Any]:
    return {name: getattr(sketch, name) for name in sketch.model_fields_set}
