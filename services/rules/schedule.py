"""When to look at a customer again: the first instant at which time alone could change what a rule says.

A clause is a conjunction. While it does not hold, it cannot before the last of its false predicates may flip; while it
holds, it can end with the first of its predicates that may flip. A false predicate that time does not move keeps it
false until the next profile, which asks again.
"""

from services.rules.flips import MAX_MS
from services.rules.rulebook import Clause, LadderRule, Rulebook
from services.rules.scene import Scene


class Schedule:
    """The clauses of a rule set that time can change, by the place they matter in."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._predicates = rulebook.predicates
        self._timed_mask = sum(1 << i for i in rulebook.timed)
        self._campaigns = tuple(c.when for c in rulebook.campaigns if self._timed(c.when))
        self._ladders = {ladder.name: self._by_level(ladder) for ladder in rulebook.ladders}

    def next_instant(self, scene: Scene, mask: int, levels: dict[str, int], hold_ms: int | None) -> int | None:
        """Unix ms after the scene's `now`, or None. `mask` holds the true predicates, `levels` the tier per ladder."""
        clauses = list(self._campaigns)
        for name, level in levels.items():
            clauses += self._ladders[name][level]
        instants = [at for clause in clauses if (at := self._flip(clause, scene, mask)) is not None]
        if hold_ms is not None:
            instants.append(hold_ms)
        soonest = min(instants, default=None)
        return None if soonest is None or soonest > MAX_MS else max(soonest, scene.now_ms + 1)

    def _flip(self, clause: Clause, scene: Scene, mask: int) -> int | None:
        missing = clause.mask & ~mask
        if not missing:
            flips = (self._predicates[i].flip(scene) for i in clause.predicates)
            return min((at for at in flips if at is not None), default=None)
        if missing & ~self._timed_mask:
            return None
        latest = 0
        for i in clause.predicates:
            if missing >> i & 1:
                at = self._predicates[i].flip(scene)
                if at is None:
                    return None
                latest = max(latest, at)
        return latest

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
