"""The archive: orders older than every window, packed, so that a long life stays small.

What is left of an order there is all that any later event could still need: a repeat is recognised, a late refund or
amendment finds it and changes the totals exactly. Only *plain* orders are packed, those that were paid and nothing else.

An archive is a string of records sorted by key, to be searched without decoding:

| bytes | holds |
|---|---|
| 8 | key: short hash of the order id |
| 5 | paid at: Unix seconds |
| 5 | paid, minor units |
| 5 | discount, minor units |
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

_KEY = 8
_FIELD = 5
_RECORD = _KEY + 3 * _FIELD
_END = 1 << (8 * _FIELD)
EMPTY = b""


class Packed(NamedTuple):
    """One plain order."""

    key: int
    paid_at: int
    paid_minor: int
    discount_minor: int

    def fits(self) -> bool:
        """Whether every field fits its place: instants until the year 36,812, amounts below 2⁴⁰ minor units."""
        return all(0 <= field < _END for field in self[1:])


def find(archive: bytes, key: int) -> Packed | None:
    """The order with this key, by bisection."""
    at = _position(archive, key)
    record = archive[at : at + _RECORD]
    return _unpack(record) if record[:_KEY] == key.to_bytes(_KEY) else None


def without(archive: bytes, key: int) -> bytes:
    """The archive less one order that is in it."""
    at = _position(archive, key)
    return archive[:at] + archive[at + _RECORD :]


def with_orders(archive: bytes, orders: Iterable[Packed]) -> bytes:
    """The archive and these orders, none of which is in it."""
    records = [archive[at : at + _RECORD] for at in range(0, len(archive), _RECORD)]
    records += map(_pack, orders)
    return b"".join(sorted(records))


def unpack(archive: bytes) -> Iterator[Packed]:
    """All orders, by key."""
    return (_unpack(archive[at : at + _RECORD]) for at in range(0, len(archive), _RECORD))


def count(archive: bytes) -> int:
    return len(archive) // _RECORD


def _position(archive: bytes, key: int) -> int:
    """Where a record with this key is, or would be."""
    wanted = key.to_bytes(_KEY)
    low, high = 0, count(archive)
    while low < high:
        middle = (low + high) // 2
        at = middle * _RECORD
        if archive[at : at + _KEY] < wanted:
            low = middle + 1
        else:
            high = middle
    return low * _RECORD


def _pack(order: Packed) -> bytes:
    return order.key.to_bytes(_KEY) + b"".join(field.to_bytes(_FIELD) for field in order[1:])


def _unpack(record: bytes) -> Packed:
    fields = (int.from_bytes(record[at : at + _FIELD]) for at in range(_KEY, _RECORD, _FIELD))
    return Packed(int.from_bytes(record[:_KEY]), *fields)
