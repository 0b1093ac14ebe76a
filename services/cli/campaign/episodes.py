"""The episodes of one campaign, folded from decisions: when each began, or why not, and how it ended. Pure.

It is the same whatever the order in which decisions are heard, and however often they are repeated.
"""

import sys
from collections.abc import Iterator
from typing import NamedTuple

from services.cli.deliveries.ledger import name_of
from services.contracts.calendar import to_ms
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome


class Beginning(NamedTuple):
    """How an episode began. `reason` is empty if it acts, else why it does not. Of several the last counts."""

    at_ms: int
    reason: str
    shadow: bool

    @property
    def acts(self) -> bool:
        return not self.reason

    @property
    def held_out(self) -> bool:
        return self.reason == DecisionReason.HOLDOUT


class Key(NamedTuple):
    """What decisions and receipts of an episode have in common, beside the campaign's name."""

    customer_id: str
    episode: int


class Episode:
    """One time that the campaign became true for a customer.

    `reached_ms` is −1 as long as the goal is not reached; `ended` is empty, or why it ended early; `left_out` are steps
    (from 0) whose own condition did not hold; `commands` are ids with their templates.
    """

    __slots__ = ("beginning", "commands", "ended", "left_out", "reached_ms")

    def __init__(self) -> None:
        self.beginning: Beginning | None = None
        self.reached_ms = -1
        self.ended = ""
        self.left_out: frozenset[int] = frozenset()
        self.commands: tuple[tuple[str, str], ...] = ()

    @property
    def reached(self) -> bool:
        return self.reached_ms >= 0


class Episodes:
    """Of the campaign `name`. `campaigns` and `ladders` are the names of all rules that were heard, `versions` of this one its ids.

    `newest_ms` is the last instant at which any rule decided anything, −1 for none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.campaigns: set[str] = set()
        self.ladders: set[str] = set()
        self.versions: set[str] = set()
        self.newest_ms = -1
        self._episodes: dict[Key, Episode] = {}

    def hear(self, decision: Decision) -> None:
        name, at_ms = name_of(decision.rule), to_ms(decision.decided_at)
        self.newest_ms = max(self.newest_ms, at_ms)
        ladder = decision.to_tier is not None or decision.from_tier is not None
        (self.ladders if ladder else self.campaigns).add(name)
        if name != self.name or ladder:
            return
        self.versions.add(decision.rule)
        episode = self._episode(decision)
        match decision.outcome:
            case Outcome.SUPPRESSED if decision.step is not None:
                episode.left_out |= {decision.step}
            case Outcome.FIRED | Outcome.SUPPRESSED:
                self._begin(episode, decision, at_ms)
            case Outcome.REACHED:
                episode.reached_ms = at_ms if not episode.reached else min(episode.reached_ms, at_ms)
            case Outcome.ENDED if decision.reason is not None:
                episode.ended = max(episode.ended, decision.reason.value)
        said = zip(decision.commands, map(sys.intern, decision.templates), strict=False)
        episode.commands += tuple(each for each in said if each not in episode.commands)

    def __iter__(self) -> Iterator[tuple[Key, Episode]]:
        return iter(self._episodes.items())

    def _episode(self, decision: Decision) -> Episode:
        key = Key(sys.intern(decision.customer_id), decision.episode)
        episode = self._episodes.get(key)
        if episode is None:
            episode = self._episodes[key] = Episode()
        return episode

    def _begin(self, episode: Episode, decision: Decision, at_ms: int) -> None:
        reason = "" if decision.reason is None else decision.reason.value
        beginning = Beginning(at_ms, reason, decision.mode is Mode.SHADOW)
        episode.beginning = beginning if episode.beginning is None else max(episode.beginning, beginning)
