"""The benchmark's arithmetic, and the load it makes up."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.inbound import INBOUND
from services.runtime.partitioning import partition_of
from tests.bench.crowd import Crowd
from tests.bench.figures import Floor, Flow, percentiles, ratio, together
from tests.bench.hop import share
from tests.bench.meter import Spent, cpu_seconds
from tests.bench.plan import Plan

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_percentiles_are_ranks_of_what_was_measured() -> None:
    """p50 and p99 are measured values (nearest rank), in milliseconds."""
    found = percentiles([i / 1000 for i in range(100, 0, -1)])
    assert (found.count, found.p50, found.p99, found.max) == (100, 50.0, 99.0, 100.0)


def test_percentiles_of_one_value_are_that_value() -> None:
    """One measurement is its own p50 and p99."""
    found = percentiles([0.25])
    assert (found.p50, found.p99, found.max) == (250.0, 250.0, 250.0)


def test_there_are_no_percentiles_of_nothing() -> None:
    """A phase that measured nothing is an error, not a zero."""
    with pytest.raises(ValueError, match="nothing"):
        percentiles([])


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=30),
    st.integers(0, 5_000),
)
def test_shares_add_up(counts: list[int], records: int) -> None:
    """However the inputs are cut into batches, a hop of the floor writes exactly as many records as the service did."""
    expect, taken, written = sum(counts), 0, 0
    for count in counts:
        written += share(taken, count, records, expect)
        taken += count
    assert written == records


def test_cpu_seconds_survive_a_hostile_command_name() -> None:
    """User and system ticks are found behind whatever the process calls itself."""
    stat = "42 (a) b (c) S 1 1 1 0 -1 4194304 100 0 0 0 300 200 0 0 20 0 1 0 1 1 1"
    assert cpu_seconds(stat) == pytest.approx(cpu_seconds(stat.replace("(a) b (c)", "(x)")))
    assert cpu_seconds(stat) > 0


def test_what_was_spent_leaves_the_benchmark_out() -> None:
    """Publishing and watching is no cost of the pipeline."""
    spent = Spent(2.0, {"ingest": 1.0, "kafka": 1.0, "bench": 7.0}, 0.0)
    assert spent.per_cpu_second(1000) == 500.0
    assert spent.per_1000(2000)["ingest"] == 0.5
    assert spent.cores()["kafka"] == 0.5
    assert together(spent.cpu) == 2.0


def test_a_ratio_needs_a_floor() -> None:
    """Stages that cost the floor nothing (Redis) have no ratio."""
    flow = Flow(1000, 2.0, 500.0, 400.0, {"ingest": 0.4, "redis": 0.1, "bench": 1.0}, {}, {}, {}, 0.0, 0.0)
    floor = Floor(1000, 2000.0, 4000.0, [2000.0], {"ingest": 0.1, "redis": 0.0, "bench": 0.1}, 0.0)
    found = ratio(flow, floor)
    assert (found.events_per_second, found.events_per_cpu_second, found.cpu) == (0.25, 0.1, {"ingest": 4.0})


def test_every_made_up_event_is_valid() -> None:
    """The edge accepts everything the crowd does, and each record lies where its customer belongs."""
    for output in Crowd("c", 50, 8, seed=1).events(2_000, NOW):
        assert output.key is not None
        assert output.value is not None
        event = INBOUND.validate_json(output.value)
        assert output.partition == partition_of(output.key.decode(), 8)
        assert event.occurred_at <= NOW


def test_a_seed_makes_the_same_crowd() -> None:
    """Two runs with one seed publish the same events."""
    assert list(Crowd("c", 50, 8, 1).events(500, NOW)) == list(Crowd("c", 50, 8, 1).events(500, NOW))
    assert list(Crowd("c", 50, 8, 1).events(500, NOW)) != list(Crowd("c", 50, 8, 2).events(500, NOW))


def test_first_orders_are_one_a_customer() -> None:
    """The latency phase has one event for each customer, so that a customer's id names one chain of records."""
    keys = [output.key for output in Crowd("fresh", 200, 8, 1).first_orders(NOW)]
    assert len(set(keys)) == len(keys) == 200


def test_a_quick_plan_is_a_small_plan() -> None:
    """`--quick` makes everything smaller and leaves the year out."""
    quick, usual = Plan().quickened(), Plan()
    assert quick.quick
    assert not quick.year
    assert quick.events < usual.events
    assert quick.latency_seconds < usual.latency_seconds
