"""What many customers do in a long time, as upstream publishes it."""

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.system.pipeline import Fact
from tests.system.upstream import message

_KINDS = ("view", "click", "cart_add", "message", "review", "unfollow", "custom:品鉴会", "custom:tasting")
_TAGS = ("vip", "猫奴", "coupon_hunter")
_ATTRIBUTES: tuple[dict[str, Any], ...] = ({"城市": "上海"}, {"城市": None, "cats": 2}, {"app": True, "身高": 1.75})


class Shoppers:
    """Customers with names of several scripts, between two instants; everything has an id of its own."""

    def __init__(self, chance: random.Random, count: int, start: datetime, end: datetime) -> None:
        self.names = [f"客户-{n}" if n % 2 else f"customer {n} 🐟" for n in range(count)]
        self._chance = chance
        self._start = start
        self._end = end
        self._said = 0

    def life(self, customer: str) -> Iterator[Fact]:
        """Up to a dozen orders and what becomes of them, interactions, and changes of tags and attributes."""
        chance = self._chance
        for _ in range(chance.randrange(12)):
            yield from self.order(customer, customer, self.moment(self._start))
        for _ in range(chance.randrange(16)):
            kind, value = chance.choice(_KINDS), chance.choice((1, 1, 0.5, 3))
            yield self._say("interaction", customer, self.moment(self._start), kind=kind, value=value)
        for _ in range(chance.randrange(4)):
            added, removed = chance.sample(_TAGS, 2)
            changes = {"tags_add": [added], "tags_remove": [removed], "attributes": chance.choice(_ATTRIBUTES)}
            yield self._say("customer.updated", customer, self.moment(self._start), **changes)
        if chance.random() < 0.2:
            yield self._refund(customer, self.moment(self._start), chance.randint(1, 9_000))

    def order(self, customer: str, claimant: str, at: datetime) -> Iterator[Fact]:
        """One order; whatever comes later about it is said of the claimant."""
        chance = self._chance
        order, amount = self._name("o"), chance.randint(10, 2_000) * 50
        more = {"discount_minor": chance.randint(1, amount)} if chance.random() < 0.3 else {}
        yield self._pay(customer, at, order, amount, **more)
        match chance.choices(("kept", "part", "all", "cancelled", "amended", "corrected"), (60, 12, 8, 5, 8, 7))[0]:
            case "part":
                for _ in range(chance.randint(1, 2)):
                    yield self._refund(claimant, self.moment(at), chance.randint(1, amount // 3), order_id=order)
            case "all":
                yield self._refund(claimant, self.moment(at), amount, order_id=order)
            case "cancelled":
                yield self._say("order.cancelled", claimant, self.moment(at), order_id=order)
            case "amended":
                for rev in (1, 2):
                    changes = {"order_id": order, "amount_minor": chance.randint(0, amount), "rev": rev}
                    yield self._say("order.amended", claimant, self.moment(at), **changes)
            case "corrected":
                yield self._pay(claimant, self.moment(at), order, chance.randint(1, amount))

    def merger(self, customer: str, into: str) -> Fact:
        """The first turns out to be the second."""
        return self._say("customer.merged", into, self.moment(self._start), from_id=customer)

    def deletion(self, customer: str, at: datetime) -> Fact:
        return self._say("customer.deleted", customer, at)

    def moment(self, after: datetime) -> datetime:
        """Some instant until the end."""
        return after + (self._end - after) * self._chance.random()

    def _pay(self, customer: str, at: datetime, order: str, amount: int, **more: int) -> Fact:
        return self._say("order.paid", customer, at, order_id=order, amount_minor=amount, currency="CNY", **more)

    def _refund(self, customer: str, at: datetime, amount: int, **order: str) -> Fact:
        more = {"refund_id": self._name("r"), "amount_minor": amount, "currency": "CNY", **order}
        return self._say("order.refunded", customer, at, **more)

    def _say(self, kind: str, customer: str, at: datetime, /, **more: Any) -> Fact:
        return message(kind, customer, self._name("e"), at, **more)

    def _name(self, prefix: str) -> str:
        self._said += 1
        return f"{prefix}{self._said}"
