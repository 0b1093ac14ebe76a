"""The Complete Journey year as the events an upstream system would have published, in the order of time.

What each file becomes, and the choices made in reading it, is told in `data/SOURCE.md`.
"""

import csv
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from services.contracts.events import Event, Interaction, OrderPaid
from services.contracts.topics import INTERACTIONS, ORDERS

DATA = Path(__file__).parent / "data"
SOURCE = "complete-journey"
CURRENCY = "USD"
CAMPAIGN_RECEIVED = "custom:campaign_received"

REDEMPTION_HOUR = timedelta(hours=18)
"""A redemption has a day only. 18:00 UTC lies within that same day, in opening hours, anywhere in the United States."""


class Entry(NamedTuple):
    """An event and the topic it is published to."""

    topic: str
    event: Event


def read(folder: Path = DATA) -> list[Entry]:
    """All events by (time, topic, id): the same list on every call.

    Raise `ValueError` for an amount that is not a whole number of cents.
    """
    entries = [*_orders(folder), *_campaigns(folder), *_redemptions(folder)]
    entries.sort(key=lambda entry: (entry.event.occurred_at, entry.topic, entry.event.id))
    return entries


def minor(amount: str) -> int:
    """Cents of a decimal number of dollars, exactly."""
    cents = Decimal(amount) * 100
    if cents != cents.to_integral_value():
        raise ValueError(f"{amount} is not a whole number of cents")
    return int(cents)


def _orders(folder: Path) -> Iterator[Entry]:
    with lzma.open(folder / "baskets.csv.xz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            at = _instant(row["transaction_timestamp"])
            yield Entry(
                ORDERS.name,
                OrderPaid(
                    id=f"basket-{row['basket_id']}",
                    source=SOURCE,
                    customer_id=row["household_id"],
                    occurred_at=at,
                    received_at=at,
                    order_id=row["basket_id"],
                    amount_minor=minor(row["sales_value"]),
                    currency=CURRENCY,
                    discount_minor=sum(
                        abs(minor(row[column])) for column in ("retail_disc", "coupon_disc", "coupon_match_disc")
                    ),
                    shop=row["store_id"],
                ),
            )


def _campaigns(folder: Path) -> Iterator[Entry]:
    with (folder / "campaign_descriptions.csv").open(encoding="utf-8", newline="") as file:
        starts = {row["campaign_id"]: _instant(row["start_date"]) for row in csv.DictReader(file)}
    with (folder / "campaigns.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            campaign, household = row["campaign_id"], row["household_id"]
            yield Entry(
                INTERACTIONS.name,
                Interaction(
                    id=f"campaign-{campaign}-{household}",
                    source=SOURCE,
                    customer_id=household,
                    occurred_at=starts[campaign],
                    received_at=starts[campaign],
                    kind=CAMPAIGN_RECEIVED,
                    campaign_id=campaign,
                ),
            )


def _redemptions(folder: Path) -> Iterator[Entry]:
    with (folder / "coupon_redemptions.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            at = _instant(row["redemption_date"]) + REDEMPTION_HOUR
            yield Entry(
                INTERACTIONS.name,
                Interaction(
                    id=f"redemption-{number}",
                    source=SOURCE,
                    customer_id=row["household_id"],
                    occurred_at=at,
                    received_at=at,
                    kind="coupon_redeem",
                    object_id=row["coupon_upc"],
                    campaign_id=row["campaign_id"],
                ),
            )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
