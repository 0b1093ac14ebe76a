"""The mapping that `koi score` reads the baskets with, against the replay's own reader."""

from pathlib import Path

from msgspec.structs import replace

from examples.complete_journey import dataset
from services.cli.scores.files import EventFiles
from services.cli.scores.refusals import Refusals
from services.contracts.events import AnyEvent, Event, OrderPaid
from services.ingest.mapping import load_mappings

MAPPING = Path(dataset.__file__).parent / "baskets.mapping.yaml"


def without_arrival(event: AnyEvent | Event) -> Event:
    return replace(event, received_at=event.occurred_at, origin=None)


def test_each_row_becomes_the_order_that_the_replay_publishes() -> None:
    """All 155,848 baskets, in the order of the file, with the same ids, instants, amounts, discounts and shops."""
    refusals = Refusals()
    files = EventFiles(
        [dataset.DATA / "baskets.csv.xz"], load_mappings(MAPPING), arrived_ms=1_790_000_000_000, refusals=refusals
    )
    mapped = [without_arrival(event) for event in files]
    published = [without_arrival(entry.event) for entry in dataset._orders(dataset.DATA)]
    assert len(mapped) == 155_848
    assert all(isinstance(event, OrderPaid) for event in mapped)
    assert mapped == published
    assert refusals.total == 0
