"""Made-up customers and what they do: the same for the same seed, but for the instants, which end at `now`.

Shaped after a grocer's year: two thirds orders with log-normal amounts, a few refunds, the rest interactions; a fifth of
the customers does most of it.
"""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from services.contracts.topics import INTERACTIONS, ORDERS
from services.runtime.partitioning import partition_of
from services.runtime.record import Output

SOURCE = "bench"
_KINDS = ("view", "open", "click", "coupon_claim", "coupon_redeem", "store_visit", "message", "share")
_REFUND_BELOW, _INTERACTION_BELOW = 0.02, 0.32
_TAIL = 1.3
"""Exponent of the Pareto law of how busy customers are."""


class Crowd:
    """Customers `<name>-0` … of one seed."""

    def __init__(self, name: str, customers: int, partitions: int, seed: int) -> None:
        self._name = name
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._ids = [f"{name}-{i:06d}" for i in range(customers)]
        self._weights = [self._random.paretovariate(_TAIL) for _ in self._ids]
        self._partitions = partitions
        self._last_order: dict[str, tuple[str, int]] = {}

    def events(self, count: int, now: datetime) -> Iterator[Output]:
        """`count` records for the inbound topics, a millisecond apart, the last one at `now`."""
        busy = self._random.choices(self._ids, self._weights, k=count)
        for i, customer in enumerate(busy):
            yield self._record(i, customer, now - timedelta(milliseconds=count - 1 - i))

    def first_orders(self, now: datetime) -> Iterator[Output]:
        """One order of every customer."""
        for i, customer in enumerate(self._ids):
            yield self._output(ORDERS.name, customer, self._paid(i, customer), i, now)

    def _record(self, i: int, customer: str, at: datetime) -> Output:
        lot = self._random.random()
        if lot < _REFUND_BELOW and customer in self._last_order:
            order, amount = self._last_order.pop(customer)
            refund = {"type": "order.refunded", "refund_id": f"r-{i}", "order_id": order, "amount_minor": amount}
            return self._output(ORDERS.name, customer, {**refund, "currency": "CNY"}, i, at)
        if lot < _INTERACTION_BELOW:
            kind = self._random.choice(_KINDS)
            body = {"type": "interaction", "kind": kind, "object_id": f"sku-{self._random.randrange(5000)}"}
            return self._output(INTERACTIONS.name, customer, body, i, at)
        return self._output(ORDERS.name, customer, self._paid(i, customer), i, at)

    def _paid(self, i: int, customer: str) -> dict[str, Any]:
        amount = int(self._random.lognormvariate(7.5, 0.9)) + 1
        order = f"o-{self._name}-{i}"
        self._last_order[customer] = (order, amount)
        return {
            "type": "order.paid",
            "order_id": order,
            "amount_minor": amount,
            "currency": "CNY",
            "discount_minor": amount // 10,
            "channel": "mini-program",
            "shop": f"shop-{i % 40}",
        }

    def _output(self, topic: str, customer: str, body: dict[str, Any], i: int, at: datetime) -> Output:
        event = {"id": f"{self._name}-{i}", "source": SOURCE, "customer_id": customer, "occurred_at": at.isoformat()}
        value = json.dumps({**event, **body}).encode()
        return Output(topic, partition_of(customer, self._partitions), customer.encode(), value)
