"""The order fold."""

from copy import deepcopy
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from services.scoring.orders import Order

FOLDS = st.one_of(
    st.tuples(st.just("pay"), st.integers(0, 3), st.sampled_from([0, 50, 100])),
    st.tuples(st.just("amend"), st.integers(1, 3), st.sampled_from([0, 70, 120])),
    st.tuples(st.just("refund"), st.integers(1, 3), st.sampled_from([10, 40, 100])),
    st.tuples(st.just("cancel"), st.just(0), st.just(0)),
)


def folded(steps: list[tuple[str, int, int]]) -> Order:
    order = Order()
    for step in steps:
        change(order, step)
    return order


def change(order: Order, step: tuple[str, int, int]) -> bool:
    name, first, amount = step
    if name == "cancel":
        return order.cancel()
    return order.pay(first, amount, amount // 50) if name == "pay" else bool(getattr(order, name)(first, amount))


@given(steps=st.lists(FOLDS, max_size=8), data=st.data())
def test_any_permutation_and_duplication_gives_the_same_order(
    steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    """The state depends on which events came, not on when or how often."""
    again = data.draw(st.permutations(steps + data.draw(st.lists(st.sampled_from(steps)) if steps else st.just([]))))
    assert folded(again) == folded(steps)


@given(ours=st.lists(FOLDS, max_size=6), theirs=st.lists(FOLDS, max_size=6))
def test_the_union_of_two_is_the_order_of_all_events(
    ours: list[tuple[str, int, int]], theirs: list[tuple[str, int, int]]
) -> None:
    """What was heard of an order under two ids is heard of one order."""
    order = folded(ours)
    order.absorb(folded(theirs))
    expected = folded(ours + theirs)
    assert (order.net_minor, order.amount_minor, order.paid_at, order.cancelled, order.refunds or {}) == (
        expected.net_minor,
        expected.amount_minor,
        expected.paid_at,
        expected.cancelled,
        expected.refunds or {},
    )


@given(steps=st.lists(FOLDS, max_size=8))
def test_a_fold_says_truly_whether_it_changed_anything(steps: list[tuple[str, int, int]]) -> None:
    """False means the very same order, and a repeat always says False."""
    order = Order()
    for step in steps:
        before = deepcopy(order)
        assert change(order, step) == (order != before)
        assert not change(order, step)


def test_net_is_paid_less_refunds_in_every_order_of_arrival() -> None:
    """Two refunds of one order, before or after it, leave what remains; a third of too much leaves 0."""
    for steps in permutations([("pay", 1, 100), ("refund", 1, 30), ("refund", 2, 20)]):
        assert folded(list(steps)).net_minor == 50
    assert folded([("pay", 1, 100), ("refund", 1, 130)]).net_minor == 0


def test_a_cancelled_order_is_worth_nothing() -> None:
    """Whatever arrives afterwards."""
    order = folded([("cancel", 0, 0), ("pay", 1, 100), ("amend", 1, 200)])
    assert order.net_minor == 0
    assert not order.counts(free=True)


def test_an_amendment_wins_over_the_payment_and_the_highest_revision_over_the_others() -> None:
    """The amount is that of the highest rev, the day stays that of the payment."""
    order = folded([("amend", 3, 70), ("pay", 9, 100), ("amend", 2, 500)])
    assert (order.net_minor, order.paid_at) == (70, 9)


def test_an_amendment_to_nothing_is_an_amendment() -> None:
    """Amended to 0 is worth 0, not what was paid before."""
    assert folded([("pay", 1, 100), ("amend", 1, 0)]).net_minor == 0


def test_of_two_payments_the_later_wins() -> None:
    """And within one second the larger."""
    assert folded([("pay", 2, 50), ("pay", 1, 100)]).net_minor == 50
    assert folded([("pay", 2, 50), ("pay", 2, 100)]).net_minor == 100


def test_without_a_payment_nothing_counts() -> None:
    """A stub of refunds or amendments is worth 0 until the payment arrives."""
    order = folded([("amend", 1, 70), ("refund", 1, 10)])
    assert order.net_minor == 0
    assert not order.counts(free=True)
    order.pay(1, 10, 0)
    assert order.net_minor == 60
    assert order.counts(free=False)


def test_an_order_for_nothing_counts_only_where_free_orders_do() -> None:
    """A refunded one never does."""
    free = folded([("pay", 1, 0)])
    assert not free.counts(free=False)
    assert free.counts(free=True)
    assert not folded([("pay", 1, 100), ("refund", 1, 100)]).counts(free=True)
