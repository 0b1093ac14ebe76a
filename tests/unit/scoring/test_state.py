"""The stored form of a customer."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.events import AnyEvent
from services.runtime.blob import UnreadableState
from services.scoring.state import BLOBS, SCHEMA
from tests.unit.scoring.reference import START, World, events, paid


@given(given_events=events())
def test_load_undoes_dump(given_events: list[AnyEvent]) -> None:
    """Any state comes back equal, and as the same bytes."""
    world = World()
    for event in given_events:
        world.give(event)
    if world.state is None:
        return
    blob = BLOBS.dump(world.state)
    assert BLOBS.load(blob) == world.state
    assert BLOBS.dump(BLOBS.load(blob)) == blob


def test_a_newer_state_is_refused_with_what_to_do() -> None:
    """Even where all its other fields are unknown to this release."""
    blob = msgspec.msgpack.encode([SCHEMA + 1, {"quite": "different"}])
    with pytest.raises(UnreadableState, match=f"has schema {SCHEMA + 1}, this release reads {SCHEMA}: run the newer"):
        BLOBS.load(blob)


def test_an_older_state_is_refused_with_what_to_do() -> None:
    """Schema 1 knew one window only."""
    with pytest.raises(UnreadableState, match=r"rebuild the states from koi\.events"):
        BLOBS.load(msgspec.msgpack.encode([SCHEMA - 1]))


@given(blob=st.binary(max_size=40))
def test_damaged_bytes_are_refused(blob: bytes) -> None:
    """Never another exception."""
    with pytest.raises(UnreadableState):
        BLOBS.load(blob)


def test_a_customer_with_one_order_is_small() -> None:
    """Most customers buy once; they should cost next to nothing. The name and the instant of the event are 20 bytes of it."""
    world = World()
    world.give(paid("1", START))
    assert world.state is not None
    assert len(BLOBS.dump(world.state)) < 145
