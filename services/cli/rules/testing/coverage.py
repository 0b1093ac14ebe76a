"""Which rules the tests have seen act, and stay silent where they are to."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from services.cli.rules.testing.playing import Part, Played
from services.cli.rules.testing.sets import RuleSet
from services.contracts.decision import Outcome
from services.rules.book.rulebook import CampaignRule, LadderRule

_ACTS = frozenset({Outcome.FIRED, Outcome.PROMOTED, Outcome.DEMOTED})


class Lack(NamedTuple):
    """A rule, and what no test shows of it."""

    rule: str
    what: str


class Coverage:
    """Counts parts of tests that came as expected. A rule that stands in several rule sets is one.

    A rule acts where a campaign fires, or a ladder promotes into a tier: every one but the lowest is to be entered. It stays
    silent where a test expects that of it in so many words: `expect: none`, of the rule or of the whole set, an expected
    suppression, or a test of that `rule` in a part of which it does not act.
    """

    def __init__(self) -> None:
        self._rules: dict[str, LadderRule | CampaignRule] = {}
        self._acted: set[tuple[str, str | None]] = set()
        self._silent: set[str] = set()

    def add(self, played: Played, rules: RuleSet) -> None:
        """Count a test."""
        for part in played.parts:
            if part.agreed:
                self._part(part, played.case.rule, rules)

    def expect(self, rules: RuleSet) -> None:
        """These rules are to be covered."""
        self._rules |= {rule.id: rule for rule in rules.rules.values()}

    @property
    def rules(self) -> int:
        return len(self._rules)

    @property
    def covered(self) -> int:
        """Rules of which nothing lacks."""
        return sum(not any(self._lacks_of(rule)) for rule in self._rules.values())

    def lacks(self) -> list[Lack]:
        """By the names of the rules."""
        rules = sorted(self._rules.values(), key=lambda rule: rule.name)
        found = ((rule.name, list(self._lacks_of(rule))) for rule in rules)
        return [Lack(name, ", and none in which ".join(lacks)) for name, lacks in found if lacks]

    def _part(self, part: Part, about: str | None, rules: RuleSet) -> None:
        acted: set[str] = set()
        suppressed: set[str] = set()
        for each in part.decided:
            outcome, rule = each.decision.outcome, each.decision.rule
            if outcome in _ACTS:
                acted.add(each.rule)
                self._acted.add((rule, each.decision.to_tier if outcome is Outcome.PROMOTED else None))
            elif outcome is Outcome.SUPPRESSED:
                suppressed.add(each.rule)
        asked: Iterable[str] = (about,) if about else suppressed if part.rows else rules.rules
        self._silent |= {rules.rules[name].id for name in asked if name not in acted}

    def _lacks_of(self, rule: LadderRule | CampaignRule) -> Iterator[str]:
        if isinstance(rule, CampaignRule):
            if (rule.id, None) not in self._acted:
                yield "it fires"
        else:
            unseen = [tier.name for tier in rule.tiers[1:] if (rule.id, tier.name) not in self._acted]
            if unseen:
                yield f"anybody comes into {', '.join(unseen)}"
        if rule.id not in self._silent:
            yield "it stays silent"
