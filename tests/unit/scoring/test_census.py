"""Counting the population, and the cut-offs that come of it."""

import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.population import Census, Cutoffs
from services.scoring import census
from services.scoring.census import Counts, cutoffs, histogram
from services.scoring.config import Quantile, ScoringConfig, SuperUser, Ties
from services.scoring.rfm import Measures, Scores, score

ZONE = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(2026, 11, 25, tzinfo=ZONE)
QUANTILE = ScoringConfig.model_validate({"method": "quantile"})

CUSTOMERS = st.lists(
    st.builds(Measures, st.none() | st.integers(0, 400), st.integers(1, 30), st.integers(-500, 10**9)), max_size=60
)


def counted(customers: list[Measures], partition: int = 0, partitions: int = 1) -> Census:
    counts = Counts()
    for customer in customers:
        counts.add(customer)
    return counts.census(EPOCH, ZONE, partition, partitions)


def of(customers: list[Measures], config: ScoringConfig = QUANTILE) -> Cutoffs:
    return cutoffs([counted(customers)], EPOCH, 1, config, ZONE)


def type7(values: list[int], share: Fraction) -> Fraction:
    """The definition, word for word."""
    ordered = sorted(values)
    h = (len(ordered) - 1) * share
    low = int(h)
    return ordered[low] + (h - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


@given(customers=CUSTOMERS)
def test_cuts_are_type_7_quantiles_and_means_are_exact(customers: list[Measures]) -> None:
    """Of those who have an order in the window."""
    found = of(customers)
    buyers = [customer for customer in customers if customer.recency is not None]
    assert found.customers == len(buyers)
    if not buyers:
        assert found.recency.cuts == ()
        return
    for limits, values in (
        (found.recency, [c.recency or 0 for c in buyers]),
        (found.frequency, [c.frequency for c in buyers]),
        (found.money, [c.money for c in buyers]),
    ):
        assert limits.cuts == tuple(float(type7(values, Fraction(i, 5))) for i in range(1, 5))
        assert limits.rises == limits.falls == limits.cuts
        assert limits.median == statistics.median(values)
        assert limits.mean == float(Fraction(sum(values), len(values)))


@given(customers=CUSTOMERS, data=st.data())
def test_partitions_together_say_what_the_population_says(customers: list[Measures], data: st.DataObject) -> None:
    """However the customers are spread, and in whatever order the censuses come."""
    homes = [data.draw(st.integers(0, 2)) for _ in customers]
    parts = [
        counted([c for c, home in zip(customers, homes, strict=True) if home == partition], partition, 3)
        for partition in data.draw(st.permutations(range(3)))
    ]
    assert cutoffs(parts, EPOCH, 3, QUANTILE, ZONE) == cutoffs(
        [counted(customers, 0, 3), counted([], 1, 3), counted([], 2, 3)], EPOCH, 3, QUANTILE, ZONE
    )


@given(customers=CUSTOMERS.filter(lambda found: any(c.recency is not None for c in found)))
def test_scores_are_as_the_definition_says_and_their_mean_is_that_of_the_scores(customers: list[Measures]) -> None:
    """1 + the number of cut-offs below the value, recency reversed; equal values score alike."""
    found = of(customers)
    buyers = [c for c in customers if c.recency is not None]
    scores = [score(customer, QUANTILE, found, Scores()) for customer in buyers]
    for customer, got in zip(buyers, scores, strict=True):
        assert got.r == 5 - sum(cut < (customer.recency or 0) for cut in found.recency.cuts)
        assert got.f == 1 + sum(cut < customer.frequency for cut in found.frequency.cuts)
        assert got.m == 1 + sum(cut < customer.money for cut in found.money.cuts)
    assert found.recency.score_mean == pytest.approx(statistics.mean(s.r for s in scores))
    assert found.money.score_mean == pytest.approx(statistics.mean(s.m for s in scores))


@given(customers=CUSTOMERS.filter(lambda found: any(c.recency is not None for c in found)))
def test_the_mean_score_is_that_of_the_scores_that_are_given(customers: list[Measures]) -> None:
    """Of fixed ones where scores are fixed."""
    found = of(customers, ScoringConfig())
    scores = [score(c, ScoringConfig(), found, Scores()) for c in customers if c.recency is not None]
    for limits, dimension in ((found.recency, "r"), (found.frequency, "f"), (found.money, "m")):
        assert limits.score_mean == pytest.approx(statistics.mean(getattr(s, dimension) for s in scores))


@given(customers=CUSTOMERS.filter(lambda found: any(c.recency is not None for c in found)))
def test_the_rule_of_the_r_package(customers: list[Measures]) -> None:
    """It adds 1 to the quantiles, and a value scores higher from the sum on: lower ≤ value < upper."""
    config = ScoringConfig(method=QUANTILE.method, quantile=Quantile(ties=Ties.RFM))
    found = of(customers, config)
    buyers = [c for c in customers if c.recency is not None]
    bounds = [type7([c.money for c in buyers], Fraction(i, 5)) + 1 for i in range(1, 5)]
    ages = [type7([c.recency or 0 for c in buyers], Fraction(i, 5)) + 1 for i in range(1, 5)]
    for customer in buyers:
        got = score(customer, config, found, Scores())
        assert got.m == 1 + sum(customer.money >= bound for bound in bounds)
        assert got.r == 5 - sum((customer.recency or 0) >= bound for bound in ages)


@given(customers=CUSTOMERS, share=st.sampled_from([0.01, 0.02, 0.09]))
def test_hysteresis_widens_every_cut(customers: list[Measures], share: float) -> None:
    """The lower edge is not above the cut, nor that above the upper edge, and none crosses the next cut."""
    found = of(customers, ScoringConfig(method=QUANTILE.method, quantile=Quantile(hysteresis=share)))
    for limits in (found.recency, found.frequency, found.money):
        edges = [edge for three in zip(limits.falls, limits.cuts, limits.rises, strict=True) for edge in three]
        assert all(a <= b for a, b in pairwise(edges))


def test_who_is_among_the_best_fifth_is_a_super_user_until_out_of_the_best_quarter() -> None:
    """Entering and leaving have cut-offs of their own."""
    config = ScoringConfig(super_user=SuperUser(enter=0.2, leave=0.25))
    found = of([Measures(1, 1, money) for money in range(1, 102)], config)
    assert (found.super_user_enter, found.super_user_leave) == (81.0, 76.0)

    def super_user(money: int, before: Scores) -> bool:
        return score(Measures(1, 1, money), config, found, before).super_user

    was = Scores(super_user=True, known=True)
    assert [super_user(money, Scores()) for money in (76, 77, 81, 82)] == [False, False, False, True]
    assert [super_user(money, was) for money in (76, 77, 81, 82)] == [False, True, True, True]
    assert not score(Measures(None, 0, 500), config, found, was).super_user


def test_a_histogram_is_exact_until_there_are_too_many_values() -> None:
    """Beyond that the values are too low by less than the stated share, and the sum is still exact."""
    many = Counter({value * value: 1 for value in range(census.MOST_VALUES + 1)})
    found = histogram(many)
    assert found.grain == census.GRAIN
    assert len(found.values) < census.MOST_VALUES
    assert sum(found.counts) == len(many)
    assert found.total == sum(many)
    for value in (1, 511, 512, 513, 10**9 + 7, -(10**9) - 7):
        coarse = census._coarse(value)
        assert abs(value) - abs(coarse) <= abs(value) * 2 ** (1 - census.GRAIN)
        assert abs(coarse) <= abs(value)


def test_an_older_census_is_aged() -> None:
    """One that was taken three days ago counts everybody as three days longer silent."""
    old = Counts()
    old.add(Measures(5, 1, 100))
    aged = cutoffs([old.census(EPOCH - timedelta(days=3), ZONE, 0, 1)], EPOCH, 1, QUANTILE, ZONE)
    assert aged.recency.median == 8


def test_a_version_is_named_by_its_epoch_and_its_content() -> None:
    """In business time; equal content has an equal name."""
    one, other = of([Measures(1, 1, 100)]), of([Measures(1, 1, 200)])
    assert one.version.startswith("2026-11-25T00:00.")
    assert one.version != other.version
    assert one == of([Measures(1, 1, 100)])


@given(customers=CUSTOMERS)
def test_censuses_and_cutoffs_survive_the_wire(customers: list[Measures]) -> None:
    """Exactly, limits included."""
    taken, found = counted(customers), of(customers)
    read = wire.CENSUSES.decode(wire.CENSUSES.encode(taken))
    assert read == taken
    assert wire.CUTOFFS.decode(wire.CUTOFFS.encode(found)) == found
    assert EPOCH.astimezone(UTC) == read.epoch
