"""The card: what a partition's owner sees of each of its customers at a glance, without loading the state.

Enough to count the population, and to tell whose scores new cut-offs change.
"""

import msgspec

from services.scoring.rfm import Measures, Scores
from services.scoring.state import CustomerState


class Card(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """`last_day`: of the last counting order in the window. `scores` are those of the profile published last."""

    last_day: int | None
    orders: int
    net_minor: int
    scores: Scores

    def measures(self, today: int) -> Measures:
        return measures_of(self.last_day, self.orders, self.net_minor, today)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Card)


def card(state: CustomerState, width: int | None) -> bytes | None:
    """None for what is no customer any more."""
    if state.blank:
        return None
    return _ENCODER.encode(Card(state.last_order_day(width), *state.bought(width), state.scores))


def read(digest: bytes) -> Card:
    return _DECODER.decode(digest)


def measures_of(last_day: int | None, orders: int, net_minor: int, today: int) -> Measures:
    # an order of a later day than today's was made today, as far as anybody can tell
    recency = None if last_day is None else max(0, today - last_day)
    return Measures(recency, orders, net_minor)


def measures(state: CustomerState, width: int | None) -> Measures:
    """What is scored of a customer, as of the state's day."""
    return measures_of(state.last_order_day(width), *state.bought(width), state.today)
