"""One look at one customer: what has changed since the last look, and what the rules make of it.

Our own typed conditions are asked first; durable-rules is consulted only when the set of true ones has changed, or a
tier's minimum stay has run out. Ladders move first, so that campaigns see the tier a customer is in from now on.
"""

from collections.abc import Callable, Iterator
from math import log2

from services.contracts.command import RecallReason
from services.contracts.decision import DecisionReason, Outcome
from services.rules.book.rulebook import Clause, LadderRule, Rulebook, SeatRule
from services.rules.book.sequence import remembered
from services.rules.engine.episodes import Episodes
from services.rules.engine.inference import Deduction, DurableInference, Inference, InferenceRule
from services.rules.engine.ladder import Sight, Standing, claims, notices, stand
from services.rules.engine.messages import Log
from services.rules.engine.schedule import Schedule
from services.rules.engine.state import Claim, RuleState, TierState, pack_mask, unpack_mask
from services.rules.language.program import compile_mask
from services.rules.language.scene import DAY_MS, Past, Scene
from services.rules.language.terms import Moves

SeatedCustomer = Callable[[str, str], bool | None]
"""Whether (slot, customer id) was given a seat at the last review; None if there was none yet."""

_LAST = -1e300
"""A rank behind all others; the infinite has no JSON."""


class Evaluator:
    """A rule set at work. Holds memory outside Python until `close`."""

    def __init__(self, rulebook: Rulebook, seated: SeatedCustomer = lambda _slot, _customer: None) -> None:
        self._book = rulebook
        self._seated = seated
        self._schedule = Schedule(rulebook)
        self._episodes = Episodes(rulebook)
        predicates = list(enumerate(rulebook.predicates))
        self._plain = compile_mask(pair for pair in predicates if not rulebook.tier_mask >> pair[0] & 1)
        self._by_tier = compile_mask(pair for pair in predicates if rulebook.tier_mask >> pair[0] & 1)
        self._ladder_names = frozenset(ladder.name for ladder in rulebook.ladders)
        self._remembered = frozenset(name for sequence in rulebook.sequences for name in sequence.names)
        self._horizon_ms = max((sequence.horizon_ms for sequence in rulebook.sequences), default=0)
        ladder_clauses = [
            clause
            for ladder in rulebook.ladders
            for tier in ladder.tiers
            for clause in (tier.enter, tier.leave)
            if clause is not None
        ]
        campaign_clauses = [campaign.when for campaign in rulebook.campaigns]
        self._ladder_mask = self._asked(ladder_clauses)
        self._campaign_mask = self._asked(campaign_clauses)
        self._ladder_inference = self._inference(ladder_clauses)
        # the clause of a campaign has the campaign's name
        self._campaign_inference = self._inference(campaign_clauses)
        self._ladder_pulses = self._ladder_mask & rulebook.pulse_mask
        self._of_days = {ladder.name: tuple(self._asking_days(ladder)) for ladder in rulebook.ladders}
        self._has_seats = any(tier.seats for ladder in rulebook.ladders for tier in ladder.tiers)

    def close(self) -> None:
        self._ladder_inference.close()
        self._campaign_inference.close()

    def look(self, state: RuleState, log: Log) -> int | None:
        """Change `state`, add to `log`, return when to look again (Unix ms). Raise `InferenceError`."""
        scene, now_ms = log.scene, log.scene.now_ms
        if state.began_ms is None:
            state.began_ms = now_ms
        anew = state.rulebook != self._book.hash
        if anew:
            self._adopt(state, log)
        self.prepare(state, scene)
        # a condition of another rule set says nothing about ours: everything counts as changed
        before = -1 if anew else unpack_mask(state.mask)
        mask = self._plain(scene)
        expired = state.hold_ms is not None and now_ms >= state.hold_ms
        # whoever has a claim to a seat may have been given one, or lost it, and ranks differently at every look
        if anew or expired or state.claims or (mask ^ before) & self._ladder_mask:
            self._move(state, mask, log)
            self._place(state, scene)
        mask |= self._by_tier(scene)
        if state.campaigns:
            self._episodes.go_on(state, mask, log)
        if anew or (mask ^ before) & self._campaign_mask:
            firings = self._campaign_inference.fire(mask & self._campaign_mask)
            self._episodes.turn(state, firings, mask, log)
        if mask & self._book.pulse_mask:
            self._episodes.let_go_of_pulses(state, self._book.pulse_mask)
            mask &= ~self._book.pulse_mask
        if mask != before:
            state.mask = pack_mask(mask)
        state.looked_ms = now_ms
        return self._next_ms(state, scene, mask)

    def prepare(self, state: RuleState, scene: Scene) -> None:
        """Tell the scene what the state knows."""
        happened = scene.happened
        if happened is not None and happened.name in self._remembered:
            state.recent = remembered(state.recent, happened, self._horizon_ms)
        scene.recent = [Past(*past) for past in state.recent]
        scene.previous_ms, scene.began_ms = state.looked_ms, state.began_ms
        self._place(state, scene)

    def mask(self, scene: Scene) -> int:
        """The conditions that hold, for a scene that is prepared; nothing is changed."""
        return self._plain(scene) | self._by_tier(scene)

    def _place(self, state: RuleState, scene: Scene) -> None:
        places = [(ladder, state.tiers.get(ladder.name)) for ladder in self._book.ladders]
        scene.tiers = {ladder.name: ladder.tiers[0].name if at is None else at.tier for ladder, at in places}
        scene.entered = {ladder.name: at.since_ms for ladder, at in places if at is not None}

    def _adopt(self, state: RuleState, log: Log) -> None:
        """Take over a customer from another rule set: a tier that is gone leads to the bottom, without a decision."""
        now_ms = log.scene.now_ms
        self._episodes.withdraw(state, log)
        state.forget_vanished(self._ladder_names, self._episodes.names, now_ms)
        for ladder in self._book.ladders:
            place = state.tiers.get(ladder.name)
            if place is not None and all(tier.name != place.tier for tier in ladder.tiers):
                state.tiers[ladder.name] = TierState(ladder.tiers[0].name, now_ms, place.jumps)
        state.rulebook = self._book.hash
        state.hold_ms = None

    def _move(self, state: RuleState, mask: int, log: Log) -> None:
        holding = {firing.rule for firing in self._ladder_inference.fire(mask & self._ladder_mask)}
        now_ms, customer = log.scene.now_ms, log.scene.profile.customer_id
        holds: list[int] = []
        known, state.claims = {claim.slot for claim in state.claims}, []

        def seated(seats: SeatRule) -> bool | None:
            return self._seated(seats.slot, customer)

        for ladder in self._book.ladders:
            sight = Sight(now_ms, holding, self._entering(ladder, holding, log.scene), seated)
            standing = stand(ladder, state.tiers.get(ladder.name), sight)
            if standing.hold_ms is not None:
                holds.append(standing.hold_ms)
            if standing.move is not None:
                self._jump(ladder, standing, state, log)
                if self._of_days[ladder.name]:
                    # a new tier, and days counted anew: they may say something at once
                    holds.append(now_ms + 1)
            if self._has_seats:
                self._claim(ladder, sight, known, state, log)
        if mask & self._ladder_pulses:
            # what is true at this look alone may have kept a tier shut
            holds.append(now_ms + 1)
        state.hold_ms = min(holds, default=None)

    def _asking_days(self, ladder: LadderRule) -> Iterator[Clause]:
        """The clauses of a ladder that ask how long the customer has been in a tier."""
        for tier in ladder.tiers:
            for clause in (tier.enter, tier.leave):
                if clause is not None and any(self._book.predicates[i].of_tier for i in clause.predicates):
                    yield clause

    def _entering(self, ladder: LadderRule, holding: set[str], scene: Scene) -> set[str]:
        """The clauses that would hold for somebody who comes into a tier now."""
        asking = self._of_days[ladder.name]
        if not asking:
            return holding
        entered, scene.entered = scene.entered, {**scene.entered, ladder.name: scene.now_ms}
        now = {clause.id for clause in asking if all(self._book.predicates[i].test(scene) for i in clause.predicates)}
        scene.entered = entered
        return (holding - {clause.id for clause in asking}) | now

    def _jump(self, ladder: LadderRule, standing: Standing, state: RuleState, log: Log) -> None:
        move, place = standing.move, state.tiers.get(ladder.name)
        assert move is not None  # noqa: S101 - the caller knows
        names = ladder.tiers[move.origin].name, ladder.tiers[move.target].name
        jumps = 1 if place is None else place.jumps + 1
        verdicts = tuple(v for clause in move.reasons for v in self._book.verdicts(clause, log.scene))
        waiting_ms = log.decide(
            ladder.id,
            jumps,
            Outcome.PROMOTED if move.up else Outcome.DEMOTED,
            verdicts,
            reason=DecisionReason.CAPACITY if move.displaced else None,
            mode=ladder.mode,
            tiers=names,
            notices=notices(ladder, move),
            params={"ladder": ladder.name, "from_tier": names[0], "tier": names[1]},
        )
        if place is not None and place.rose is not move.up and log.scene.now_ms < place.waiting_ms:
            # what waits to tell of a climb is not true any more after a fall, and the other way round
            log.recall(ladder.id, place.jumps, RecallReason.ENDED)
        state.tiers[ladder.name] = TierState(names[1], log.scene.now_ms, jumps, waiting_ms, move.up)

    def _claim(self, ladder: LadderRule, sight: Sight, known: set[str], state: RuleState, log: Log) -> None:
        """Put down what the customer has a claim to. Whoever begins to wait for a seat is told so; `known` are earlier claims."""
        place, profile = state.tiers.get(ladder.name), log.scene.profile
        level = 0 if place is None else ladder.level(place.tier)
        group = "" if ladder.per is None else str(profile.attributes.get(ladder.per) or "")
        for i, claim in claims(ladder, level, place, sight):
            state.claims.append(
                Claim(claim.seats.slot, group, _rank(claim.seats, log.scene), claim.kept_ms, claim.leaving)
            )
            enter = ladder.tiers[i].enter
            if i > level and enter is not None and claim.seats.slot not in known:
                log.decide(
                    ladder.id,
                    0 if place is None else place.jumps,
                    Outcome.SUPPRESSED,
                    self._book.verdicts(enter, log.scene),
                    part=f"wait-{claim.seats.slot}-{log.scene.now_ms}",
                    reason=DecisionReason.CAPACITY,
                    mode=ladder.mode,
                    tiers=(ladder.tiers[level].name, ladder.tiers[i].name),
                )

    def _next_ms(self, state: RuleState, scene: Scene, mask: int) -> int | None:
        levels = {ladder.name: ladder.level(scene.tiers[ladder.name]) for ladder in self._book.ladders}
        running = [name for name, known in state.campaigns.items() if known.running]
        holds = [] if state.hold_ms is None else [state.hold_ms]
        return self._schedule.next_instant(scene, mask, levels, running, [*holds, *self._episodes.next_ms(state)])

    def _asked(self, clauses: list[Clause]) -> int:
        """The conditions that these clauses ask for, and those that facts among them follow from."""
        mask, needs = 0, {fact.gives: fact.needs for fact in self._book.facts}
        rest = [i for clause in clauses for i in clause.predicates]
        while rest:
            i = rest.pop()
            if not mask >> i & 1:
                mask |= 1 << i
                rest += needs.get(i, ())
        return mask

    def _inference(self, clauses: list[Clause]) -> Inference:
        return DurableInference(
            (InferenceRule(clause.id, clause.predicates, order) for order, clause in enumerate(clauses)),
            [Deduction(fact.gives, fact.needs) for fact in self._book.facts],
        )


def _rank(seats: SeatRule, scene: Scene) -> float:
    """The higher the better, and comparable however long ago it was worked out; what is unknown ranks last."""
    value = seats.rank.read(scene)
    if not isinstance(value, int | float):
        return _LAST
    if seats.rank.moves is not Moves.STEADILY:
        return float(value)
    half_life_ms = scene.profile.half_life_days * DAY_MS
    if value <= 0 or half_life_ms <= 0:
        return _LAST if value <= 0 else float(value)
    # all fade alike: what is left of it at any one instant ranks as this does
    return log2(value) + scene.now_ms / half_life_ms
