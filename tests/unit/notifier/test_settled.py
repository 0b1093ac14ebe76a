"""Commands are remembered exactly as long as is promised, and the state survives storage unchanged."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.command import Command
from services.notifier.customer.settled import HORIZON, Settled
from services.notifier.state import BLOBS, NotifierState
from services.runtime.blob import UnreadableState
from tests.unit.notifier.commands import NOON, command

DAYS = st.integers(0, 400).map(lambda days: NOON + timedelta(days=days))
STATES = st.lists(st.tuples(st.text(min_size=1), DAYS, DAYS), max_size=20).map(
    lambda dealt: _after([(command(name, expires_at=expires), now) for name, expires, now in dealt])
)


def _after(dealt: list[tuple[Command, datetime]]) -> Settled:
    state = Settled()
    for one, now in dealt:
        state = state.remember(one, now)
    return state


@given(STATES)
def test_storage_is_the_identity(settled: Settled) -> None:
    """What is loaded equals what was dumped."""
    state = NotifierState(settled=settled)
    assert BLOBS.load(BLOBS.dump(state)) == state


def test_an_id_is_remembered_for_the_horizon_after_expiry_and_settlement() -> None:
    """It may go 30 days after the later of the two, and not a second before."""
    one, other = command("one", expires_at=NOON + timedelta(days=2)), command("other", expires_at=NOON)
    state = Settled().remember(one, NOON)
    gone = NOON + timedelta(days=2) + HORIZON
    assert len(state.remember(other, gone - timedelta(seconds=1)).keys) == 2
    assert len(state.remember(other, gone).keys) == 1


def test_a_late_command_is_remembered_from_when_it_was_settled() -> None:
    """Expired a year ago, settled today: a repeat tomorrow is known."""
    old = command(expires_at=NOON - timedelta(days=365))
    assert Settled().remember(old, NOON).remember(command("x"), NOON + timedelta(days=1)).knows(old)


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 90)), min_size=1, max_size=40),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60), min_size=6),
)
def test_an_unchanged_repeat_is_known_for_ever(arrivals: list[tuple[str, int]], expiries: dict[str, int]) -> None:
    """However long a command stays away, and whatever was forgotten since, it is dealt with once."""
    state, now, dealt_with = Settled(), NOON, set[str]()
    for name, days in arrivals:
        now += timedelta(days=days)
        one = command(name, expires_at=NOON + timedelta(days=expiries[name]))
        if name in dealt_with:
            assert state.knows(one)
        if not state.knows(one):
            dealt_with.add(name)
            state = state.remember(one, now)


@given(STATES, st.integers(-29, 400))
def test_a_new_command_is_never_taken_for_a_repeat_in_time(state: Settled, days: int) -> None:
    """Up to 30 days after its expiry, nothing that was forgotten can hide a command that is new."""
    latest = NOON + timedelta(days=400)
    assert not state.knows(command("\0new", expires_at=latest + timedelta(days=days)))


def test_remembering_leaves_the_old_state_alone() -> None:
    """A dropped batch leaves no trace: the state before it is untouched."""
    before = Settled().remember(command("a"), NOON)
    blob = msgspec.msgpack.encode(before)
    before.remember(command("b"), NOON)
    assert msgspec.msgpack.encode(before) == blob


def test_a_year_of_weekly_messages_stays_small() -> None:
    """52 messages that live a day leave five ids, in some 120 bytes."""
    state = Settled()
    for week in range(52):
        now = NOON + timedelta(weeks=week)
        state = state.remember(command(f"weekly-{week}", expires_at=now + timedelta(days=1)), now)
    assert len(state.keys) == 5
    assert len(BLOBS.dump(NotifierState(settled=state))) < 130


@pytest.mark.parametrize(
    ("blob", "sentence"),
    [
        (b"\xc1", "a stored notifier state is damaged"),
        (msgspec.msgpack.encode(["x"]), "a stored notifier state is damaged"),
        (
            msgspec.msgpack.encode([3, {}, None]),
            "a stored notifier state has schema 3, this release reads 2: run the newer release that wrote it",
        ),
    ],
)
def test_a_foreign_blob_is_refused(blob: bytes, sentence: str) -> None:
    """A state that this build cannot read stops it, instead of being taken for an empty one."""
    with pytest.raises(UnreadableState, match=sentence):
        BLOBS.load(blob)
