"""What `koi rules simulate` and `koi rules diff` do until there is something to tell: read, replay, count; with progress."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.progress import Progress

from services.cli.bars import bars
from services.cli.replay.course import Said
from services.cli.replay.log import EventLog
from services.cli.replay.plan import Plan
from services.cli.replay.replay import Replay
from services.cli.rules.forecasting.caps import LimitsOf, unless_said
from services.cli.rules.forecasting.forecast import Forecast, Span
from services.cli.rules.forecasting.history import Intaking, NoHistory, from_files, from_topics, mappings_of
from services.cli.scores.instants import read_beginning, read_instant
from services.cli.scores.refusals import Refusals
from services.cli.terminal import ERR, many
from services.contracts.calendar import known_zone
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.runtime.files import read_files
from services.runtime.settings import Settings
from services.scoring.config import ScoringConfig
from services.scoring.settings import ScoringSettings

Listen = Callable[[Said, int], None]
"""Told everything that is said, and by which rule set, before it is counted."""


@dataclass(frozen=True)
class Wanted:
    """What a person asked for: whose events, how they are scored, and what is counted.

    `since` and `until` as written: a date, from its first or to its last instant, or an instant.
    """

    files: Sequence[Path] = ()
    topics: Sequence[str] = ()
    mappings: Sequence[Path] = ()
    delimiter: str | None = None
    zone: str | None = None
    scoring: Path | None = None
    since: str | None = None
    until: str | None = None
    workers: int | None = None
    limits: LimitsOf = field(default_factory=unless_said)

    def config(self) -> ScoringConfig:
        """By the file named, else the one in KOI_SCORING, else the defaults. Raise `FileError`."""
        file = self.scoring or ScoringSettings().scoring
        return ScoringConfig.load(file) if file else ScoringConfig()

    def span(self) -> Span:
        """Raise `ValueError` for what is no instant, no zone, or ends before it begins."""
        zone = ZoneInfo(known_zone(self.zone or Settings().zone))
        since = None if self.since is None else read_beginning(self.since, zone)
        until = None if self.until is None else read_instant(self.until, zone)
        if since is not None and until is not None and until < since:
            raise ValueError(f"--to {self.until} lies before --from {self.since}")
        return Span(zone, since, until)


@dataclass(frozen=True)
class Simulated:
    """What came of it: one forecast for each rule set; how many events, from when until when; what was left out."""

    forecasts: Sequence[Forecast]
    events: int
    first: datetime
    until: datetime
    refusals: Refusals

    @property
    def zone(self) -> ZoneInfo:
        return self.forecasts[0].span.zone

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


def simulate(wanted: Wanted, rules: Sequence[Path], listen: Listen | None = None) -> Simulated:
    """Replay the events under every rule set side by side.

    Raise `FileError`, `ValueError`, `OSError` and `KoipondError`, each with a message for a person.
    """
    span, config, refusals = wanted.span(), wanted.config(), Refusals()
    replay = Replay(Plan(config, span.zone, [read_files(path) for path in rules]), wanted.workers)
    forecasts = [Forecast(book, span, wanted.limits) for book in replay.books]
    with bars() as shown, EventLog(until=span.until) as log:
        place = _read(wanted, log, refusals, shown)
        if log.first is None or not log.events:
            raise NoHistory(_nothing(log, refusals))

        def hear(said: Said, side: int) -> None:
            if listen is not None:
                listen(said, side)
            forecasts[side].hear(said)

        def refuse(event: AnyEvent, error: InvalidMessage) -> None:
            refusals.add(place(event), error.reason, error.detail)

        replaying = shown.add_task("replaying", total=log.events)
        ending = replay.run(
            log,
            hear,
            until=span.until,
            refuse=refuse,
            progress=lambda done: shown.update(replaying, completed=done),
        )
        for side, forecast in enumerate(forecasts):
            forecast.end((standing.customer_id, standing.tiers[side]) for standing in ending.standings)
        return Simulated(forecasts, log.events, log.first, span.until or ending.until or log.first, refusals)


def tell_refusals(refusals: Refusals) -> None:
    """What was left out, on standard error."""
    for line in refusals.told():
        ERR.print(line, markup=False, highlight=False)


def _read(wanted: Wanted, log: EventLog, refusals: Refusals, shown: Progress) -> Callable[[AnyEvent], str]:
    reading = shown.add_task("reading", total=None)
    mappings = mappings_of(wanted.mappings)

    into = Intaking(log, refusals, lambda done, total: shown.update(reading, completed=done, total=total))
    if bool(wanted.files) == bool(wanted.topics):
        raise NoHistory("name event files with --events, or a topic with --topic koi.events")
    if wanted.files:
        return from_files(wanted.files, mappings, wanted.delimiter, into)
    return asyncio.run(from_topics(Settings().kafka, wanted.topics, mappings, into))


def _nothing(log: EventLog, refusals: Refusals) -> str:
    if log.later:
        return f"nothing happened until then: {many(log.later, 'event')} came later; see --to"
    if refusals.total:
        return "\n".join([*refusals.told(), "no line can be used; nothing was simulated"])
    return "there are no events; nothing was simulated"
