"""What `koi score` and `koi scores export` do, with progress on standard error."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.scores.instants import read_instant
from services.cli.scores.refusals import Refusals
from services.cli.scores.rows import STANDARD_OUTPUT
from services.cli.scores.scoring import Scorer, Scoring, as_of_words, write_report
from services.cli.scores.summary import Summary
from services.cli.terminal import ERR, fail, many
from services.contracts.calendar import known_zone
from services.runtime.files import read_files
from services.runtime.settings import ClockKind, Settings
from services.scoring.batch import Batch
from services.scoring.config import ScoringConfig
from services.scoring.settings import ScoringSettings


class Goal(NamedTuple):
    """What is wanted: as of when (None: as of the newest there is), by which scoring file, written where."""

    as_of: str | None
    config: Path | None
    out: str
    report: Path | None
    bom: bool = False
    """Whether the table begins with a byte order mark, without which Excel misreads Chinese."""

    def scoring(self) -> ScoringConfig:
        """By the file named, else the one in KOI_SCORING, else the defaults. Raise `FileError`."""
        file = self.config or ScoringSettings().scoring
        return ScoringConfig.load(file) if file else ScoringConfig()

    def instant(self, zone: ZoneInfo) -> datetime | None:
        """Raise `ValueError` for what is no instant."""
        return None if self.as_of is None else read_instant(self.as_of, zone)


def score_files(
    goal: Goal,
    files: Sequence[Path],
    mappings: Sequence[Path],
    delimiter: str | None,
    zone: str | None,
    *,
    at_epoch: bool,
    strict: bool,
) -> None:
    """Score what is in files. Raise `FileError`, `ValueError` and `OSError`, each with a message for a person."""
    # only here: an image may lack ingest
    from services.cli.scores.files import EventFiles, delimiter_of  # noqa: PLC0415
    from services.cli.scores.offline import Offline  # noqa: PLC0415
    from services.ingest.mapping import load_all  # noqa: PLC0415

    where, config, refusals = ZoneInfo(known_zone(zone or Settings().zone)), goal.scoring(), Refusals()
    instant = goal.instant(where)
    with _bars(DownloadColumn(binary_units=True)) as bars:
        reading = bars.add_task("reading", total=None)
        events = EventFiles(
            files,
            load_all(item for place in mappings for item in read_files(place).items()),
            arrived_ms=int(time.time() * 1000),
            refusals=refusals,
            delimiter=None if delimiter is None else delimiter_of(delimiter),
            progress=lambda done, total: bars.update(reading, completed=done, total=total),
        )
        with Offline(events, refusals) as offline:
            offline.read()
            if refusals.total and not offline.events:
                _tell_refusals(refusals)
                fail("no line can be used; nothing was written")
            instant = instant or offline.day_of_the_newest(where) or datetime.now(UTC)
            scoring = offline.score(config, where, instant, at_epoch=at_epoch, progress=_advance(bars, offline.events))
            if strict and refusals.total:
                _tell_refusals(refusals)
                fail(f"{many(refusals.total, 'line')} cannot be used; nothing was written")
            summary = _write(*scoring, goal, refusals)
    _tell_refusals(refusals)
    _tell(summary, goal, f"from {many(offline.events, 'event')}")


async def export_live(goal: Goal, settings: Settings, *, as_live: bool) -> None:
    """Score the live states. Raise `FileError`, `ValueError`, `OSError` and `KoipondError`."""
    from services.cli.scores import live  # noqa: PLC0415 - the client libraries are slow to import

    config, instant = goal.scoring(), goal.instant(settings.tz)
    async with live.opened(settings, config) as pond:
        cursors = await pond.cursors()
        if instant is None:
            reached = live.newest_instant(list(cursors.values())) if settings.clock is ClockKind.EVENT else None
            instant = reached or datetime.now(UTC)
        batch = Batch(config, settings.tz, instant)
        with _bars(MofNCompleteColumn()) as bars, Scoring(batch) as scoring:
            task = bars.add_task("partitions", total=settings.partitions)
            population = await live.versions(settings, config, cursors) if as_live else None
            async for partition, state in pond.states(batch, lambda done: bars.update(task, completed=done)):
                line = batch.line(state)
                scoring.add(line if as_live else line.forgetful(), partition)
                scoring.count([line.measures])
            if population is not None:
                scorer = Scorer(batch, population.in_force, "the live service's cut-offs")
            else:
                version = scoring.cutoffs()
                scorer = Scorer(batch, lambda _: version, as_of_words(batch))
            summary = _write(scoring, scorer, goal)
    _tell(summary, goal, "from the live states")


def _advance(bars: Progress, events: int) -> Callable[[int], None]:
    """A bar for a second pass, over events."""
    task = bars.add_task("scoring", total=events)
    return lambda done: bars.update(task, completed=done)


def _write(scoring: Scoring, scorer: Scorer, goal: Goal, refusals: Refusals | None = None) -> Summary:
    summary = scoring.write(goal.out, scorer, marked=goal.bom)
    if goal.report is not None:
        write_report(goal.report, summary, refusals)
    return summary


def _tell(summary: Summary, goal: Goal, source: str) -> None:
    said = f"{many(summary.customers, 'customer')}, {summary.buyers.customers:,} of them with an order in the window"
    places = [place for place in (None if goal.out == STANDARD_OUTPUT else goal.out, goal.report) if place is not None]
    written = f"; written to {' and '.join(map(str, places))}" if places else ""
    as_of = f"{summary.as_of:%Y-%m-%d %H:%M:%S} {summary.as_of.tzinfo}"
    ERR.print(f"{said}, as of {as_of}, {source}{written}", markup=False, highlight=False)


def _tell_refusals(refusals: Refusals) -> None:
    for line in refusals.told():
        ERR.print(line, markup=False, highlight=False)


@contextmanager
def _bars(amount: DownloadColumn | MofNCompleteColumn) -> Iterator[Progress]:
    columns = (TextColumn("{task.description:<10}"), BarColumn(), amount, TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bars:
        yield bars
