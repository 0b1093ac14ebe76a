"""Whether a command is sent now, later or never: the gates of restraint, one after the other.

    erased       the customer was erased after the command was decided
    expired      it is too late
    silenced     somebody put up a silence
    no_channel   none of its channels is configured and may carry such messages
    no_consent   the customer does not want it
    holdout      the customer is of the control group
    no_contact   none of its channels reaches the addressee
    capped       the customer has had enough
    quiet_hours  the addressee is at rest

Some gates ask about every channel, and let the others pass on; the first that leaves none names the reason. What is not
known of a customer is read as restraint. A message to a colleague needs no consent, knows no control group and no caps:
those are the customer's.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from services.contracts.calendar import BusinessDays, as_date, from_ms, to_ms
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.receipt import Reason
from services.notifier.customer.card import Card
from services.notifier.customer.history import WEEK, History
from services.notifier.effects import Route
from services.notifier.policy import addressee
from services.notifier.policy.addressee import FACTS, Addressee
from services.notifier.policy.holdout import held_out
from services.notifier.policy.hours import covering, next_open
from services.notifier.policy.models import Consent, Policy
from services.notifier.policy.silencing import Silences
from services.notifier.policy.staff import Staff
from services.notifier.policy.values import BUSINESS
from services.notifier.policy.words import by_clock, counted, in_utc, silence_named


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command, and all that is known when it is decided.

    `erased_ms`: when the customer was last erased, in Unix milliseconds. `channels`: those that are configured. `zone`:
    the business time zone. `deferred`: it has waited before.
    """

    command: Command
    card: Card
    history: History
    erased_ms: int | None
    silences: Silences
    policy: Policy
    staff: Staff
    channels: AbstractSet[str]
    zone: ZoneInfo
    now: datetime
    deferred: bool = False

    @property
    def to_customer(self) -> bool:
        return self.command.recipient is Recipient.CUSTOMER

    @cached_property
    def addressee(self) -> Addressee:
        unknown = self.policy.unknown_zone
        zone = self.zone if unknown == BUSINESS else ZoneInfo(unknown)
        if self.to_customer:
            return addressee.customer(self.card, zone)
        return addressee.colleague(self.card.owner, self.staff, zone)


@dataclass(slots=True, frozen=True)
class Pass:
    """It may be sent now, over the first of `routes` that takes it. `languages`: those to look for a text in, dearest first."""

    routes: tuple[Route, ...]
    languages: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Hold:
    """It is not sent, and never will be. `detail` says why in plain words, without an address."""

    reason: Reason
    detail: str


@dataclass(slots=True, frozen=True)
class Later:
    """It is not sent yet, and to be decided anew at `until`, which lies before its expiry."""

    reason: Reason
    detail: str
    until: datetime


Verdict: TypeAlias = Pass | Hold | Later


class Gate(NamedTuple):
    """What is asked of a command, and what of each of its channels: each says why not, or nothing."""

    reason: Reason
    of_command: Callable[[Case], str | None] | None
    of_channel: Callable[[Case, str], str | None] | None


def decide(case: Case) -> Verdict:
    """The verdict on a command, be it new or one that waited. Pure and total: the same case always has the same one."""
    channels = tuple(dict.fromkeys(case.command.channels))
    dropped: dict[str, str] = {}
    for reason, of_command, of_channel in GATES:
        if of_command and (why := of_command(case)):
            return Hold(reason, why)
        if of_channel:
            dropped |= {channel: why for channel in channels if (why := of_channel(case, channel))}
            channels = tuple(channel for channel in channels if channel not in dropped)
            if not channels and dropped:
                return Hold(reason, "; ".join(f"{channel}: {dropped[channel]}" for channel in dropped))
    return _at_a_decent_hour(case, _as_preferred(case, channels))


def _erased(case: Case) -> str | None:
    if case.erased_ms is None or case.erased_ms < to_ms(case.command.decided_at):
        return None
    return f"the customer was erased or merged at {in_utc(from_ms(case.erased_ms))}, after the message was decided"


def _expired(case: Case) -> str | None:
    if case.now < case.command.expires_at:
        return None
    waiting = ", while it waited" if case.deferred else ""
    return f"expired at {in_utc(case.command.expires_at)}{waiting}"


def _silenced(case: Case) -> str | None:
    return silence_named(case.silences.matching(case.command, case.now))


def _muted(case: Case, channel: str) -> str | None:
    return silence_named(case.silences.muting(case.command, channel, case.now))


def _nameless(case: Case) -> str | None:
    return None if case.command.channels else "the rule names no channel"


def _unfit(case: Case, channel: str) -> str | None:
    if channel not in case.channels or channel not in FACTS:
        return "not configured"
    category = case.command.category
    return None if category in FACTS[channel].categories else f"it may not carry {category} messages"


def _too_personal(case: Case) -> str | None:
    command = case.command
    personal = command.category is Category.MARKETING and command.personalised
    if not case.to_customer or not personal or case.card.personalised:
        return None
    return "the customer wants no marketing that is personalised"


def _unwanted(case: Case, channel: str) -> str | None:
    category = case.command.category
    needed = case.policy.consent_for(category)
    if not case.to_customer or needed is Consent.IGNORED:
        return None
    agreed = case.card.agrees(channel, category)
    if agreed is False:
        return f"the customer refused {category} messages"
    if agreed is None and needed is Consent.REQUIRED:
        return f"the customer never agreed to {category} messages"
    if case.card.channels and channel not in case.card.channels:
        return "not among the channels that the customer wants"
    return None


def _held_out(case: Case) -> str | None:
    holdout = case.policy.holdout
    if holdout is None or not case.to_customer or case.command.category not in holdout.categories:
        return None
    if not held_out(holdout.name, holdout.share, case.command.customer_id):
        return None
    return f"the customer is of the control group {holdout.name} ({holdout.share * 100:g} % of all)"


def _unreachable(case: Case, channel: str) -> str | None:
    route = case.addressee.route(channel)
    return route if isinstance(route, str) else None


def _capped(case: Case) -> str | None:
    category, now, zone = case.command.category, case.now, case.addressee.zone
    cap = case.policy.cap_for(category)
    if cap is None or not case.to_customer:
        return None
    if cap.day is not None:
        days = BusinessDays(zone)
        today = days.day_of(to_ms(now) // 1000)
        count = case.history.on_day(category, as_date(today), zone)
        if count >= cap.day:
            return f"{counted(count, category)} since {by_clock(from_ms(days.start(today) * 1000), zone)}, of at most {cap.day} a day"
    if cap.week is not None and (count := case.history.in_week(category, now)) >= cap.week:
        return f"{counted(count, category)} since {by_clock(now - WEEK, zone)}, of at most {cap.week} in 7 days"
    return None


GATES = (
    Gate(Reason.ERASED, _erased, None),
    Gate(Reason.EXPIRED, _expired, None),
    Gate(Reason.SILENCED, _silenced, _muted),
    Gate(Reason.NO_CHANNEL, _nameless, _unfit),
    Gate(Reason.NO_CONSENT, _too_personal, _unwanted),
    Gate(Reason.HOLDOUT, _held_out, None),
    Gate(Reason.NO_CONTACT, None, _unreachable),
    Gate(Reason.CAPPED, _capped, None),
)
"""In the order in which they are asked."""


def _as_preferred(case: Case, channels: tuple[str, ...]) -> tuple[str, ...]:
    """Those that the customer wants first, in their order; then the rest in that of the rule."""
    wanted = case.card.channels if case.to_customer else ()
    return tuple(channel for channel in dict.fromkeys((*wanted, *channels)) if channel in channels)


def _at_a_decent_hour(case: Case, channels: tuple[str, ...]) -> Verdict:
    command, zone = case.command, case.addressee.zone
    hours = {c: case.policy.hours_for(command.category, c, command.recipient) for c in channels}
    quiet = {c: found for c in channels if (found := covering(hours[c], case.now, zone))}
    routes = (case.addressee.route(c) for c in channels if c not in quiet)
    passing = tuple(route for route in routes if isinstance(route, Route))
    if passing:
        return Pass(passing, case.addressee.languages)
    said = f"quiet hours {next(iter(quiet.values()))} {zone.key}"
    openings = [at for c in channels if (at := next_open(case.now, zone, hours[c]))]
    if not openings:
        return Hold(Reason.QUIET_HOURS, f"{said}, and no other time of the day is left")
    until = min(openings)
    if until >= command.expires_at:
        expiry = by_clock(command.expires_at, zone)
        return Hold(Reason.QUIET_HOURS, f"{said}: not before {by_clock(until, zone)}, but it expires at {expiry}")
    return Later(Reason.QUIET_HOURS, f"{said}: not before {by_clock(until, zone)}", until)
