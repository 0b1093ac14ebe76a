"""Why a partition is not processed, and when it is tried again."""

import random
from dataclasses import dataclass

from services.contracts.errors import Retryable
from services.runtime.dead_letter import Flooded
from services.runtime.store import Fenced, StoreUnavailable

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 5.0
_MOST_DOUBLINGS = 10


@dataclass(slots=True, frozen=True)
class Trouble:
    """`kind` is a metric label, `why` a sentence, `failures` counts those in a row, `delay` is in seconds."""

    kind: str
    why: str
    failures: int
    delay: float
    retry_at: float

    @classmethod
    def after(cls, error: Exception, before: "Trouble | None", now: float, fence_seconds: float) -> "Trouble":
        """The pause grows with each failure in a row, with jitter. `now`: seconds of a monotonic clock.

        A fenced partition rests for `fence_seconds`: the new owner is right; if the group still thinks it is us by then,
        it is.
        """
        failures = 1 if before is None else before.failures + 1
        growing = FIRST_BACKOFF * 2 ** min(failures - 1, _MOST_DOUBLINGS)
        delay = min(LONGEST_BACKOFF, growing) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        kind = kind_of(error)
        if kind == "fenced":
            delay = fence_seconds
        return cls(kind, str(error), failures, delay, now + delay)


def kind_of(error: Exception) -> str:
    match error:
        case Fenced():
            return "fenced"
        case StoreUnavailable():
            return "store"
        case Flooded():
            return "flooded"
        case Retryable():
            return "retryable"
    return "internal"
