"""The batch answer, which shares the core with the service."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.scoring.batch import Batch
from services.scoring.census import Counts
from services.scoring.config import ScoringConfig
from tests.unit.scoring.reference import (
    FOREVER,
    START,
    ZONES,
    World,
    answer,
    assert_says,
    deleted,
    did,
    events,
    instants,
    merged,
    paid,
    under,
)

ZONE = ZoneInfo("Asia/Shanghai")
CONFIG = ScoringConfig(lateness=FOREVER)
DAY = timedelta(days=1)


def refused(event: AnyEvent, error: InvalidMessage) -> None:
    raise AssertionError(f"{event}: {error}")


@given(given_events=events(), as_of=instants(1600), zone=st.sampled_from(ZONES), data=st.data())
def test_it_is_the_batch_answer_whatever_the_order_of_events(
    given_events: list[AnyEvent], as_of: datetime, zone: ZoneInfo, data: st.DataObject
) -> None:
    """Over all events up to the instant; later ones are left out."""
    batch = Batch(CONFIG, zone, as_of)
    states = batch.states(data.draw(st.permutations(given_events)), refused)
    known = [event for event in given_events if event.occurred_at <= as_of]
    expected = answer(known, as_of, CONFIG, zone)
    if not states:
        assert not expected.lifetime.orders
        return
    (state,) = states.values()
    line = batch.line(state)
    scores = line.scores(CONFIG, None)
    scored = msgspec.structs.replace(line.profile, r=scores.r, f=scores.f, m=scores.m, segment=scores.octant)
    assert_says(scored, expected)
    assert line.activity == pytest.approx(expected.activity, rel=1e-9, abs=1e-9)
    today = as_of.astimezone(zone).date()
    assert line.recency_days == (None if expected.last_order_day is None else (today - expected.last_order_day).days)


@given(given_events=events(), as_of=instants(1600))
def test_it_is_what_the_service_has_come_to_by_then(given_events: list[AnyEvent], as_of: datetime) -> None:
    """The same state gives the same line, whether it was streamed or folded at once."""
    known = [event for event in given_events if event.occurred_at <= as_of]
    world = World(CONFIG, ZONE)
    for event in sorted(known, key=lambda e: e.occurred_at):
        world.give(event)
    batch = Batch(CONFIG, ZONE, as_of)
    states = batch.states(known, refused)
    assert bool(states) == (world.state is not None)
    if world.state is not None:
        world.pass_to(as_of)
        live, at_once = batch.line(world.state), batch.line(states["顾客1"])
        assert live.measures == at_once.measures
        assert msgspec.structs.replace(live.profile, version=0) == msgspec.structs.replace(
            at_once.profile,
            version=0,
            activity=live.profile.activity,
            activity_at=live.profile.activity_at,
            r=live.profile.r,
            f=live.profile.f,
            m=live.profile.m,
            segment=live.profile.segment,
            rf_segment=live.profile.rf_segment,
        )
        assert live.activity == pytest.approx(at_once.activity, rel=1e-9, abs=1e-9)


def test_who_was_merged_counts_under_the_survivor() -> None:
    """Also through a chain, and a circle ends somewhere."""
    told: list[AnyEvent] = [
        under("甲", paid("1", START)),
        under("乙", paid("2", START)),
        under("丙", paid("3", START)),
        merged("甲", "乙", START + DAY),
        merged("乙", "丙", START + DAY),
        merged("丙", "甲", START + 2 * DAY),
    ]
    states = Batch(CONFIG, ZONE, START + 9 * DAY).states(told, refused)
    assert {customer: state.lifetime.orders for customer, state in states.items()} == {"丙": 3}
    before = Batch(CONFIG, ZONE, START + DAY / 2).states(told, refused)
    assert set(before) == {"甲", "乙", "丙"}


def test_who_was_deleted_is_gone_and_may_begin_anew() -> None:
    """With what came after it."""
    told: list[AnyEvent] = [paid("1", START), deleted("顾客1", START + DAY), did("view", START + 2 * DAY, "1")]
    assert Batch(CONFIG, ZONE, START + DAY).states(told, refused) == {}
    (state,) = Batch(CONFIG, ZONE, START + 3 * DAY).states(told, refused).values()
    assert (state.lifetime.orders, state.kinds["view"].lifetime) == (0, 1)


def test_an_old_id_that_comes_back_after_its_person_was_deleted_is_somebody_new() -> None:
    """Nothing is left that would tell who it was."""
    told = [
        under("甲", paid("1", START)),
        merged("甲", "乙", START + DAY),
        deleted("乙", START + 2 * DAY),
        under("甲", paid("2", START + 3 * DAY)),
    ]
    states = Batch(CONFIG, ZONE, START + 9 * DAY).states(told, refused)
    assert {customer: state.lifetime.orders for customer, state in states.items()} == {"甲": 1}


def test_what_can_never_be_folded_is_handed_back() -> None:
    """With the reason, and the rest goes on."""
    said = []
    states = Batch(CONFIG, ZONE, START + DAY).states(
        [paid("1", START, currency="USD"), paid("2", START)], lambda event, error: said.append((event.id, error.reason))
    )
    assert said == [("paid-1", "foreign_currency")]
    assert states["顾客1"].lifetime.orders == 1


def test_the_epoch_is_the_beginning_of_the_day() -> None:
    """Whose cut-offs are in force then."""
    batch = Batch(CONFIG, ZONE, datetime(2024, 3, 1, 15, tzinfo=ZONE))
    assert batch.epoch() == datetime(2024, 3, 1, tzinfo=ZONE)
    assert batch.cutoffs(Counts()).customers == 0
