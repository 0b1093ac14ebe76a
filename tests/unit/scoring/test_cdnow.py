"""CDNOW, every order of a cohort: scores and windows against answers computed with other software.

The data may not be shipped, so the tests run only where it lies beside the repository.
"""

import csv
import gzip
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, OrderPaid
from services.scoring.batch import Batch, Line
from services.scoring.census import Counts
from services.scoring.config import ScoringConfig
from services.scoring.processor import ScoringProcessor
from services.scoring.state import CustomerState
from tests.unit.scoring.reference import paid, record, under

SHARED = Path(__file__).parents[4] / "shared"
CDNOW = SHARED / "data" / "cdnow"
ZONE = ZoneInfo("UTC")

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the CDNOW data is not shipped: it has no licence text")


@lru_cache(maxsize=1)
def orders() -> list[OrderPaid]:
    """At noon of the day, in cents; the file is sorted by customer and day."""
    with lzma.open(CDNOW / "CDNOW_master.txt.xz", "rt", encoding="ascii") as file:
        next(file)
        rows = [line.split() for line in file]
    found = []
    for number, (customer, day, _, value) in enumerate(rows):
        at = datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC)
        event = under(customer, paid(str(number), at, int(Decimal(value) * 100), "USD"))
        assert isinstance(event, OrderPaid)
        found.append(event)
    return found


def expected(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(CDNOW / "expected" / f"cdnow__{name}.csv.gz", "rt", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def refused(event: AnyEvent, error: InvalidMessage) -> None:
    raise AssertionError(f"{event}: {error}")


def lines(config: ScoringConfig, as_of: datetime) -> tuple[Batch, dict[str, Line]]:
    batch = Batch(config, ZONE, as_of)
    return batch, {customer: batch.line(state) for customer, state in batch.states(orders(), refused).items()}


@pytest.mark.parametrize("by", ["mean", "median", "score_mean"])
def test_quantile_scores_octants_and_segments_equal_the_batch_answer(by: str) -> None:
    """Of every customer, as of the end of June, each row being an order; streamed scores follow from the same measures."""
    settings = {"currency": "USD", "window_days": None, "method": "quantile", "free_orders": "count"}
    config = ScoringConfig.model_validate(settings | {"high": {"by": by}})
    batch, found = lines(config, datetime(1997, 6, 30, 23, 59, 59, tzinfo=UTC))
    counts = Counts()
    for line in found.values():
        counts.add(line.measures)
    cutoffs = batch.cutoffs(counts)
    differences = []
    octant = {"mean": "octant_mean", "median": "octant_median", "score_mean": "octant_score_mean"}[by]
    for row in expected("plain__1997-06-30"):
        line = found.pop(row["customer_id"])
        scores = line.scores(config, cutoffs)
        ours = (line.recency_days, line.orders, line.net_minor, scores.r, scores.f, scores.m)
        theirs = tuple(int(row[name]) for name in ("recency_days", "frequency", "monetary_cents", "r_q", "f_q", "m_q"))
        if ours != theirs or (scores.octant, scores.rf_segment) != (row[octant], row["segment_rf10"]):
            differences.append(row["customer_id"])
    assert differences == []
    assert found == {}


def test_repeat_days_equal_those_of_the_lifetimes_package() -> None:
    """Purchase days after the first, and the age at the last of them."""
    batch = Batch(ScoringConfig(currency="USD", free_orders="count"), ZONE, datetime(1997, 9, 30, 23, tzinfo=UTC))
    states = batch.states(orders(), refused)
    differences = 0
    for row in expected("lifetimes_summary_D__1997-09-30"):
        days = states[row["customer_id"]].log.ordered(batch.today.toordinal(), None)
        differences += (len(days) - 1, days[-1] - days[0]) != (float(row["frequency"]), float(row["recency"]))
    assert differences == 0


@pytest.mark.parametrize("width", [7, 30, 90, 365])
def test_streamed_windows_equal_the_batch_answer(width: int) -> None:
    """Orders and cents in (as of − width, as of], for every customer, streamed in order and then left to time."""
    as_of = datetime(1997, 4, 15, 23, 59, 59, tzinfo=UTC)
    processor = ScoringProcessor(
        ScoringConfig(currency="USD", window_days=width, free_orders="count"), ZoneInfo("UTC"), 1
    )
    states: dict[str, CustomerState] = {}
    for offset, event in enumerate(orders()):
        if event.occurred_at > as_of:
            continue
        step = processor.apply(states.get(event.customer_id), event, record(offset), event.occurred_at)
        assert step is not None
        assert step.state is not None
        states[event.customer_id] = step.state
    differences = 0
    for row in expected("windows__1997-04-15"):
        theirs = int(row[f"n{width}"]), int(row[f"v{width}"])
        got = 0, 0
        state = states.get(row["customer_id"])
        if state is not None:
            processor.wake(state, as_of)
            got = state.order_sums(width)[:2]
        differences += got != theirs
    assert differences == 0
