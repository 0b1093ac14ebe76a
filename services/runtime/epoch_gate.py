"""What all gates at epochs have in common."""

from collections.abc import Callable, Mapping

from services.runtime.epochs import Epochs

_PASSED = "epoch"
_SAID = "counted"


class EpochGate:
    """The part of a `services.runtime.gate.Gate` that is the same whatever the partitions meet for.

    Marks hold epochs in Unix seconds. Without `epochs` there are no gates.
    """

    def __init__(self, knows: Callable[[int], bool], epochs: Epochs | None) -> None:
        """`knows` says whether the version of an epoch is known."""
        self._knows = knows
        self.epochs = epochs
        self.claimed_partitions: set[int] = set()

    def released(self, partition: int) -> None:
        self.claimed_partitions.discard(partition)

    def next_ms(self, marks: Mapping[str, str], first_ms: int) -> int | None:
        if self.epochs is None:
            return None
        passed = epoch_passed(marks)
        epoch = self.epochs.latest(first_ms // 1000) if passed is None else self.epochs.following(passed)
        return epoch * 1000

    def latest_ms(self, marks: Mapping[str, str], now_ms: int) -> int | None:
        if self.epochs is None:
            return None
        epoch = self.epochs.missed(epoch_passed(marks), now_ms // 1000)
        return None if epoch is None else epoch * 1000

    def begun(self, marks: Mapping[str, str]) -> bool:
        return _PASSED in marks

    def said(self, marks: Mapping[str, str], at_ms: int) -> bool:
        return marks.get(_SAID) == _mark(at_ms)

    def is_open(self, at_ms: int) -> bool:
        return self._knows(at_ms // 1000)


def epoch_passed(marks: Mapping[str, str]) -> int | None:
    """The epoch whose version a partition with these marks goes by."""
    written = marks.get(_PASSED)
    return None if written is None else int(written)


def marked_said(at_ms: int) -> dict[str, str]:
    """The mark of a partition that has said how it stood at a gate (Unix ms)."""
    return {_SAID: _mark(at_ms)}


def marked_passed(at_ms: int) -> dict[str, str]:
    """The mark of a partition that has passed a gate (Unix ms)."""
    return {_PASSED: _mark(at_ms)}


def _mark(at_ms: int) -> str:
    return str(at_ms // 1000)
