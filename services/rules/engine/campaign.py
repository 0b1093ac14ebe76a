"""Campaigns are edge-triggered: they act when their condition becomes true, not while it is.

A condition that becomes true begins an episode: the steps are taken one after the other, with their waits between. The
condition may become false meanwhile; the episode goes on until its steps are over, `until` holds, its goal is reached, or the
campaign's time is over. A beginning that is suppressed stays so, even if its reason passes before the condition ends.
"""

import hashlib
from collections.abc import Set as AbstractSet

from services.contracts.decision import DecisionReason, Mode
from services.rules.book.rulebook import CampaignRule
from services.rules.engine.state import CampaignState
from services.rules.language.scene import Past

_DRAWS = 10_000


def silence(
    rule: CampaignRule, state: CampaignState | None, customer_id: str, now_ms: int, taken: AbstractSet[str]
) -> DecisionReason | None:
    """Why an episode that would begin now does not act; None if it does. `taken` are the groups that have the customer's attention."""
    if state is not None and state.running:
        return DecisionReason.RUNNING
    if state is not None and state.fired_ms is not None and now_ms - state.fired_ms < rule.cooldown_ms:
        return DecisionReason.COOLDOWN
    if rule.exclusive in taken:
        return DecisionReason.EXCLUSIVE
    return DecisionReason.HOLDOUT if held_out(rule, customer_id) else None


def held_out(rule: CampaignRule, customer_id: str) -> bool:
    """Whether the customer is of the control group: drawn once for every campaign name, and for ever."""
    drawn = hashlib.blake2b(f"{rule.name}\0{customer_id}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") % _DRAWS < round(rule.holdout * _DRAWS)


def begun(rule: CampaignRule, state: CampaignState | None, why: DecisionReason | None, now_ms: int) -> CampaignState:
    """The memory after the condition has become true. `why` is the reason of its silence, if it is silent."""
    after = state or CampaignState()
    after.active, after.changed_ms = True, now_ms
    after.episode += 1
    if why in {None, DecisionReason.HOLDOUT}:
        after.acting, after.fired_ms = after.episode, now_ms
        after.held_out = why is DecisionReason.HOLDOUT
        after.waiting_ms = 0
        after.goal_ms = None if rule.goal is None else now_ms + rule.goal.within_ms
    if why is None:
        after.next_step, after.due_ms = 0, now_ms
    return after


def reaches(rule: CampaignRule, state: CampaignState, happened: Past | None) -> bool:
    """Whether an event is the goal of the last episode, within its time."""
    if rule.goal is None or state.goal_ms is None or state.fired_ms is None or happened is None:
        return False
    return happened.name == rule.goal.event and state.fired_ms < happened.at_ms <= state.goal_ms


def attention(rule: CampaignRule, state: CampaignState | None) -> str | None:
    """The group whose attention a running episode takes. What is only tried out takes nobody's."""
    return rule.exclusive if state is not None and state.running and rule.mode is Mode.LIVE else None
