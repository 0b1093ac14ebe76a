"""What episodes and messages of a campaign come to, one partition after the other. Pure.

Of an episode there stays when it began and whether its goal was reached: 8 bytes for each group that it belongs to.
"""

from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from services.cli.campaign.episodes import Episode, Episodes, Key
from services.cli.deliveries.ledger import Ledger, Line, Standing
from services.cli.rules.forecasting.proportions import Share, share
from services.contracts.receipt import DeliveryOutcome, Reason

UNKNOWN_STEP = -1
"""Of a message of which nothing was heard: its decision does not say which step it is."""


class Rate(NamedTuple):
    """Of `decided` episodes the goal of `reached` was reached; of those that are `open`, `early` reached it already."""

    reached: int
    decided: int
    open: int
    early: int

    @property
    def share(self) -> Share | None:
        return share(self.reached, self.decided)


class Samples:
    """When the episodes of a group began, apart by whether their goal was reached."""

    __slots__ = ("_missed", "_reached")

    def __init__(self) -> None:
        self._reached = array("q")
        self._missed = array("q")

    def add(self, begun_ms: int, *, reached: bool) -> None:
        (self._reached if reached else self._missed).append(begun_ms)

    def rate(self, last_ms: int) -> Rate:
        """Decided are those that began until `last_ms`: the time for their goal is over, for those who reached it as well."""
        reached, missed = (bisect_right(sorted(found), last_ms) for found in (self._reached, self._missed))
        early = len(self._reached) - reached
        return Rate(reached, reached + missed, early + len(self._missed) - missed, early)

    def __len__(self) -> int:
        return len(self._reached) + len(self._missed)


class Wording(NamedTuple):
    """What is said at a step (from 0), in which variant (empty for none)."""

    step: int
    variant: str
    template: str


@dataclass
class Said:
    """The messages with one wording. `drawn` are the episodes for which it was chosen, `took` those in which it was sent."""

    standings: Counter[tuple[Standing, Reason]] = field(default_factory=Counter)
    news: Counter[DeliveryOutcome] = field(default_factory=Counter)
    drawn: Samples = field(default_factory=Samples)
    took: Samples = field(default_factory=Samples)

    @property
    def commands(self) -> int:
        return self.standings.total()

    def at(self, standing: Standing) -> int:
        return sum(count for (where, _), count in self.standings.items() if where is standing)


@dataclass
class Funnel:
    """Episodes that acted, how many got how far."""

    begun: int = 0
    messaged: int = 0
    sent: int = 0
    delivered: int = 0
    reached: int = 0


@dataclass
class Tally:
    """Episodes that began between `since_ms` and `until_ms` (Unix ms, both included, None for no limit).

    Goals count if they were reached by then; messages are where they are now. `before`: episodes of which only the rest is known; `elsewhere`: messages of episodes that are not counted here.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    acted: Samples = field(default_factory=Samples)
    held_out: Samples = field(default_factory=Samples)
    took: Samples = field(default_factory=Samples)
    customers: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    left_out: Counter[int] = field(default_factory=Counter)
    shadow: int = 0
    before: int = 0
    elsewhere: int = 0
    torn: int = 0
    longest_ms: int = -1
    funnel: Funnel = field(default_factory=Funnel)
    said: dict[Wording, Said] = field(default_factory=dict)
    campaigns: set[str] = field(default_factory=set)
    ladders: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    newest_ms: int = -1

    def add(self, episodes: Episodes, ledger: Ledger) -> None:
        """The customers of one partition: all that is known of them."""
        self.campaigns |= episodes.campaigns
        self.ladders |= episodes.ladders
        self.versions |= episodes.versions
        self.newest_ms = max(self.newest_ms, episodes.newest_ms)
        lines: dict[Key, list[Line]] = defaultdict(list)
        for line in ledger.lines():
            lines[Key(line.customer_id, line.subject.episode)].append(line)
        people: dict[str, set[str]] = defaultdict(set)
        for key, episode in episodes:
            own = lines.pop(key, [])
            group = self._count(episode, own)
            if group is None:
                self.elsewhere += len(own)
            else:
                people[group].add(key.customer_id)
        self.elsewhere += sum(map(len, lines.values()))
        self.customers.update({group: len(found) for group, found in people.items()})

    def wordings(self) -> dict[Wording, Said]:
        """By step; messages of which nothing was heard are put where they must belong, if that is certain."""
        found = {wording: said for wording, said in self.said.items() if wording.step != UNKNOWN_STEP}
        lost = [(wording, said) for wording, said in self.said.items() if wording.step == UNKNOWN_STEP]
        for wording, said in lost:
            places = [known for known in found if known.template == wording.template and known.step != UNKNOWN_STEP]
            if len(places) == 1:
                known = found[places[0]]
                found[places[0]] = Said(known.standings + said.standings, known.news, known.drawn, known.took)
            else:
                found[wording] = said
        return dict(sorted(found.items()))

    @property
    def begun(self) -> int:
        """Episodes that acted, or were held out."""
        return len(self.acted) + len(self.held_out)

    @property
    def standings(self) -> Counter[tuple[Standing, Reason]]:
        """Messages by where they are, and why."""
        return sum((said.standings for said in self.said.values()), Counter())

    def _count(self, episode: Episode, lines: list[Line]) -> str | None:
        """The group that an episode belongs to; None for one that is not counted."""
        beginning = episode.beginning
        if beginning is None:
            self.before += 1
            return None
        if not self._within(beginning.at_ms):
            return None
        if beginning.shadow:
            self.shadow += 1
            return "shadow"
        if not beginning.acts and not beginning.held_out:
            self.suppressed[beginning.reason] += 1
            return "suppressed"
        reached = self._reached(episode)
        if reached:
            self.longest_ms = max(self.longest_ms, episode.reached_ms - beginning.at_ms)
        if beginning.held_out:
            self.held_out.add(beginning.at_ms, reached=reached)
            return "held_out"
        self.acted.add(beginning.at_ms, reached=reached)
        self.left_out.update(episode.left_out)
        if episode.ended:
            self.ended[episode.ended] += 1
        self._messages(episode, beginning.at_ms, lines)
        return "acted"

    def _messages(self, episode: Episode, begun_ms: int, lines: list[Line]) -> None:
        reached = self._reached(episode)
        for line in lines:
            about = line.subject
            said = self.said.setdefault(Wording(about.step, about.variant, about.template), Said())
            said.standings[line.standing, line.reason] += 1
            said.news.update(line.news.keys())
            said.drawn.add(begun_ms, reached=reached)
            if line.standing is Standing.SENT:
                said.took.add(begun_ms, reached=reached)
            self.torn += line.torn
        heard = {line.command_id for line in lines}
        for command_id, template in episode.commands:
            if command_id not in heard:
                said = self.said.setdefault(Wording(UNKNOWN_STEP, "", template), Said())
                said.standings[Standing.PENDING, Reason.NONE] += 1
        sent = any(line.standing is Standing.SENT for line in lines)
        if sent:
            self.took.add(begun_ms, reached=reached)
        self.funnel.begun += 1
        self.funnel.messaged += bool(lines or episode.commands)
        self.funnel.sent += sent
        self.funnel.delivered += any(DeliveryOutcome.DELIVERED in line.news for line in lines)
        self.funnel.reached += reached

    def _reached(self, episode: Episode) -> bool:
        """As of `until_ms`: what came later is not known by then."""
        return episode.reached and (self.until_ms is None or episode.reached_ms <= self.until_ms)

    def _within(self, at_ms: int) -> bool:
        return (self.since_ms is None or self.since_ms <= at_ms) and (self.until_ms is None or at_ms <= self.until_ms)
