"""What the notifier remembers of one customer."""

from datetime import datetime

import msgspec

from services.contracts.calendar import from_ms, to_ms
from services.contracts.command import Command, RecallReason
from services.contracts.errors import InvalidMessage
from services.contracts.receipt import Reason
from services.notifier.customer.card import Card
from services.notifier.customer.history import History
from services.notifier.customer.settled import HORIZON, Settled, key_of
from services.runtime.blob import Blobs

SCHEMA = 2
_HORIZON_MS = int(HORIZON.total_seconds() * 1000)


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A command without an end yet, to be looked at again at `due_ms` (Unix ms); None if it will be heard of anyway.

    `begun`: a send was begun over these channels and nothing is known of it; `due_ms` is then when it is given up for lost.
    Otherwise it is deferred for `reason`, for the `deferrals`-th time. `rounds`: how often all its channels were tried, with
    `attempts` sends. `recalled`: it is not to be begun once more.
    """

    command: Command
    due_ms: int | None = None
    begun: tuple[str, ...] = ()
    reason: Reason = Reason.NONE
    deferrals: int = 0
    rounds: int = 0
    attempts: int = 0
    recalled: RecallReason | None = None


class NotifierState(msgspec.Struct, frozen=True, array_like=True):
    """Never changed in place: a batch that is dropped leaves nothing behind.

    `waiting`: by the short key of the command's id. `told`: the same of news from providers -> Unix ms when it came.
    `erased_ms`: when the customer was last erased, or ended in another, `joined`; what was decided until then is not sent.
    """

    schema: int = SCHEMA
    settled: Settled = Settled()
    card: Card = Card()
    history: History = History()
    waiting: dict[bytes, Waiting] = {}
    told: dict[bytes, int] = {}
    erased_ms: int | None = None
    joined: str | None = None

    def was_gone(self, at: datetime) -> bool:
        """Whether the customer was erased, or ended in another, at an instant or after it."""
        return self.erased_ms is not None and to_ms(at) <= self.erased_ms

    def knows(self, command: Command) -> bool:
        """Whether this command was dealt with before, or is being dealt with."""
        return key_of(command.id) in self.waiting or self.settled.knows(command)

    def waits(self, entry: Waiting) -> "NotifierState":
        """The same with a command that has no end yet."""
        return msgspec.structs.replace(self, waiting={**self.waiting, key_of(entry.command.id): entry})

    def ended(self, command: Command, now: datetime) -> "NotifierState":
        """The same with a command that has its end."""
        key = key_of(command.id)
        waiting = {other: entry for other, entry in self.waiting.items() if other != key}
        return msgspec.structs.replace(self, waiting=waiting, settled=self.settled.remember(command, now))

    def heard(self, news_id: str, now: datetime) -> "NotifierState":
        """The same with a piece of news that is known from now on."""
        now_ms = to_ms(now)
        told = {key: at_ms for key, at_ms in self.told.items() if at_ms > now_ms - _HORIZON_MS}
        return msgspec.structs.replace(self, told={**told, key_of(news_id): now_ms})

    def gone(self, at: datetime, joined: str | None = None) -> "NotifierState":
        """What is left of a customer who was erased, or turned out to be `joined`: what keeps promises, and nothing else.

        Commands that wait are left to the caller.
        """
        return NotifierState(settled=self.settled.erased(at), waiting=self.waiting, erased_ms=to_ms(at), joined=joined)

    def due(self) -> datetime | None:
        """The next instant at which something is to be done about this customer."""
        instants = [entry.due_ms for entry in self.waiting.values() if entry.due_ms is not None]
        if (forgotten_ms := self._forgotten_ms()) is not None:
            instants.append(forgotten_ms)
        return from_ms(min(instants)) if instants else None

    def aged(self, now: datetime) -> "NotifierState | None":
        """The same, once what an erasure left may be forgotten; None if that was all there was."""
        forgotten_ms = self._forgotten_ms()
        if forgotten_ms is None or forgotten_ms > to_ms(now):
            return self
        return msgspec.structs.replace(self, erased_ms=None, joined=None) if self._lives() else None

    def _lives(self) -> bool:
        return bool(self.waiting) or self.card != Card() or self.history != History()

    def _forgotten_ms(self) -> int | None:
        """When nothing needs to be remembered any more of an erasure."""
        # who turned out to be another is that one for ever: whatever comes later is passed on
        if self.erased_ms is None or self.joined is not None:
            return None
        mark_ms = self.erased_ms + _HORIZON_MS
        return mark_ms if self._lives() else max(mark_ms, self.settled.forgotten_at_s * 1000)

    def due_at(self, now: datetime) -> list[Waiting]:
        """Commands to be looked at again, those that wait longest first."""
        now_ms = to_ms(now)
        due = [
            (e.due_ms, e.command.id, e) for e in self.waiting.values() if e.due_ms is not None and e.due_ms <= now_ms
        ]
        return [entry for _, _, entry in sorted(due, key=lambda each: each[:2])]


BLOBS = Blobs(NotifierState, SCHEMA, "notifier state")
_PACKED = msgspec.msgpack.Decoder(tuple[Card, History])


def pack(card: Card, history: History) -> bytes:
    """What a customer who turned out to be another takes along."""
    return msgspec.msgpack.encode((card, history))


def unpack(packed: bytes) -> tuple[Card, History]:
    """Raise `InvalidMessage` (`malformed`) for anything else."""
    try:
        return _PACKED.decode(packed)
    except msgspec.MsgspecError as error:
        raise InvalidMessage("malformed", f"the state that moved is damaged: {error}") from error
