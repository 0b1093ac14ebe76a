"""How often a command that was deferred is tried again, and when. Pure."""

from dataclasses import dataclass
from hashlib import blake2b

_GROWTH = 4
_SPREAD = 0.5
_MOST_GROWN = 16
_LONGEST_HINT_S = 86_400.0
"""Nobody is waited for longer at once: the longest window of a provider's rate. The command may well expire before."""
_HASH_BYTES = 6


@dataclass(slots=True, frozen=True)
class Rounds:
    """At most `most` rounds over all channels of a command; after the last it has failed.

    A round in which no attempt was made, because a quota was used up or a channel busy, does not count: so the command
    waits until it expires.
    """

    most: int = 5
    first_s: float = 30.0
    longest_s: float = 3600.0

    def over(self, done: int) -> bool:
        """Whether there is no further one, when so many that count are done."""
        return done >= self.most

    def pause_s(self, command_id: str, deferred: int, hint_s: float | None = None) -> float:
        """Seconds until the next round of a command that was deferred so many times before, whether the rounds counted or not.

        At first the hint alone, if there is one; then 30 s, 2 min, 8 min, 32 min and an hour: what waits for a quota together
        must not come back together again and again. Never less than the hint, which is what a `Delivered` says, and up to
        half as long again, by the command's id.
        """
        hint = min(max(hint_s or 0.0, 0.0), _LONGEST_HINT_S)
        backoff = min(self.longest_s, self.first_s * float(_GROWTH) ** min(max(deferred - 1, 0), _MOST_GROWN))
        pause = hint if deferred == 0 and hint > 0 else max(backoff, hint)
        return pause * (1 + _SPREAD * _fraction(f"{command_id} {deferred} {hint}"))


def _fraction(text: str) -> float:
    """A number in [0, 1) that only the text decides."""
    digest = blake2b(text.encode(), digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest) / (1 << 8 * _HASH_BYTES)
