"""One look at one customer: what has changed since the last look, and what the rules make of it.

Our own typed conditions are asked first; durable-rules is consulted only when the set of true ones has changed, or a
tier's minimum stay has run out. Ladders move first, so that campaigns see the tier a customer is in from now on.
"""

from collections.abc import Iterable, Mapping

from services.contracts.decision import DecisionReason, Outcome
from services.rules.campaign import Turn, turn, turned
from services.rules.expression import Test
from services.rules.inference import DurableInference, Inference, InferenceRule
from services.rules.ladder import notices, stand
from services.rules.messages import Log
from services.rules.rulebook import CampaignRule, Clause, LadderRule, Rulebook
from services.rules.scene import Scene
from services.rules.schedule import Schedule
from services.rules.state import CampaignState, RuleState, TierState, pack_mask, unpack_mask


class Evaluator:
    """A rule set at work. Holds memory outside Python until `close`."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._book = rulebook
        self._schedule = Schedule(rulebook)
        self._facts = tuple(f"p{i}" for i in range(len(rulebook.predicates)))
        tests = [(1 << i, predicate.test) for i, predicate in enumerate(rulebook.predicates)]
        self._plain = tuple(pair for pair in tests if not pair[0] & rulebook.tier_mask)
        self._by_tier = tuple(pair for pair in tests if pair[0] & rulebook.tier_mask)
        self._ladder_names = frozenset(ladder.name for ladder in rulebook.ladders)
        # the clause of a campaign has the campaign's name
        self._campaigns = {campaign.name: campaign for campaign in rulebook.campaigns}
        ladder_clauses = [
            clause
            for ladder in rulebook.ladders
            for tier in ladder.tiers
            for clause in (tier.enter, tier.leave)
            if clause is not None
        ]
        campaign_clauses = [campaign.when for campaign in rulebook.campaigns]
        self._ladder_mask = _union(ladder_clauses)
        self._campaign_mask = _union(campaign_clauses)
        self._ladder_inference = self._inference(ladder_clauses)
        self._campaign_inference = self._inference(campaign_clauses)

    def close(self) -> None:
        self._ladder_inference.close()
        self._campaign_inference.close()

    def look(self, state: RuleState, log: Log) -> int | None:
        """Change `state`, add to `log`, return when to look again (Unix ms). Raise `InferenceError`."""
        scene, now_ms = log.scene, log.scene.now_ms
        anew = state.rulebook != self._book.hash
        if anew:
            self._adopt(state, now_ms)
        # a condition of another rule set says nothing about ours: everything counts as changed
        before = -1 if anew else unpack_mask(state.mask)
        mask = _true(self._plain, scene)
        expired = state.hold_ms is not None and now_ms >= state.hold_ms
        if anew or expired or (mask ^ before) & self._ladder_mask:
            self._move(state, mask, log)
        tiers = {ladder.name: self._tier(ladder, state) for ladder in self._book.ladders}
        scene.tiers = tiers
        mask |= _true(self._by_tier, scene)
        if anew or (mask ^ before) & self._campaign_mask:
            self._campaign(state, mask, log)
        if mask != before:
            state.mask = pack_mask(mask)
        levels = {ladder.name: ladder.level(tiers[ladder.name]) for ladder in self._book.ladders}
        return self._schedule.next_instant(scene, mask, levels, state.hold_ms)

    def _adopt(self, state: RuleState, now_ms: int) -> None:
        """Take over a customer from another rule set: a tier that is gone leads to the bottom, without a decision."""
        state.forget_vanished(self._ladder_names, frozenset(self._campaigns), now_ms)
        for ladder in self._book.ladders:
            place = state.tiers.get(ladder.name)
            if place is not None and all(tier.name != place.tier for tier in ladder.tiers):
                state.tiers[ladder.name] = TierState(ladder.tiers[0].name, now_ms, place.jumps)
        state.rulebook = self._book.hash
        state.hold_ms = None

    def _tier(self, ladder: LadderRule, state: RuleState) -> str:
        place = state.tiers.get(ladder.name)
        return ladder.tiers[0].name if place is None else place.tier

    def _move(self, state: RuleState, mask: int, log: Log) -> None:
        holding = {firing.rule for firing in self._ladder_inference.fire(self._given(mask & self._ladder_mask))}
        holds: list[int] = []
        now_ms = log.scene.now_ms
        for ladder in self._book.ladders:
            place = state.tiers.get(ladder.name)
            standing = stand(ladder, place, holding, now_ms)
            if standing.hold_ms is not None:
                holds.append(standing.hold_ms)
            move = standing.move
            if move is None:
                continue
            names = ladder.tiers[move.origin].name, ladder.tiers[move.target].name
            jumps = 1 if place is None else place.jumps + 1
            state.tiers[ladder.name] = TierState(names[1], now_ms, jumps)
            verdicts = tuple(v for clause in move.reasons for v in self._book.verdicts(clause, log.scene))
            log.decide(
                ladder.id,
                jumps,
                Outcome.PROMOTED if move.up else Outcome.DEMOTED,
                verdicts,
                tiers=names,
                notices=notices(ladder, move),
                params={"ladder": ladder.name, "from_tier": names[0], "tier": names[1]},
            )
        state.hold_ms = min(holds, default=None)

    def _campaign(self, state: RuleState, mask: int, log: Log) -> None:
        firings = self._campaign_inference.fire(self._given(mask & self._campaign_mask))
        holding = {firing.rule for firing in firings}
        for name, known in list(state.campaigns.items()):
            campaign = self._campaigns.get(name)
            if campaign is not None and campaign.when.id not in holding:
                taken = turn(campaign, known, holds=False, now_ms=log.scene.now_ms)
                if taken is Turn.END:
                    state.campaigns[name] = turned(known, taken, log.scene.now_ms)
        for firing in firings:
            self._begin(self._campaigns[firing.rule], state, log)

    def _begin(self, campaign: CampaignRule, state: RuleState, log: Log) -> None:
        now_ms = log.scene.now_ms
        known: CampaignState | None = state.campaigns.get(campaign.name)
        taken = turn(campaign, known, holds=True, now_ms=now_ms)
        if taken is Turn.UNCHANGED:
            return
        after = state.campaigns[campaign.name] = turned(known, taken, now_ms)
        verdicts = self._book.verdicts(campaign.when, log.scene)
        if taken is Turn.COOLDOWN:
            log.decide(campaign.id, after.episode, Outcome.SUPPRESSED, verdicts, reason=DecisionReason.COOLDOWN)
        else:
            tiers: Mapping[str, str] = log.scene.tiers
            params = {f"tier.{ladder}": tier for ladder, tier in tiers.items()}
            log.decide(
                campaign.id, after.episode, Outcome.FIRED, verdicts, notices=[(0, campaign.notify)], params=params
            )

    def _given(self, mask: int) -> dict[str, int]:
        return {fact: 1 for i, fact in enumerate(self._facts) if mask >> i & 1}

    def _inference(self, clauses: list[Clause]) -> Inference:
        return DurableInference(
            InferenceRule(clause.id, tuple(self._facts[i] for i in clause.predicates), order)
            for order, clause in enumerate(clauses)
        )


def _union(clauses: list[Clause]) -> int:
    mask = 0
    for clause in clauses:
        mask |= clause.mask
    return mask


def _true(tests: Iterable[tuple[int, Test]], scene: Scene) -> int:
    mask = 0
    for bit, test in tests:
        if test(scene):
            mask |= bit
    return mask
