"""A rule set, compiled: what everything else works with.

Independent of the order of files and documents. Each rule is stamped `name@hash`, the hash being of its content; the whole
set has a hash too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from services.contracts.decision import Mode, Verdict
from services.rules.book.models import Jump, Notify, Review
from services.rules.book.notice import Notice
from services.rules.book.sequence import EventSequence
from services.rules.language.condition import Predicate
from services.rules.language.scene import Scene
from services.rules.language.terms import Feature
from services.runtime.document import Document


@dataclass(frozen=True)
class Clause:
    """A list of conditions that must all hold. `predicates` are indices into `Rulebook.predicates`, `mask` their bits."""

    id: str
    predicates: tuple[int, ...]
    mask: int

    def holds(self, mask: int) -> bool:
        """Whether all its conditions are among the true ones."""
        return mask & self.mask == self.mask


@dataclass(frozen=True)
class SeatRule:
    """A tier of at most `most` customers in every group. `slot` names it among all tiers of all ladders."""

    slot: str
    most: int
    rank: Feature
    review: Review


@dataclass(frozen=True)
class TierRule:
    """One tier; the bottom one has neither `enter` nor `leave`, any other may lack `leave`."""

    name: str
    enter: Clause | None
    leave: Clause | None
    stay_ms: int
    seats: SeatRule | None = None


@dataclass(frozen=True)
class LadderRule:
    """Tiers lowest first. `id` is `name@hash`. `per` is the attribute that says which group a customer is of.

    `notices` are the messages of `on_jump`, in the same order.
    """

    id: str
    name: str
    tiers: tuple[TierRule, ...]
    on_jump: tuple[Jump, ...]
    notices: tuple[Notice, ...]
    mode: Mode = Mode.LIVE
    per: str | None = None

    def level(self, tier: str) -> int:
        """Index of a tier; 0 for one that is no longer there."""
        return self._levels.get(tier, 0)

    @cached_property
    def _levels(self) -> Mapping[str, int]:
        return {tier.name: i for i, tier in enumerate(self.tiers)}


@dataclass(frozen=True)
class StepRule:
    """A wait of `wait_ms`; or a message, sent if `when` holds; or a gate, which ends the episode unless `when` holds."""

    when: Clause | None = None
    wait_ms: int = 0
    notice: Notice | None = None

    @property
    def notify(self) -> Notify | None:
        """The message as it is written."""
        return None if self.notice is None else self.notice.notify


@dataclass(frozen=True)
class GoalRule:
    """An interaction kind, or a type of event, that is to happen within so long."""

    event: str
    within_ms: int


@dataclass(frozen=True)
class CampaignRule:
    """`id` is `name@hash`. `active` is the index of the condition that its time has come, which is also part of `when`.

    `exclusive` names the group of campaigns of which a customer gets one at a time.
    """

    id: str
    name: str
    when: Clause
    steps: tuple[StepRule, ...]
    cooldown_ms: int = 0
    priority: int = 50
    until: Clause | None = None
    goal: GoalRule | None = None
    holdout: float = 0.0
    exclusive: str | None = None
    mode: Mode = Mode.LIVE
    active: int | None = None


@dataclass(frozen=True)
class FactRule:
    """A defined fact, as the condition with index `gives`, follows from those with the indices `needs`."""

    name: str
    gives: int
    needs: tuple[int, ...]


@dataclass(frozen=True)
class Rulebook:
    """All rules: ladders by name; campaigns highest priority first, then by name.

    A predicate that several rules share stands once. `tier_mask` marks those that campaigns ask of a tier: they are decided
    after the ladders have moved. `pulse_mask` marks those that are true at single looks. `documents` by rule name are
    where the rules were read.
    """

    hash: str
    ladders: tuple[LadderRule, ...]
    campaigns: tuple[CampaignRule, ...]
    predicates: tuple[Predicate, ...]
    facts: tuple[FactRule, ...] = ()
    sequences: tuple[EventSequence, ...] = ()
    tier_mask: int = 0
    pulse_mask: int = 0
    timed: frozenset[int] = field(default_factory=frozenset)
    documents: Mapping[str, Document] = field(default_factory=dict, compare=False, repr=False)

    def notices(self) -> Iterator[tuple[str, Notice]]:
        """Every message of every rule, with the name of the rule: ladders first, in the order of the jumps and steps."""
        for ladder in self.ladders:
            yield from ((ladder.name, notice) for notice in ladder.notices)
        for campaign in self.campaigns:
            yield from ((campaign.name, step.notice) for step in campaign.steps if step.notice is not None)

    def verdicts(self, clause: Clause, scene: Scene) -> tuple[Verdict, ...]:
        """Every condition of a clause with what it saw."""
        return tuple(self.predicates[i].verdict(scene) for i in clause.predicates)
