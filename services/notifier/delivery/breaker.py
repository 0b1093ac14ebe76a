"""A circuit breaker: what fails again and again is left alone for a while, then tried with one message.

Our own: purgatory, the one kept library for asyncio, reads the clock itself, rests for a fixed time and lets everybody
through at the end of it.
"""

from enum import StrEnum
from typing import NewType

_GROWTH = 2
_MOST_DOUBLINGS = 16

Permit = NewType("Permit", int)
"""Leave to make one attempt. What came of it is told with the permit, so that what began in another state does not count."""


class BreakerState(StrEnum):
    CLOSED = "closed"
    """Everybody may try."""
    OPEN = "open"
    """Nobody may."""
    HALF_OPEN = "half_open"
    """One may, the probe; what comes of it decides."""


class Breaker:
    """The state of one channel. Opens after `failures` in a row.

    It stays open for `rest_first_s`, twice as long after each probe that failed, `rest_max_s` at most. `now` is seconds
    of a monotonic clock.
    """

    def __init__(self, failures: int, rest_first_s: float, rest_max_s: float) -> None:
        self._most = failures
        self._first_s = rest_first_s
        self._longest_s = rest_max_s
        self._state = BreakerState.CLOSED
        self._number = 0
        self._failures = 0
        self._rests = 0
        self._until = 0.0
        self._probing = False

    @property
    def state(self) -> BreakerState:
        return self._state

    def rest_s(self, now: float) -> float:
        """Seconds until an attempt makes sense again; 0 if one may be made now."""
        match self._state:
            case BreakerState.OPEN:
                return max(0.0, self._until - now)
            case BreakerState.HALF_OPEN if self._probing:
                return self._first_s
        return 0.0

    def enter(self, now: float) -> Permit | None:
        """Leave for one attempt, or None. Whoever gets it tells the end: succeeded, failed or abandoned."""
        if self._state is BreakerState.CLOSED:
            return Permit(self._number)
        if self.rest_s(now) > 0:
            return None
        if self._state is BreakerState.OPEN:
            self._become(BreakerState.HALF_OPEN)
        self._probing = True
        return Permit(self._number)

    def succeeded(self, permit: Permit) -> None:
        """The other side answered, be it that it refused."""
        if permit != self._number:
            return
        self._failures = 0
        if self._state is BreakerState.HALF_OPEN:
            self._rests = 0
            self._become(BreakerState.CLOSED)

    def failed(self, permit: Permit, now: float, asked_s: float | None = None) -> None:
        """Nothing useful came back. `asked_s`: the rest that the other side asked for; it may lengthen one that begins now."""
        if permit != self._number:
            return
        self._failures += 1
        if self._state is BreakerState.CLOSED and self._failures < self._most:
            return
        growing = self._first_s * _GROWTH ** min(self._rests, _MOST_DOUBLINGS)
        self._until = now + min(self._longest_s, max(growing, asked_s or 0.0))
        self._rests += 1
        self._become(BreakerState.OPEN)

    def abandoned(self, permit: Permit) -> None:
        """No attempt was made after all; the next may be the probe."""
        if permit == self._number:
            self._probing = False

    def _become(self, state: BreakerState) -> None:
        self._state = state
        self._number += 1
        self._failures = 0
        self._probing = False
