"""What `koi deliveries` does, with progress on standard error."""

import heapq
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from services.cli.bars import bar, bars
from services.cli.deliveries.asking import Question
from services.cli.deliveries.document import HEADER, Writer
from services.cli.deliveries.ledger import EVERYTHING, Line, name_of
from services.cli.deliveries.reading import Reading, partitions_of, parts
from services.cli.deliveries.showing import histories, summary, table, wide_table
from services.cli.deliveries.sums import Sums
from services.cli.deliveries.words import Words
from services.cli.partition import topics
from services.cli.scores.rows import Cell, write_rows
from services.cli.terminal import ERR, OUT, many
from services.contracts.errors import KoipondError
from services.contracts.topics import NOTIFICATIONS, RECEIPTS
from services.runtime.problems import suggestion
from services.runtime.settings import Settings

_WIDE = 260
_AT_MOST = 120
_NEWEST = attrgetter("at_ms", "command_id")


class UnknownRule(KoipondError):  # noqa: N818 - what it is
    """The ledger has no command of this rule."""


@dataclass(frozen=True)
class Form:
    """How the answer is given: at most `limit` lines, the newest; the file `csv` gets all."""

    limit: int
    as_json: bool = False
    wide: bool = False
    csv: Path | None = None


def answer(question: Question, form: Form) -> None:
    """Print it. Raise `ValueError`, `OSError` and `KoipondError`, each with a message for a person."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is in our one line
    settings, now = Settings(), datetime.now(UTC)
    found = _Found(question, settings, now, form.limit)
    words = Words(settings.tz, now)
    writer = Writer(words)
    if form.csv is None:
        for _ in found.read():
            """Each is counted, and the newest are kept."""
    else:
        count = write_rows(form.csv, HEADER, _rows(found, writer))
        ERR.print(f"{many(count, 'command')} written to {form.csv}", markup=False, highlight=False)
    found.check()
    if form.as_json:
        OUT.file.write(json.dumps(writer.document(found.newest, found.sums, found.span), ensure_ascii=False, indent=2))
        OUT.file.write("\n")
        return
    width = max(OUT.width, _WIDE) if form.wide else min(OUT.width, _AT_MOST) if OUT.is_terminal else _AT_MOST
    console = Console(width=width, highlight=False)
    for each in _shown(found, words, form):
        console.print(each)


class _Found:
    """What the ledger holds: the sums of all, and the newest lines."""

    def __init__(self, question: Question, settings: Settings, now: datetime, limit: int) -> None:
        self.question = question
        self.span = question.span(now, settings.tz)
        self.choice = question.choice()
        self.sums = Sums()
        self._settings = settings
        self._limit = limit
        self._rules: set[str] = set()
        self._newest: list[Line] = []

    @property
    def newest(self) -> list[Line]:
        """Oldest first."""
        return sorted(self._newest, key=_NEWEST)

    def read(self) -> Iterator[Line]:
        """The chosen lines of one partition after the other. Raise `Retryable` when Kafka cannot be read."""
        customer, settings = self.question.customer, self._settings
        scope = self.question.scope(self.span)
        with bars() as shown, topics(settings.kafka) as shelf:
            numbers = partitions_of(shelf, (RECEIPTS.name, NOTIFICATIONS.name), customer, settings.partitions)
            reading = Reading(shelf, self.span.since, bar(shown, "reading"))
            for part in parts(reading, numbers, scope, customer):
                lines = part.ledger.lines()
                self._rules |= part.ledger.rules
                self.sums.repeated += part.ledger.repeated
                # with a narrower scope they may be of commands outside it
                self.sums.strays += part.ledger.strays if scope == EVERYTHING else 0
                chosen = [line for line in lines if self.sums.add(line, self.choice.holds, part.first_ms)]
                self._newest = heapq.nlargest(self._limit, [*self._newest, *chosen], key=_NEWEST)
                yield from chosen

    def check(self) -> None:
        """Raise `UnknownRule` for a name that no command has, though others are there."""
        rule = self.question.rule
        if rule is not None and self._rules and name_of(rule) not in self._rules:
            raise UnknownRule(
                f"no command of {rule} is in the ledger{suggestion(rule, self._rules)}; "
                f"there are commands of {', '.join(sorted(self._rules))}"
            )


def _rows(found: _Found, writer: Writer) -> Iterator[list[Cell]]:
    for line in found.read():
        yield writer.row(line)


def _shown(found: _Found, words: Words, form: Form) -> Iterator[RenderableType]:
    lines, sums = found.newest, found.sums
    if not sums.commands:
        customer = found.question.customer
        whose = "" if customer is None else f" to {customer} (ids are case-sensitive)"
        yield Text(f"the ledger has no command{whose} of that time")
        yield from (Text(f"note: {remark}", "dim") for remark in sums.remarks)
        return
    if found.question.customer is not None and not form.wide:
        yield histories(lines, words)
    elif lines:
        yield wide_table(lines, words) if form.wide else table(lines, words)
    if len(lines) < sums.chosen.total():
        yield Text(f"… the newest {len(lines):,} of {sums.chosen.total():,}; see --limit and --csv", "dim")
    yield summary(sums, chosen=sums.chosen.total() < sums.commands)
