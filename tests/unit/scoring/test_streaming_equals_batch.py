"""The promise: at any instant the streamed profile equals what a batch job over all events so far would compute."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.events import AnyEvent
from services.contracts.profile import Cause
from services.scoring.config import High, ScoringConfig, Thresholds
from tests.unit.scoring.reference import (
    FOREVER,
    TIMED,
    ZONES,
    World,
    activity_at,
    answer,
    assert_says,
    events,
    instants,
)

CONFIGS = st.builds(
    ScoringConfig,
    window_days=st.sampled_from([1, 7, 30, 365, 500, None]),
    thresholds=st.sampled_from([Thresholds(), Thresholds(r=(0, 1, 5, 400), f=(1, 2, 3, 4), m=(0, 1, 10_000, 60_000))]),
    high=st.sampled_from([High(), High(r=2, f=3, m=5)]),
    # repeats are recognised within the horizon; here they may come at any distance
    lateness=st.just(FOREVER),
)


@given(given_events=events(), config=CONFIGS, zone=st.sampled_from(ZONES), probes=st.lists(instants(1600), max_size=4))
def test_at_every_instant_the_last_profile_is_the_batch_answer(
    given_events: list[AnyEvent], config: ScoringConfig, zone: ZoneInfo, probes: list[datetime]
) -> None:
    """After each event, and at instants without any, woken only when it asked to be."""
    world = World(config, zone)
    known: list[AnyEvent] = []
    for event in given_events:
        world.give(event)
        known.append(event)
        if world.profile is not None:
            expected = answer(known, world.now, config, zone)
            assert_says(world.profile, expected)
            assert activity_at(world.profile, world.now) == pytest.approx(expected.activity, rel=1e-9, abs=1e-9)
    for probe in sorted(probes):
        if world.profile is not None and probe > world.now:
            world.pass_to(probe)
            assert_says(world.profile, answer(known, probe, config, zone))


@given(given_events=events(), config=CONFIGS, zone=st.sampled_from(ZONES), data=st.data())
def test_any_permutation_and_duplication_ends_in_the_same_profile(
    given_events: list[AnyEvent], config: ScoringConfig, zone: ZoneInfo, data: st.DataObject
) -> None:
    """Also through dump and load after every event."""
    extra = data.draw(st.lists(st.sampled_from(given_events), max_size=6)) if given_events else []
    world = World(config, zone)
    for event in data.draw(st.permutations(given_events + extra)):
        world.give(event)
        if world.state is not None:
            world.state = world.processor.load(world.processor.dump(world.state))
    if world.profile is not None:
        expected = answer(given_events, world.now, config, zone)
        assert_says(world.profile, expected)
        assert activity_at(world.profile, world.now) == pytest.approx(expected.activity, rel=1e-9, abs=1e-9)


@given(given_events=events(), config=CONFIGS, zone=st.sampled_from(ZONES))
def test_giving_everything_again_gives_no_profile(
    given_events: list[AnyEvent], config: ScoringConfig, zone: ZoneInfo
) -> None:
    """A whole replay within the horizon is a repeat."""
    world = World(config, zone)
    for event in given_events:
        world.give(event)
    assert [world.give(event) for event in given_events] == [None] * len(given_events)


@given(given_events=events(), config=CONFIGS, zone=st.sampled_from(ZONES), until=instants(1600))
def test_time_passing_in_steps_or_at_once_ends_the_same(
    given_events: list[AnyEvent], config: ScoringConfig, zone: ZoneInfo, until: datetime
) -> None:
    """One late wake says what all the punctual ones have said in the end."""
    punctual, late = World(config, zone), World(config, zone)
    for event in given_events:
        punctual.give(event)
        late.give(event)
    if late.profile is None or punctual.profile is None or until <= late.now:
        return
    punctual.pass_to(until)
    late.wake(until)
    for name in TIMED:
        assert getattr(late.profile, name) == getattr(punctual.profile, name)
    assert late.due == punctual.due


@given(given_events=events(), config=CONFIGS, zone=st.sampled_from(ZONES), share=st.floats(0, 1, exclude_max=True))
def test_a_profile_is_true_as_long_as_it_says(
    given_events: list[AnyEvent], config: ScoringConfig, zone: ZoneInfo, share: float
) -> None:
    """A batch job at any instant before `fresh_until` says the same; without one, for ever. The timer rings then."""
    world = World(config, zone)
    known: list[AnyEvent] = []
    for event in given_events:
        told = world.give(event)
        known.append(event)
        if told is None:
            continue
        assert told.fresh_until == world.due
        assert told.fresh_until is None or told.fresh_until > told.as_of
        end = told.fresh_until or told.as_of + timedelta(days=5000)
        last = end - timedelta(seconds=1)
        for probe in (min(last, told.as_of + share * (end - told.as_of)), last):
            if probe > told.as_of:
                assert_says(told, answer(known, probe, config, zone))


@given(given_events=events(), config=CONFIGS, zone=st.sampled_from(ZONES), until=instants(1600))
def test_the_next_profile_by_time_comes_when_the_last_one_said(
    given_events: list[AnyEvent], config: ScoringConfig, zone: ZoneInfo, until: datetime
) -> None:
    """Or later, where nothing that the profile says was different then; never earlier."""
    world = World(config, zone)
    for event in given_events:
        world.give(event)
    world.pass_to(max(until, world.now))
    for earlier, later in zip(world.profiles, world.profiles[1:], strict=False):
        if later.cause is Cause.TIME:
            assert earlier.fresh_until is not None
            assert later.as_of >= earlier.fresh_until
            assert later.event is None


@given(given_events=events(), config=CONFIGS, zone=st.sampled_from(ZONES), until=instants(1600))
def test_versions_rise_and_no_wake_repeats_itself(
    given_events: list[AnyEvent], config: ScoringConfig, zone: ZoneInfo, until: datetime
) -> None:
    """(version, as_of) rises strictly, and a profile caused by time differs from the one before."""
    world = World(config, zone)
    for event in given_events:
        world.give(event)
    world.pass_to(max(until, world.now))
    for earlier, later in zip(world.profiles, world.profiles[1:], strict=False):
        assert (later.version, later.as_of) > (earlier.version, earlier.as_of)
        if later.cause is Cause.TIME:
            assert any(getattr(later, name) != getattr(earlier, name) for name in TIMED)
