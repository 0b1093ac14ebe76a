"""The union of two customers."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.contracts.profile import Cause, Happening
from services.contracts.topics import PROFILES, TRANSFERS
from services.contracts.transfer import MAX_HOPS, Forwarded
from services.runtime.processor import Emit
from services.scoring.config import ScoringConfig
from tests.unit.scoring.reference import (
    FOREVER,
    START,
    World,
    activity_at,
    answer,
    assert_says,
    deleted,
    did,
    events,
    merged,
    paid,
    record,
    taken_over,
    transfer,
    under,
)

ZONE = ZoneInfo("Asia/Shanghai")
CONFIG = ScoringConfig(lateness=FOREVER)
DAY = timedelta(days=1)


@given(given_events=events(), data=st.data())
def test_the_survivor_is_the_customer_of_all_events(given_events: list[AnyEvent], data: st.DataObject) -> None:
    """Orders known under both ids, refunds on the other side, tags, windows: as if it had been one id all along.

    Whatever part of the events came under the old id, before the merger or after it, and in whatever order.
    """
    everything = data.draw(st.permutations(given_events))
    old, new = World(CONFIG, ZONE), World(CONFIG, ZONE)
    moment = data.draw(st.integers(0, len(everything)))
    for number, event in enumerate(everything):
        if number == moment:
            taken_over(old, new, merged("旧号", "顾客1", max(old.now, new.now)))
        if data.draw(st.booleans()):
            old.give(under("旧号", event))
            if number >= moment:
                taken_over(old, new)
        else:
            new.give(event)
    if moment == len(everything):
        taken_over(old, new, merged("旧号", "顾客1", max(old.now, new.now)))
    if new.profile is None:
        return
    new.pass_to(max(old.now, new.now))
    expected = answer(given_events, new.now, CONFIG, ZONE)
    assert_says(new.profile, expected)
    assert activity_at(new.profile, new.now) == pytest.approx(expected.activity, rel=1e-9, abs=1e-9)
    assert new.state is not None
    assert new.state.today == World(CONFIG, ZONE).processor._today(new.now)
    assert all(profile.cause is not Cause.MERGED or profile.version >= 0 for profile in new.profiles)


def test_an_interaction_under_both_ids_counts_twice_and_then_never_again() -> None:
    """Nothing is kept of it that could be taken back; a later repeat is recognised all the same."""
    old, new = World(), World()
    old.give(under("旧号", did("view", START, "1")))
    new.give(did("view", START, "1"))
    taken_over(old, new, merged("旧号", "顾客1", START))
    assert new.profile is not None
    assert (new.profile.cause, new.profile.lifetime.counts) == (Cause.MERGED, {"view": 2})
    assert new.give(did("view", START, "1")) is None


def test_of_two_ids_the_newest_instants_are_known() -> None:
    """A merger is no event of the survivor's own to tell; one that is passed on is told like any other."""
    old, new = World(), World()
    old.give(under("旧号", did("view", START + DAY, "1")))
    old.give(under("旧号", did("login", START, "2")))
    new.give(paid("1", START))
    new.give(did("view", START, "3"))
    taken_over(old, new, merged("旧号", "顾客1", START + DAY))
    assert new.profile is not None
    assert (new.profile.cause, new.profile.event) == (Cause.MERGED, None)
    assert new.profile.last_at == {"login": START, "order.paid": START, "view": START + DAY}
    assert new.profile.fresh_until == new.due
    old.give(under("旧号", did("view", START + 2 * DAY, "4")))
    taken_over(old, new)
    assert (new.profile.cause, new.profile.event) == (
        Cause.OWN_EVENT,
        Happening(type="interaction", kind="view", value=1),
    )
    assert new.profile.last_at["view"] == START + 2 * DAY


def test_the_old_id_ends_with_a_tombstone_and_everything_else_goes_to_the_survivor() -> None:
    """The profile is taken from its topic, and what comes for the old id later lies in the survivor's partition."""
    old = World()
    old.give(under("旧号", paid("1", START)))
    step = old.processor.apply(old.state, merged("旧号", "顾客1", START), record(2), START)
    assert step is not None
    assert step.state is not None
    assert step.state.merged_into == "顾客1"
    assert step.due is None
    assert old.processor.digest(step.state) is None
    transfer, tombstone = step.outputs
    assert (transfer.topic, transfer.to) == (TRANSFERS.name, (0, "顾客1".encode()))
    assert tombstone == Emit(PROFILES.name, None)
    later = old.processor.apply(step.state, under("旧号", paid("2", START)), record(3), START)
    assert later is not None
    assert [(output.topic, output.to) for output in later.outputs] == [(TRANSFERS.name, (0, "顾客1".encode()))]


def test_a_handover_that_comes_again_changes_nothing() -> None:
    """A crash may repeat it."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START)))
    taken_over(old, new, merged("旧号", "顾客1", START))
    assert new.state is not None
    before = new.processor.dump(new.state)
    assert old.handed is not None
    assert new.processor.apply(new.state, old.handed, transfer(9), START) is None
    assert new.processor.dump(new.state) == before


def test_a_handover_that_holds_more_the_second_time_loses_nothing() -> None:
    """A crash may make it anew, after more has come; what can be told from the first is taken, interactions are not."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START, 100)))
    old.give(under("旧号", did("view", START, "v")))
    assert old.state is not None
    first = old.processor.load(old.processor.dump(old.state))
    taken_over(old, new, merged("旧号", "顾客1", START))
    again = World()
    again.state = first
    again.give(under("旧号", paid("2", START, 200)))
    new.due, new.now = None, START + 40 * DAY  # it comes late, to a worker that was asleep
    taken_over(again, new, merged("旧号", "顾客1", START))
    assert new.profile is not None
    assert (new.profile.lifetime.orders, new.profile.lifetime.net_minor) == (2, 300)
    assert (new.profile.windows["30d"].orders, new.profile.windows["90d"].orders) == (0, 2)
    assert new.profile.lifetime.counts == {"view": 1}


def test_a_handover_to_whom_was_deleted_meanwhile_brings_nothing_back() -> None:
    """The old id is told, and forgotten like the survivor."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START)))
    new.give(paid("2", START))
    new.play(deleted("顾客1", START + DAY))
    new.others.clear()
    taken_over(old, new, merged("旧号", "顾客1", START))
    assert new.state is not None
    assert new.state.blank
    taken_over(new, old)
    assert old.state is not None
    assert (old.state.merged_into, old.state.blank) == (None, True)


def test_the_same_merger_again_changes_nothing_and_another_one_is_refused() -> None:
    """Whoever was merged into one customer cannot be merged into a second."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START)))
    taken_over(old, new, merged("旧号", "顾客1", START))
    assert old.processor.apply(old.state, merged("旧号", "顾客1", START), record(3), START) is None
    with pytest.raises(InvalidMessage) as error:
        old.processor.apply(old.state, merged("旧号", "第三人", START), record(4), START)
    assert error.value.reason == "merged_before"


def test_two_customers_cannot_be_merged_into_each_other() -> None:
    """The survivor knows whom it has taken in; and what goes round in a circle stops."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START)))
    new.give(paid("2", START))
    taken_over(old, new, merged("旧号", "顾客1", START))
    with pytest.raises(InvalidMessage, match="was merged into this one before"):
        new.processor.apply(new.state, merged("顾客1", "旧号", START), record(5), START)
    with pytest.raises(InvalidMessage, match="into itself"):
        new.processor.apply(new.state, merged("顾客1", "顾客1", START), record(5), START)
    round_trip = Forwarded(customer_id="旧号", event=under("旧号", paid("9", START)), hops=MAX_HOPS)
    with pytest.raises(InvalidMessage, match="merged in a circle"):
        old.processor.apply(old.state, round_trip, transfer(6), START)


def test_a_circle_is_seen_even_where_one_of_them_was_unknown() -> None:
    """Nobody had heard of the first when it was merged; merging the survivor into it would lose everything."""
    old, new = World(), World()
    new.give(paid("1", START))
    taken_over(old, new, merged("旧号", "顾客1", START))
    assert len(new.profiles) == 1 + 1
    with pytest.raises(InvalidMessage, match="was merged into this one before"):
        new.processor.apply(new.state, merged("顾客1", "旧号", START), record(5), START)


def test_who_was_deleted_and_then_merged_stays_deleted() -> None:
    """What is late from before the deletion counts for nobody."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START)))
    old.play(deleted("旧号", START + DAY))
    new.give(paid("2", START))
    taken_over(old, new, merged("旧号", "顾客1", START + DAY))
    assert old.give(under("旧号", paid("3", START))) is None
    taken_over(old, new)
    assert new.profile is not None
    assert new.profile.lifetime.orders == 1


def test_deleting_the_survivor_deletes_the_old_ids_too() -> None:
    """No alias is left that would tell who somebody was."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START)))
    taken_over(old, new, merged("旧号", "顾客1", START))
    new.play(deleted("顾客1", START))
    taken_over(new, old)
    assert old.state is not None
    assert (old.state.merged_into, old.state.blank) == (None, True)
    taken_over(old, new)
    assert new.state is not None
    assert (new.state.absorbed, new.state.blank) == ([], True)


def test_a_chain_of_mergers_ends_with_the_last() -> None:
    """What was handed to a customer who is merged away in its turn is handed on."""
    first, second, third = World(), World(), World()
    first.give(under("一", paid("1", START)))
    second.give(under("二", paid("2", START)))
    taken_over(second, third, merged("二", "顾客1", START))
    first.play(merged("一", "二", START))
    taken_over(first, second)
    taken_over(second, third)
    assert third.profile is not None
    assert third.profile.lifetime.orders == 2
    assert third.state is not None
    assert third.state.absorbed == ["一", "二"]


def test_a_customer_nobody_knew_is_an_alias_all_the_same() -> None:
    """What comes for it later belongs to the survivor."""
    old, new = World(), World()
    taken_over(old, new, merged("旧号", "顾客1", START))
    assert new.state is not None
    assert new.state.blank
    assert new.profiles == []
    old.give(under("旧号", paid("1", START)))
    taken_over(old, new)
    assert new.profile is not None
    assert (new.profile.customer_id, new.profile.orders) == ("顾客1", 1)


def test_deleting_the_old_id_deletes_the_person() -> None:
    """It is one person, who is forgotten under both ids."""
    old, new = World(), World()
    old.give(under("旧号", paid("1", START)))
    taken_over(old, new, merged("旧号", "顾客1", START))
    old.play(deleted("旧号", START))
    taken_over(old, new)
    assert new.state is not None
    assert new.state.blank
    assert old.state is not None
    assert old.state.blank
