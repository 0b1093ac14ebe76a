"""The rules service as the runtime sees it: profiles in, decisions and commands out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.contracts import wire
from services.contracts.calendar import EPOCH, BusinessDays, from_ms, to_ms
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.profile import Cause, Happening, Profile
from services.contracts.topics import NOTIFICATIONS
from services.rules.book.rulebook import Rulebook
from services.rules.engine.evaluation import Evaluator, SeatedCustomer
from services.rules.engine.messages import Log, Trigger
from services.rules.engine.state import BLOBS, RuleState, pack_profile, unpack_profile
from services.rules.language.scene import Scene
from services.runtime.processor import Emit, Inbox, Step
from services.runtime.record import Record


@dataclass(frozen=True)
class Tombstone:
    """The customer is gone: everything about them is to be forgotten."""


RuleMessage: TypeAlias = Profile | ClockTick | Tombstone
_TOMBSTONE = Tombstone()

PATIENCE = timedelta(seconds=60)
"""How long to wait for a profile that time has changed. Without it the old one counts."""


class RulesProcessor:
    """`Processor[RuleState, RuleMessage]` over one rule set. `close` gives the inference engine's memory back."""

    def __init__(self, rulebook: Rulebook, seated: SeatedCustomer = lambda _slot, _customer: None) -> None:
        """`seated` says who was given a seat at the last review of a tier that has a number of them."""
        self._seated = seated
        self._evaluator = Evaluator(rulebook, seated)

    def adopt(self, rulebook: Rulebook) -> None:
        """Go on with another rule set: every customer is decided anew at their next look."""
        old, self._evaluator = self._evaluator, Evaluator(rulebook, self._seated)
        old.close()

    def close(self) -> None:
        self._evaluator.close()

    def decode(self, record: Record) -> Inbox[RuleMessage]:
        if record.value is None:
            if not record.key:
                raise InvalidMessage("malformed", "a tombstone needs a key: the customer to forget")
            # the broker's time of a tombstone is no event time, and must not move the clock
            return Inbox(_text(record.key), EPOCH, _TOMBSTONE)
        message = wire.PROFILES.decode(record.value)
        if isinstance(message, ClockTick):
            return Inbox("", wire.check_year("occurred_at", message.occurred_at), message)
        if not message.customer_id:
            raise InvalidMessage("malformed", "customer_id is empty")
        wire.check_year("occurred_at", message.occurred_at)
        wire.check_year("activity_at", message.activity_at)
        _days(message.zone)
        at = wire.check_year("as_of", message.as_of)
        return Inbox(message.customer_id, at, message, occurred_at=message.occurred_at)

    def load(self, blob: bytes) -> RuleState:
        return BLOBS.load(blob)

    def dump(self, state: RuleState) -> bytes:
        return BLOBS.dump(state)

    def apply(
        self, state: RuleState | None, message: RuleMessage, record: Record, now: datetime
    ) -> Step[RuleState] | None:
        """Evaluate a new profile; None for one already seen. `record` is not used: a profile says all by itself."""
        del record
        if isinstance(message, Tombstone):
            return None if state is None else Step(None)
        if isinstance(message, ClockTick):
            return None
        if state is None:
            state = RuleState(version=message.version, as_of=message.as_of, profile=pack_profile(message))
        elif (message.version, message.as_of) <= (state.version, state.as_of):
            return None
        else:
            state.version, state.as_of = message.version, message.as_of
            state.profile = pack_profile(message)
        return self._look(state, message, now, (message.cause, message.cause_id, message.occurred_at), message.event)

    def wake(self, state: RuleState, now: datetime) -> Step[RuleState] | None:
        """Evaluate the last profile again: time alone may have changed what the rules say."""
        profile = unpack_profile(state.profile)
        stale = profile.fresh_until
        if stale is not None and stale <= now < stale + PATIENCE:
            # time has changed the profile too, and the new one is under way: both are to be seen together
            return Step(state, due=stale + PATIENCE)
        return self._look(state, profile, now, (Cause.TIME, "", now))

    def tick(self, message: RuleMessage) -> Sequence[Emit]:
        """Pass event time on to the notifier."""
        if isinstance(message, ClockTick):
            return [Emit(NOTIFICATIONS.name, wire.COMMANDS.encode(message))]
        return []

    def _look(
        self,
        state: RuleState,
        profile: Profile,
        now: datetime,
        why: tuple[Cause, str, datetime],
        event: Happening | None = None,
    ) -> Step[RuleState]:
        cause, cause_id, occurred_at = why
        now_ms = to_ms(now)
        trigger = Trigger(cause, cause_id, occurred_at, from_ms(now_ms), profile.version)
        log = Log(Scene(profile, now_ms, _days(profile.zone), {}, event=event), trigger)
        due_ms = self._evaluator.look(state, log)
        return Step(state, log.outputs, None if due_ms is None else from_ms(due_ms))


def _text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise InvalidMessage("malformed", "the key of a tombstone is not UTF-8") from error


@lru_cache(maxsize=64)
def _days(name: str) -> BusinessDays:
    try:
        return BusinessDays(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidMessage(
            "unknown_zone", f"there is no time zone {name!r}; write a name such as Asia/Shanghai"
        ) from error
