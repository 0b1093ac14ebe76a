"""When to look at a customer again: the first instant at which time alone could change what a rule says.

A clause is a conjunction. While it does not hold, it cannot before the last of its false predicates may flip; while it
holds, it can end with the first of its predicates that may flip. A false predicate that time does not move keeps it
false until the next profile, which asks again.

What is true at one look only (10:00 on a Tuesday) has to be looked at then, even if the rest of the clause does not hold yet:
otherwise it would be made up for at the look at which the rest comes true.
"""

from collections.abc import Iterable, Iterator, Mapping

from services.rules.book.rulebook import CampaignRule, Clause, LadderRule, Rulebook
from services.rules.language.flips import MAX_MS
from services.rules.language.scene import Scene


class Schedule:
    """The clauses of a rule set that time can change, by the place they matter in."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._predicates = rulebook.predicates
        self._timed_mask = sum(1 << i for i in rulebook.timed)
        self._moment_mask = self._timed_mask & rulebook.pulse_mask
        self._tier_mask = rulebook.tier_mask
        # most of many campaigns wait for something that time does not bring: they are told apart by one look at the mask
        self._campaigns = tuple((self._timeless(c.when), c.when) for c in rulebook.campaigns if self._timed(c.when))
        self._ends = {c.name: self._ends_of(c) for c in rulebook.campaigns}
        self._ladders = {ladder.name: self._by_level(ladder) for ladder in rulebook.ladders}

    def next_instant(
        self, scene: Scene, mask: int, levels: Mapping[str, int], running: Iterable[str], instants: Iterable[int]
    ) -> int | None:
        """Unix ms after the scene's `now`, or None.

        `mask` holds the true predicates, `levels` the tier per ladder. Episodes of the campaigns in `running` are not over.
        `instants` are others to be kept.
        """
        flips: dict[int, int | None] = {}
        found = list(instants)
        for clause in self._clauses(mask, levels, running):
            at = self._flip(clause, scene, mask, flips)
            if at is not None:
                found.append(at)
        soonest = min(found, default=None)
        return None if soonest is None or soonest > MAX_MS else max(soonest, scene.now_ms + 1)

    def _clauses(self, mask: int, levels: Mapping[str, int], running: Iterable[str]) -> Iterator[Clause]:
        yield from (clause for timeless, clause in self._campaigns if not timeless & ~mask)
        for name, level in levels.items():
            yield from self._ladders[name][level]
        for name in running:
            yield from self._ends.get(name, ())

    def _ends_of(self, campaign: CampaignRule) -> tuple[Clause, ...]:
        """What can end an episode early."""
        ends = [] if campaign.until is None else [campaign.until]
        if campaign.active is not None:
            ends.append(Clause(campaign.name, (campaign.active,), 1 << campaign.active))
        return tuple(clause for clause in ends if self._timed(clause))

    def _timeless(self, clause: Clause) -> int:
        """What keeps a clause false until the next profile. A ladder may move, and then a tier changes with time after all."""
        moving = self._timed_mask | (self._tier_mask if clause.mask & self._moment_mask else 0)
        return clause.mask & ~moving

    def _flip(self, clause: Clause, scene: Scene, mask: int, known: dict[int, int | None]) -> int | None:
        missing = clause.mask & ~mask
        if missing & self._moment_mask:
            return self._moment(clause, scene, missing, known)
        if not missing:
            flips = (self._of(i, scene, known) for i in clause.predicates)
            return min((at for at in flips if at is not None), default=None)
        if missing & ~self._timed_mask:
            return None
        latest = 0
        for i in clause.predicates:
            if missing >> i & 1:
                at = self._of(i, scene, known)
                if at is None:
                    return None
                latest = max(latest, at)
        return latest

    def _moment(self, clause: Clause, scene: Scene, missing: int, known: dict[int, int | None]) -> int | None:
        """The next moment of a clause that holds at moments only, of those on days on which the rest may hold."""
        if any(self._of(i, scene, known) is None for i in clause.predicates if self._moment_mask >> i & 1):
            return None
        rest = [i for i in clause.predicates if missing >> i & 1 and not self._moment_mask >> i & 1]
        flips = [self._of(i, scene, known) for i in rest if not self._tier_mask >> i & 1]
        if None in flips:
            return None
        day = max((scene.days.day_of(at // 1000) for at in flips if at is not None), default=scene.today)
        moments = [self._moment_of(i, day, scene, known) for i in clause.predicates if self._moment_mask >> i & 1]
        return None if None in moments else min(at for at in moments if at is not None)

    def _moment_of(self, i: int, day: int, scene: Scene, known: dict[int, int | None]) -> int | None:
        at = self._of(i, scene, known)
        if at is None or scene.days.day_of(at // 1000) >= day:
            return at
        eve = Scene(scene.profile, scene.days.start(day) * 1000 - 1, scene.days, scene.tiers, recent=scene.recent)
        later = self._predicates[i].flip(eve)
        # a moment that comes once is to be over by then
        return at if later is None else later

    def _of(self, i: int, scene: Scene, known: dict[int, int | None]) -> int | None:
        """When a predicate may flip; several clauses may ask for the same."""
        if i not in known:
            known[i] = self._predicates[i].flip(scene)
        return known[i]

    def _timed(self, clause: Clause) -> bool:
        return bool(clause.mask & self._timed_mask)

    def _by_level(self, ladder: LadderRule) -> list[tuple[Clause, ...]]:
        """Per level what can move a customer from there: the own `leave`, and what opens or closes a higher tier."""
        result = []
        for level, tier in enumerate(ladder.tiers):
            clauses = [tier.leave]
            for higher in ladder.tiers[level + 1 :]:
                clauses += [higher.enter, higher.leave]
            result.append(tuple(c for c in clauses if c is not None and self._timed(c)))
        return result
