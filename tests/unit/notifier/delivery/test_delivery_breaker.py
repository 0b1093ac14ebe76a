"""The breaker opens after failures in a row, rests longer each time, and closes with one success."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.delivery.breaker import Breaker, BreakerState, Permit

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def enter(breaker: Breaker, now: float) -> Permit:
    permit = breaker.enter(now)
    assert permit is not None
    return permit


def opened(failures: int = 3, first_s: float = 10, most_s: float = 60, asked_s: float | None = None) -> Breaker:
    """Opened at 0 by failures in a row."""
    breaker = Breaker(failures, first_s, most_s)
    for _ in range(failures):
        breaker.failed(enter(breaker, 0), 0, asked_s)
    return breaker


def test_it_opens_with_the_last_of_so_many_failures_in_a_row() -> None:
    """One less leaves it closed, and a success between makes the count begin anew."""
    breaker = Breaker(3, 10, 60)
    for ending in (breaker.failed, breaker.failed, None, breaker.failed, breaker.failed):
        permit = enter(breaker, 0)
        breaker.succeeded(permit) if ending is None else ending(permit, 0)
    assert (breaker.state, breaker.rest_s(0)) == (CLOSED, 0)
    breaker.failed(enter(breaker, 5), 5)
    assert (breaker.state, breaker.rest_s(5), breaker.rest_s(9), breaker.enter(14.9)) == (OPEN, 10, 6, None)


def test_after_the_rest_one_is_let_through() -> None:
    """Everybody else waits for what becomes of the probe."""
    breaker = opened()
    probe = enter(breaker, 10)
    assert breaker.state is HALF_OPEN
    assert (breaker.enter(10), breaker.rest_s(10)) == (None, 10)
    breaker.succeeded(probe)
    assert (breaker.state, breaker.rest_s(10)) == (CLOSED, 0)
    assert enter(breaker, 10) == enter(breaker, 10)


def test_each_probe_that_fails_doubles_the_rest_up_to_a_bound() -> None:
    """And a success makes the next rest short again."""
    breaker = opened()
    now, rests = 0.0, []
    for _ in range(5):
        rests.append(breaker.rest_s(now))
        now += rests[-1]
        breaker.failed(enter(breaker, now), now)
    assert rests == [10, 20, 40, 60, 60]
    now += 60
    breaker.succeeded(enter(breaker, now))
    for _ in range(3):
        breaker.failed(enter(breaker, now), now)
    assert breaker.rest_s(now) == 10


@pytest.mark.parametrize(("asked_s", "rest_s"), [(None, 10), (3, 10), (30, 30), (3600, 60), (float("inf"), 60)])
def test_a_provider_may_ask_for_a_longer_rest(asked_s: float | None, rest_s: float) -> None:
    """Within the bound; a shorter one is not granted."""
    assert opened(asked_s=asked_s).rest_s(0) == rest_s


def test_a_probe_that_was_never_made_leaves_room_for_another() -> None:
    """The next may be the probe at once."""
    breaker = opened()
    breaker.abandoned(enter(breaker, 10))
    assert breaker.rest_s(10) == 0
    assert enter(breaker, 10)


def test_what_began_before_decides_nothing_now() -> None:
    """Stragglers of a closed breaker neither close it nor make it rest anew, and cannot pass for the probe."""
    breaker = Breaker(1, 10, 60)
    stragglers = [enter(breaker, 0) for _ in range(4)]
    breaker.failed(stragglers[0], 0)
    breaker.succeeded(stragglers[1])
    breaker.failed(stragglers[2], 9)
    assert (breaker.state, breaker.rest_s(9)) == (OPEN, 1)
    enter(breaker, 10)
    breaker.abandoned(stragglers[3])
    breaker.succeeded(stragglers[1])
    assert (breaker.state, breaker.enter(10)) == (HALF_OPEN, None)


steps = st.lists(
    st.tuples(st.sampled_from(["enter", "succeed", "fail", "abandon"]), st.integers(0, 30), st.integers(0, 9))
)


@given(steps, st.integers(1, 4))
def test_whatever_happens_it_rests_within_its_bounds_and_always_comes_back(
    story: list[tuple[str, int, int]], most: int
) -> None:
    """A permit is given exactly when no rest is asked for; half open never has two; after the longest rest one may try."""
    breaker = Breaker(most, 10, 60)
    now = 0.0
    out: list[Permit] = []
    for step, passes, which in story:
        now += passes
        assert 0 <= breaker.rest_s(now) <= 60
        if step == "enter":
            free = breaker.rest_s(now) == 0
            permit = breaker.enter(now)
            assert (permit is not None) == free
            if permit is not None:
                out.append(permit)
                assert breaker.state is CLOSED or out.count(permit) == 1
        elif out:
            permit = out.pop(which % len(out))
            match step:
                case "succeed":
                    breaker.succeeded(permit)
                case "fail":
                    breaker.failed(permit, now)
                case _:
                    breaker.abandoned(permit)
        assert (breaker.state is CLOSED) <= (breaker.rest_s(now) == 0)
    if breaker.state is OPEN:
        assert breaker.enter(now + 60) is not None
