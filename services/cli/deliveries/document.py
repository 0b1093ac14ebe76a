"""The ledger for machines: lines as JSON, and as rows of a table."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from services.cli.deliveries.asking import Span
from services.cli.deliveries.ledger import Line, Stage, Standing
from services.cli.deliveries.sums import COLUMNS, Named, Sums
from services.cli.deliveries.words import Words
from services.cli.scores.rows import Cell
from services.contracts.calendar import from_ms
from services.contracts.receipt import DeliveryOutcome, Reason

HEADER = (
    "at",
    "decided_at",
    "command_id",
    "customer_id",
    "rule",
    "episode",
    "step",
    "variant",
    "template",
    "outcome",
    "reason",
    "channel",
    "attempts",
    "until",
    "delivered_at",
    "bounced_at",
    "unsubscribed_at",
    "detail",
)


class Writer:
    """Instants are ISO 8601 in the zone of `words`; steps are counted from 1, as on the terminal."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def row(self, line: Line) -> list[Cell]:
        """In the order of `HEADER`."""
        about, last, news = line.subject, line.last, line.news
        return [
            self._ms(line.at_ms),
            self._ms(about.decided_ms),
            line.command_id,
            line.customer_id,
            about.rule,
            about.episode,
            about.step + 1,
            about.variant,
            about.template,
            line.standing.value,
            line.reason.value,
            line.channel,
            0 if last is None else last.attempts,
            self._until(last),
            *(
                self._ms(news[kind].at_ms) if kind in news else None
                for kind in (DeliveryOutcome.DELIVERED, DeliveryOutcome.BOUNCED, DeliveryOutcome.UNSUBSCRIBED)
            ),
            self._words.why(line),
        ]

    def document(self, lines: Sequence[Line], sums: Sums, span: Span) -> dict[str, Any]:
        """`lines` are those shown; the sums are of all."""
        return {
            "since": self._instant(span.since),
            "until": self._instant(span.until),
            "zone": self._words.zone.key,
            "chosen": sums.chosen.total(),
            "shown": len(lines),
            "commands": [self._line(line) for line in lines],
            "sums": self._sums(sums),
            "check": {
                "whole": sums.whole,
                "commands": sums.commands,
                **{standing.value: sums.standings[standing] for standing in Standing},
                "two_ends": self._named(sums.torn),
                "receipts_without_command": self._named(sums.unheard),
                "older_than_commands": sums.older,
                "repeated_records": sums.repeated,
                "news_alone": sums.strays,
            },
        }

    def _line(self, line: Line) -> dict[str, Any]:
        about = line.subject
        return {
            "command_id": line.command_id,
            "customer_id": line.customer_id,
            "rule": about.name,
            "rule_version": about.rule,
            "episode": about.episode,
            "step": about.step + 1,
            "variant": about.variant or None,
            "template": about.template,
            "decided_at": self._ms(about.decided_ms),
            "at": self._ms(line.at_ms),
            "outcome": line.standing.value,
            "reason": line.reason.value,
            "channel": line.channel or None,
            "until": self._until(line.last),
            "detail": self._words.why(line),
            "history": [self._stage(stage) for stage in line.history],
        }

    def _stage(self, stage: Stage) -> dict[str, Any]:
        return {
            "at": self._ms(stage.at_ms),
            "outcome": stage.outcome.value,
            "reason": stage.reason.value,
            "channel": stage.channel or None,
            "attempts": stage.attempts,
            "until": self._until(stage),
            "detail": self._words.detail(stage),
        }

    def _sums(self, sums: Sums) -> list[dict[str, Any]]:
        return [
            {"outcome": outcome, "reason": reason, "commands": count} for outcome, reason, count in counted(sums)
        ] + [
            {"outcome": outcome.value, "reason": None, "commands": count}
            for outcome, count in sorted(sums.news.items())
        ]

    def _named(self, named: Named) -> dict[str, Any]:
        return {"commands": named.count, "first": named.first}

    def _until(self, stage: Stage | None) -> str | None:
        return None if stage is None or stage.until_ms < 0 else self._ms(stage.until_ms)

    def _ms(self, at_ms: int) -> str:
        return from_ms(at_ms).astimezone(self._words.zone).isoformat()

    def _instant(self, at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(self._words.zone).isoformat()


def counted(sums: Sums) -> Iterator[tuple[str, str, int]]:
    """Outcome, reason (empty for none) and commands: sent first, then by outcome, the most frequent reason first."""
    found = sorted(sums.chosen.items(), key=lambda pair: (COLUMNS.index(pair[0][0]), -pair[1], pair[0][1]))
    for (standing, reason), count in found:
        yield standing.value, "" if reason is Reason.NONE else reason.value, count
