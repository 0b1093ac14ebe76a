"""Campaigns are edge-triggered: they speak when their condition becomes true, not while it is.

An episode begins when `when` becomes true and ends when it becomes false. It fires once, at its beginning, unless the last
firing lies less than `cooldown` back: then it is suppressed, and stays silent even if the cooldown ends before it does.
"""

from enum import StrEnum

from services.rules.rulebook import CampaignRule
from services.rules.state import CampaignState


class Turn(StrEnum):
    """What the truth of a campaign's condition means for one customer."""

    UNCHANGED = "unchanged"
    FIRE = "fire"
    COOLDOWN = "cooldown"
    END = "end"


def turn(rule: CampaignRule, state: CampaignState | None, *, holds: bool, now_ms: int) -> Turn:
    """Judge, without changing anything."""
    active = state is not None and state.active
    if holds == active:
        return Turn.UNCHANGED
    if not holds:
        return Turn.END
    if state is not None and state.fired_ms is not None and now_ms - state.fired_ms < rule.cooldown_ms:
        return Turn.COOLDOWN
    return Turn.FIRE


def turned(state: CampaignState | None, taken: Turn, now_ms: int) -> CampaignState:
    """The memory after a turn other than UNCHANGED."""
    episode = 0 if state is None else state.episode
    fired_ms = None if state is None else state.fired_ms
    if taken is Turn.END:
        return CampaignState(active=False, episode=episode, fired_ms=fired_ms, changed_ms=now_ms)
    if taken is Turn.FIRE:
        fired_ms = now_ms
    return CampaignState(active=True, episode=episode + 1, fired_ms=fired_ms, changed_ms=now_ms)
