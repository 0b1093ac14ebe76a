"""From what a person asks for to a silence, and which of those there are a person means. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from services.cli.scores.instants import read_instant
from services.contracts.channels import Category, ChannelName
from services.contracts.durations import parse_duration
from services.contracts.errors import KoipondError
from services.contracts.silence import Matcher, Silence
from services.runtime.problems import suggestion

KEPT_AFTER = timedelta(days=30)
"""How long a silence that is over stays on the topic, to be looked up."""

N = TypeVar("N", bound=str)


class NoSuchSilence(KoipondError):  # noqa: N818 - what it is
    """None, or more than one, of the silences is meant."""


@dataclass(frozen=True)
class Known:
    """Names that can be checked: those of rules and of their templates, None where nobody knows them all."""

    rules: Collection[str] | None = None
    templates: Collection[str] | None = None


@dataclass(frozen=True)
class Wish:
    """What is to be silent, as it was typed. `lasting` or `until`; `everything` stands for no matcher."""

    comment: str
    by: str
    rule: str | None = None
    template: str | None = None
    category: str | None = None
    channel: str | None = None
    customer: str | None = None
    everything: bool = False
    lasting: str | None = None
    until: str | None = None
    known: Known = field(default_factory=Known)

    def silence(self, silence_id: str, now: datetime, zone: ZoneInfo) -> Silence:
        """From `now` on. Raise `ValueError`, with what to write instead."""
        if not self.comment.strip():
            raise ValueError("--comment is empty; say why, for whoever wonders later")
        if not self.by.strip():
            raise ValueError("nobody knows who you are; write --by NAME")
        return Silence(
            id=silence_id,
            matcher=self._matcher(),
            starts_at=now,
            ends_at=self._end(now, zone),
            created_at=now,
            created_by=self.by.strip(),
            comment=self.comment.strip(),
        )

    def _matcher(self) -> Matcher:
        matcher = Matcher(
            rule=self.rule and _one_of("rule", self.rule.partition("@")[0], self.known.rules),
            template=self.template and _one_of("template", self.template, self.known.templates),
            category=Category(_one_of("category", self.category, list(Category))) if self.category else None,
            channel=self.channel and _one_of("channel", self.channel, list(ChannelName)),
            customer_id=self.customer or None,
        )
        nothing = matcher == Matcher()
        if nothing and not self.everything:
            raise ValueError(
                "say what is to be silent: --rule, --template, --category, --channel, --customer, or --everything"
            )
        if self.everything and not nothing:
            raise ValueError("--everything leaves nothing to choose from; leave the others out, or it")
        return matcher

    def _end(self, now: datetime, zone: ZoneInfo) -> datetime:
        if (self.lasting is None) == (self.until is None):
            raise ValueError("say how long: either --for 2h or --until 2026-03-31T18:00:00+08:00")
        if self.lasting is not None:
            length = parse_duration(self.lasting)
            if not length:
                raise ValueError("--for 0 silences nothing")
            return now + length
        end = read_instant(self.until or "", zone)
        if end <= now:
            raise ValueError(f"--until {self.until} is over already")
        return end


def meant(prefixes: Sequence[str], silences: Iterable[Silence], now: datetime) -> list[Silence]:
    """Of each id, or its beginning, the one silence that it means. Raise `NoSuchSilence`; a silence that is over is none."""
    there = {silence.id: silence for silence in silences}
    return list({found.id: found for found in (_meant(prefix, there, now) for prefix in prefixes)}.values())


def expired(silence: Silence, now: datetime) -> Silence:
    """The same, over."""
    return msgspec.structs.replace(silence, ends_at=now)


def forgotten(silences: Iterable[Silence], now: datetime) -> list[str]:
    """The ids of those that were over long ago: they may name customers, and nobody needs them any more."""
    return [silence.id for silence in silences if silence.ends_at + KEPT_AFTER <= now]


def _meant(prefix: str, there: Mapping[str, Silence], now: datetime) -> Silence:
    found = [prefix] if prefix in there else [name for name in there if prefix and name.startswith(prefix)]
    if not found:
        raise NoSuchSilence(f"there is no silence {prefix}{suggestion(prefix, there)}; see koi silence list")
    if len(found) > 1:
        raise NoSuchSilence(f"{prefix} may be {', '.join(sorted(found))}; write more of it")
    silence = there[found[0]]
    if silence.ends_at <= now:
        raise NoSuchSilence(f"silence {silence.id} is over already")
    return silence


def _one_of(what: str, word: str, known: Collection[str] | None) -> str:
    if known is None or word in known:
        return word
    hint = suggestion(word, known) or (f"; there are {', '.join(sorted(known))}" if known else "")
    raise ValueError(f"there is no {what} {word}{hint}")
