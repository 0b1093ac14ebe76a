"""From what a person asks of the ledger to what is read and what is shown of it. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.cli.deliveries.ledger import NEWS, Line, Scope, Standing, name_of
from services.cli.scores.instants import read_beginning, read_instant
from services.contracts.calendar import to_ms
from services.contracts.channels import ChannelName
from services.contracts.durations import parse_duration
from services.contracts.receipt import Reason
from services.runtime.problems import suggestion

OUTCOMES = (*(standing.value for standing in Standing), *sorted(outcome.value for outcome in NEWS))
"""What may be asked for: where a command is, or what a provider told of it later."""


class Choice(NamedTuple):
    """Lines that are shown: each set chooses, an empty one lets all through."""

    outcomes: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    def holds(self, line: Line) -> bool:
        return (
            (not self.outcomes or line.standing in self.outcomes or not self.outcomes.isdisjoint(line.news))
            and (not self.reasons or line.reason in self.reasons)
            and (not self.channels or line.channel in self.channels)
        )


class Span(NamedTuple):
    """From an instant to another, both included; None for no limit on that side."""

    since: datetime | None
    until: datetime | None

    @property
    def since_ms(self) -> int | None:
        return None if self.since is None else to_ms(self.since)

    @property
    def until_ms(self) -> int | None:
        return None if self.until is None else to_ms(self.until)


@dataclass(frozen=True)
class Question:
    """What is asked, as it was typed; several words may stand in one, with commas."""

    customer: str | None = None
    rule: str | None = None
    since: str | None = None
    until: str | None = None
    outcomes: Sequence[str] = ()
    reasons: Sequence[str] = ()
    channels: Sequence[str] = ()

    def span(self, now: datetime, zone: ZoneInfo) -> Span:
        """Raise `ValueError`, with what to write instead."""
        return read_span(self.since, self.until, now, zone)

    def scope(self, span: Span) -> Scope:
        return Scope(self.rule and name_of(self.rule), span.since_ms, span.until_ms)

    def choice(self) -> Choice:
        """Raise `ValueError` for a word that is none of those there are."""
        return Choice(
            _words("outcome", self.outcomes, OUTCOMES),
            _words("reason", self.reasons, [reason.value for reason in Reason]),
            _words("channel", self.channels, [channel.value for channel in ChannelName]),
        )


def read_span(since: str | None, until: str | None, now: datetime, zone: ZoneInfo) -> Span:
    """`since` may be a length of time before `now`, such as 7d; a date means its first instant, for `until` its last.

    Raise `ValueError`, with what to write instead.
    """
    span = Span(
        None if since is None else _beginning(since, now, zone), None if until is None else read_instant(until, zone)
    )
    if span.since is not None and span.until is not None and span.until < span.since:
        raise ValueError(f"--until {until} lies before --since {since}")
    return span


def _beginning(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    if "-" in text:
        return read_beginning(text, zone)
    try:
        return now - parse_duration(text)
    except ValueError:
        raise ValueError(
            f"--since {text!r} is neither a length of time, such as 7d or 12h, nor a date, such as 2026-03-31, nor an instant"
        ) from None


def _words(what: str, written: Sequence[str], known: Collection[str]) -> frozenset[str]:
    words = frozenset(word.strip() for text in written for word in text.split(",") if word.strip())
    for word in sorted(words):
        if word not in known:
            hint = suggestion(word, known) or f"; there are {', '.join(known)}"
            raise ValueError(f"there is no {what} {word}{hint}")
    return words
