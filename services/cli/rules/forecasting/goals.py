"""Whether what a campaign is for happens more often to those it speaks to than to its control group."""

from datetime import datetime, timedelta

from services.cli.rules.forecasting.proportions import Share, difference, share
from services.contracts.decision import Decision, DecisionReason, Outcome
from services.rules.book.rulebook import GoalRule


class Goals:
    """Of one campaign. Counts episodes that began in the span, and of these those whose goal was reached in it."""

    def __init__(self, goal: GoalRule) -> None:
        self.goal = goal
        self._within = timedelta(milliseconds=goal.within_ms)
        self._begun: dict[bool, dict[tuple[str, int], datetime]] = {False: {}, True: {}}
        self._reached = {False: 0, True: 0}

    def hear(self, decision: Decision) -> None:
        """Every decision of the campaign in the span."""
        held_out = decision.reason is DecisionReason.HOLDOUT
        episode = (decision.customer_id, decision.episode)
        if decision.outcome is Outcome.FIRED or (decision.outcome is Outcome.SUPPRESSED and held_out):
            self._begun[held_out].setdefault(episode, decision.decided_at)
        elif decision.outcome is Outcome.REACHED and episode in self._begun[held_out]:
            self._reached[held_out] += 1

    def begun(self, *, held_out: bool) -> int:
        """Episodes."""
        return len(self._begun[held_out])

    def reached(self, *, held_out: bool) -> int:
        """Of these, those whose goal was reached."""
        return self._reached[held_out]

    def rate(self, *, held_out: bool) -> Share | None:
        return share(self.reached(held_out=held_out), self.begun(held_out=held_out))

    @property
    def lift(self) -> Share | None:
        """How much larger the rate is with the campaign; None without a control group."""
        return difference(self.rate(held_out=False), self.rate(held_out=True))

    def open(self, end: datetime | None) -> int:
        """Episodes whose goal might still have been reached after `end`, in time: the rates are too low for these."""
        if end is None:
            return 0
        return sum(at + self._within > end for begun in self._begun.values() for at in begun.values())
