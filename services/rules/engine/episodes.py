"""The campaigns' part of one look: goals first, then what ends, what goes on, and what begins."""

from collections.abc import Iterable, Sequence

from services.contracts.command import RecallReason
from services.contracts.decision import DecisionReason, Mode, Outcome, Verdict
from services.rules.book.notice import Notice
from services.rules.book.rulebook import CampaignRule, Rulebook
from services.rules.engine.campaign import attention, begun, reaches, silence
from services.rules.engine.inference import Firing
from services.rules.engine.messages import Log
from services.rules.engine.parameters import tier_parameters
from services.rules.engine.state import CampaignState, RuleState

WITHDRAWN = "withdrawn"
"""Stands for the hash of a rule that is not there any more."""


class Episodes:
    """The campaigns of a rule set at work. `mask` is that of the true conditions throughout."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self._campaigns = {campaign.name: campaign for campaign in book.campaigns}
        self.names = frozenset(self._campaigns)
        self._order = {campaign.name: i for i, campaign in enumerate(book.campaigns)}

    def go_on(self, state: RuleState, mask: int, log: Log) -> None:
        """What is under way: goals reached, episodes that end, steps that are due."""
        names = [name for name, known in state.campaigns.items() if _under_way(known) and name in self._order]
        under_way = [self._campaigns[name] for name in sorted(names, key=self._order.__getitem__)]
        for campaign in under_way:
            known = state.campaigns[campaign.name]
            self._reach(campaign, known, log)
            self._end(campaign, known, mask, log)
        for campaign in under_way:
            known = state.campaigns[campaign.name]
            if known.due_ms is not None and known.due_ms <= log.scene.now_ms:
                self._take_steps(campaign, known, mask, log)

    def turn(self, state: RuleState, firings: Sequence[Firing], mask: int, log: Log) -> None:
        """What is not true any more, and what has become true; `firings` are all campaigns whose condition holds."""
        now_ms = log.scene.now_ms
        holding = {firing.rule for firing in firings}
        for name, known in state.campaigns.items():
            if known.active and name in self.names and name not in holding:
                known.active, known.changed_ms = False, now_ms
        if not firings:
            return
        taken = self._taken(state)
        for firing in firings:
            campaign = self._campaigns[firing.rule]
            if not _active(state.campaigns.get(campaign.name)):
                self._begin(campaign, state, mask, log, taken)

    def let_go_of_pulses(self, state: RuleState, pulse_mask: int) -> None:
        """What was true at this look only is over with it: it may happen again."""
        for name, known in state.campaigns.items():
            campaign = self._campaigns.get(name)
            if known.active and campaign is not None and campaign.when.mask & pulse_mask:
                known.active = False

    def withdraw(self, state: RuleState, log: Log) -> None:
        """End the episodes of campaigns that are not there any more, those of which messages may wait included."""
        for name, known in state.campaigns.items():
            if name not in self.names and (known.running or log.scene.now_ms < known.waiting_ms):
                known.stop()
                rule = f"{name}@{WITHDRAWN}"
                log.decide(rule, known.acting, Outcome.ENDED, part="end", reason=DecisionReason.WITHDRAWN)
                _recall(rule, known, RecallReason.ENDED, log)

    def next_ms(self, state: RuleState) -> Iterable[int]:
        """When steps are due."""
        return (
            known.due_ms for name, known in state.campaigns.items() if known.due_ms is not None and name in self.names
        )

    def _begin(self, campaign: CampaignRule, state: RuleState, mask: int, log: Log, taken: set[str]) -> None:
        known = state.campaigns.get(campaign.name)
        why = silence(campaign, known, log.scene.profile.customer_id, log.scene.now_ms, taken)
        state.campaigns[campaign.name] = known = begun(campaign, known, why, log.scene.now_ms)
        verdicts = self._book.verdicts(campaign.when, log.scene)
        if why is not None:
            log.decide(campaign.id, known.episode, Outcome.SUPPRESSED, verdicts, reason=why, mode=campaign.mode)
            return
        self._take_steps(campaign, known, mask, log, verdicts)
        lasting = mask & ~self._book.pulse_mask
        if known.running and campaign.until is not None and campaign.until.holds(lasting):
            self._stop(campaign, known, DecisionReason.UNTIL, log, self._book.verdicts(campaign.until, log.scene))
        if campaign.exclusive is not None and campaign.mode is Mode.LIVE:
            taken.add(campaign.exclusive)

    def _taken(self, state: RuleState) -> set[str]:
        known = ((self._campaigns.get(name), each) for name, each in state.campaigns.items())
        groups = (attention(campaign, each) for campaign, each in known if campaign is not None)
        return {group for group in groups if group is not None}

    def _reach(self, campaign: CampaignRule, known: CampaignState, log: Log) -> None:
        happened, goal = log.scene.happened, campaign.goal
        if goal is None or happened is None or not reaches(campaign, known, happened):
            return
        known.goal_ms = None
        verdict = Verdict(condition=f"goal: {goal.event}", actual={"event": happened.name}, holds=True)
        reason = DecisionReason.HOLDOUT if known.held_out else None
        log.decide(
            campaign.id, known.acting, Outcome.REACHED, (verdict,), part="goal", reason=reason, mode=campaign.mode
        )
        _recall(campaign.id, known, RecallReason.GOAL_REACHED, log)
        if known.running:
            self._stop(campaign, known, DecisionReason.GOAL, log)

    def _end(self, campaign: CampaignRule, known: CampaignState, mask: int, log: Log) -> None:
        if not known.running:
            return
        if campaign.until is not None and campaign.until.holds(mask):
            self._stop(campaign, known, DecisionReason.UNTIL, log, self._book.verdicts(campaign.until, log.scene))
            _recall(campaign.id, known, RecallReason.ENDED, log)
        elif campaign.active is not None and not mask >> campaign.active & 1:
            verdict = self._book.predicates[campaign.active].verdict(log.scene)
            self._stop(campaign, known, DecisionReason.INACTIVE, log, (verdict,))
            _recall(campaign.id, known, RecallReason.ENDED, log)

    def _stop(
        self,
        campaign: CampaignRule,
        known: CampaignState,
        why: DecisionReason,
        log: Log,
        verdicts: tuple[Verdict, ...] = (),
    ) -> None:
        step = known.next_step
        known.stop()
        log.decide(
            campaign.id,
            known.acting,
            Outcome.ENDED,
            verdicts,
            part="end",
            reason=why,
            mode=campaign.mode,
            step=step,
        )

    def _take_steps(
        self, campaign: CampaignRule, known: CampaignState, mask: int, log: Log, verdicts: tuple[Verdict, ...] = ()
    ) -> None:
        """Take steps until the next wait, or the end. `verdicts` are those of a beginning."""
        first = known.next_step or 0
        beginning = known.due_ms == known.fired_ms and first == 0
        known.stop()
        notices: list[tuple[int, Notice]] = []
        silent: list[int] = []
        for i in range(first, len(campaign.steps)):
            step = campaign.steps[i]
            if step.wait_ms:
                known.next_step, known.due_ms = i + 1, log.scene.now_ms + step.wait_ms
                break
            if step.when is not None and not step.when.holds(mask):
                silent.append(i)
                if step.notice is None:
                    break
            elif step.notice is not None:
                notices.append((i, step.notice))
        if beginning or notices:
            waiting_ms = log.decide(
                campaign.id,
                known.acting,
                Outcome.FIRED if beginning else Outcome.CONTINUED,
                verdicts,
                part="decision" if beginning else f"step-{first}",
                mode=campaign.mode,
                step=None if beginning else first,
                notices=notices,
                params=tier_parameters(log.scene) if notices else None,
            )
            known.waiting_ms = max(known.waiting_ms, waiting_ms)
        for i in silent:
            self._stay_silent(campaign, known, i, log)

    def _stay_silent(self, campaign: CampaignRule, known: CampaignState, i: int, log: Log) -> None:
        """A step whose `when` does not hold: a message is left out, a gate ends the episode."""
        step = campaign.steps[i]
        assert step.when is not None  # noqa: S101 - the caller knows
        log.decide(
            campaign.id,
            known.acting,
            Outcome.SUPPRESSED if step.notice is not None else Outcome.ENDED,
            self._book.verdicts(step.when, log.scene),
            part=f"step-{i}-silent",
            reason=DecisionReason.CONDITION,
            mode=campaign.mode,
            step=i,
        )


def _active(known: CampaignState | None) -> bool:
    return known is not None and known.active


def _under_way(known: CampaignState) -> bool:
    return known.running or known.goal_ms is not None


def _recall(rule: str, known: CampaignState, reason: RecallReason, log: Log) -> None:
    """Messages of the episode that may wait to be sent are not to be sent any more."""
    if log.scene.now_ms < known.waiting_ms:
        log.recall(rule, known.acting, reason)
    known.waiting_ms = 0
