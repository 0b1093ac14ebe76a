"""Repeats: which interactions were folded before.

An interaction leaves no trace by which it could be told from a second one like it, so the keys of recent ones are kept.
Each key is stamped with the customer's newest event time once it was folded. It is *recent* until that newest time has
moved more than the lateness horizon beyond the stamp, and *older* after that. Of the older ones the last `KEPT` stay.

- A repeat is recognised if it arrives before the customer's event time has moved on by more than the horizon; in
  particular always while its `occurred_at` lies within the horizon of the customer's newest interaction.
- Beyond that it is recognised while no more than `KEPT` other interactions of the customer have become older since.
- A first arrival is counted however late it is.

At most `CAPACITY` keys are recent: beyond that many interactions of one customer within the horizon, the earlier ones
count as older. That bounds a state at about 60 kB for a customer that is a robot.

Stamps never fall in order of insertion, so the first entries of the dictionary are the oldest.
"""

from hashlib import blake2b

import msgspec

CAPACITY = 4096
KEPT = 256
_KEY = 8


def short_hash(*parts: str) -> int:
    """64 bits of BLAKE2b over the parts. Two different ids of one customer collide with probability 2⁻⁶⁴."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


class Repeats(msgspec.Struct, array_like=True, gc=False):
    """`recent`: key → stamp in Unix seconds. `older`: keys of 8 bytes, the last to become older at the end."""

    recent: dict[int, int] = {}
    older: bytes = b""

    def remember(self, key: int, at: int, horizon: int) -> bool:
        """Whether `key` is new; if so it is remembered. `at` (Unix) and `horizon` in seconds; a repeat changes nothing."""
        recent = self.recent
        if key in recent or self._is_older(key):
            return False
        newest = max(at, next(reversed(recent.values()), at))
        recent[key] = newest
        self._age(newest - horizon)
        return True

    def absorb(self, other: "Repeats", horizon: int) -> None:
        """Know what another one knows as well."""
        stamps = sorted({**other.recent, **self.recent}.items(), key=lambda item: item[1])
        self.older = (other.older + self.older)[-KEPT * _KEY :]
        self.recent = dict(stamps)
        if stamps:
            self._age(stamps[-1][1] - horizon)

    def _age(self, limit: int) -> None:
        recent = self.recent
        aged = bytearray()
        while recent:
            first = next(iter(recent))
            if recent[first] >= limit and len(recent) <= CAPACITY:
                break
            del recent[first]
            aged += first.to_bytes(_KEY)
        if aged:
            self.older = (self.older + aged)[-KEPT * _KEY :]

    def _is_older(self, key: int) -> bool:
        wanted = key.to_bytes(_KEY)
        at = self.older.find(wanted)
        while at >= 0 and at % _KEY:
            at = self.older.find(wanted, at + 1)
        return at >= 0
