"""Five customers whose year shows what the pond does, and why it did it. Pure, and the same choice on every run."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from examples.complete_journey.pond import Pond
from examples.complete_journey.summary import keeps_silent, moves, rule_name
from services.contracts.channels import Recipient
from services.contracts.decision import Decision, Mode, Outcome, Verdict
from services.contracts.profile import Profile
from services.contracts.receipt import DeliveryOutcome, Receipt

MOST_STEPS = 6
WAKING = ("win-back", "overdue-nudge", "super-user-at-risk")
"""How the names of the rules begin that write to those who fell silent."""
ANSWER_DAYS = 14
"""Whoever buys within so many days of such a message is told as having come back."""

_DAY_SECONDS = 86_400
_LONGEST_QUOTATION = 80
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Step:
    """One dated decision: what was decided, the conditions with the values they saw, and what became of its messages."""

    at: datetime
    what: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    messages: tuple[str, ...] = ()
    answer: str = ""
    """What the customer did upon it, if it was meant to wake them and they bought again."""


@dataclass(frozen=True)
class Story:
    """`left_out`: decisions beyond those told."""

    customer_id: str
    theme: str
    facts: str
    steps: tuple[Step, ...]
    left_out: int


@dataclass(frozen=True)
class Life:
    """One customer: the last snapshot, and all decisions in the order they were made.

    `woken`: decisions whose message was to wake the customer and was sent → days until the next order.
    """

    profile: Profile
    decisions: tuple[Decision, ...]
    woken: Mapping[str, int] = field(default_factory=dict)

    @property
    def moves(self) -> list[Decision]:
        """From tier to tier."""
        return [decision for decision in self.decisions if moves(decision)]

    @property
    def silences(self) -> list[Decision]:
        """Messages that a rule held back."""
        return [decision for decision in self.decisions if keeps_silent(decision)]

    @property
    def approaches(self) -> list[Decision]:
        """When a campaign spoke."""
        return [decision for decision in self.decisions if _speaks(decision)]


Rank: TypeAlias = tuple[int, ...]
Fits: TypeAlias = Callable[[Life], Rank | None]
"""How well a life illustrates a theme, higher is better; None: not at all."""


def _promoted(life: Life) -> Rank | None:
    if not life.moves or any(move.outcome is Outcome.DEMOTED for move in life.moves):
        return None
    return len(life.moves), life.profile.lifetime.net_minor


def _demoted(life: Life) -> Rank | None:
    if not life.moves or life.moves[-1].outcome is not Outcome.DEMOTED:
        return None
    return -abs(len(life.decisions) - MOST_STEPS), life.profile.lifetime.net_minor


def _woken(life: Life) -> Rank | None:
    # who bought on the very day may have been on the way already
    if not any(life.woken.get(decision.id, 0) >= 1 for decision in _most_telling(life.decisions)):
        return None
    return -abs(len(life.decisions) - MOST_STEPS), life.profile.lifetime.net_minor


def _held_back(life: Life) -> Rank | None:
    silences = len(life.silences)
    return (-abs(len(life.decisions) - MOST_STEPS), silences) if silences else None


def _steady(life: Life) -> Rank | None:
    if any(move.outcome is Outcome.DEMOTED for move in life.moves):
        return None
    return -len(life.approaches) - len(life.silences), life.profile.lifetime.orders


def _eventful(life: Life) -> Rank | None:
    return (len(life.decisions),) if life.decisions else None


THEMES: tuple[tuple[str, Fits], ...] = (
    ("promoted", _promoted),
    ("demoted", _demoted),
    ("woken and came back", _woken),
    ("a message held back", _held_back),
    ("steady", _steady),
)
_INSTEAD: tuple[str, Fits] = ("eventful", _eventful)


def choose(pond: Pond, said: Mapping[str, str] = _NOTHING) -> list[Story]:
    """One story per theme; a theme nobody fits gives its place to the most eventful customer left.

    `said`: command -> what its message said.
    """
    lives = _lives(pond)
    told: list[Story] = []
    for theme, fits in THEMES:
        for name, test in ((theme, fits), _INSTEAD):
            best = _best(lives, test)
            if best is not None:
                told.append(_tell(name, lives.pop(best), pond, said))
                break
    return told


def _lives(pond: Pond) -> dict[str, Life]:
    made: dict[str, list[Decision]] = defaultdict(list)
    woken: dict[str, dict[str, int]] = defaultdict(dict)
    for decision in pond.decisions.values():
        made[decision.customer_id].append(decision)
        days = _days_to_order(decision, pond)
        if days is not None:
            woken[decision.customer_id][decision.id] = days
    return {
        customer: Life(profile, tuple(made[customer]), woken.get(customer, {}))
        for customer, profile in pond.profiles.items()
    }


def _speaks(decision: Decision) -> bool:
    return decision.outcome in (Outcome.FIRED, Outcome.CONTINUED) and decision.mode is Mode.LIVE


def _days_to_order(decision: Decision, pond: Pond) -> int | None:
    """Full days from a waking message, when it was sent to the customer, to the next order; None without one soon after."""
    if not _speaks(decision) or not rule_name(decision.rule).startswith(WAKING):
        return None
    at = min((sent for command in decision.commands if (sent := _reached_customer(command, pond))), default=None)
    if at is None:
        return None
    orders = (second for second in pond.bought.get(decision.customer_id, ()) if second > at.timestamp())
    wait = min(orders, default=math.inf) - at.timestamp()
    return int(wait // _DAY_SECONDS) if wait <= ANSWER_DAYS * _DAY_SECONDS else None


def _reached_customer(command_id: str, pond: Pond) -> datetime | None:
    """When the message was sent, if it was, and to the customer."""
    command, receipt = pond.commands.get(command_id), pond.receipts.get(command_id)
    if command is None or command.recipient is not Recipient.CUSTOMER or receipt is None:
        return None
    return receipt.at if receipt.outcome is DeliveryOutcome.SENT else None


def _best(lives: Mapping[str, Life], fits: Fits) -> str | None:
    """Ties go to the smallest id, so that the order of arrival does not matter."""
    ranked = ((rank, customer) for customer, life in lives.items() if (rank := fits(life)) is not None)
    return min(ranked, key=lambda pair: (tuple(-part for part in pair[0]), pair[1]), default=(None, None))[1]


def _tell(theme: str, life: Life, pond: Pond, said: Mapping[str, str]) -> Story:
    told = _most_telling(life.decisions)
    return Story(
        customer_id=life.profile.customer_id,
        theme=theme,
        facts=_facts(life.profile),
        steps=tuple(
            Step(
                at=decision.decided_at,
                what=_what(decision),
                outcome=decision.outcome,
                verdicts=decision.verdicts,
                messages=tuple(_message(command, pond, said) for command in decision.commands),
                answer=_answer(life.woken.get(decision.id)),
            )
            for decision in told
        ),
        left_out=len(life.decisions) - len(told),
    )


def _most_telling(decisions: Sequence[Decision]) -> list[Decision]:
    """The last few, the very first always among them."""
    return list(decisions) if len(decisions) <= MOST_STEPS else [decisions[0], *decisions[-MOST_STEPS + 1 :]]


def _facts(profile: Profile) -> str:
    last = f"last on {profile.last_order_day}" if profile.last_order_day else "none of late"
    spent = f"{profile.lifetime.net_minor / 100:,.2f}"
    return (
        f"{profile.lifetime.orders:,} orders worth {spent}, {last}; "
        f"R{profile.r} F{profile.f} M{profile.m}, {profile.segment.value}"
    )


def _what(decision: Decision) -> str:
    said = _said(decision)
    return said if decision.mode is Mode.LIVE else f"{said} (in shadow mode: nothing came of it)"


def _said(decision: Decision) -> str:
    rule = rule_name(decision.rule)
    reason = decision.reason or "no reason given"
    step = "" if decision.step is None else f"step {decision.step + 1} of "
    match decision.outcome:
        case Outcome.PROMOTED | Outcome.DEMOTED:
            return f"{rule}: {decision.from_tier} → {decision.to_tier}"
        case Outcome.FIRED:
            return f"{rule} fired (episode {decision.episode})"
        case Outcome.CONTINUED:
            return f"{step}{rule} (episode {decision.episode})"
        case Outcome.REACHED:
            return f"{rule} reached its goal (episode {decision.episode})"
        case Outcome.ENDED:
            return f"{rule} ended before its last step: {reason}"
        case Outcome.SUPPRESSED:
            return f"{step}{rule} was due, but stayed silent: {reason}"


def _answer(days: int | None) -> str:
    match days:
        case None:
            return ""
        case 0:
            return "bought again within a day"
        case 1:
            return "bought again after 1 day"
        case _:
            return f"bought again after {days} days"


def _message(command_id: str, pond: Pond, said: Mapping[str, str]) -> str:
    command, put_off = pond.commands.get(command_id), pond.deferred.get(command_id)
    name = command.template if command else "message"
    told = []
    if put_off is not None:
        until = f" until {put_off.until:%Y-%m-%d %H:%M}" if put_off.until else ""
        told.append(f"put off{until} ({put_off.reason.value})")
    told += _end(pond.receipts.get(command_id), waits=put_off is not None)
    return f"{name}: {', '.join(told)}{_quotation(said.get(command_id, ''))}"


def _end(receipt: Receipt | None, *, waits: bool) -> list[str]:
    if receipt is None:
        return [] if waits else ["no receipt"]
    if receipt.outcome is DeliveryOutcome.SENT:
        return [f"sent by {receipt.channel}"]
    return [f"{receipt.outcome.value} ({receipt.reason.value})"]


def _quotation(text: str) -> str:
    """The beginning of what was said, in one line."""
    words = " ".join(text.split())
    shown = words if len(words) <= _LONGEST_QUOTATION else f"{words[:_LONGEST_QUOTATION]}…"
    return f" “{shown}”" if shown else ""


def actual(verdict: Verdict) -> str:
    """The values a condition saw, as text: `recency_days = 47`."""
    return ", ".join(f"{name} = {_value(value)}" for name, value in verdict.actual.items())


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
