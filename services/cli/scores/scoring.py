"""From customers to a table of scores and a report, in two passes over what lies on the disk."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from services.cli.scores.columns import Columns
from services.cli.scores.refusals import Refusals
from services.cli.scores.report import page
from services.cli.scores.rows import Cell, write_rows
from services.cli.scores.runs import Runs
from services.cli.scores.summary import Limits, Scored, Summary
from services.contracts.population import Cutoffs
from services.scoring.batch import Batch, Line
from services.scoring.census import Counts
from services.scoring.config import Method
from services.scoring.rfm import Measures, Scores


class Scoring:
    """A context: `add` every customer once, `count` the population, then `write`.

    The lines wait on the disk, sorted by customer; memory holds the population's counts.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._counts = Counts()
        self._kinds: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._lines = self._stack.enter_context(Runs[tuple[int, Line]](tuple[int, Line]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, line: Line, partition: int = 0) -> None:
        """Take the line of a customer who lives in a partition, where that matters."""
        self._kinds.update(line.profile.lifetime.counts)
        self._lines.add(line.customer_id, (partition, line))

    def count(self, measures: Iterable[Measures]) -> None:
        """Count customers of the population that scores are made against."""
        for each in measures:
            self._counts.add(each)

    def cutoffs(self, counted_as_of: Batch | None = None) -> Cutoffs:
        """Of everybody counted, who stood so at the instant of `counted_as_of` (or of this scoring)."""
        return (counted_as_of or self.batch).cutoffs(self._counts)

    def write(self, place: str | Path, scorer: "Scorer", *, marked: bool = False) -> Summary:
        """The table, to a file or to `-`, `marked` as in `write_rows`; returns what the report tells. Raise `OSError`."""
        columns, summary = Columns(self._kinds), scorer.summary()

        def rows() -> Iterator[Sequence[Cell]]:
            for partition, line in self._lines:
                scores = scorer.scores(line, partition)
                summary.add(_scored(line, scores))
                yield columns.row(line, scores)

        write_rows(place, columns.header, rows(), marked=marked)
        return summary


class Scorer:
    """Gives lines their scores by the cut-offs of their partitions, which `source` tells in a few words."""

    def __init__(self, batch: Batch, version_of: Callable[[int], Cutoffs | None], source: str) -> None:
        self._batch = batch
        self._version_of = version_of
        self._source = source

    def scores(self, line: Line, partition: int) -> Scores:
        return line.scores(self._batch.config, self._version_of(partition))

    def summary(self) -> Summary:
        """An empty one, with the limits that divide the scores."""
        config, version = self._batch.config, self._version_of(0)
        known = version is not None and version.customers > 0
        if known and version is not None and config.method is Method.QUANTILE:
            limits = Limits.of_population(version, self._source)
        else:
            fixed = config.thresholds
            limits = Limits(fixed.r, fixed.f, fixed.m, beyond=False, source="the scoring file")
        above = version.super_user_enter if known and version is not None and config.super_user is not None else None
        return Summary(self._batch.local_as_of, config.currency, config.window_days, limits, above)


def as_of_words(batch: Batch) -> str:
    """Where cut-offs come from that were counted as of an instant."""
    return f"fifths of the population as of {batch.local_as_of:%Y-%m-%d %H:%M}"


def write_report(path: Path, summary: Summary, refusals: Refusals | None = None) -> None:
    page(summary, refusals).write(path)


def _scored(line: Line, scores: Scores) -> Scored:
    return Scored(
        scores.r,
        scores.f,
        scores.m,
        scores.octant,
        scores.rf_segment,
        line.recency_days,
        line.orders,
        line.net_minor,
        scores.super_user,
        line.activity,
    )
