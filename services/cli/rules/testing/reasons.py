"""Why an expected decision did not come: what its rule asks for, and what it sees."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.cli.rules.testing.matching import Decided, differences
from services.cli.rules.testing.models import Expectation
from services.cli.rules.testing.sets import RuleSet
from services.contracts.calendar import BusinessDays, from_ms, to_ms
from services.contracts.decision import Outcome, Verdict
from services.rules.book.rulebook import CampaignRule, Clause, LadderRule
from services.rules.engine.state import CampaignState, RuleState, unpack_profile
from services.rules.language.scene import Past, Scene

_ANOTHER = frozenset({"rule", "outcome", "from", "to"})
"""What makes a decision another one, not the same with something wrong."""


class Why(NamedTuple):
    """A sentence, and the conditions it is about as they stand."""

    sentence: str
    verdicts: tuple[Verdict, ...] = ()


class Asked(NamedTuple):
    """What a part of a test came to: the state of the rules, between which instants."""

    rules: RuleSet
    state: RuleState | None
    began: datetime
    now: datetime
    zone: ZoneInfo


def why_not(expected: Expectation, rule: str | None, others: Sequence[Decided], asked: Asked) -> list[Why]:
    """Of one expectation that nothing fulfilled. `rule` is the one the test is about, if it says so; `others` came unexpected."""
    near = _near_miss(expected, others, asked.zone)
    if near is not None:
        return [near]
    rules = asked.rules.rules
    name = expected.rule or rule or (next(iter(rules)) if len(rules) == 1 else None)
    if name is None:
        return [Why("say of which rule it is, and the conditions of that are shown here")]
    found = rules[name]
    if asked.state is None:
        return [Why(f"{name}: the rules know nothing of the customer yet")]
    explain = _Explanation(asked, asked.state)
    lines = explain.ladder(found, expected) if isinstance(found, LadderRule) else explain.campaign(found, expected)
    return list(lines)


def _near_miss(expected: Expectation, others: Sequence[Decided], zone: ZoneInfo) -> Why | None:
    """The decision that is all but what was expected: of the same rule, with the same outcome, to the same tier."""
    misses = [(list(differences(expected, each, zone)), each) for each in others]
    close = [(wrong, each) for wrong, each in misses if not _ANOTHER.intersection(wrong)]
    if not close:
        return None
    wrong, each = min(close, key=lambda miss: len(miss[0]))
    return Why(f"{each.rule} {each.decision.outcome}: it came, but differs in {', '.join(wrong)}")


class _Explanation:
    def __init__(self, asked: Asked, state: RuleState) -> None:
        self._asked = asked
        self._state = state
        self._scene = _scene(asked, state)

    def campaign(self, campaign: CampaignRule, expected: Expectation) -> Iterator[Why]:
        known = self._state.campaigns.get(campaign.name)
        match expected.kind:
            case Outcome.CONTINUED:
                yield self._next_step(campaign, known)
            case Outcome.REACHED:
                yield self._goal(campaign, known)
            case Outcome.ENDED:
                yield self._end(campaign, known)
            case _:
                yield self._beginning(campaign, known)

    def ladder(self, ladder: LadderRule, expected: Expectation) -> Iterator[Why]:
        place = self._state.tiers.get(ladder.name)
        level = 0 if place is None else ladder.level(place.tier)
        current = ladder.tiers[level]
        target = level if expected.to is None else ladder.level(expected.to)
        yield Why(f"{ladder.name}: the customer is in {current.name}")
        if expected.kind is Outcome.DEMOTED or target < level:
            if current.leave is None:
                yield Why(f"{current.name} is never left")
                return
            yield self._clause(f"{current.name} is left when all of these hold:", current.leave)
            if self._state.hold_ms is not None:
                yield Why(f"stay_at_least holds the fall back until {self._local(self._state.hold_ms)}")
            return
        for tier in ladder.tiers[level + 1 :] if target <= level else (ladder.tiers[target],):
            if tier.enter is not None:
                yield self._clause(f"{tier.name} is entered when all of these hold:", tier.enter)
            if tier.leave is not None:
                yield self._clause("and not all of these:", tier.leave)

    def _beginning(self, campaign: CampaignRule, known: CampaignState | None) -> Why:
        why = self._clause(f"{campaign.name} begins when all of these become true:", campaign.when)
        if known is not None and known.active and all(verdict.holds for verdict in why.verdicts):
            since = self._local(known.changed_ms)
            return Why(f"{campaign.name}: these have been true since {since}, and begin nothing anew:", why.verdicts)
        return why

    def _next_step(self, campaign: CampaignRule, known: CampaignState | None) -> Why:
        if known is None or known.next_step is None or known.due_ms is None:
            return Why(f"{campaign.name}: no episode is under way")
        said = f"{campaign.name}: step {known.next_step + 1} is due at {self._local(known.due_ms)}"
        gate = campaign.steps[known.next_step].when
        return Why(said) if gate is None else self._clause(f"{said}, if these hold then:", gate)

    def _goal(self, campaign: CampaignRule, known: CampaignState | None) -> Why:
        if campaign.goal is None:
            return Why(f"{campaign.name} has no goal")
        if known is None or known.goal_ms is None:
            return Why(f"{campaign.name}: no episode waits for its goal {campaign.goal.event}")
        return Why(f"{campaign.name}: {campaign.goal.event} counts until {self._local(known.goal_ms)}")

    def _end(self, campaign: CampaignRule, known: CampaignState | None) -> Why:
        if known is None or not known.running:
            return Why(f"{campaign.name}: no episode is under way")
        if campaign.until is None:
            return Why(f"{campaign.name} is under way, and has no until")
        return self._clause(f"{campaign.name} is under way, and ends when all of these hold:", campaign.until)

    def _clause(self, sentence: str, clause: Clause) -> Why:
        return Why(sentence, self._asked.rules.book.verdicts(clause, self._scene))

    def _local(self, at_ms: int) -> str:
        return f"{from_ms(at_ms).astimezone(self._asked.zone):%Y-%m-%d %H:%M:%S}"


def _scene(asked: Asked, state: RuleState) -> Scene:
    """As the rules see it, but nothing of the state is changed.

    What is true at a single look only is shown as if the whole part had been one look.
    """
    profile = unpack_profile(state.profile)
    now_ms = to_ms(asked.now)
    places = [(ladder, state.tiers.get(ladder.name)) for ladder in asked.rules.book.ladders]
    return Scene(
        profile,
        now_ms,
        _days(profile.zone),
        {ladder.name: ladder.tiers[0].name if at is None else at.tier for ladder, at in places},
        entered={ladder.name: at.since_ms for ladder, at in places if at is not None},
        began_ms=state.began_ms,
        event=profile.event if to_ms(profile.as_of) == now_ms else None,
        previous_ms=to_ms(asked.began),
        recent=[Past(*past) for past in state.recent],
    )


@lru_cache(maxsize=16)
def _days(zone: str) -> BusinessDays:
    return BusinessDays(ZoneInfo(zone))
