"""The columns of a table of scores: the same, whether from files or from the live states."""

from collections.abc import Iterable, Iterator, Sequence

from services.cli.scores.rows import Cell
from services.contracts.profile import WINDOWS, Window, window_name
from services.scoring.batch import Line
from services.scoring.rfm import Scores

LIFETIME = "lifetime"
_DECIMALS = 6
_HEAD = (
    "customer_id",
    "recency_days",
    "frequency",
    "monetary_minor",
    "r",
    "f",
    "m",
    "octant",
    "segment",
    "super_user",
    "activity",
)
_TAIL = (
    "first_order_day",
    "last_order_day",
    "average_order_minor",
    "discount_share",
    "refund_share",
    "rhythm_days",
    "overdue",
    "tags",
)
_WINDOWS = (*map(window_name, WINDOWS), LIFETIME)


class Columns:
    """`kinds` are the interaction kinds that are counted in columns of their own."""

    def __init__(self, kinds: Iterable[str]) -> None:
        self._kinds = sorted(kinds)

    @property
    def header(self) -> Sequence[str]:
        windows = [f"{what}_{window}" for window in _WINDOWS for what in ("orders", "net_minor")]
        counts = [f"count_{kind}_{window}" for kind in self._kinds for window in _WINDOWS]
        return [*_HEAD, *windows, *_TAIL, *counts]

    def row(self, line: Line, scores: Scores) -> Sequence[Cell]:
        """In the order of the header; what is unknown is an empty cell."""
        profile = line.profile
        return [
            line.customer_id,
            line.recency_days,
            line.orders,
            line.net_minor,
            scores.r,
            scores.f,
            scores.m,
            scores.octant.value,
            scores.rf_segment.value,
            scores.super_user,
            round(line.activity, _DECIMALS),
            *self._windows(line),
            None if profile.first_order_day is None else profile.first_order_day.isoformat(),
            None if profile.last_order_day is None else profile.last_order_day.isoformat(),
            profile.average_order_minor,
            _rounded(profile.discount_share),
            _rounded(profile.refund_share),
            _rounded(profile.rhythm_days),
            _rounded(line.overdue),
            "|".join(profile.tags),
            *(window.counts.get(kind, 0) for kind in self._kinds for window in _windows(line)),
        ]

    @staticmethod
    def _windows(line: Line) -> Iterator[int]:
        for window in _windows(line):
            yield window.orders
            yield window.net_minor


def _windows(line: Line) -> list[Window]:
    profile = line.profile
    return [*(profile.windows[name] for name in _WINDOWS[:-1]), profile.lifetime]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
