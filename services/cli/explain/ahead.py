"""What time alone will bring to one customer, by the very code that will decide it then."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self
from zoneinfo import ZoneInfo

import msgspec

from services.cli.explain.account import Coming
from services.cli.replay.course import Course, Member, Said
from services.contracts.calendar import BusinessDays, from_ms, to_ms
from services.contracts.decision import Decision
from services.rules.book.rulebook import Rulebook
from services.rules.engine.state import BLOBS, RuleState, pack_profile, unpack_profile
from services.rules.language.scene import Scene
from services.rules.processor import RulesProcessor
from services.rules.story.explanation import Explanation, explain

HORIZON = timedelta(days=400)
"""How far to look ahead: a little more than the longest window of a profile."""
MOST = 5
"""Decisions that are foretold."""
_LOOKS = 3000


class Passing(Protocol):
    """A customer to whom nothing happens but time."""

    @property
    def next_due(self) -> datetime | None:
        """When time alone will next be asked; None for never."""
        ...

    def advance(self, until: datetime) -> Sequence[Said]:
        """Let time pass; what that leads to."""
        ...


class Standstill:
    """A context: a copy of what the rules know of a customer, with time passing and the profile staying as it is.

    `seated` says of the slots of tiers whether the customer has a seat there: no review comes that would change it.
    """

    def __init__(self, book: Rulebook, state: RuleState) -> None:
        profile = unpack_profile(state.profile)
        slots = {f"{ladder}/{place.tier}" for ladder, place in state.tiers.items()}
        self.decisions: list[Decision] = []
        self._customer = profile.customer_id
        self._rules = RulesProcessor(book, lambda slot, _customer: slot in slots)
        self._course = Course(None, [self._rules], self._observe)
        member = self._course.members[self._customer] = Member(self._customer, 1)
        copied = BLOBS.load(BLOBS.dump(state))
        # there is nobody who would make the new profile that is waited for
        copied.profile = pack_profile(msgspec.structs.replace(profile, fresh_until=None))
        member.sides[0].state = copied
        since_ms = state.looked_ms if state.looked_ms is not None else to_ms(state.as_of)
        member.sides[0].due_ms = explained(book, state, since_ms).next_ms

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rules.close()

    @property
    def state(self) -> RuleState:
        state = self._course.members[self._customer].sides[0].state
        assert state is not None  # noqa: S101 - time forgets nobody
        return state

    @property
    def next_due(self) -> datetime | None:
        due_ms = self._course.members[self._customer].sides[0].due_ms
        return None if due_ms is None else from_ms(due_ms)

    def advance(self, until: datetime) -> Sequence[Said]:
        before = len(self.decisions)
        self._course.ring(to_ms(until))
        return self.decisions[before:]

    def _observe(self, said: Said, _side: int) -> None:
        if isinstance(said, Decision):
            self.decisions.append(said)


def coming(passing: Passing, customer_id: str, since: datetime, *, exact: bool, rule: str | None = None) -> Coming:
    """The next decisions about a customer, or those of one rule, within `HORIZON`."""
    until = since + HORIZON
    found: list[Decision] = []
    for _ in range(_LOOKS):
        due = passing.next_due
        if due is None or due > until or len(found) >= MOST:
            break
        for said in passing.advance(due):
            ours = isinstance(said, Decision) and said.customer_id == customer_id
            if ours and isinstance(said, Decision) and rule in {None, said.rule.partition("@")[0]}:
                found.append(said)
    return Coming(tuple(found[:MOST]), until, exact)


def explained(book: Rulebook, state: RuleState, at_ms: int) -> Explanation:
    """What the rules make of a state at an instant (Unix ms)."""
    profile = unpack_profile(state.profile)
    return explain(book, state, Scene(profile, at_ms, days_of(profile.zone), {}))


def days_of(zone: str) -> BusinessDays:
    return BusinessDays(ZoneInfo(zone))
