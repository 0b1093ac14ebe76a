"""The course of events through scoring and rules, of any number of customers held in memory.

What `services.runtime.fold` weaves together for a partition, customer by customer: before anything happens to a customer, their
timers that are due by then ring, in order, each at its own instant; at one instant that of the rules comes before that of
scoring, and both before an event. Timers of customers to whom nothing happens ring when the course is taken to an instant. So
what becomes of one customer is what becomes of them in the services on the event clock.

What goes from one customer to another (see `services.contracts.transfer`) arrives at once, at the instant of its cause.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import TypeAlias

from services.contracts import wire
from services.contracts.calendar import from_ms, to_ms, to_ms_up
from services.contracts.command import Command, Recall
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage, KoipondError
from services.contracts.events import AnyEvent, ClockTick
from services.contracts.profile import Profile
from services.contracts.topics import DECISIONS, EVENTS, NOTIFICATIONS, PROFILES, TRANSFERS
from services.contracts.transfer import TransferMessage
from services.rules.engine.state import RuleState
from services.rules.processor import RulesProcessor, Tombstone
from services.runtime.processor import Emit, Step
from services.runtime.record import Record
from services.scoring.processor import ScoringProcessor
from services.scoring.state import CustomerState

Said: TypeAlias = Decision | Command | Recall
Observe: TypeAlias = Callable[[Said, int], None]
"""Told what the rules say, and which rule set says it, counted from 0."""
Refuse: TypeAlias = Callable[[AnyEvent, InvalidMessage], None]
"""Told which event could not be folded, and why: what would have gone to the dead letter."""

_TOMBSTONE = Tombstone()
# a profile says all by itself
_NO_RECORD = Record(PROFILES.name, 0, 0, 0, None, None)


class ReplayFailed(KoipondError):  # noqa: N818 - it says what happened
    """The replay cannot go on; the message says at which event, or why."""


class Side:
    """What one rule set knows of a customer, and when it wants to look again (Unix ms)."""

    __slots__ = ("due_ms", "state")

    def __init__(self) -> None:
        self.state: RuleState | None = None
        self.due_ms: int | None = None


class Member:
    """What scoring knows of a customer, when it wants to look again (Unix ms), and what each rule set knows."""

    __slots__ = ("customer_id", "due_ms", "sides", "state")

    def __init__(self, customer_id: str, sides: int) -> None:
        self.customer_id = customer_id
        self.state: CustomerState | None = None
        self.due_ms: int | None = None
        self.sides = tuple(Side() for _ in range(sides))

    @property
    def dues(self) -> Iterator[int]:
        """Of all its timers, Unix ms."""
        return (due for due in (self.due_ms, *(side.due_ms for side in self.sides)) if due is not None)


class Course:
    """`scoring` may be None where profiles are given ready-made. Every rule set of `rules` is told every profile."""

    def __init__(
        self,
        scoring: ScoringProcessor | None,
        rules: Sequence[RulesProcessor],
        observe: Observe,
        refuse: Refuse = lambda _event, _error: None,
    ) -> None:
        self.members: dict[str, Member] = {}
        self.reached_ms: int | None = None
        """How far time has come; None before anything happened."""
        self._scoring = scoring
        self._rules = tuple(enumerate(rules))
        self._observe = observe
        self._refuse = refuse
        self._transfers: deque[TransferMessage] = deque()

    # --- what happens

    def take(self, event: AnyEvent, offset: int) -> None:
        """Fold an event, the one number `offset` of all. What happened before the instant reached counts for that instant.

        A tick lets time pass. Raise `ReplayFailed` where the services would have met a mistake of ours.
        """
        now = self._now(event.occurred_at)
        now_ms = self.reached_ms = to_ms(now)
        if isinstance(event, ClockTick):
            self.ring(now_ms)
            return
        assert self._scoring is not None  # noqa: S101 - events need scoring
        record = Record(EVENTS.name, 0, offset, now_ms, None, None)
        try:
            self._fold(event.customer_id, event, record, now)
            while self._transfers:
                transfer = self._transfers.popleft()
                try:
                    # it happened to somebody else: it comes at the instant that the reader's clock shows, in milliseconds
                    self._fold(transfer.customer_id, transfer, record, from_ms(now_ms))
                except InvalidMessage as error:
                    self._refuse(event, error)
        except InvalidMessage as error:
            self._refuse(event, error)
        except Exception as error:
            self._transfers.clear()
            said = f"event {event.id} of customer {event.customer_id}: {type(error).__name__}: {error}"
            raise ReplayFailed(said) from error

    def show(self, profile: Profile) -> None:
        """Give the rules a profile that was made elsewhere."""
        now = self._now(profile.as_of)
        self.reached_ms = to_ms(now)
        member = self._member(profile.customer_id)
        self._ring(member, self.reached_ms, self.reached_ms)
        self._tell(member, profile, now)

    def forget(self, customer_id: str) -> None:
        """Tell the rules that a customer is gone, as scoring does for one who was deleted."""
        member = self.members.get(customer_id)
        if member is not None:
            self._tell(member, None, from_ms(self.reached_ms or 0))
            self._drop_if_empty(member)

    def ring(self, until_ms: int, rules_until_ms: int | None = None) -> None:
        """Let every timer ring that is due at or before an instant; those of the rules until an instant of their own, if given."""
        rules_ms = until_ms if rules_until_ms is None else rules_until_ms
        for member in list(self.members.values()):
            self._ring(member, until_ms, rules_ms)
            self._drop_if_empty(member)
        self.reached_ms = until_ms if self.reached_ms is None else max(until_ms, self.reached_ms)

    def wake(self, customers: Collection[str], at_ms: int) -> None:
        """Set the scoring timers of these customers, as a gate does."""
        for customer in customers:
            self.members[customer].due_ms = at_ms

    def wake_rules(self, customers: Collection[str], at_ms: int, side: int) -> None:
        """Set the timers of a rule set for these customers, as a gate does."""
        for customer in customers:
            self.members[customer].sides[side].due_ms = at_ms

    # --- what came of it

    def states(self) -> Iterator[tuple[str, CustomerState]]:
        """Of every customer whom scoring knows."""
        return ((customer, member.state) for customer, member in self.members.items() if member.state is not None)

    def rule_states(self, side: int) -> Iterator[tuple[str, RuleState]]:
        """Of every customer whom a rule set knows."""
        pairs = ((customer, member.sides[side].state) for customer, member in self.members.items())
        return ((customer, state) for customer, state in pairs if state is not None)

    # --- one customer

    def _now(self, at: datetime) -> datetime:
        reached_ms = self.reached_ms
        return at if reached_ms is None or to_ms(at) >= reached_ms else from_ms(reached_ms)

    def _member(self, customer_id: str) -> Member:
        member = self.members.get(customer_id)
        if member is None:
            member = self.members[customer_id] = Member(customer_id, len(self._rules))
        return member

    def _fold(self, customer_id: str, message: AnyEvent | TransferMessage, record: Record, now: datetime) -> None:
        assert self._scoring is not None  # noqa: S101 - the caller knows
        member = self._member(customer_id)
        now_ms = to_ms(now)
        self._ring(member, now_ms, now_ms)
        step = self._scoring.apply(member.state, message, record, now)
        if step is not None:
            self._keep(member, step, now)
        self._drop_if_empty(member)

    def _ring(self, member: Member, until_ms: int, rules_until_ms: int) -> None:
        while (due_ms := member.due_ms) is not None and due_ms <= until_ms:
            self._ring_rules(member, due_ms)
            member.due_ms = None
            if self._scoring is not None and member.state is not None:
                now = from_ms(due_ms)
                step = self._scoring.wake(member.state, now)
                self._keep(member, step, now)
        self._ring_rules(member, rules_until_ms)

    def _ring_rules(self, member: Member, until_ms: int) -> None:
        for number, rules in self._rules:
            side = member.sides[number]
            while (due_ms := side.due_ms) is not None and due_ms <= until_ms:
                side.due_ms = None
                if side.state is not None:
                    now = from_ms(due_ms)
                    self._keep_rules(number, side, rules.wake(side.state, now), now)

    def _keep(self, member: Member, step: Step[CustomerState], now: datetime) -> None:
        member.state = step.state
        member.due_ms = _due_ms(step, now)
        for output in step.outputs:
            if output.topic == PROFILES.name:
                self._tell(member, None if output.value is None else _profile(output), now)
            elif output.topic == TRANSFERS.name and output.value is not None:
                self._transfers.append(wire.TRANSFERS.decode(output.value))

    def _tell(self, member: Member, profile: Profile | None, now: datetime) -> None:
        """Show the rules a profile, or with None the tombstone that ends a customer."""
        at = from_ms(to_ms(now)) if profile is None else max(now, profile.as_of)
        message = _TOMBSTONE if profile is None else profile
        for number, rules in self._rules:
            side = member.sides[number]
            self._keep_rules(number, side, rules.apply(side.state, message, _NO_RECORD, at), at)

    def _keep_rules(self, number: int, side: Side, step: Step[RuleState] | None, now: datetime) -> None:
        if step is None:
            return
        side.state = step.state
        side.due_ms = _due_ms(step, now)
        for output in step.outputs:
            said = _said(output)
            if said is not None:
                self._observe(said, number)

    def _drop_if_empty(self, member: Member) -> None:
        if member.state is None and all(side.state is None for side in member.sides):
            self.members.pop(member.customer_id, None)


def _due_ms(step: Step[CustomerState] | Step[RuleState], now: datetime) -> int | None:
    """As in `services.runtime.fold`: later than now, or a timer that asks for the present would ring for ever."""
    return None if step.due is None or step.state is None else max(to_ms_up(step.due), to_ms(now) + 1)


def _profile(output: Emit) -> Profile:
    profile = wire.PROFILES.decode(output.value or b"")
    assert isinstance(profile, Profile)  # noqa: S101 - scoring sends ticks on by another way
    return profile


def _said(output: Emit) -> Said | None:
    value = output.value or b""
    if output.topic == DECISIONS.name:
        return wire.DECISIONS.decode(value)
    if output.topic == NOTIFICATIONS.name:
        message = wire.COMMANDS.decode(value)
        return None if isinstance(message, ClockTick) else message
    return None
