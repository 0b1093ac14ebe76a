"""The union of two customers who turned out to be one.

What is kept of each is such that the union of two states is the state of the union of their events: orders are known one by
one, tags and attributes say who wrote last, activity adds up. An order known under both ids counts once, and so does a
refund. An interaction that was folded under both ids counts twice: nothing is kept of it that could be taken back.
"""

from services.contracts.calendar import BusinessDays
from services.scoring import registers
from services.scoring.config import ScoringConfig
from services.scoring.daylog import deeds_of
from services.scoring.state import LONGEST, CustomerState


def absorb(state: CustomerState, other: CustomerState, config: ScoringConfig, days: BusinessDays) -> None:
    """Fold all of `other` into `state`, both of the same `history`; `other` is used up."""
    absorb_again(state, other, config, days)
    for kind, deeds in other.kinds.items():
        into = deeds_of(state.kinds, kind)
        into.lifetime += deeds.lifetime
        for day, count in zip(deeds.days, deeds.counts, strict=True):
            if day > state.today - LONGEST:
                into.add(day, count)
    if other.activity.at is not None:
        state.activity.add(other.activity.score, other.activity.at, config.half_life_seconds)
    state.repeats.absorb(other.repeats, config.lateness_seconds)


def absorb_again(state: CustomerState, other: CustomerState, config: ScoringConfig, days: BusinessDays) -> None:
    """Fold in what may be folded in any number of times: all of `other` but its interactions."""
    orders = dict(state.all_orders())
    for key, order in other.all_orders():
        known = orders.setdefault(key, order)
        if known is not order:
            known.absorb(order)
    for refund, theirs in other.unlinked.items():
        ours = state.unlinked.get(refund)
        state.unlinked[refund] = theirs if ours is None else max(ours, theirs)
    state.rebuild(orders, days, free=config.free)
    for name, at_ms in other.last_ms.items():
        state.happened(name, at_ms)
    registers.absorb(state.tags, other.tags)
    registers.absorb(state.attributes, other.attributes)
    state.absorbed = sorted({*state.absorbed, *other.absorbed, other.customer_id})
