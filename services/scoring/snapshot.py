"""The profile of a customer's state at one instant."""

from datetime import UTC, datetime

from services.contracts.calendar import as_date
from services.contracts.profile import Cause, Profile
from services.scoring import registers
from services.scoring.config import ScoringConfig
from services.scoring.state import CustomerState


def profile(
    state: CustomerState,
    config: ScoringConfig,
    *,
    zone: str,
    now: datetime,
    cause: Cause,
    cause_id: str,
    occurred_at: datetime,
) -> Profile:
    """The snapshot; `state` must be scored as of the day of `now`."""
    log, scores, activity = state.log, state.scores, state.activity
    first, last = log.first_order_day(), log.last_order_day()
    return Profile(
        customer_id=state.customer_id,
        version=state.version,
        as_of=now,
        cause=cause,
        cause_id=cause_id,
        occurred_at=occurred_at,
        zone=zone,
        r=scores.r,
        f=scores.f,
        m=scores.m,
        segment=scores.octant,
        window_days=log.width,
        orders=log.orders.total,
        net_minor=log.net.total,
        lifetime_orders=state.lifetime_orders,
        lifetime_net_minor=state.lifetime_net_minor,
        first_order_day=None if first is None else as_date(first),
        last_order_day=None if last is None else as_date(last),
        activity=activity.score,
        activity_at=now if activity.at is None else datetime.fromtimestamp(activity.at, UTC),
        half_life_days=config.half_life_seconds / 86_400,
        counts=log.counts(),
        tags=registers.tags(state.tags) if state.tags else (),
        attributes=registers.attributes(state.attributes) if state.attributes else {},
    )
