"""The features a condition names with arguments, and the windows these may say."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

from services.contracts.durations import parse_duration
from services.contracts.profile import WINDOWS, Window, window_name
from services.rules.language.features import known_event, known_kind, unknown_event, unknown_kind
from services.rules.language.scene import Scene
from services.rules.language.terms import (
    CALENDAR_DAYS,
    MINOR_UNITS,
    BadArgumentError,
    DayCount,
    Feature,
    Function,
    Kind,
    Moves,
    Value,
    Vocabulary,
)
from services.runtime.problems import suggestion

LIFETIME = "lifetime"
_LENGTHS = {timedelta(days=days): window_name(days) for days in WINDOWS}
_NAMES = (*_LENGTHS.values(), LIFETIME)
_LONGEST = window_name(max(WINDOWS))
_NEAR = 2
"""A window is suggested for a length up to so many times longer or shorter."""


def _window(text: str, position: int) -> str:
    """The name of the window that is as long as `text` says: `1w` is `7d`. Raise `BadArgumentError` for another length."""
    if text == LIFETIME:
        return LIFETIME
    try:
        length = parse_duration(text)
    except ValueError:
        hint = suggestion(text, _NAMES)
    else:
        if length in _LENGTHS:
            return _LENGTHS[length]
        hint = _nearest(length)
    known = f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}"
    raise BadArgumentError(position, f"there is no window {text}{hint}; write {known}")


def _nearest(length: timedelta) -> str:
    def apart(window: timedelta) -> float:
        return max(length, window) / max(min(length, window), timedelta.resolution)

    near = min(_LENGTHS, key=apart)
    return f" (did you mean {_LENGTHS[near]}?)" if apart(near) <= _NEAR else ""


def _in_window(name: str, read: Callable[[Window], Value]) -> Callable[[Scene], Value]:
    if name == LIFETIME:
        return lambda s: read(s.profile.lifetime)

    def value(scene: Scene) -> Value:
        window = scene.profile.windows.get(name)
        return None if window is None else read(window)

    return value


def _moves(name: str) -> Moves:
    return Moves.NEVER if name == LIFETIME else Moves.WINDOW


def _orders(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    (text,) = arguments
    name = _window(text, 0)
    return Feature(
        f'orders("{text}")', Kind.NUMBER, "", "", _in_window(name, lambda window: window.orders), _moves(name)
    )


def _net_minor(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    (text,) = arguments
    name = _window(text, 0)
    return Feature(
        f'net_minor("{text}")', Kind.NUMBER, "", "", _in_window(name, lambda window: window.net_minor), _moves(name)
    )


def _count(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    kind, *text = arguments
    if not known_kind(kind):
        raise BadArgumentError(0, unknown_kind(kind))
    name = _window(text[0], 1) if text else _LONGEST
    # quoted so that no two lists of arguments look the same: features are told apart by their names
    written = ", ".join(json.dumps(argument, ensure_ascii=False) for argument in arguments)
    read = _in_window(name, lambda window: window.counts.get(kind, 0))
    return Feature(f"count({written})", Kind.NUMBER, "", "", read, _moves(name))


def _tagged(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    (tag,) = arguments
    return Feature(f'tagged("{tag}")', Kind.BOOL, "", "", lambda s: tag in s.profile.tags)


def _attr(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    (name,) = arguments
    return Feature(f'attr("{name}")', Kind.ANY, "", "", lambda s: s.profile.attributes.get(name))


def _since(arguments: tuple[str, ...], _: Vocabulary) -> Feature:
    (name,) = arguments
    if not known_event(name):
        raise BadArgumentError(0, unknown_event(name))

    def elapsed(scene: Scene) -> Value:
        last_ms = scene.last_ms(name)
        return None if last_ms is None else max(0, scene.now_ms - last_ms)

    return Feature(
        f'since("{name}")', Kind.LENGTH, "", "", elapsed, Moves.STEADILY, start=lambda scene: scene.last_ms(name)
    )


def _tiers(ladder: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    tiers = vocabulary.ladders.get(ladder)
    if tiers is None:
        raise BadArgumentError(0, f"there is no ladder {ladder}{suggestion(ladder, vocabulary.ladders)}")
    return tiers


def _tier(arguments: tuple[str, ...], vocabulary: Vocabulary) -> Feature:
    (ladder,) = arguments
    tiers = _tiers(ladder, vocabulary)
    if vocabulary.ladder is not None:
        raise BadArgumentError(0, "a ladder cannot ask for a tier; only campaigns can")
    return Feature(
        f'tier("{ladder}")',
        Kind.TEXT,
        "",
        "",
        lambda s: s.tiers.get(ladder, tiers[0]),
        Moves.DERIVED,
        choices=frozenset(tiers),
        of_tier=True,
    )


def _tier_days(arguments: tuple[str, ...], vocabulary: Vocabulary) -> Feature:
    (ladder,) = arguments
    _tiers(ladder, vocabulary)
    if vocabulary.ladder not in {None, ladder}:
        raise BadArgumentError(0, f'a ladder knows its own tier_days only; write tier_days("{vocabulary.ladder}")')

    def read(scene: Scene) -> Value:
        day = scene.entered_day(ladder)
        return None if day is None else scene.since(day)

    return Feature(
        f'tier_days("{ladder}")',
        Kind.NUMBER,
        CALENDAR_DAYS,
        "",
        read,
        Moves.DAILY,
        days=DayCount(lambda scene: scene.entered_day(ladder)),
        of_tier=True,
    )


FUNCTIONS: Mapping[str, Function] = {
    function.name: function
    for function in (
        Function(
            "orders",
            'orders("30d")',
            Kind.NUMBER,
            "orders",
            "Orders that count in a window of its own",
            (1, 1),
            _orders,
            Moves.WINDOW,
        ),
        Function(
            "net_minor",
            'net_minor("30d")',
            Kind.NUMBER,
            MINOR_UNITS,
            "Net money in a window of its own",
            (1, 1),
            _net_minor,
            Moves.WINDOW,
        ),
        Function(
            "count",
            'count("kind", "30d")',
            Kind.NUMBER,
            "interactions",
            f"Interactions of one kind in a window of its own; `{_LONGEST}` if none is written",
            (1, 2),
            _count,
            Moves.WINDOW,
        ),
        Function("tagged", 'tagged("tag")', Kind.BOOL, "", "Whether the customer carries the tag", (1, 1), _tagged),
        Function("attr", 'attr("name")', Kind.ANY, "", "An attribute; unknown if it is not set", (1, 1), _attr),
        Function(
            "since",
            'since("kind")',
            Kind.LENGTH,
            "exact",
            "How long ago an interaction kind, or an event such as `order.paid`, last happened; unknown if it never did",
            (1, 1),
            _since,
            Moves.STEADILY,
        ),
        Function(
            "tier",
            'tier("ladder")',
            Kind.TEXT,
            "",
            "The tier in a ladder; for campaigns only",
            (1, 1),
            _tier,
            Moves.DERIVED,
        ),
        Function(
            "tier_days",
            'tier_days("ladder")',
            Kind.NUMBER,
            CALENDAR_DAYS,
            "Business days since the customer came into the tier; within a ladder, of itself only",
            (1, 1),
            _tier_days,
            Moves.DAILY,
        ),
    )
}
"""By name. `orders` and `net_minor` are features too: without brackets they are those of the window of RFM."""
