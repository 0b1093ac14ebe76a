"""Exponential decay in continuous time, as whoever writes or reads an activity must understand it.

    A(t) = A(t₀) · 2^(−(t − t₀) / half-life)

Cormode, Shkapenyuk, Srivastava, Xu, "Forward decay: a practical time decay model for streaming systems" (ICDE 2009), §II.
Times and half-lives are in any one unit.
"""

from math import log2


def decay(elapsed: float, half_life: float) -> float:
    """What remains of 1 after `elapsed` ≥ 0. It composes: what remains after a, and then after b, remains after a + b."""
    return float(2.0 ** (-elapsed / half_life))


def time_to_fall(amount: float, threshold: float, half_life: float) -> float:
    """How long a positive `amount` takes to decay to a positive `threshold`: half-life · log₂(amount / threshold).

    Negative if it has been below all along.
    """
    return half_life * (log2(amount) - log2(threshold))
