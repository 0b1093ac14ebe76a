"""Decisions and expectations in words, one line each."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from services.cli.rules.testing.matching import Decided
from services.cli.rules.testing.models import Case, Expectation
from services.cli.rules.testing.values import local
from services.contracts.decision import DecisionReason, Mode, Outcome, Verdict
from services.contracts.durations import format_duration


def clock(at: datetime, zone: ZoneInfo) -> str:
    """An instant of a zone; without seconds where there are none."""
    shown = local(at, zone)
    return f"{shown:%Y-%m-%d %H:%M:%S}" if shown.second or shown.microsecond else f"{shown:%Y-%m-%d %H:%M}"


def expected_line(wish: Expectation, zone: ZoneInfo) -> str:
    """As it is written, more or less; what is not said is not there."""
    words = [wish.rule or "", _outcome(wish.kind, wish.why), _jump(wish.from_, wish.to)]
    if wish.step is not None:
        words.append(f"step {wish.step}")
    if wish.template is not None:
        words.append(f"template {wish.template}")
    if wish.templates is not None:
        words.append(_templates(wish.templates))
    words += [
        f"{key} {value}"
        for key, value in (
            ("category", wish.category),
            ("channels", None if wish.channels is None else ", ".join(wish.channels)),
            ("to", wish.recipient),
            ("variant", wish.variant),
            ("params", None if wish.params is None else _params(wish.params)),
            ("recalled", wish.recalled),
            ("mode", wish.mode),
            ("at", None if wish.at is None else clock(wish.at, zone)),
        )
        if value is not None
    ]
    return "  ".join(filter(None, words))


def decided_line(each: Decided, zone: ZoneInfo) -> str:
    """All that an expectation may say of it."""
    decision = each.decision
    words = [each.rule, _outcome(decision.outcome, decision.reason), _jump(decision.from_tier, decision.to_tier)]
    if decision.step is not None:
        words.append(f"step {decision.step + 1}")
    if decision.templates:
        words.append(_templates(decision.templates))
    for command in each.commands[:1]:
        words.append(f"category {command.category}")
        words.append(f"channels {', '.join(command.channels)}")
        words.append(f"to {command.recipient}")
        if command.variant is not None:
            words.append(f"variant {command.variant}")
    words += [f"recalled {recall.reason}" for recall in each.recalls]
    if decision.mode is not Mode.LIVE:
        words.append(f"mode {decision.mode}")
    return "  ".join([*filter(None, words), f"at {clock(decision.decided_at, zone)}"])


def verdict_line(verdict: Verdict) -> str:
    """A condition, whether it holds, and what it saw."""
    seen = ", ".join(f"{name} = {_value(value)}" for name, value in verdict.actual.items())
    return f"{'✓' if verdict.holds else '✗'} {verdict.condition}{f'    {seen}' if seen else ''}"


def act_line(case: Case, number: int, zone: ZoneInfo) -> str:
    """What an act lets happen: time first, then the rest."""
    act, words = case.acts[number], []
    if act.advance is not None:
        words.append(f"advance {format_duration(act.advance)}")
    if act.until is not None:
        words.append(f"until {clock(act.until, zone)}")
    if act.event is not None:
        words.append(f"event {act.event.kind or act.event.type}")
    if act.profile is not None:
        words.append(f"profile with {', '.join(sorted(act.profile.model_fields_set)) or 'nothing new'}")
    return ", ".join(words) or ("nothing new" if number else "the first look")


def _outcome(outcome: Outcome | None, reason: DecisionReason | None) -> str:
    if outcome is None:
        return "" if reason is None else f"reason {reason}"
    return str(outcome) if reason is None else f"{outcome}: {reason}"


def _jump(origin: str | None, target: str | None) -> str:
    if origin is None and target is None:
        return ""
    return " ".join(word for word in (origin, "→", target) if word is not None)


def _templates(templates: list[str] | tuple[str, ...]) -> str:
    if not templates:
        return "no template"
    return f"template{'s' if len(templates) > 1 else ''} {', '.join(templates)}"


def _params(params: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in params.items())


def _value(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case _:
            return str(value)
