"""The plain reading of a rule set: no masks, no timers, no engine; ask everything, again and again."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from services.contracts.calendar import BusinessDays, to_ms
from services.contracts.profile import Profile
from services.rules.rulebook import Clause, Rulebook
from services.rules.scene import Scene

Told = tuple[str, str, datetime]
"""Rule name, what happened, when."""


@dataclass
class Reference:
    """One customer, looked at as often as one likes."""

    book: Rulebook
    levels: dict[str, int] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    active: dict[str, bool] = field(default_factory=dict)
    fired: dict[str, datetime] = field(default_factory=dict)

    def look(self, profile: Profile, now: datetime) -> Iterable[Told]:
        scene = Scene(profile, to_ms(now), BusinessDays(ZoneInfo(profile.zone)), {})
        for ladder in self.book.ladders:
            level = self.levels.get(ladder.name, 0)
            target = self._target(ladder.name, level, scene, now)
            if target != level:
                self.levels[ladder.name], self.since[ladder.name] = target, now
                yield ladder.name, f"{ladder.tiers[level].name}→{ladder.tiers[target].name}", now
        scene.tiers = {ladder.name: ladder.tiers[self.levels.get(ladder.name, 0)].name for ladder in self.book.ladders}
        for campaign in self.book.campaigns:
            holds = self._holds(campaign.when, scene)
            if holds and not self.active.get(campaign.name):
                last = self.fired.get(campaign.name)
                if last is not None and to_ms(now) - to_ms(last) < campaign.cooldown_ms:
                    yield campaign.name, "suppressed", now
                else:
                    self.fired[campaign.name] = now
                    yield campaign.name, "fired", now
            self.active[campaign.name] = holds

    def _target(self, name: str, level: int, scene: Scene, now: datetime) -> int:
        (tiers,) = (ladder.tiers for ladder in self.book.ladders if ladder.name == name)

        def keeps(i: int) -> bool:
            return i == 0 or not self._holds(tiers[i].leave, scene)

        above = [i for i in range(level + 1, len(tiers)) if keeps(i) and self._holds(tiers[i].enter, scene)]
        if above:
            return max(above)

        if keeps(level) or to_ms(now) - to_ms(self.since[name]) < tiers[level].stay_ms:
            return level
        return max(i for i in range(level) if keeps(i))

    def _holds(self, clause: Clause | None, scene: Scene) -> bool:
        return clause is not None and all(self.book.predicates[i].test(scene) for i in clause.predicates)
