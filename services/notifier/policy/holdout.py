"""The control group: customers who get nothing of some categories, so that what messages bring can be told."""

from hashlib import blake2b

_DRAWS = 1_000_000
_SALT = b"koi holdout"
"""Apart from the draws of campaigns, or the same customers would always be the ones left out."""


def held_out(name: str, share: float, customer_id: str) -> bool:
    """Whether a customer is of the group `name`, which is `share` (0 to 1) of all: drawn once, and for ever.

    With a larger share the group grows, and nobody leaves it.
    """
    drawn = blake2b(f"{name}\0{customer_id}".encode(), digest_size=8, person=_SALT).digest()
    return int.from_bytes(drawn, "big") % _DRAWS < round(share * _DRAWS)
