"""Conditions that are no expression: a schedule, a period, a sequence of events."""

from datetime import datetime, timedelta

from services.contracts.calendar import as_date, as_day, from_ms
from services.contracts.durations import format_duration
from services.rules.book.models import Every, Period, Timing
from services.rules.book.sequence import EventSequence, passed
from services.rules.book.timetable import Timetable
from services.rules.language.condition import Predicate
from services.rules.language.scene import Scene
from services.rules.language.terms import Value

_WEEKDAYS = {
    every: i
    for i, every in enumerate(
        (Every.MONDAY, Every.TUESDAY, Every.WEDNESDAY, Every.THURSDAY, Every.FRIDAY, Every.SATURDAY, Every.SUNDAY)
    )
}
_WORKING_DAYS = frozenset(range(5))


def of_timing(timing: Timing) -> Predicate:
    """True at the first look at or after each instant of the schedule, on its day."""
    table = _timetable(timing)
    day = f" on day {timing.on}" if timing.on else ""
    text = f"schedule: every {timing.every}{day} at {timing.at:%H:%M}"

    def test(scene: Scene) -> bool:
        latest = table.latest(scene.now_ms, scene.days)
        # one that was missed for longer is not made up for: what is said on a Tuesday does not fit on a Thursday
        return latest is not None and passed(latest, scene) and scene.days.day_of(latest // 1000) == scene.today

    def seen(scene: Scene) -> dict[str, Value]:
        return {"now": _local(scene.now_ms, scene)}

    return Predicate(text, text, test, (lambda s: table.following(s.now_ms, s.days),), pulse=True, seen=seen)


def of_period(period: Period) -> Predicate:
    """True on the days of the period."""
    first = None if period.from_ is None else as_day(period.from_)
    last = None if period.to is None else as_day(period.to)
    text = "active: " + " ".join(
        f"{word} {day}" for word, day in (("from", period.from_), ("to", period.to)) if day is not None
    )

    def test(scene: Scene) -> bool:
        return (first is None or scene.today >= first) and (last is None or scene.today <= last)

    def flip(scene: Scene) -> int | None:
        turns = (first, None if last is None else last + 1)
        return min(
            (scene.days.start(day) * 1000 for day in turns if day is not None and day > scene.today), default=None
        )

    def seen(scene: Scene) -> dict[str, Value]:
        return {"today": as_date(scene.today).isoformat()}

    return Predicate(text, text, test, (flip,), seen=seen)


def of_sequence(sequence: EventSequence) -> Predicate:
    """True at the look at which the sequence is complete."""
    parts = [
        link.name if i == 0 else f"{link.name} within {format_duration(timedelta(milliseconds=link.within_ms))}"
        for i, link in enumerate(sequence.links)
    ]
    if sequence.absence is not None:
        parts.append(
            f"no {sequence.absence.name} within {format_duration(timedelta(milliseconds=sequence.absence.within_ms))}"
        )
    text = f"sequence: {', '.join(parts)}"

    def seen(scene: Scene) -> dict[str, Value]:
        return {name: _local(at_ms, scene) for name, at_ms in sequence.seen(scene).items()}

    flips = () if sequence.absence is None else (sequence.flip,)
    return Predicate(text, text, sequence.completes, flips, pulse=True, seen=seen)


def _timetable(timing: Timing) -> Timetable:
    match timing.every:
        case Every.MONTH:
            return Timetable(timing.at, monthday=timing.on)
        case Every.DAY:
            return Timetable(timing.at)
        case Every.WEEKDAY:
            return Timetable(timing.at, _WORKING_DAYS)
        case weekday:
            return Timetable(timing.at, frozenset({_WEEKDAYS[weekday]}))


def _local(at_ms: int, scene: Scene) -> str:
    local: datetime = from_ms(at_ms).astimezone(scene.days.zone)
    return local.isoformat(timespec="seconds")
