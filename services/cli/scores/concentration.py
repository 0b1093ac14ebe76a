"""Who holds how much of the money: exact counts of every amount, coarser ones where there are very many."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

MOST_AMOUNTS = 500_000
"""Distinct amounts that are counted one by one."""
GRAIN = 16
"""Beyond these, the leading binary digits that are kept of each: too little by less than 2^(1 − GRAIN) of it."""
WHOLE = 100
"""Percent."""


class Concentration:
    """Amounts above 0, each of one person; nobody else has a part in the money."""

    def __init__(self, most_amounts: int = MOST_AMOUNTS) -> None:
        self._counts: Counter[int] = Counter()
        self._most_amounts = most_amounts
        self._coarse = False

    def add(self, amount: int) -> None:
        if amount <= 0:
            return
        self._counts[_coarse(amount) if self._coarse else amount] += 1
        if not self._coarse and len(self._counts) > self._most_amounts:
            self._coarse = True
            counts = self._counts
            self._counts = Counter()
            for exact, count in counts.items():
                self._counts[_coarse(exact)] += count

    def curve(self) -> Sequence[float]:
        """The share of all (0..1) that the best 0 %, 1 %, … 100 % hold; a person is never cut in two. Empty without anybody."""
        amounts = sorted(self._counts, reverse=True)
        if not amounts:
            return ()
        people = list(accumulate(self._counts[amount] for amount in amounts))
        money = list(accumulate(amount * self._counts[amount] for amount in amounts))
        shares = []
        at = 0
        for percent in range(WHOLE + 1):
            best = -(-people[-1] * percent // WHOLE)
            while people[at] < best:
                at += 1
            beyond = people[at] - best
            shares.append((money[at] - beyond * amounts[at]) / money[-1])
        return shares


def _coarse(amount: int) -> int:
    surplus = amount.bit_length() - GRAIN
    return amount >> surplus << surplus if surplus > 0 else amount
