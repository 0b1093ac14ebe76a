"""Gates: instants that all partitions of a service pass together, each having told the others how it stands."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from services.runtime.record import Output


class Passage(NamedTuple):
    """What passing a gate changes in a partition: marks to be kept, and customers to be woken right after it."""

    marks: Mapping[str, str]
    wake: Collection[str]


class Gate(Protocol):
    """Where a partition must stop, what it says there, and whether it may go on. Instants are Unix milliseconds.

    On the event clock a partition folds nothing at or after a gate before it has passed. On the wall clock nobody waits:
    the gate is passed as soon as it opens. `digests` are those of all customers of the partition, `marks` what was kept of
    the last passage.
    """

    def claimed(self, partition: int, marks: Mapping[str, str]) -> bool:
        """A partition was taken over. Return whether all of its customers should be looked at anew."""
        ...

    def look_anew(self, partition: int, digests: Mapping[str, bytes]) -> Passage:
        """What looking at all of them anew takes."""
        ...

    def released(self, partition: int) -> None:
        """A partition was let go."""
        ...

    def next_ms(self, marks: Mapping[str, str], first_ms: int) -> int | None:
        """The first gate not passed yet, if there are any. `first_ms` is the instant the partition has come to, or that of its first record."""
        ...

    def latest_ms(self, marks: Mapping[str, str], now_ms: int) -> int | None:
        """The last gate before an instant, if it was not passed yet."""
        ...

    def begun(self, marks: Mapping[str, str]) -> bool:
        """Whether the partition has ever passed a gate."""
        ...

    def said(self, marks: Mapping[str, str], at_ms: int) -> bool:
        """Whether the partition has said how it stood at this gate."""
        ...

    def say(
        self, partition: int, at_ms: int, digests: Mapping[str, bytes]
    ) -> tuple[Sequence[Output], Mapping[str, str]]:
        """What is to be published about the partition, and the marks to be kept once it was."""
        ...

    def is_open(self, at_ms: int) -> bool:
        """Whether all have been heard."""
        ...

    def passage(self, partition: int, at_ms: int, digests: Mapping[str, bytes]) -> Passage:
        """Go through; it must be open."""
        ...
