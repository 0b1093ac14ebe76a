"""Rounds become rarer, end, and do not all come back at the same moment."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.delivery.rounds import Rounds

DAY = 86_400.0
hints = st.none() | st.floats(allow_nan=False)


@pytest.mark.parametrize(
    ("done", "hint", "least"),
    [
        (0, None, 30),
        (0, 0.0, 30),
        (0, 5.0, 5),
        (0, 37.0, 37),
        (1, None, 30),
        (1, 5.0, 30),
        (1, 45.0, 45),
        (2, None, 120),
        (3, None, 480),
        (4, None, 1920),
        (5, None, 3600),
        (9, None, 3600),
        (2, 7200.0, 7200),
        (2, float("inf"), DAY),
    ],
)
def test_the_pause_grows_and_is_never_below_the_hint(done: int, hint: float | None, least: float) -> None:
    """30 s, fourfold each time up to an hour; before the first that counts a hint is enough; a day at most is waited for."""
    pause = Rounds().pause_s("c1", done, hint)
    assert least <= pause < least * 1.5


def test_after_the_last_round_there_is_none() -> None:
    """However often it was deferred besides."""
    assert [Rounds(most=2).over(done) for done in range(4)] == [False, False, True, True]


@given(st.text(), st.integers(0, 100), hints)
def test_the_same_question_has_the_same_answer(command_id: str, done: int, hint: float | None) -> None:
    """It is a positive, finite number of seconds, at least the hint up to a day; only the arguments decide."""
    first, second = (Rounds().pause_s(command_id, done, hint) for _ in range(2))
    assert first == second
    assert 0 < first < DAY * 1.5
    assert first >= min(hint or 0, DAY)


def test_commands_deferred_together_come_back_one_by_one() -> None:
    """A thousand commands with the same hint are spread over half of it."""
    pauses = sorted(Rounds().pause_s(f"c{i}", 0, 60.0) for i in range(1000))
    assert len(set(pauses)) == 1000
    assert pauses[0] < 62
    assert pauses[-1] > 88
    assert max(after - before for before, after in pairwise(pauses)) < 1
