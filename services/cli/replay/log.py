"""A log of past events in the order of their time, in bounded memory, by way of temporary files."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from services.cli.replay.shard import ENCODE
from services.cli.scores.groups import Groups
from services.cli.scores.runs import MOST_BYTES, Runs
from services.contracts.calendar import EPOCH, to_ms
from services.contracts.events import AnyEvent, ClockTick, CustomerMerged

_WIDTH = 20


class Entry(NamedTuple):
    """An event, encoded, with its instant (Unix ms). `group` is the same for customers who were merged into each other."""

    at_ms: int
    group: str
    event: bytes


class EventLog:
    """A context: temporary files are gone at its end. `add` all events, then read it, as often as you like.

    Events come by (occurred_at, order of adding). Those after `until` are left out. A tick is no event, but time has come as
    far. Raise `OSError` when the disk is full.
    """

    def __init__(
        self, *, until: datetime | None = None, directory: Path | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        self.events = 0
        self.later = 0
        """Events left out."""
        self.first: datetime | None = None
        self.newest: datetime | None = None
        """When the first and the last happened."""
        self._until = until
        self._groups = Groups()
        self._runs: Runs[tuple[str, int, bytes]] = Runs(tuple[str, int, bytes], directory, most_bytes=most_bytes)

    def __enter__(self) -> Self:
        self._runs.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runs.__exit__(kind, error, trace)

    def add(self, event: AnyEvent) -> None:
        at = event.occurred_at
        if self._until is not None and at > self._until:
            self.later += not isinstance(event, ClockTick)
            return
        if self.newest is None or at > self.newest:
            self.newest = at
        if isinstance(event, ClockTick):
            return
        if self.first is None or at < self.first:
            self.first = at
        if isinstance(event, CustomerMerged):
            self._groups.join(event.customer_id, event.into_id)
        since = at - EPOCH
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        self._runs.add(f"{microseconds:0{_WIDTH}}", (event.customer_id, to_ms(at), ENCODE(event)))
        self.events += 1

    def __iter__(self) -> Iterator[Entry]:
        name = self._groups.name
        return (Entry(at_ms, name(customer), event) for customer, at_ms, event in self._runs)

    def group(self, customer_id: str) -> str:
        """The name of a customer's group."""
        return self._groups.name(customer_id)
