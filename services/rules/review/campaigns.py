"""What is odd about a campaign by itself: when it speaks, how often, how long, and what it is measured by."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from services.contracts.channels import Category, Recipient
from services.contracts.durations import format_duration
from services.rules.book.models import Every
from services.rules.book.rulebook import CampaignRule, Rulebook
from services.rules.review.clauses import Clauses
from services.rules.review.conditions import odd_conditions
from services.rules.review.logic import both, follows, possible
from services.runtime.document import Document, KeyPath
from services.runtime.problems import Problem

_DAY_MS = 86_400_000
_CLOCK_CHANGE_MS = 2 * 3_600_000
"""By how much a period of days may be longer than its days."""
_RARE = frozenset({Every.MONTH, *(every for every in Every if every not in {Every.DAY, Every.WEEKDAY})})
"""Schedules that keep the peace themselves."""
_AROUND = "its schedule, sequence or period"


def odd_campaigns(book: Rulebook) -> Iterator[Problem]:
    """Warnings about all campaigns, each by itself."""
    clauses = Clauses(book)
    for campaign in book.campaigns:
        yield from _Review(book, clauses, campaign).problems()


class _Review:
    def __init__(self, book: Rulebook, clauses: Clauses, campaign: CampaignRule) -> None:
        self._book = book
        self._clauses = clauses
        self._campaign = campaign
        self._document: Document = book.documents[campaign.name]
        self._written: dict[str, Any] = self._document.data
        self._when = clauses.tree(campaign.when)

    def problems(self) -> Iterator[Problem]:
        campaign = self._campaign
        around = self._clauses.surroundings(campaign.when)
        if self._written.get("when") is not None:
            listed = self._clauses.listed(campaign.name, campaign.when, ("when",))
            yield from odd_conditions(listed, around, _AROUND)
        yield from self._meeting()
        yield from self._until()
        yield from self._steps()
        yield from self._cooldown()
        yield from self._period()
        if campaign.holdout and campaign.goal is None:
            message = "without a goal nothing says what the control group is compared by"
            yield self._note(("holdout",), "no_goal", message)

    def _meeting(self) -> Iterator[Problem]:
        """Instants that are to be the same, and are not."""
        predicates = [self._book.predicates[i] for i in self._campaign.when.predicates]
        event = any(predicate.pulse and predicate.tree is not None for predicate in predicates)
        sequence, schedule = self._written.get("sequence"), self._written.get("schedule")
        waits = sequence is not None and isinstance(sequence[-1], dict) and sequence[-1].get("no") is not None
        if schedule is not None and (event or sequence is not None):
            what = "a condition on the event" if event else "a sequence"
            message = f"a schedule and {what} are each true for one instant, and hardly ever the same one"
            yield self._note(("schedule",), "never_meet", message)
        elif waits and event:
            message = "when the wait for no event is over, no event is there that event.… could ask about"
            yield self._note(("sequence",), "never_meet", message)

    def _until(self) -> Iterator[Problem]:
        campaign = self._campaign
        if campaign.until is None:
            return
        listed = self._clauses.listed(campaign.name, campaign.until, ("until",))
        yield from odd_conditions(listed, both(), "")
        if not any(step.wait_ms for step in campaign.steps):
            yield self._note(("until",), "unused", "until ends a campaign while it waits, and no step here waits")
        elif not self._has_pulse(campaign.until.predicates) and self._ever and follows(listed.tree, self._when):
            message = (
                "until holds already whenever the campaign begins: it ends while it waits, unless that changes first"
            )
            yield self._note(("until",), "ends_at_once", message)

    def _steps(self) -> Iterator[Problem]:
        at_once = True
        for i, step in enumerate(self._campaign.steps):
            at_once = at_once and not step.wait_ms
            if step.when is None:
                continue
            listed = self._clauses.listed(self._campaign.name, step.when, ("steps", i, "when"))
            around = self._when if at_once and self._ever else both()
            yield from odd_conditions(listed, around, "the when of the campaign")

    def _cooldown(self) -> Iterator[Problem]:
        schedule = self._written.get("schedule")
        if self._campaign.cooldown_ms or (schedule is not None and schedule.get("every") in _RARE):
            return
        for i, step in enumerate(self._campaign.steps):
            notify = step.notify
            if notify and notify.category is Category.MARKETING and notify.to is Recipient.CUSTOMER:
                message = "marketing without a cooldown: it is sent every time the campaign begins; write cooldown: 30d"
                yield self._note(("steps", i, "notify"), "no_cooldown", message)
                return

    def _period(self) -> Iterator[Problem]:
        """Messages that would come after the time of the campaign is over."""
        period = self._written.get("active") or {}
        if not isinstance(period.get("from"), str) or not isinstance(period.get("to"), str):
            return
        days = (date.fromisoformat(period["to"]) - date.fromisoformat(period["from"])).days + 1
        longest_ms, waited_ms = days * _DAY_MS + _CLOCK_CHANGE_MS, 0
        for i, step in enumerate(self._campaign.steps):
            waited_ms += step.wait_ms
            if waited_ms >= longest_ms:
                wait = format_duration(timedelta(milliseconds=waited_ms))
                message = (
                    f"nothing from here on is ever sent: that is {wait} after the beginning, and active has {days} days"
                )
                yield self._note(("steps", i), "too_late", message)
                return

    @property
    def _ever(self) -> bool:
        return possible(self._when)

    def _has_pulse(self, indices: tuple[int, ...]) -> bool:
        return any(self._book.predicates[i].pulse for i in indices)

    def _note(self, path: KeyPath, code: str, message: str) -> Problem:
        return Problem(self._document.place(path), code, message)
