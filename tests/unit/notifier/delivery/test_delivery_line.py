"""A line has few places and bounded waiting."""

import asyncio

import pytest

from services.notifier.delivery.line import Busy, Line
from tests.unit.notifier.delivery.virtual import live, seconds


async def hold(line: Line, for_s: float, log: list[tuple[str, float]], name: str) -> None:
    try:
        async with line.place():
            log.append((name, seconds()))
            await asyncio.sleep(for_s)
    except Busy as why:
        log.append((f"{name}: {why}", seconds()))


def test_places_are_given_in_order_and_the_rest_is_told_at_once() -> None:
    """Two work, two wait, the fifth hears that it is busy; nobody overtakes."""
    log: list[tuple[str, float]] = []
    watched: list[tuple[int, int]] = []

    async def story() -> None:
        line = Line(2, 2, 5.0)
        work = asyncio.gather(*(hold(line, 3, log, name) for name in "abcde"))
        for _ in range(3):
            await asyncio.sleep(2)
            watched.append((line.at_work, line.waiting))
        await work
        await hold(line, 0, log, "f")
        watched.append((line.at_work, line.waiting))

    live(story())
    assert log == [("a", 0), ("b", 0), ("e: its line of 2 is full", 0), ("c", 3), ("d", 3), ("f", 6)]
    assert watched == [(2, 2), (2, 0), (0, 0), (0, 0)]


def test_a_turn_that_does_not_come_is_waited_for_within_a_bound() -> None:
    """The one in work is not disturbed, and the place is free afterwards."""
    log: list[tuple[str, float]] = []

    async def story() -> None:
        line = Line(1, 5, 5.0)
        await asyncio.gather(*(hold(line, 60, log, name) for name in "ab"))
        await hold(line, 0, log, "c")

    live(story())
    assert log == [("a", 0), ("b: no turn within 5 s", 5), ("c", 60)]


@pytest.mark.parametrize("who", ["at work", "waiting"])
def test_who_is_cancelled_leaves_no_gap(who: str) -> None:
    """Neither a place nor a spot in the line is lost."""
    log: list[tuple[str, float]] = []

    async def story() -> None:
        line = Line(1, 1, 5.0)
        first = asyncio.create_task(hold(line, 60, log, "a"))
        second = asyncio.create_task(hold(line, 0, log, "b"))
        await asyncio.sleep(1)
        (first if who == "at work" else second).cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await hold(line, 0, log, "c")

    live(story())
    assert log == ([("a", 0), ("b", 1), ("c", 1)] if who == "at work" else [("a", 0), ("c", 60)])
