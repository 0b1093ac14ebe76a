"""How many bytes a customer's stored score takes, at the end of a data set and two years later, when all of it is packed."""

import lzma
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import mean, quantiles
from typing import cast
from zoneinfo import ZoneInfo

from examples.complete_journey import dataset
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, OrderPaid
from services.scoring import card
from services.scoring.batch import Batch
from services.scoring.config import ScoringConfig
from services.scoring.state import BLOBS
from tests.bench.figures import StoredStates

CDNOW = Path(__file__).parents[3] / "shared" / "data" / "cdnow" / "CDNOW_master.txt.xz"
"""Beside the repository, where somebody has put it: it may not be shipped."""
LATER = timedelta(days=730)
_ZONE = ZoneInfo("UTC")
_CONFIG = ScoringConfig(currency=dataset.CURRENCY)


def measure() -> list[StoredStates]:
    """Complete Journey, and CDNOW where it is."""
    found = [*_of("Complete Journey", [cast(AnyEvent, entry.event) for entry in dataset.read()])]
    if CDNOW.exists():
        found += _of("CDNOW", list(_cdnow()))
    return found


def _of(name: str, events: list[AnyEvent]) -> Iterable[StoredStates]:
    end = max(event.occurred_at for event in events)
    batch = Batch(_CONFIG, _ZONE, end)
    states = list(batch.states(events, _refused).values())
    for when, label in ((end, name), (end + LATER, f"{name}, two years later")):
        later = Batch(_CONFIG, _ZONE, when)
        for state in states:
            later.line(state)
            # as after its first profile
            state.version = 1
        sizes = [len(BLOBS.dump(state)) for state in states]
        digests = [len(card.card(state, _CONFIG.window_days) or b"") for state in states]
        yield StoredStates(
            data=label,
            customers=len(states),
            events=len(events),
            mean_bytes=round(mean(sizes), 1),
            p99_bytes=round(quantiles(sizes, n=100)[-1], 1),
            max_bytes=max(sizes),
            digest_bytes=round(mean(digests), 1),
            most_days=max(len(state.log.days) for state in states),
        )


def _refused(event: AnyEvent, error: InvalidMessage) -> None:
    raise AssertionError(f"{event.id}: {error}")


def _cdnow() -> Iterator[AnyEvent]:
    with lzma.open(CDNOW, "rt", encoding="ascii") as file:
        next(file)
        for number, line in enumerate(file):
            customer, day, _, value = line.split()
            at = datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=UTC)
            yield OrderPaid(
                id=str(number),
                source="cdnow",
                customer_id=customer,
                occurred_at=at,
                received_at=at,
                order_id=str(number),
                amount_minor=int(Decimal(value) * 100),
                currency=dataset.CURRENCY,
            )
