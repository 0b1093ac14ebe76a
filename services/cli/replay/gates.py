"""Gates in a replay: everybody stands before them at once, as if all customers lay in one partition."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from services.runtime.assembly import Assembly, Report, Tally, Version
from services.runtime.board import Agenda
from services.runtime.epochs import Epochs
from services.runtime.gate import Gate
from services.runtime.record import Output

R = TypeVar("R", bound=Report)
V = TypeVar("V", bound=Version)

PARTITIONS = 1
ALL = 0
"""The partition."""
_NO_PATIENCE = 0.0


class AtEpochs(Gate, Protocol):
    """A gate at epochs, if there are any."""

    epochs: Epochs | None


class Opening(msgspec.Struct, array_like=True, frozen=True):
    """A gate that opens at `at_ms` (Unix ms): what everybody is to hear, and the customers who are to be woken right after it."""

    at_ms: int
    news: tuple[bytes, ...] = ()
    wake: tuple[str, ...] = ()


class Keeper:
    """Goes through one gate after the other, on behalf of everybody.

    `board` takes what was said of all customers together, lets `gate` hear what that comes to, and returns it.
    """

    def __init__(self, gate: Gate, board: Callable[[Sequence[Output]], Sequence[bytes]]) -> None:
        self._gate = gate
        self._board = board
        self._marks: dict[str, str] = {}
        self._digests: dict[str, bytes] = {}
        gate.claimed(ALL, self._marks)

    def next_ms(self, first_ms: int) -> int | None:
        """The first gate not passed yet; `first_ms` is the instant of the first event of all."""
        return self._gate.next_ms(self._marks, first_ms)

    def learn(self, digests: Mapping[str, bytes | None]) -> None:
        """What has changed since the last gate, None for whoever is gone."""
        for customer, digest in digests.items():
            if digest is None:
                self._digests.pop(customer, None)
            else:
                self._digests[customer] = digest

    def cross(self, at_ms: int) -> Opening:
        """Say how everybody stands, and pass. Raise `RuntimeError` if the gate stays closed: a mistake of ours."""
        gate = self._gate
        outputs, marks = gate.say(ALL, at_ms, self._digests)
        self._marks.update(marks)
        news = self._board(outputs)
        if not gate.is_open(at_ms):
            raise RuntimeError(f"everybody has spoken, and the gate of {at_ms} is closed")
        passage = gate.passage(ALL, at_ms, self._digests)
        self._marks.update(passage.marks)
        return Opening(at_ms, tuple(news), tuple(passage.wake))


def keeper(agenda: Agenda[R, V], assembly: Assembly[R, V], gate: AtEpochs) -> Keeper | None:
    """Of a gate at epochs, whose board is that of `agenda`; None where there are none."""
    if gate.epochs is None:
        return None
    tally: Tally[R, V] = Tally(assembly, _NO_PATIENCE)

    def settled(outputs: Sequence[Output]) -> Sequence[bytes]:
        for output in outputs:
            tally.take(agenda.report.decode(output.value or b""))
        news = []
        while (version := tally.conclude(_NO_PATIENCE)) is not None:
            assembly.learn(version)
            news.append(agenda.version.encode(version))
        return news

    return Keeper(gate, settled)
