"""Repeats: which interactions were folded before.

An interaction leaves no trace by which it could be told from a second one like it, so the keys of recent ones are kept.
Each key is stamped with the customer's newest event time once it was folded, and dropped when that newest time has
moved more than the lateness horizon beyond the stamp. Hence:

- a repeat is recognised if it arrives before the customer's event time has moved on by more than the horizon; in
  particular always while its `occurred_at` lies within the horizon of the customer's newest interaction;
- a first arrival is counted however late it is; a repeat of something older than the horizon is counted again.

At most `CAPACITY` keys are kept, the latest folded: beyond that many interactions of one customer within the horizon,
repeats of the earlier ones are counted again. That bounds a state at about 60 kB for a customer that is a robot.

Stamps never fall in order of insertion, so the first entries of the dictionary are the oldest.
"""

from hashlib import blake2b

CAPACITY = 4096


def short_hash(*parts: str) -> int:
    """64 bits of BLAKE2b over the parts. Two different ids of one customer collide with probability 2⁻⁶⁴."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def remember(seen: dict[int, int], key: int, at: int, horizon: int) -> bool:
    """Whether `key` is new; if so it is remembered. `at` (Unix) and `horizon` in seconds; a repeat changes nothing."""
    if key in seen:
        return False
    newest = max(at, next(reversed(seen.values()), at))
    seen[key] = newest
    while True:
        first = next(iter(seen))
        if seen[first] >= newest - horizon and len(seen) <= CAPACITY:
            return True
        del seen[first]
