"""CDNOW, every order of a cohort: windows against an answer computed with other software.

The data may not be shipped, so the test runs only where it lies beside the repository.
"""

import csv
import gzip
import lzma
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.scoring.config import ScoringConfig
from services.scoring.processor import ScoringProcessor
from services.scoring.state import CustomerState
from tests.unit.scoring.reference import paid, record

SHARED = Path(__file__).parents[4] / "shared"
CDNOW = SHARED / "data" / "cdnow"
AS_OF = datetime(1997, 4, 15, 23, 59, 59, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the CDNOW data is not shipped: it has no licence text")


@lru_cache(maxsize=1)
def orders() -> list[tuple[str, datetime, int]]:
    """Customer, noon of the day, cents; the file is sorted by customer and day."""
    with lzma.open(CDNOW / "CDNOW_master.txt.xz", "rt", encoding="ascii") as file:
        next(file)
        rows = [line.split() for line in file]
    return [
        (customer, datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC), int(Decimal(value) * 100))
        for customer, day, _, value in rows
    ]


@pytest.mark.parametrize("width", [7, 30, 90, 365])
def test_windows_equal_the_batch_answer(width: int) -> None:
    """Orders and cents in (as of − width, as of], for every customer, streamed in order and then left to time."""
    # there every row is an order, also those of value 0
    processor = ScoringProcessor(
        ScoringConfig(currency="USD", window_days=width, free_orders="count"), ZoneInfo("UTC"), 1
    )
    states: dict[str, CustomerState] = {}
    for offset, (customer, at, cents) in enumerate(orders()):
        if at > AS_OF:
            continue
        step = processor.apply(states.get(customer), paid(str(offset), at, cents, "USD"), record(offset), at)
        assert step is not None
        assert step.state is not None
        states[customer] = step.state
    differences = 0
    with gzip.open(CDNOW / "expected" / "cdnow__windows__1997-04-15.csv.gz", "rt", encoding="ascii") as file:
        for row in csv.DictReader(file):
            expected = int(row[f"n{width}"]), int(row[f"v{width}"])
            got = 0, 0
            state = states.get(row["customer_id"])
            if state is not None:
                processor.wake(state, AS_OF)
                got = state.log.orders.total, state.log.net.total
            differences += got != expected
    assert differences == 0
