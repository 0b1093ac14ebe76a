"""Activity: how much a customer does, old deeds fading by half every half-life.

    A(t) = Σ wᵢ · 2^(−(t − tᵢ) / h)

with wᵢ = weight(kind)·value, tᵢ the instant of the interaction and h the half-life. Only (A, t) of the newest tᵢ is
kept: A(t) = A(t₀)·2^(−(t − t₀)/h), see `contracts.decay`. Times are Unix seconds, `half_life` is in seconds.
"""

import msgspec

from services.contracts.decay import decay, time_to_fall


class Activity(msgspec.Struct, array_like=True, gc=False):
    """The score at the instant `at`, that of the newest interaction; `at` is None before the first."""

    score: float = 0.0
    at: float | None = None

    def add(self, weight: float, at: float, half_life: float) -> None:
        """Fold one interaction in O(1). One older than the newest is added with what has faded of it since.

        The order of arrival does not matter but for the rounding of floats.
        """
        if self.at is None:
            self.score, self.at = weight, at
        elif at >= self.at:
            self.score = self.score * decay(at - self.at, half_life) + weight
            self.at = at
        else:
            self.score += weight * decay(self.at - at, half_life)

    def value(self, at: float, half_life: float) -> float:
        """A(at), for `at` not before the newest interaction; earlier instants are taken as that instant."""
        if self.at is None:
            return 0.0
        return self.score * decay(max(0.0, at - self.at), half_life)

    def falls_below(self, threshold: float, half_life: float) -> float | None:
        """The instant after which A < threshold if nothing else happens.

        The instant `at` if A is not above the threshold even there; None if A never falls below (threshold ≤ 0) or
        there was no interaction.
        """
        if self.at is None or threshold <= 0:
            return None
        if self.score <= threshold:
            return self.at
        return self.at + time_to_fall(self.score, threshold, half_life)
