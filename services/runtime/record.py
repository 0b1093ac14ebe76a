"""What comes from a topic and what goes to one, without the client library."""

from collections.abc import Sequence
from dataclasses import dataclass

Headers = Sequence[tuple[str, bytes]]


@dataclass(slots=True, frozen=True)
class Record:
    """One record as read. `timestamp_ms` is Unix milliseconds, as the broker stored it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(slots=True, frozen=True)
class Output:
    """One record to publish. `partition` is always explicit: the publisher never guesses."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
