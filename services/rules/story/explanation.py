"""Why a rule does, or does not, speak to one customer at one instant: every condition with its value, and what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.contracts.calendar import from_ms
from services.contracts.decision import DecisionReason, Mode
from services.contracts.profile import Cause
from services.rules.book.models import Notify
from services.rules.book.rulebook import CampaignRule, LadderRule, Rulebook, TierRule
from services.rules.engine.campaign import attention, held_out, silence
from services.rules.engine.evaluation import Evaluator
from services.rules.engine.messages import Log, Trigger
from services.rules.engine.state import BLOBS, CampaignState, RuleState, TierState
from services.rules.language.scene import Scene
from services.rules.story.findings import Finder, Findings


@dataclass(frozen=True)
class StepStanding:
    """One step of a campaign: a wait, a message, or a gate. `when` are its own conditions, as they stand now."""

    wait_ms: int = 0
    notify: Notify | None = None
    when: Findings | None = None


@dataclass(frozen=True)
class CampaignStanding:
    """Where a customer stands with a campaign. Instants are Unix ms.

    `active`: its condition was true at the last look, and has been since `since_ms`; `spoke` says whether the last episode
    was not suppressed. `obstacle` is what would keep it silent if its condition became true now: for `exclusive`, `rival` is
    the campaign that has the customer's attention; for `cooldown`, it is over at `cooldown_ms`. Of a running episode
    `next_step` is due at `due_ms`, and `until` ends it early. `goal_ms` is until when the goal of the last episode counts.
    `held_out`: the customer is of the control group.
    """

    rule: str
    mode: Mode
    when: Findings
    active: bool
    since_ms: int | None
    spoke: bool
    episodes: int
    fired_ms: int | None
    obstacle: DecisionReason | None
    rival: str | None
    exclusive: str | None
    cooldown_ms: int | None
    next_step: int | None
    steps: tuple[StepStanding, ...]
    due_ms: int | None
    until: Findings | None
    goal: str | None
    goal_ms: int | None
    held_out: bool

    @property
    def name(self) -> str:
        return name_of(self.rule)

    @property
    def running(self) -> bool:
        return self.next_step is not None


@dataclass(frozen=True)
class TierStanding:
    """One tier as seen by a customer; `seats` is how many customers it takes, if that is limited."""

    name: str
    enter: Findings | None
    leave: Findings | None
    seats: int | None = None

    @property
    def open(self) -> bool:
        """Whether nothing but a seat is missing to come in."""
        return self.enter is not None and self.enter.holds and (self.leave is None or not self.leave.holds)


@dataclass(frozen=True)
class LadderStanding:
    """Where a customer stands on a ladder. Instants are Unix ms.

    `level` is the place of the tier, from 0. `since_ms` is None for one who never moved; `stay_ms` is until when a fall is
    held back, None if nothing holds it.
    """

    rule: str
    mode: Mode
    level: int
    since_ms: int | None
    stay_ms: int | None
    jumps: int
    tiers: tuple[TierStanding, ...]

    @property
    def name(self) -> str:
        return name_of(self.rule)

    @property
    def tier(self) -> TierStanding:
        return self.tiers[self.level]


@dataclass(frozen=True)
class Explanation:
    """Everything about one customer at one instant (Unix ms).

    `next_ms` is when time alone will next be asked, if nothing happens and the profile stays as it is. `strange`: the state
    was made by another rule set. `withdrawn` are rules that are remembered, and not there any more.
    """

    customer_id: str
    now_ms: int
    scene: Scene
    ladders: tuple[LadderStanding, ...]
    campaigns: tuple[CampaignStanding, ...]
    next_ms: int | None
    strange: bool
    withdrawn: tuple[str, ...]


def explain(book: Rulebook, state: RuleState, scene: Scene) -> Explanation:
    """What the rules of `book` make of a customer. `scene` is bare: without event and tiers. `state` is not changed."""
    evaluator = Evaluator(book, _seated(state))
    try:
        evaluator.prepare(state, scene)
        next_ms = _next_look(evaluator, state, scene)
    finally:
        evaluator.close()
    view = _View(book, state, scene)
    names = {ladder.name for ladder in book.ladders} | {campaign.name for campaign in book.campaigns}
    return Explanation(
        customer_id=scene.profile.customer_id,
        now_ms=scene.now_ms,
        scene=scene,
        ladders=tuple(view.ladder(ladder) for ladder in book.ladders),
        campaigns=tuple(view.campaign(campaign) for campaign in book.campaigns),
        next_ms=next_ms,
        strange=state.rulebook != book.hash,
        withdrawn=tuple(sorted((state.campaigns.keys() | state.tiers.keys()) - names)),
    )


def name_of(rule: str) -> str:
    """The name of a rule that is stamped `name@hash`."""
    return rule.partition("@")[0]


def standings(explanation: Explanation) -> Iterator[LadderStanding | CampaignStanding]:
    """What is said of every rule."""
    yield from explanation.ladders
    yield from explanation.campaigns


def _seated(state: RuleState) -> "_Seated":
    return _Seated({f"{ladder}/{place.tier}" for ladder, place in state.tiers.items()})


class _Seated:
    """No review comes: whoever has a seat keeps it, and nobody else gets one."""

    def __init__(self, slots: set[str]) -> None:
        self._slots = slots

    def __call__(self, slot: str, _customer: str) -> bool:
        return slot in self._slots


def _next_look(evaluator: Evaluator, state: RuleState, scene: Scene) -> int | None:
    copied = BLOBS.load(BLOBS.dump(state))
    now = from_ms(scene.now_ms)
    trigger = Trigger(Cause.TIME, "", now, now, scene.profile.version)
    return evaluator.look(copied, Log(Scene(scene.profile, scene.now_ms, scene.days, {}), trigger))


class _View:
    def __init__(self, book: Rulebook, state: RuleState, scene: Scene) -> None:
        self._book = book
        self._state = state
        self._scene = scene
        self._finder = Finder(book, scene)

    def campaign(self, rule: CampaignRule) -> CampaignStanding:
        now_ms, customer = self._scene.now_ms, self._scene.profile.customer_id
        known = self._state.campaigns.get(rule.name) or CampaignState()
        rivals = self._rivals(rule)
        cool_ms = None if known.fired_ms is None else known.fired_ms + rule.cooldown_ms
        return CampaignStanding(
            rule=rule.id,
            mode=rule.mode,
            when=self._finder.clause(rule.when),
            active=known.active,
            since_ms=known.changed_ms if known.episode else None,
            spoke=known.episode > 0 and known.acting == known.episode,
            episodes=known.episode,
            fired_ms=known.fired_ms,
            obstacle=silence(rule, known, customer, now_ms, rivals.keys()),
            rival=rivals.get(rule.exclusive or ""),
            exclusive=rule.exclusive,
            cooldown_ms=cool_ms if cool_ms is not None and cool_ms > now_ms else None,
            next_step=known.next_step,
            steps=tuple(
                StepStanding(step.wait_ms, step.notify, None if step.when is None else self._finder.clause(step.when))
                for step in rule.steps
            ),
            due_ms=known.due_ms,
            until=None if rule.until is None else self._finder.clause(rule.until),
            goal=None if rule.goal is None else rule.goal.event,
            goal_ms=known.goal_ms if known.goal_ms is not None and known.goal_ms >= now_ms else None,
            held_out=held_out(rule, customer),
        )

    def _rivals(self, rule: CampaignRule) -> dict[str, str]:
        """By group, the other campaign that has the customer's attention."""
        found = ((attention(each, self._state.campaigns.get(each.name)), each.name) for each in self._book.campaigns)
        return {group: name for group, name in found if group is not None and name != rule.name}

    def ladder(self, rule: LadderRule) -> LadderStanding:
        place: TierState | None = self._state.tiers.get(rule.name)
        level = 0 if place is None else rule.level(place.tier)
        stay_ms = None if place is None else place.since_ms + rule.tiers[level].stay_ms
        return LadderStanding(
            rule=rule.id,
            mode=rule.mode,
            level=level,
            since_ms=None if place is None else place.since_ms,
            stay_ms=stay_ms if stay_ms is not None and stay_ms > self._scene.now_ms else None,
            jumps=0 if place is None else place.jumps,
            tiers=tuple(self._tier(tier) for tier in rule.tiers),
        )

    def _tier(self, tier: TierRule) -> TierStanding:
        return TierStanding(
            tier.name,
            None if tier.enter is None else self._finder.clause(tier.enter),
            None if tier.leave is None else self._finder.clause(tier.leave),
            None if tier.seats is None else tier.seats.most,
        )
