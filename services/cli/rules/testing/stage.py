"""Where a test is played: one customer, the rules, and time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from services.cli.replay.course import Course, Member, Observe, Said
from services.cli.rules.testing.customer import ReadyMade
from services.cli.rules.testing.deed import Deed
from services.cli.rules.testing.first import Setting, first_profile
from services.cli.rules.testing.happening import Happenings
from services.cli.rules.testing.matching import Decided
from services.cli.rules.testing.models import Standing
from services.cli.rules.testing.sketch import Sketch
from services.cli.rules.testing.values import local
from services.contracts.calendar import to_ms
from services.contracts.command import Command, Recall
from services.contracts.decision import Decision
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, CustomerDeleted
from services.contracts.profile import Profile
from services.rules.engine.state import RuleState, TierState, pack_profile
from services.rules.processor import RulesProcessor
from services.scoring.processor import ScoringProcessor

_LONG = timedelta(days=365)
"""In a tier for so long, unless said."""
_MILLISECOND = timedelta(milliseconds=1)


class Refusal(Exception):  # noqa: N818 - it says what happened
    """An event of a test that scoring does not take."""


class Stage(Protocol):
    """`decided` is all that the rules have decided so far; `reached` the instant that time has come to."""

    customer_id: str
    decided: list[Decided]

    def begin(self) -> int:
        """Bring the customer to the first instant of the test; how many decisions are history."""

    def pass_until(self, at: datetime) -> None:
        """Let time pass until an instant, that instant included."""

    def happen(self, deed: Deed | None, sketch: Sketch | None, at: datetime) -> None:
        """Let something happen now. Raise `Refusal`."""

    def state(self) -> RuleState | None:
        """What the rules know of the customer."""


class Entrance(NamedTuple):
    """Who comes when, and the tiers they are brought into before the first look."""

    customer_id: str
    at: datetime
    tiers: dict[str, TierState]


class _Stage:
    def __init__(self, entrance: Entrance, course: Course, decided: list[Decided]) -> None:
        self.customer_id, self._at, self._tiers = entrance
        self.decided = decided
        self._course = course

    def pass_until(self, at: datetime) -> None:
        self._course.ring(to_ms(at))

    def state(self) -> RuleState | None:
        member = self._course.members.get(self.customer_id)
        return None if member is None else member.sides[0].state

    def _place(self, profile: Profile) -> None:
        """Put a customer of whom the rules do not know yet into tiers. The profile is of nobody: they look at the next one."""
        member = Member(self.customer_id, 1)
        member.sides[0].state = RuleState(version=-1, as_of=self._at, profile=pack_profile(profile), tiers=self._tiers)
        self._course.members[self.customer_id] = member


class ReadyMadeStage(_Stage):
    """A customer of whom the profiles are given."""

    def __init__(self, entrance: Entrance, rules: RulesProcessor, setting: Setting, sketch: Sketch) -> None:
        decided: list[Decided] = []
        super().__init__(entrance, Course(None, [rules], _observer(decided)), decided)
        self._setting = setting
        self._first = ReadyMade(self.customer_id, sketch, setting, self._at)
        self._customer: ReadyMade | None = self._first
        self._happenings = Happenings(self.customer_id, self._first.profile.currency)

    def begin(self) -> int:
        if self._tiers:
            self._place(self._first.profile)
        self._course.show(self._first.profile)
        return 0

    def happen(self, deed: Deed | None, sketch: Sketch | None, at: datetime) -> None:
        event = None if deed is None else self._happenings.make(deed, at)
        if isinstance(event, CustomerDeleted):
            self.pass_until(at)
            self._course.forget(self.customer_id)
            self._customer = None
            if sketch is None:
                return
            event = None
        if self._customer is None:
            self._customer = ReadyMade(self.customer_id, sketch or Sketch(), self._setting, at)
            if event is None:
                self._course.show(self._customer.profile)
                return
        currency = getattr(event, "currency", None)
        if currency not in {None, self._customer.profile.currency}:
            raise Refusal(f"the amount is in {currency}, the profile in {self._customer.profile.currency}")
        self._course.show(self._customer.change(sketch, event, at))


class LivedStage(_Stage):
    """A customer whom events make; what comes before the first instant of the test is history."""

    def __init__(
        self,
        entrance: Entrance,
        rules: RulesProcessor,
        scoring: ScoringProcessor,
        *,
        setting: Setting,
        history: Sequence[Deed],
    ) -> None:
        decided: list[Decided] = []
        super().__init__(entrance, Course(scoring, [rules], _observer(decided), _refuse), decided)
        self._setting = setting
        self._happenings = Happenings(self.customer_id, setting.config.currency)
        self._history = history
        self._taken = 0

    def begin(self) -> int:
        zone = self._setting.days.zone
        events = [self._happenings.make(deed, instant(deed, self._at, zone)) for deed in self._history]
        # a stable sort: of two at one instant the one written first comes first
        events.sort(key=lambda event: event.occurred_at)
        for event in events:
            if event.occurred_at < self._at:
                self._take(event)
        self.pass_until(self._at - _MILLISECOND)
        past = len(self.decided)
        self._enter()
        for event in events:
            if event.occurred_at >= self._at:
                self._take(event)
        self.pass_until(self._at)
        return past

    def happen(self, deed: Deed | None, sketch: Sketch | None, at: datetime) -> None:
        del sketch  # only a ready-made customer has one
        if deed is not None:
            self._take(self._happenings.make(deed, at))

    def _enter(self) -> None:
        """Into the given tiers, whatever the history has led to."""
        if not self._tiers:
            return
        state = self.state()
        if state is None:
            self._place(first_profile(self.customer_id, Sketch(), self._setting, self._at))
            return
        state.tiers |= self._tiers
        # as after a change of rules: every ladder is to be looked at, and no campaign begins anew
        state.rulebook = ""
        self._course.wake_rules([self.customer_id], to_ms(self._at), 0)

    def _take(self, event: AnyEvent) -> None:
        self._course.take(event, self._taken)
        self._taken += 1


def places(tiers: dict[str, Standing], at: datetime) -> dict[str, TierState]:
    """Where a test puts its customer before the first look."""
    return {
        ladder: TierState(standing.tier, to_ms(at - (_LONG if standing.since is None else standing.since)), 0)
        for ladder, standing in tiers.items()
    }


def instant(deed: Deed, at: datetime, zone: ZoneInfo) -> datetime:
    """When an event of a history happened; unless said, when the test begins."""
    if deed.at is None:
        return at
    return at + deed.at if isinstance(deed.at, timedelta) else local(deed.at, zone)


def _observer(decided: list[Decided]) -> Observe:
    def observe(said: Said, _side: int) -> None:
        match said:
            case Decision():
                decided.append(Decided(said, [], []))
            case Command():
                decided[-1].commands.append(said)
            case Recall():
                decided[-1].recalls.append(said)

    return observe


def _refuse(_event: AnyEvent, error: InvalidMessage) -> None:
    raise Refusal(error.detail)
