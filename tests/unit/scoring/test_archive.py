"""Packed orders."""

from hypothesis import given
from hypothesis import strategies as st

from services.scoring import archive
from services.scoring.archive import EMPTY, Packed

KEYS = st.integers(0, 2**64 - 1)
FIELDS = st.integers(0, 2**40 - 1)
ORDERS = st.lists(st.builds(Packed, KEYS, FIELDS, FIELDS, FIELDS), max_size=20, unique_by=lambda order: order.key)


@given(orders=ORDERS, data=st.data())
def test_the_archive_is_a_set_of_orders(orders: list[Packed], data: st.DataObject) -> None:
    """In whatever order and portions they are packed, the bytes are the same and every order is found."""
    packed = EMPTY
    rest = data.draw(st.permutations(orders))
    while rest:
        some = data.draw(st.integers(1, len(rest)))
        packed, rest = archive.with_orders(packed, rest[:some]), rest[some:]
    assert packed == archive.with_orders(EMPTY, orders)
    assert list(archive.unpack(packed)) == sorted(orders)
    assert archive.count(packed) == len(orders)
    assert [archive.find(packed, order.key) for order in orders] == orders


@given(orders=ORDERS, other=KEYS)
def test_what_is_taken_out_is_gone_and_nothing_else(orders: list[Packed], other: int) -> None:
    """And a key that is not there is not found."""
    packed = archive.with_orders(EMPTY, orders)
    if other not in {order.key for order in orders}:
        assert archive.find(packed, other) is None
    for order in orders:
        left = archive.without(packed, order.key)
        assert archive.find(left, order.key) is None
        assert set(archive.unpack(left)) == set(orders) - {order}


def test_an_order_takes_23_bytes() -> None:
    """That is what an old order costs for ever."""
    assert len(archive.with_orders(EMPTY, [Packed(1, 2, 3, 4)])) == 23


def test_what_does_not_fit_says_so() -> None:
    """Such an order stays as it is."""
    assert Packed(2**64 - 1, 2**40 - 1, 0, 2**40 - 1).fits()
    assert not Packed(0, -1, 0, 0).fits()
    assert not Packed(0, 0, 2**40, 0).fits()
