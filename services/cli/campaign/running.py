"""What `koi campaign report` does, with progress on standard error."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import ConsumerRecord
from rich.console import Console

from services.cli.bars import bar, bars
from services.cli.campaign.document import HEADER, document, rows
from services.cli.campaign.episodes import Episodes
from services.cli.campaign.report import page
from services.cli.campaign.results import Window, results
from services.cli.campaign.showing import picture
from services.cli.campaign.tally import Tally
from services.cli.deliveries.asking import Span, read_span
from services.cli.deliveries.ledger import Ledger, Scope, name_of
from services.cli.deliveries.reading import Reading, partitions_of
from services.cli.partition import decoded, topics, values
from services.cli.rulebook import book_at_hand
from services.cli.scores.rows import write_rows
from services.cli.terminal import ERR, OUT
from services.contracts import wire
from services.contracts.calendar import from_ms, to_ms
from services.contracts.errors import KoipondError
from services.contracts.topics import DECISIONS, RECEIPTS
from services.rules.book.rulebook import Rulebook
from services.runtime.problems import suggestion
from services.runtime.settings import ClockKind, Settings

_WIDTH = 120
"""Columns of what goes to no terminal, and at most of what does."""


class UnknownCampaign(KoipondError):  # noqa: N818 - what it is
    """Neither the rule files nor the decisions know a campaign of this name."""


@dataclass(frozen=True)
class Question:
    """What is asked, as it was typed."""

    name: str
    since: str | None = None
    until: str | None = None
    rules: Path | None = None


@dataclass(frozen=True)
class Form:
    """How the answer is given."""

    as_json: bool = False
    report: Path | None = None
    csv: Path | None = None


def answer(question: Question, form: Form) -> None:
    """Print it. Raise `FileError`, `ValueError`, `OSError` and `KoipondError`, each with a message for a person."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is in our one line
    settings, now, name = Settings(), datetime.now(UTC), name_of(question.name)
    span = read_span(question.since, question.until, now, settings.tz)
    book = book_at_hand(question.rules, "the goal's window is taken from decisions alone")
    tally = _read(name, span, settings)
    _require_known(name, tally, book)
    end_ms = _end_ms(tally, span, now, settings)
    found = results(tally, _window(name, book), end_ms)
    until = from_ms(end_ms).astimezone(settings.tz)
    if form.csv is not None:
        write_rows(form.csv, HEADER, rows(name, tally))
    if form.report is not None:
        page(name, tally, found, until).write(form.report)
    if form.as_json:
        OUT.file.write(json.dumps(document(name, tally, found, until), ensure_ascii=False, indent=2) + "\n")
    else:
        console = Console(width=min(OUT.width, _WIDTH) if OUT.is_terminal else _WIDTH, highlight=False)
        console.print(picture(name, tally, found, until))
    written = [str(place) for place in (form.csv, form.report) if place is not None]
    if written:
        ERR.print(f"written to {' and '.join(written)}", markup=False, highlight=False)


def _read(name: str, span: Span, settings: Settings) -> Tally:
    """One partition after the other, of which only the counts stay. Raise `Retryable` when Kafka cannot be read."""
    tally = Tally(span.since_ms, span.until_ms)
    names = (DECISIONS.name, RECEIPTS.name)
    with bars() as shown, topics(settings.kafka) as shelf:
        partitions = partitions_of(shelf, names, None, settings.partitions)
        reading = Reading(shelf, span.since, bar(shown, "reading"))
        reading.plan(names, partitions)
        for partition in partitions:
            episodes, ledger = Episodes(name), Ledger(Scope(name))

            def decisions(records: Sequence[ConsumerRecord], episodes: Episodes = episodes) -> None:
                for decision in decoded(values(records), wire.DECISIONS.decode):
                    episodes.hear(decision)

            def receipts(records: Sequence[ConsumerRecord], ledger: Ledger = ledger) -> None:
                for receipt in decoded(values(records), wire.RECEIPTS.decode):
                    ledger.receipt(receipt)

            # decisions to an end that lies behind that of receipts: no message is without its episode by chance
            reading.read(RECEIPTS.name, partition, receipts)
            reading.read(DECISIONS.name, partition, decisions)
            tally.add(episodes, ledger)
    return tally


def _require_known(name: str, tally: Tally, book: Rulebook | None) -> None:
    campaigns = tally.campaigns | {campaign.name for campaign in (book.campaigns if book else ())}
    if name in campaigns:
        return
    if name in tally.ladders | {ladder.name for ladder in (book.ladders if book else ())}:
        raise UnknownCampaign(f"{name} is a ladder; koi deliveries --rule {name} tells of its messages")
    known = f"; there are {', '.join(sorted(campaigns))}" if campaigns else ": nothing was decided in this time"
    raise UnknownCampaign(f"there is no campaign {name}{suggestion(name, campaigns)}{known}")


def _window(name: str, book: Rulebook | None) -> Window:
    campaign = next((each for each in book.campaigns if each.name == name), None) if book else None
    if campaign is None:
        return Window(None)
    if campaign.goal is None:
        return Window(None, declared=True)
    return Window(campaign.goal.within_ms, campaign.goal.event, declared=True)


def _end_ms(tally: Tally, span: Span, now: datetime, settings: Settings) -> int:
    """Until when goals are known: now, or as far as event time has come; not later than what is asked for."""
    reached = max(tally.newest_ms, 0) if settings.clock is ClockKind.EVENT else to_ms(now)
    return reached if span.until_ms is None else min(reached, span.until_ms)
