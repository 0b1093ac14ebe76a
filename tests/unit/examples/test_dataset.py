"""The year as events, against the year as files."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from examples.complete_journey import dataset, expected
from services.contracts.events import Interaction, OrderPaid
from services.contracts.inbound import INBOUND
from services.contracts.topics import INTERACTIONS, ORDERS
from services.contracts.wire import EVENTS


@cache
def year() -> list[dataset.Entry]:
    return dataset.read()


def orders() -> list[OrderPaid]:
    return [entry.event for entry in year() if isinstance(entry.event, OrderPaid)]


def test_the_events_say_what_the_files_say() -> None:
    """Events, customers, counting orders and money equal the count made without the reader."""
    counted = expected.count(dataset.DATA)
    paid = [order for order in orders() if order.amount_minor > 0]
    assert len(year()) == counted.events_in == 155_848 + 6_589 + 2_102
    assert len({entry.event.customer_id for entry in year()}) == counted.customers == 2_469
    assert len(paid) == counted.orders_counted
    assert len(orders()) - len(paid) == counted.orders_worthless == 478
    assert sum(order.amount_minor for order in paid) == counted.net_minor


def test_the_top_fifth_brings_more_than_half() -> None:
    """The share is measured, not assumed to be 80 %."""
    assert 0.54 < expected.count(dataset.DATA).top20_share < 0.56


def test_events_come_in_the_order_of_time() -> None:
    """Time, then topic, then id: a total order, so every reading is the same."""
    keys = [(entry.event.occurred_at, entry.topic, entry.event.id) for entry in year()]
    assert all(a < b for a, b in pairwise(keys))


def test_ids_are_unique() -> None:
    """Each event has an id of its own, also where the files have none."""
    assert max(Counter(entry.event.id for entry in year()).values()) == 1


def test_every_kind_passes_the_edge_unchanged() -> None:
    """What is published is valid inbound JSON, received when it occurred."""
    by_kind = {(entry.topic, entry.event.id.partition("-")[0]): entry.event for entry in year()}
    assert set(by_kind) == {
        (ORDERS.name, "basket"),
        (INTERACTIONS.name, "campaign"),
        (INTERACTIONS.name, "redemption"),
    }
    for event in by_kind.values():
        inbound = INBOUND.validate_json(EVENTS.encode(event))
        assert inbound.id == event.id
        assert inbound.received_at == inbound.occurred_at == event.occurred_at


def test_discounts_add_up_without_signs() -> None:
    """A basket with a shop's discount and a coupon: both were taken off."""
    basket = next(order for order in orders() if order.id == "basket-41453107964")
    assert (basket.amount_minor, basket.discount_minor) == (2397, 400 + 1699)
    assert basket.shop == "299"
    assert basket.customer_id == "936"


def test_interactions_carry_their_campaign() -> None:
    """A received campaign begins at midnight, a redemption lies within its day."""
    received = next(e.event for e in year() if isinstance(e.event, Interaction))
    redeemed = next(e.event for e in year() if e.event.id == "redemption-1")
    assert isinstance(redeemed, Interaction)
    assert (received.kind, received.occurred_at) == ("custom:campaign_received", datetime(2016, 11, 14, tzinfo=UTC))
    assert (redeemed.kind, redeemed.campaign_id, redeemed.object_id) == ("coupon_redeem", "26", "51380041013")
    assert redeemed.occurred_at == datetime(2017, 1, 1, 18, tzinfo=UTC)


@pytest.mark.parametrize(("text", "cents"), [("0.5", 50), ("0.29", 29), ("1.1", 110), ("0", 0), ("-3.10", -310)])
def test_money_is_exact(text: str, cents: int) -> None:
    """Decimal arithmetic, never floats."""
    assert dataset.minor(text) == cents == int(Decimal(text) * 100)


def test_a_fraction_of_a_cent_is_an_error() -> None:
    """Nothing is rounded in silence."""
    with pytest.raises(ValueError, match=r"0\.125 is not a whole number of cents"):
        dataset.minor("0.125")
