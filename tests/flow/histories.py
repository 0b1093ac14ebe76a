"""Small histories of a few customers, drawn by hypothesis."""

from typing import Any

from hypothesis import strategies as st

from tests.flow.said import after, amended, cancelled, did, paid, refunded, updated

CUSTOMERS = ("甲", "乙", "丙-3", "客户丁")
_DAYS = 90


@st.composite
def histories(draw: st.DrawFn, largest: int = 25) -> list[dict[str, Any]]:
    """Messages in the order of their time, about customers that lie in different partitions.

    Refunds, cancellations and amendments may come before their order, or for one that never comes.
    """
    moments = sorted(draw(st.lists(st.integers(0, _DAYS * 24), min_size=1, max_size=largest, unique=True)))
    return [_message(draw, number, hours) for number, hours in enumerate(moments)]


def _message(draw: st.DrawFn, number: int, hours: int) -> dict[str, Any]:
    at = after(seconds=hours * 3600)
    customer = draw(st.sampled_from(CUSTOMERS))
    order = f"{customer}/{draw(st.integers(0, 5))}"
    amount = draw(st.sampled_from((9_900, 60_000, 160_000)))
    match draw(st.sampled_from(("paid", "paid", "paid", "refunded", "cancelled", "amended", "did", "updated"))):
        case "paid":
            return paid(customer, order, at, amount)
        case "refunded":
            return refunded(customer, order, at, amount, refund=f"r{number}")
        case "cancelled":
            return cancelled(customer, order, at)
        case "amended":
            return amended(customer, order, at, amount, rev=draw(st.integers(1, 3)))
        case "did":
            return did(customer, draw(st.sampled_from(("message", "view", "custom:品鉴"))), at, number)
        case _:
            tag = draw(st.sampled_from(("会员日", "勿扰")))
            return updated(customer, at, number, **{draw(st.sampled_from(("tags_add", "tags_remove"))): [tag]})
