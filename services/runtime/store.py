"""Where a stateful service keeps what it knows: one partition at a time, owned by one worker at a time.

The position in the store is the truth about what was processed; Kafka's committed offset only saves time. Implementations:
`RedisStore` and `MemoryStore`; one conformance suite runs on both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.contracts.errors import KoipondError


class Fenced(KoipondError):  # noqa: N818 - the field's own word
    """Another worker has claimed this partition; whatever was computed here must be dropped."""


class StoreUnavailable(KoipondError):  # noqa: N818
    """The store cannot be reached or refuses for the moment; nothing is known about the last write."""


class Seen(NamedTuple):
    """How far one inbound partition was read by the stateless publisher upstream: next offset, highest timestamp."""

    next_offset: int
    timestamp_ms: int


class Due(NamedTuple):
    """A customer's timer; `at_ms` is Unix milliseconds."""

    at_ms: int
    customer_id: str


@dataclass(slots=True)
class Cursor:
    """Where a partition stands.

    `positions`: input topic -> next offset to process. `watermark_ms`: highest event time seen, Unix milliseconds.
    `origins`: "topic/partition" of a stateless publisher's input -> how far it is known. `marks`: what the service
    wants to remember of the partition as a whole, name -> text.
    """

    positions: dict[str, int] = field(default_factory=dict)
    watermark_ms: int | None = None
    origins: dict[str, Seen] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)


def copied(cursor: Cursor) -> Cursor:
    """The same cursor, to be moved on by itself."""
    return Cursor(dict(cursor.positions), cursor.watermark_ms, dict(cursor.origins), dict(cursor.marks))


@dataclass(slots=True)
class Claim:
    """Ownership of a partition: every commit names its epoch, and only the newest epoch may commit."""

    partition: int
    epoch: int
    cursor: Cursor


@dataclass(slots=True)
class Changes:
    """Everything one batch changes, applied all at once or not at all.

    `states`: customer -> blob, None deletes. `timers`: customer -> Unix milliseconds, None clears. `digests`: customer -> the
    few bytes (never none) by which the owner knows each of its customers without loading the state, None deletes.
    """

    cursor: Cursor
    states: Mapping[str, bytes | None]
    timers: Mapping[str, int | None]
    digests: Mapping[str, bytes | None] = field(default_factory=dict)


class Store(Protocol):
    """All methods raise `StoreUnavailable` when the store is away."""

    async def claim(self, partition: int) -> Claim:
        """Take a partition over. Every older claim is void from now on."""
        ...

    async def load(self, partition: int, customers: Sequence[str], *, epoch: int | None = None) -> list[bytes | None]:
        """States in the order asked for; None for an unknown customer.

        With `epoch`, raise `Fenced` if it is not the newest: a worker that was frozen must not fold old records onto
        states its successor has written, for it would publish what comes of that before its commit is refused.
        """
        ...

    async def due(self, partition: int, until_ms: int, limit: int, *, epoch: int | None = None) -> list[Due]:
        """Timers at or before `until_ms`, earliest first (ties by customer id), at most `limit`. `epoch` as in `load`."""
        ...

    async def digests(self, partition: int, *, epoch: int | None = None) -> dict[str, bytes]:
        """Those of all customers of the partition. `epoch` as in `load`."""
        ...

    async def cursor(self, partition: int) -> Cursor:
        """Where the partition stands, without taking it over: for tools that only look."""
        ...

    async def commit(self, claim: Claim, changes: Changes) -> None:
        """Apply all changes atomically, if `claim` is still the newest; else change nothing and raise `Fenced`.

        A cursor that lies behind the stored one is refused as `Fenced` too.
        """
        ...
