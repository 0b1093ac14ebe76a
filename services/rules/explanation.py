"""Why a rule does, or does not, speak to one customer at one instant: every condition with its value, and what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.contracts.decision import DecisionReason, Mode
from services.contracts.durations import format_ms
from services.rules.campaign import held_out
from services.rules.condition import Predicate
from services.rules.evaluation import Evaluator
from services.rules.flips import MAX_MS
from services.rules.rulebook import CampaignRule, Clause, LadderRule, Rulebook, TierRule
from services.rules.scene import Scene
from services.rules.state import CampaignState, RuleState, TierState
from services.rules.terms import Feature, Kind, Value
from services.rules.tree import Comparison, Constant, Money, Read


@dataclass(frozen=True)
class Finding:
    """One condition as it stands. `needs` says in words what is missing; `flip_ms` is when time alone may change it (Unix ms)."""

    text: str
    holds: bool
    actual: dict[str, Value]
    needs: str = ""
    flip_ms: int | None = None


@dataclass(frozen=True)
class Findings:
    """A list of conditions. `turn_ms` is the earliest instant at which time alone can change whether all hold (Unix ms)."""

    about: str
    holds: bool
    conditions: tuple[Finding, ...]
    turn_ms: int | None = None


@dataclass(frozen=True)
class CampaignStanding:
    """Where a customer stands with a campaign. Instants are Unix ms.

    `obstacle` is what would keep it silent if its condition became true now.
    """

    rule: str
    mode: Mode
    when: Findings
    active: bool
    episodes: int
    fired_ms: int | None = None
    obstacle: DecisionReason | None = None
    cooldown_ms: int | None = None
    next_step: int | None = None
    steps: int = 0
    due_ms: int | None = None
    until: Findings | None = None
    goal: str | None = None
    goal_ms: int | None = None
    held_out: bool = False


@dataclass(frozen=True)
class TierStanding:
    """One tier as seen by a customer."""

    name: str
    here: bool
    enter: Findings | None
    leave: Findings | None
    seats: int | None = None


@dataclass(frozen=True)
class LadderStanding:
    """Where a customer stands on a ladder; `since_ms` is None for one who never moved, `stay_ms` until when a fall is held back."""

    rule: str
    mode: Mode
    tier: str
    since_ms: int | None
    stay_ms: int | None
    jumps: int
    tiers: tuple[TierStanding, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Everything about one customer at one instant (Unix ms); `next_ms` is when time alone will next be asked."""

    customer_id: str
    now_ms: int
    scene: Scene
    ladders: tuple[LadderStanding, ...] = ()
    campaigns: tuple[CampaignStanding, ...] = ()
    withdrawn: tuple[str, ...] = field(default=())


def explain(book: Rulebook, state: RuleState, scene: Scene) -> Explanation:
    """What the rules of `book` make of a customer; `scene` is bare, and `state` is not changed."""
    evaluator = Evaluator(book)
    try:
        evaluator.prepare(state, scene)
        mask = evaluator.mask(scene)
    finally:
        evaluator.close()
    view = _View(book, scene, mask)
    return Explanation(
        scene.profile.customer_id,
        scene.now_ms,
        scene,
        tuple(view.ladder(ladder, state.tiers.get(ladder.name)) for ladder in book.ladders),
        tuple(view.campaign(campaign, state) for campaign in book.campaigns),
        tuple(sorted(state.campaigns.keys() - {campaign.name for campaign in book.campaigns})),
    )


class _View:
    def __init__(self, book: Rulebook, scene: Scene, mask: int) -> None:
        self._book = book
        self._scene = scene
        self._mask = mask

    def campaign(self, rule: CampaignRule, state: RuleState) -> CampaignStanding:
        known = state.campaigns.get(rule.name) or CampaignState()
        now_ms = self._scene.now_ms
        cooldown_ms = None if known.fired_ms is None else known.fired_ms + rule.cooldown_ms
        if cooldown_ms is not None and cooldown_ms <= now_ms:
            cooldown_ms = None
        out = held_out(rule, self._scene.profile.customer_id)
        return CampaignStanding(
            rule=rule.id,
            mode=rule.mode,
            when=self.findings("when", rule.when),
            active=known.active,
            episodes=known.episode,
            fired_ms=known.fired_ms,
            obstacle=self._obstacle(rule, known, state, cooldown=cooldown_ms is not None, out=out),
            cooldown_ms=cooldown_ms,
            next_step=known.next_step,
            steps=len(rule.steps),
            due_ms=known.due_ms,
            until=None if rule.until is None or not known.running else self.findings("until", rule.until),
            goal=None if rule.goal is None else rule.goal.event,
            goal_ms=known.goal_ms if known.goal_ms is not None and known.goal_ms >= now_ms else None,
            held_out=out,
        )

    def _obstacle(
        self, rule: CampaignRule, known: CampaignState, state: RuleState, *, cooldown: bool, out: bool
    ) -> DecisionReason | None:
        others = (
            other
            for other in self._book.campaigns
            if other.exclusive is not None and other.exclusive == rule.exclusive and other.name != rule.name
        )
        if known.running:
            return DecisionReason.RUNNING
        if cooldown:
            return DecisionReason.COOLDOWN
        if any((state.campaigns.get(other.name) or CampaignState()).running for other in others):
            return DecisionReason.EXCLUSIVE
        return DecisionReason.HOLDOUT if out else None

    def ladder(self, rule: LadderRule, place: TierState | None) -> LadderStanding:
        level = 0 if place is None else rule.level(place.tier)
        stay_ms = None if place is None else place.since_ms + rule.tiers[level].stay_ms
        return LadderStanding(
            rule=rule.id,
            mode=rule.mode,
            tier=rule.tiers[level].name,
            since_ms=None if place is None else place.since_ms,
            stay_ms=stay_ms if stay_ms is not None and stay_ms > self._scene.now_ms else None,
            jumps=0 if place is None else place.jumps,
            tiers=tuple(self._tier(tier, here=i == level) for i, tier in enumerate(rule.tiers)),
        )

    def _tier(self, tier: TierRule, *, here: bool) -> TierStanding:
        return TierStanding(
            tier.name,
            here,
            None if tier.enter is None else self.findings("enter", tier.enter),
            None if tier.leave is None else self.findings("leave", tier.leave),
            None if tier.seats is None else tier.seats.most,
        )

    def findings(self, about: str, clause: Clause) -> Findings:
        predicates = [self._book.predicates[i] for i in clause.predicates]
        found = tuple(self._finding(predicate) for predicate in predicates)
        holds = all(finding.holds for finding in found)
        return Findings(about, holds, found, _turn(found, holds=holds))

    def _finding(self, predicate: Predicate) -> Finding:
        verdict = predicate.verdict(self._scene)
        flip_ms = predicate.flip(self._scene)
        return Finding(
            verdict.condition,
            verdict.holds,
            verdict.actual,
            "" if verdict.holds else _needs(predicate, self._scene),
            None if flip_ms is None or flip_ms > MAX_MS else flip_ms,
        )


def _turn(found: tuple[Finding, ...], *, holds: bool) -> int | None:
    """While all hold, the first flip ends that; else the last of those missing may bring it, if time moves all of them."""
    if holds:
        return min((finding.flip_ms for finding in found if finding.flip_ms is not None), default=None)
    missing = [finding.flip_ms for finding in found if not finding.holds]
    known = [flip_ms for flip_ms in missing if flip_ms is not None]
    return max(known) if len(known) == len(missing) else None


def _needs(predicate: Predicate, scene: Scene) -> str:
    """What a false condition of the plain shape `feature op value` is, and what it needs."""
    match predicate.tree:
        case Comparison(Read(feature), ((operator, Constant() | Money() as wanted),)):
            actual = feature.read(scene)
            said = "unknown" if actual is None else value_text(feature, actual)
            target = wanted.value if isinstance(wanted, Constant) else wanted.minor
            sign = "" if operator in {"==", ">="} else f"{operator} "
            return f"{feature.name} is {said}, needs {sign}{value_text(feature, target)}"
        case Read(feature):
            return f"{feature.name} is not so"
    return ""


def value_text(feature: Feature | None, value: Value) -> str:
    """A value as one would write it: a length with its unit, a text as it is."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if feature is not None and feature.kind is Kind.LENGTH and isinstance(value, int | float):
        return format_ms(int(value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def standing_of(explanation: Explanation, rule: str) -> Iterator[LadderStanding | CampaignStanding]:
    """What is said of one rule, by its name."""
    yield from (each for each in explanation.ladders if each.rule.partition("@")[0] == rule)
    yield from (each for each in explanation.campaigns if each.rule.partition("@")[0] == rule)
