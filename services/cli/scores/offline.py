"""Scores of all customers from files of events."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from services.cli.scores.buckets import Buckets
from services.cli.scores.files import EventFiles
from services.cli.scores.instants import end_of_day
from services.cli.scores.refusals import Refusals
from services.cli.scores.scoring import Scorer, Scoring, as_of_words
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, ClockTick
from services.scoring.batch import Batch, Line
from services.scoring.config import ScoringConfig


class Offline:
    """A context: `read` everything, then `score`; the temporary files are gone at its end."""

    def __init__(self, files: EventFiles, refusals: Refusals) -> None:
        self._files = files
        self._refusals = refusals
        self._stack = ExitStack()
        self.events = 0
        self.newest: datetime | None = None
        """When the last event occurred."""

    def __enter__(self) -> Self:
        self._buckets = self._stack.enter_context(Buckets())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def read(self) -> None:
        """Raise `FileError` and `OSError`."""
        for event in self._files:
            self._buckets.add(event)
            if isinstance(event, ClockTick):
                continue
            self.events += 1
            if self.newest is None or event.occurred_at > self.newest:
                self.newest = event.occurred_at

    def day_of_the_newest(self, zone: ZoneInfo) -> datetime | None:
        """The end of the business day on which the last event occurred."""
        return None if self.newest is None else end_of_day(self.newest.astimezone(zone).date(), zone)

    def score(
        self,
        config: ScoringConfig,
        zone: ZoneInfo,
        as_of: datetime,
        *,
        at_epoch: bool,
        progress: Callable[[int], None] = lambda _events: None,
    ) -> tuple[Scoring, Scorer]:
        """Score everybody as of an instant, against the population of then, or with `at_epoch` of the last epoch before it."""
        batch = Batch(config, zone, as_of)
        counted = Batch(config, zone, batch.epoch(), before=True) if at_epoch else batch
        scoring = self._stack.enter_context(Scoring(batch))
        done = 0
        for bucket in self._buckets.read():
            lines = [batch.line(state) for state in batch.states(bucket, self._refuse).values()]
            for line in lines:
                scoring.add(line)
            scoring.count(line.measures for line in (_lines(counted, bucket) if at_epoch else lines))
            done += len(bucket)
            progress(done)
        version = scoring.cutoffs(counted)
        return scoring, Scorer(batch, lambda _: version, as_of_words(counted))

    def _refuse(self, event: AnyEvent, error: InvalidMessage) -> None:
        place = "" if event.origin is None else self._files.place(event.origin)
        self._refusals.add(place, error.reason, error.detail)


def _lines(batch: Batch, bucket: Iterable[AnyEvent]) -> list[Line]:
    # what cannot be folded was told the first time
    return [batch.line(state) for state in batch.states(bucket, lambda _event, _error: None).values()]
