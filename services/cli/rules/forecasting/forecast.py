"""A forecast: what rules did, or would have done, counted from their decisions and commands. Pure.

What is counted does not depend on the order in which customers are heard, only on the order of what is said of each.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.cli.replay.course import Said
from services.cli.rules.forecasting.caps import Caps, LimitsOf, unless_said
from services.cli.rules.forecasting.directory import Directory, name_of
from services.cli.rules.forecasting.goals import Goals
from services.contracts.calendar import BusinessDays, as_date
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command, Recall
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome
from services.rules.book.rulebook import Rulebook

MESSAGE = "message"
"""Stands among the outcomes for a message sent."""
WOULD_SEND = "would_send"
"""And for one that a rule in shadow mode would have sent."""


JUMPS = (Outcome.PROMOTED, Outcome.DEMOTED)


class Line(NamedTuple):
    """What is counted. `what` is an outcome, a message or a message of shadow mode; what does not apply is empty."""

    rule: str
    day: date
    what: str
    reason: str = ""
    from_tier: str = ""
    to_tier: str = ""
    template: str = ""
    channel: str = ""


@dataclass(frozen=True)
class Span:
    """From an instant to another, both included; None for no limit on that side. Days are those of the business zone."""

    zone: ZoneInfo
    since: datetime | None = None
    until: datetime | None = None

    def before(self, at: datetime) -> bool:
        return self.since is not None and at < self.since

    def after(self, at: datetime) -> bool:
        return self.until is not None and at > self.until


@dataclass(frozen=True)
class Spread:
    """How many messages those customers got who got any."""

    customers: int = 0
    most: int = 0
    median: int = 0
    p99: int = 0

    @classmethod
    def of(cls, counts: Iterable[int]) -> "Spread":
        found = Counter(count for count in counts if count)
        values = sorted(found)
        ends = list(accumulate(found[value] for value in values))
        if not ends:
            return cls()

        def at(percent: int) -> int:
            # the smallest value that so many of a hundred do not exceed
            return values[bisect_left(ends, -(-ends[-1] * percent // 100))]

        return cls(ends[-1], values[-1], at(50), at(99))


@dataclass
class Forecast:
    """Hears everything that one rule set says; counts what lies in `span`, and lets what is earlier only take its place."""

    book: Rulebook
    span: Span
    limits: LimitsOf = field(default_factory=unless_said)

    def __post_init__(self) -> None:
        self.directory = Directory.of(self.book)
        self.lines: Counter[Line] = Counter()
        self.customers: dict[str, Counter[str]] = defaultdict(Counter)
        """By rule: how many messages each customer got."""
        self.shadowed: dict[str, Counter[str]] = defaultdict(Counter)
        """The same of messages of shadow mode, which nobody got."""
        self.acted: dict[str, set[str]] = defaultdict(set)
        """By rule: of whom anything was decided."""
        self.messages: Counter[str] = Counter()
        """By customer, those to the customer alone."""
        self.categories: Counter[Category] = Counter()
        self.to_owner = 0
        self.capped = Caps(self.limits)
        self.goals = {name: Goals(c.goal) for name, c in self.directory.campaigns.items() if c.goal is not None}
        self.began: dict[str, dict[str, str]] = {name: {} for name in self.directory.ladders}
        """By ladder: in which tier who had moved by then was when the span began."""
        self.ended: dict[str, dict[str, str]] = {name: {} for name in self.directory.ladders}
        """By ladder: in which tier everybody was in the end."""
        self._days = BusinessDays(self.span.zone)

    # --- hearing

    def hear(self, said: Said) -> None:
        """Of one customer in the order of time."""
        if self.span.after(said.decided_at):
            return
        match said:
            case Decision():
                self._decision(said)
            case Command():
                self._command(said)
            case Recall():
                """What is held back and recalled is the notifier's; here every message goes out at once."""

    def end(self, tiers: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Where everybody stands in the end: customer, and the tier of each ladder on which the customer ever moved."""
        for customer, places in tiers:
            for name, ladder in self.directory.ladders.items():
                self.ended[name][customer] = places.get(name, ladder.tiers[0].name)

    def _decision(self, decision: Decision) -> None:
        name = name_of(decision.rule)
        if self.span.before(decision.decided_at):
            # one who waits for a full tier has not moved
            if decision.outcome in JUMPS and decision.to_tier is not None and name in self.began:
                self.began[name][decision.customer_id] = decision.to_tier
            return
        day = as_date(self._day(decision.decided_at))
        reason = decision.reason or ""
        line = Line(name, day, decision.outcome, reason, decision.from_tier or "", decision.to_tier or "")
        self.lines[line] += 1
        self.acted[name].add(decision.customer_id)
        if name in self.goals:
            self.goals[name].hear(decision)
        if decision.mode is Mode.SHADOW:
            for template in decision.templates:
                channel = self.directory.channel(name, template)
                self.lines[Line(name, day, WOULD_SEND, template=template, channel=channel)] += 1
                self.shadowed[name][decision.customer_id] += 1

    def _command(self, command: Command) -> None:
        counted = not self.span.before(command.decided_at)
        day = self._day(command.decided_at)
        to_customer = command.recipient is Recipient.CUSTOMER
        if to_customer:
            self.capped.send(command.customer_id, command.category, day, counted=counted)
        if not counted:
            return
        name = name_of(command.rule)
        self.lines[Line(name, as_date(day), MESSAGE, template=command.template, channel=command.channels[0])] += 1
        self.customers[name][command.customer_id] += 1
        self.categories[command.category] += 1
        if to_customer:
            self.messages[command.customer_id] += 1
        else:
            self.to_owner += 1

    def _day(self, at: datetime) -> int:
        return self._days.day_of(int(at.timestamp() // 1))

    # --- telling

    def rule(self, name: str) -> "RuleCounts":
        """What one rule did."""
        return self._by_rule.get(name, RuleCounts())

    @property
    def message_days(self) -> dict[str, Counter[date]]:
        """By rule: messages of each day, those of shadow mode apart."""
        found: dict[str, Counter[date]] = defaultdict(Counter)
        for line, count in self.lines.items():
            if line.what == MESSAGE:
                found[line.rule][line.day] += count
        return found

    @property
    def days(self) -> list[date]:
        """Every day from the first on which anything happened to the last."""
        known = [line.day for line in self.lines]
        first, last = min(known, default=None), max(known, default=None)
        return [] if first is None or last is None else [date.fromordinal(n) for n in _span(first, last)]

    @property
    def sent(self) -> int:
        return sum(self.categories.values())

    @property
    def spread(self) -> Spread:
        return Spread.of(self.messages.values())

    def population(self, ladder: str) -> dict[str, int]:
        """Customers by tier, in the end, lowest first."""
        found = Counter(self.ended[ladder].values())
        return {tier.name: found[tier.name] for tier in self.directory.ladders[ladder].tiers}

    def flow(self, ladder: str) -> dict[tuple[str, str], int]:
        """Of everybody who is there in the end: from the tier at the beginning of the span to the tier in the end."""
        bottom, began = self.directory.ladders[ladder].tiers[0].name, self.began[ladder]
        found = Counter((began.get(customer, bottom), tier) for customer, tier in self.ended[ladder].items())
        return dict(sorted(found.items()))

    @cached_property
    def _by_rule(self) -> "dict[str, RuleCounts]":
        found: dict[str, RuleCounts] = defaultdict(RuleCounts)
        for line, count in self.lines.items():
            found[line.rule].add(line, count)
        return dict(found)


@dataclass
class RuleCounts:
    """The sums of one rule over all days."""

    outcomes: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    """By reason."""
    ended: Counter[str] = field(default_factory=Counter)
    """By reason."""
    messages: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By template and channel."""
    would_send: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By template and channel."""
    jumps: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By tier before and after."""
    displaced: int = 0
    """Falls because others ranked higher."""

    def add(self, line: Line, count: int) -> None:
        if line.what == MESSAGE:
            self.messages[line.template, line.channel] += count
            return
        if line.what == WOULD_SEND:
            self.would_send[line.template, line.channel] += count
            return
        self.outcomes[line.what] += count
        if line.what == Outcome.SUPPRESSED:
            self.suppressed[line.reason] += count
        elif line.what == Outcome.ENDED:
            self.ended[line.reason] += count
        elif line.what in JUMPS:
            self.jumps[line.from_tier, line.to_tier] += count
            self.displaced += count if line.reason == DecisionReason.CAPACITY else 0


def rows(forecast: Forecast) -> Iterator[Sequence[str | int]]:
    """One row for each line counted, in order, as `HEADER` names the columns."""
    for line, count in sorted(forecast.lines.items()):
        yield (*line[:1], line.day.isoformat(), *line[2:], forecast.directory.mode(line.rule).value, count)


HEADER = ("rule", "day", "outcome", "reason", "from_tier", "to_tier", "template", "channel", "mode", "count")


def _span(first: date, last: date) -> range:
    return range(first.toordinal(), last.toordinal() + 1)
