"""The shipped year of a grocer: streamed lifetime sums against sums straight from the file."""

import csv
import lzma
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from services.scoring.config import ScoringConfig
from services.scoring.processor import ScoringProcessor
from services.scoring.state import CustomerState
from tests.unit.scoring.reference import paid, record

BASKETS = Path(__file__).parents[3] / "examples" / "complete_journey" / "data" / "baskets.csv.xz"


def test_lifetime_orders_and_money_of_every_household() -> None:
    """All baskets streamed give each household's sum of cents and its number of baskets worth more than 0."""
    processor = ScoringProcessor(ScoringConfig(currency="USD"), ZoneInfo("America/New_York"), 1)
    states: dict[str, CustomerState] = {}
    orders: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    with lzma.open(BASKETS, "rt", encoding="utf-8", newline="") as file:
        for offset, row in enumerate(csv.DictReader(file)):
            household, value = row["household_id"], int(Decimal(row["sales_value"]) * 100)
            orders[household] += value > 0
            cents[household] += value
            at = datetime.fromisoformat(row["transaction_timestamp"]).replace(tzinfo=UTC)
            order = paid(row["basket_id"], at, value, "USD")
            step = processor.apply(states.get(household), order, record(offset), at)
            assert step is not None
            assert step.state is not None
            states[household] = step.state
    assert len(states) == 2469
    assert {h: s.lifetime.orders for h, s in states.items()} == orders
    assert {h: s.lifetime.net for h, s in states.items()} == cents
    assert {h: s.order_sums(365).net for h, s in states.items()} == cents  # the year lies within the window
