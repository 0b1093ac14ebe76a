"""What is remembered of a customer survives being written down."""

from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.engine.state import (
    BLOBS,
    KEEP_VANISHED_MS,
    CampaignState,
    RuleState,
    TierState,
    pack_mask,
    pack_profile,
    unpack_mask,
    unpack_profile,
)
from services.runtime.blob import UnreadableState
from tests.unit.rules.customers import NOON, profile

small = st.integers(0, 2**50)
names = st.text(max_size=12)
states = st.builds(
    RuleState,
    version=small,
    as_of=st.datetimes(timezones=st.just(UTC)),
    rulebook=names,
    mask=st.binary(max_size=12),
    hold_ms=st.none() | small,
    tiers=st.dictionaries(names, st.builds(TierState, tier=names, since_ms=small, jumps=small), max_size=3),
    campaigns=st.dictionaries(
        names,
        st.builds(CampaignState, active=st.booleans(), episode=small, fired_ms=st.none() | small, changed_ms=small),
        max_size=3,
    ),
    profile=st.builds(lambda activity: pack_profile(profile(activity=activity)), st.floats(0, 100)),
)


@given(states)
def test_load_undoes_dump(state: RuleState) -> None:
    """Every state comes back as it was."""
    assert BLOBS.load(BLOBS.dump(state)) == state


@given(st.integers(0, 2**300))
def test_a_mask_comes_back(mask: int) -> None:
    """Masks of any width."""
    assert unpack_mask(pack_mask(mask)) == mask


def test_a_profile_comes_back() -> None:
    """With its days, its Chinese and its attributes."""
    customer = profile(attributes={"城市": "上海", "age": 41, "vip": True, "gone": None}, tags=("a",))
    assert unpack_profile(pack_profile(customer)) == customer


def test_a_foreign_blob_is_refused() -> None:
    """Rather than overwritten with an empty state; an older one holds a profile of another form."""
    for schema, hint in ((2, "run the release that wrote it"), (4, "run the newer release that wrote it")):
        state = RuleState(schema=schema, version=1, as_of=NOON, profile=pack_profile(profile()))
        sentence = f"a stored rule state has schema {schema}, this release reads 3: {hint}"
        with pytest.raises(UnreadableState, match=sentence):
            BLOBS.load(msgspec.msgpack.encode(state))
    with pytest.raises(UnreadableState, match="a stored rule state is damaged"):
        BLOBS.load(b"\xff\x00")


def test_the_memory_of_a_rule_that_is_gone_fades() -> None:
    """It is kept for 400 days, and for ever while the rule exists."""
    now = 10 * KEEP_VANISHED_MS
    old, young = now - KEEP_VANISHED_MS - 1, now - 1
    state = RuleState(
        version=1,
        as_of=NOON,
        profile=pack_profile(profile()),
        tiers={"here": TierState("a", old), "gone": TierState("a", old), "left": TierState("a", young)},
        campaigns={
            "here": CampaignState(changed_ms=old),
            "gone": CampaignState(changed_ms=old),
            "left": CampaignState(changed_ms=young),
        },
    )
    state.forget_vanished(frozenset({"here"}), frozenset({"here"}), now)
    assert set(state.tiers) == set(state.campaigns) == {"here", "left"}
