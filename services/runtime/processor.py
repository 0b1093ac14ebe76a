"""The pure core of a stateful service, as the runtime sees it.

A service keeps one state per customer and changes it only here: by a message about that customer (`apply`) or by an
instant it asked for (`wake`). Both are pure functions of their arguments, so replaying the same records gives the
same states and the same outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from services.contracts.events import Origin
from services.runtime.record import Output, Record

S = TypeVar("S")
M = TypeVar("M")


@dataclass(slots=True)
class Inbox(Generic[M]):
    """A decoded record: whom it is about, when it happened (aware; None if it does not move the clock), and the message itself.

    An empty `customer_id` means the message only moves the clock. `origin` is set where the publisher upstream keeps
    no state and may repeat itself; the runtime then drops repeats. `occurred_at`, if it is not `at`, is when the event
    behind the message happened: latency is counted from there.
    """

    customer_id: str
    at: datetime | None
    message: M
    origin: Origin | None = None
    occurred_at: datetime | None = None


class Address(NamedTuple):
    """Where a record about another customer belongs."""

    partition: int
    key: bytes


class Emit(NamedTuple):
    """An output for the customer at hand, whose key and partition the runtime adds; or, with `to`, for another one.

    Without a value it is a tombstone: what the topic held under the key is no more.
    """

    topic: str
    value: bytes | None
    to: Address | None = None

    def addressed(self, partition: int, key: bytes | None) -> Output:
        """The record; `partition` and `key` are those of the customer at hand."""
        return Output(self.topic, *(self.to or (partition, key)), self.value)


@dataclass(slots=True)
class Step(Generic[S]):
    """What one message or one instant did to a customer.

    `state` is the new state (the same object, changed, is fine); None forgets the customer. `due` is the one instant at
    which the customer wants to be woken next; None clears it. `effects` are things to do outside (sending a message)
    once this step is committed; what comes of them is folded in later (see `errands`). A state whose effects are not
    settled asks to be woken, should nothing be heard of them.
    """

    state: S | None
    outputs: Sequence[Emit] = ()
    due: datetime | None = None
    effects: Sequence[Any] = field(default=())


class Processor(Protocol[S, M]):
    """The pure core of one service."""

    def decode(self, record: Record) -> Inbox[M]:
        """Raise `InvalidMessage` for a record that can never be processed."""
        ...

    def load(self, blob: bytes) -> S: ...

    def dump(self, state: S) -> bytes: ...

    def apply(self, state: S | None, message: M, record: Record, now: datetime) -> Step[S] | None:
        """Fold one message in; None if it changes nothing (a repeat).

        Raise `InvalidMessage`, before any change to `state`, for a message that is wrong for this service.
        """
        ...

    def wake(self, state: S, now: datetime) -> Step[S] | None:
        """The instant asked for has come; `now` is that instant, or later on the wall clock after a stop.

        None keeps the state as it is and clears the timer.
        """
        ...

    def tick(self, message: M) -> Sequence[Emit]:
        """What to send on, to the same partition, when a message only moves the clock."""
        ...
