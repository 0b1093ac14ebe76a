"""Which of several wordings a customer gets: drawn once for every message of a rule, and for ever."""

import hashlib
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from services.rules.book.notice import Wording

_DIGEST_BYTES = 8
_PURPOSE = "variant"
"""Makes it another draw than any other that is made of the same names."""


def drawn(rule: str, step: int, customer_id: str, wordings: Sequence[Wording]) -> Wording:
    """The wording for a customer. `rule` is a name without its hash, `step` the index of the step, or of the jump's entry.

    A digest is as good as a uniform number from 0 to 1; the shares are laid along that line in the order of writing.
    """
    if len(wordings) == 1:
        return wordings[0]
    said = msgspec.json.encode([_PURPOSE, rule, step, customer_id])
    digest = hashlib.blake2b(said, digest_size=_DIGEST_BYTES).digest()
    point = int.from_bytes(digest, "big") / 2 ** (8 * _DIGEST_BYTES)
    ends = accumulate(wording.share for wording in wordings)
    # shares that were rounded may leave a last grain, which is of the last
    return next((wording for wording, end in zip(wordings, ends, strict=True) if point < end), wordings[-1])
