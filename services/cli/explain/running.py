"""What `koi explain` does, with progress on standard error."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from services.cli.bars import bar, bars
from services.cli.explain.account import Account, UnknownRule
from services.cli.explain.document import document
from services.cli.explain.picture import picture
from services.cli.scores.instants import read_instant
from services.cli.terminal import ERR, OUT
from services.contracts.calendar import known_zone
from services.rules.app import RulesSettings
from services.rules.book.compiler import compile_rulebook
from services.runtime.files import read_files
from services.runtime.problems import suggestion

WIDTH = 100
"""Columns of what goes to no terminal, and at most of what does."""


@dataclass(frozen=True)
class Question:
    """What is asked. `events` empty: of the live pipeline."""

    customer_id: str
    rule: str | None = None
    at: str | None = None
    rules: Path | None = None
    events: Sequence[Path] = ()
    mappings: Sequence[Path] = ()
    delimiter: str | None = None
    scoring: Path | None = None
    zone: str | None = None

    def instant(self, zone: ZoneInfo) -> datetime | None:
        """Raise `ValueError` for what is no instant."""
        return None if self.at is None else read_instant(self.at, zone)


def answer(question: Question, limit: int | None, *, as_json: bool) -> None:
    """Print it. Raise `FileError`, `ValueError`, `OSError` and `KoipondError`, each with a message for a person."""
    account = _offline(question) if question.events else _live(question)
    rule = question.rule
    if rule is not None and rule not in account.rules:
        raise UnknownRule(
            f"there is no rule {rule}{suggestion(rule, account.rules)}; known: {', '.join(account.rules)}"
        )
    if as_json:
        OUT.file.write(json.dumps(document(account, rule, limit), ensure_ascii=False, indent=2) + "\n")
        return
    console = Console(width=min(OUT.width, WIDTH) if OUT.is_terminal else WIDTH, highlight=False)
    console.print(picture(account, rule, limit))


def _live(question: Question) -> Account:
    # only here: the client libraries are slow to import
    from services.cli.explain.live import live_account  # noqa: PLC0415

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say is in our one line
    settings = RulesSettings()
    book = compile_rulebook(read_files(question.rules or settings.rules))
    at = question.instant(settings.tz)
    with bars() as shown:

        def progress(topic: str) -> Callable[[int, int], None]:
            return bar(shown, topic)

        customer, rule = question.customer_id, question.rule
        return asyncio.run(live_account(customer, settings, book, at=at, rule=rule, progress=progress))


def _offline(question: Question) -> Account:
    # only here: an image may lack ingest
    from services.cli.explain.offline import Files, offline_account  # noqa: PLC0415
    from services.cli.scores.files import EventFiles, delimiter_of  # noqa: PLC0415
    from services.cli.scores.refusals import Refusals  # noqa: PLC0415
    from services.ingest.mapping import load_all  # noqa: PLC0415
    from services.scoring.config import ScoringConfig  # noqa: PLC0415
    from services.scoring.settings import ScoringSettings  # noqa: PLC0415

    settings, refusals = RulesSettings(), Refusals()
    zone = ZoneInfo(known_zone(question.zone or settings.zone))
    scoring = question.scoring or ScoringSettings().scoring
    texts = read_files(question.rules or settings.rules)
    with bars() as shown:
        events = EventFiles(
            question.events,
            load_all(item for place in question.mappings for item in read_files(place).items()),
            arrived_ms=int(time.time() * 1000),
            refusals=refusals,
            delimiter=None if question.delimiter is None else delimiter_of(question.delimiter),
            progress=bar(shown, "reading"),
        )
        files = Files(
            events, texts, compile_rulebook(texts), ScoringConfig.load(scoring) if scoring else ScoringConfig(), zone
        )
        try:
            return offline_account(
                question.customer_id,
                files,
                at=question.instant(zone),
                rule=question.rule,
                progress=bar(shown, "replaying"),
            )
        finally:
            for line in refusals.told():
                ERR.print(line, markup=False, highlight=False)
