"""A message that is decoded already is answered as if it had come as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, Origin
from services.ingest.intake import Intake
from services.ingest.mapping import load_mappings
from services.ingest.translation import decode
from services.runtime.record import Record

SHIPPED = Path("deploy/mappings")
MAPPED = Intake(load_mappings(SHIPPED))
BARE = Intake()
ORIGIN = Origin("koi.orders", 1, 7, 1_769_817_600_000)
ORDER = {
    "id": "m-1", "source": "shop", "type": "order.paid", "customer_id": "客户-1", "order_id": "o-1",
    "occurred_at": "2026-01-31T08:00:00+08:00", "amount_minor": 1990, "currency": "CNY",
}  # fmt: skip
TRADE = json.loads((SHIPPED / "youzan-trade.json").read_text())
VALUE = {**ORDER, "type": "interaction", "kind": "view", "value": 2.5}


def answers(intake: Intake, message: Any) -> tuple[Any, Any]:
    """What the two ways of handing a message in come to: events, or reason and sentence of the refusal."""
    value = json.dumps(message, ensure_ascii=False).encode()
    record = Record(ORIGIN.topic, ORIGIN.partition, ORIGIN.offset, ORIGIN.timestamp_ms, None, value)
    asked: list[Callable[[], Any]] = [lambda: intake.accept(record), lambda: intake.translate(decode(value), ORIGIN)]
    found: list[Any] = []
    for ask in asked:
        try:
            found.append(ask())
        except InvalidMessage as error:
            found.append((error.reason, error.detail))
    return found[0], found[1]


@pytest.mark.parametrize("intake", [BARE, MAPPED])
@pytest.mark.parametrize(
    "message",
    [ORDER, TRADE, VALUE, {**ORDER, "amount_minor": "19.90"}, {**ORDER, "type": "order.payd"}, {}, [], "text", None],
)
def test_both_ways_come_to_the_same(intake: Intake, message: Any) -> None:
    """Canonical or mapped, accepted or refused: the same events, or the same reason and sentence."""
    accepted, translated = answers(intake, message)
    assert accepted == translated


@given(st.sampled_from([ORDER, TRADE, VALUE]), st.data())
def test_both_ways_come_to_the_same_with_one_value_changed(base: dict[str, Any], data: st.DataObject) -> None:
    """Whatever stands in a field, it is accepted or refused alike."""
    key = data.draw(st.sampled_from(sorted(base)))
    value = data.draw(
        st.none()
        | st.booleans()
        | st.integers(-(2**60), 2**60)
        | st.decimals(-(10**6), 10**6, places=3).map(float)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
        | st.lists(st.text(max_size=3), max_size=2)
    )
    for intake in (BARE, MAPPED):
        accepted, translated = answers(intake, {**base, key: value})
        assert accepted == translated


def test_the_origin_is_the_given_one() -> None:
    """An event says where its message stood, whichever way it came."""
    events: tuple[AnyEvent, ...] = BARE.translate(decode(json.dumps(ORDER).encode()), ORIGIN)
    assert [event.origin for event in events] == [ORIGIN]
