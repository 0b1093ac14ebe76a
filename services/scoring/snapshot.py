"""The profile of a customer's state at one instant."""

from datetime import UTC, date, datetime

from services.contracts.calendar import as_date, from_ms
from services.contracts.events import Flag
from services.contracts.profile import WINDOWS, Cause, Happening, Profile, Window, window_name
from services.scoring import registers
from services.scoring.config import ScoringConfig
from services.scoring.daylog import Sums
from services.scoring.rhythm import rhythm
from services.scoring.state import LONGEST, CustomerState

_DAY_S = 86_400
_NO_WINDOW = Window()
_NAMED = tuple((window_name(width), width) for width in WINDOWS)
_EMPTY = {name: _NO_WINDOW for name, _ in _NAMED}


def profile(
    state: CustomerState,
    config: ScoringConfig,
    *,
    zone: str,
    cutoffs: str,
    now: datetime,
    cause: Cause,
    cause_id: str,
    occurred_at: datetime,
    flags: tuple[Flag, ...] = (),
    event: Happening | None = None,
    fresh_until: datetime | None = None,
) -> Profile:
    """The snapshot; `state` must be scored as of the day of `now`. `cutoffs` names their version."""
    width, scores, activity = config.window_days, state.scores, state.activity
    sums = state.order_sums(width)
    lifetime = state.lifetime
    rhythm_days = rhythm(
        state.log.ordered(state.today, LONGEST), config.rhythm.prior.total_seconds() / _DAY_S, config.rhythm.weight
    )
    return Profile(
        customer_id=state.customer_id,
        version=state.version,
        as_of=now,
        cause=cause,
        cause_id=cause_id,
        occurred_at=occurred_at,
        zone=zone,
        flags=flags,
        event=event,
        fresh_until=fresh_until,
        r=scores.r,
        f=scores.f,
        m=scores.m,
        segment=scores.octant,
        rf_segment=scores.rf_segment,
        super_user=scores.super_user,
        cutoffs=cutoffs,
        window_days=width,
        orders=sums.orders,
        net_minor=sums.net,
        last_order_day=_date(state.last_order_day(width)),
        first_order_day=_date(state.first_order_day()),
        average_order_minor=average(sums),
        discount_share=discount_share(sums),
        refund_share=refund_share(sums),
        rhythm_days=rhythm_days,
        windows=_windows(state),
        lifetime=Window(
            orders=lifetime.orders,
            net_minor=lifetime.net,
            counts={kind: deeds.lifetime for kind, deeds in sorted(state.kinds.items())},
        ),
        last_at={name: from_ms(at_ms) for name, at_ms in sorted(state.last_ms.items())},
        currency=config.currency,
        activity=activity.score,
        activity_at=now if activity.at is None else datetime.fromtimestamp(activity.at, UTC),
        half_life_days=config.half_life_seconds / _DAY_S,
        tags=registers.tags(state.tags) if state.tags else (),
        attributes=registers.attributes(state.attributes) if state.attributes else {},
    )


def average(sums: Sums) -> int | None:
    """Net money per counting order, minor units, rounded half up; None without one."""
    return (2 * sums.net + sums.orders) // (2 * sums.orders) if sums.orders else None


def discount_share(sums: Sums) -> float | None:
    """Discounts over what the orders would have cost without them; None if they would have cost nothing."""
    return sums.discount / (sums.paid + sums.discount) if sums.paid + sums.discount else None


def refund_share(sums: Sums) -> float | None:
    """What of the money paid is not there any more, unlinked refunds included, at most 1; None if nothing was paid."""
    return min(1.0, max(0.0, (sums.paid - sums.net) / sums.paid)) if sums.paid else None


def _windows(state: CustomerState) -> dict[str, Window]:
    if not state.log.days and not state.kinds:
        return _EMPTY
    windows = {}
    for name, width in _NAMED:
        orders, net_minor = state.bought(width)
        windows[name] = Window(orders=orders, net_minor=net_minor, counts=state.counts(width))
    return windows


def _date(day: int | None) -> date | None:
    return None if day is None else as_date(day)
