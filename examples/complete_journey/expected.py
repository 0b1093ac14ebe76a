"""What the pond must say in the end, counted straight from the files.

A second path on purpose: it shares no code with `dataset` nor with any service.
"""

import csv
import lzma
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Expected:
    """`net_minor` in cents; `top20_share` is the part of all revenue that the best fifth of the buyers brings (0..1).

    `orders_worthless`: baskets for which nothing was paid; they do not count.
    """

    events_in: int
    customers: int
    orders_counted: int
    orders_worthless: int
    net_minor: int
    top20_share: float


def count(folder: Path) -> Expected:
    """Count. An order counts if something was paid for it; nobody refunds in these files."""
    paid: dict[str, list[Decimal]] = defaultdict(list)
    with lzma.open(folder / "baskets.csv.xz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            paid[row["household_id"]].append(Decimal(row["sales_value"]))
    baskets = sum(map(len, paid.values()))
    campaigns = _households(folder / "campaigns.csv")
    redemptions = _households(folder / "coupon_redemptions.csv")

    totals = sorted((total for total in map(sum, paid.values()) if total > 0), reverse=True)
    best = totals[: -(-len(totals) // 5)]
    revenue = sum(totals, Decimal())
    counted = sum(value > 0 for values in paid.values() for value in values)
    return Expected(
        events_in=baskets + len(campaigns) + len(redemptions),
        customers=len({*paid, *campaigns, *redemptions}),
        orders_counted=counted,
        orders_worthless=baskets - counted,
        net_minor=int(revenue * 100),
        top20_share=round(float(sum(best, Decimal()) / revenue), 4) if revenue else 0.0,
    )


def _households(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["household_id"] for row in csv.DictReader(file)]
