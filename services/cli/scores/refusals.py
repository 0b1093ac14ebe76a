"""What could not be used, in bounded memory: how many for which reason, and the first of them in full."""

from collections import Counter
from typing import NamedTuple

KEPT = 20
TOLD = 10


class Refusal(NamedTuple):
    """One line that was left out: where it stands (`file:line`), a stable reason, and a sentence with a hint."""

    place: str
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}: {self.detail}"


class Refusals:
    """`first` are the first `kept` of them; `reasons` counts all."""

    def __init__(self, kept: int = KEPT) -> None:
        self.first: list[Refusal] = []
        self.reasons: Counter[str] = Counter()
        self._kept = kept

    @property
    def total(self) -> int:
        return self.reasons.total()

    def add(self, place: str, reason: str, detail: str) -> None:
        self.reasons[reason] += 1
        if len(self.first) < self._kept:
            self.first.append(Refusal(place, reason, detail))

    def told(self, most: int = TOLD) -> list[str]:
        """One line for each of the first `most`, and a last one with the count of all where there are more."""
        lines = [str(refusal) for refusal in self.first[:most]]
        more = self.total - len(lines)
        if more:
            counts = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.most_common())
            lines.append(f"… and {more:,} more; all in all {counts}")
        return lines
