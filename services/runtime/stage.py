"""What a worker runs: one stage of the pipeline, a partition at a time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Protocol

from services.runtime.record import Record


class Resume(Enum):
    """Where a stage starts reading a topic it has no position for."""

    BEGINNING = "beginning"
    COMMITTED = "committed"
    """At Kafka's committed offset, or at the beginning without one: for a stage that stores no position itself."""


class Stage(Protocol):
    """Every method may raise `Retryable`, `StoreUnavailable`, `Fenced` or `Flooded`; the worker then drops the partition.

    A dropped partition is claimed again and read again from its start position, so a stage keeps nothing of a batch
    that failed.
    """

    resume: Resume

    async def claim(self, partition: int) -> Mapping[str, int]:
        """Take a partition over; returns topic → offset to start from. A topic not named starts as `resume` says."""
        ...

    async def handle(self, partition: int, records: Sequence[Record], now: datetime) -> None:
        """Process records of one claimed partition, in order, completely."""
        ...

    async def wake(self, partition: int, now: datetime, behind: Collection[str]) -> None:
        """Do what time alone has made due in a claimed partition.

        `behind` are the topics of which the broker has records that were not handed over yet.
        """
        ...

    async def finish(self, partition: int) -> None:
        """A claimed partition is about to be given up in order: let what is under way outside end, within bounds, and commit it."""
        ...

    def drop(self, partition: int) -> None:
        """Forget everything held for a partition; it is no longer claimed."""
        ...

    def positions(self, partition: int) -> Mapping[str, int]:
        """Topic → next offset to process, to be committed to Kafka."""
        ...

    def saturated(self, partition: int) -> Collection[str]:
        """Topics of which no more should be fetched for now: the stage holds enough of them back."""
        ...
