"""Rhythm: how long a customer usually waits between two purchases.

    rhythm = (n · median gap + k · prior) / (n + k)

over the n gaps between the purchase days of the last 365 days, from the third purchase day on. The median of few gaps is
mostly chance, so it is shrunk towards `prior`, which weighs as much as k gaps (James and Stein's idea; in this form the mean
of a normal-normal model, e.g. Gelman et al., "Bayesian Data Analysis", §2.5).
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

FEWEST = 3
"""Purchase days from which on a customer has a rhythm."""


def rhythm(days: Sequence[int], prior: float, weight: float) -> float | None:
    """In days; `days` are distinct and rise. None with fewer than three of them."""
    if len(days) < FEWEST:
        return None
    gaps = [later - earlier for earlier, later in pairwise(days)]
    return (len(gaps) * median(gaps) + weight * prior) / (len(gaps) + weight)
