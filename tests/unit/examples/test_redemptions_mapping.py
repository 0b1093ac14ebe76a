"""The mapping that `koi rules simulate` reads the used coupons with, against the replay's own reader."""

from datetime import date
from pathlib import Path

from examples.complete_journey import dataset
from services.cli.scores.files import EventFiles
from services.cli.scores.refusals import Refusals
from services.contracts.events import Event, Interaction
from services.ingest.mapping import load_mappings

MAPPING = Path(dataset.__file__).parent / "redemptions.mapping.yaml"


def facts(event: Event) -> tuple[str, str, date, str, str | None, str | None]:
    assert isinstance(event, Interaction)
    day = event.occurred_at.date()
    return event.id, event.customer_id, day, event.kind, event.object_id, event.campaign_id


def test_each_row_becomes_the_interaction_that_the_replay_publishes() -> None:
    """All 2,102 coupons, with the same ids, on the same days."""
    refusals = Refusals()
    files = EventFiles(
        [dataset.DATA / "coupon_redemptions.csv"],
        load_mappings(MAPPING),
        arrived_ms=1_790_000_000_000,
        refusals=refusals,
    )
    mapped = [facts(event) for event in files]
    assert len(mapped) == 2_102
    assert mapped == [facts(entry.event) for entry in dataset._redemptions(dataset.DATA)]
    assert refusals.total == 0
