"""Whatever arrives, ingest answers with events or with an `InvalidMessage`."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent
from services.contracts.wire import EVENTS
from services.ingest.intake import Intake
from services.ingest.mapping import load_mappings
from services.runtime.record import Headers, Record

MAPPINGS = load_mappings(Path("deploy/mappings"))
INTAKES = [Intake(), Intake(MAPPINGS)]
VALID: list[dict[str, Any]] = [
    {"type": "order.paid", "order_id": "o", "amount_minor": 1, "currency": "CNY", "items": [{"sku": "s"}]},
    {"type": "order.refunded", "refund_id": "r", "amount_minor": 1, "currency": "CNY"},
    {"type": "order.amended", "order_id": "o", "amount_minor": 1, "rev": 1},
    {"type": "interaction", "kind": "view", "value": 2, "touchpoint": "order"},
    {"type": "customer.updated", "tags_add": ["a"], "attributes": {"x": 1}},
    {
        "type": "customer.updated",
        "contacts": {"sms": "+8613800138000", "email": None},
        "consent": {"all": {"marketing": True}, "sms": {}},
        "channels": ["sms"],
        "language": "zh-CN",
        "owner": "",
    },
    {"type": "clock.tick"},
    *(json.loads(file.read_text()) for file in sorted(Path("deploy/mappings").glob("*.json"))),
]
ENVELOPE = {"id": "i", "source": "s", "customer_id": "c", "occurred_at": "2026-01-31T08:00:00+08:00"}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "\x00", 10**400, 2**63, 2**64, "9999-12-31T23:59:59-18:00", "1e400", "order.paid"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["ce_id", "ce_source", "ce_type", "ce_time", "x"]), st.binary(max_size=20)), max_size=3
)


def answered(value: bytes | None, headers: Headers = (), timestamp_ms: int = 1_769_817_600_000) -> None:
    for intake in INTAKES:
        for topic in ("koi.orders", "koi.interactions"):
            events: tuple[AnyEvent, ...] = ()
            refusal = InvalidMessage("none", "")
            try:
                events = intake.accept(Record(topic, 0, 0, timestamp_ms, None, value, headers))
            except InvalidMessage as error:
                refusal = error
            assert refusal.reason.isidentifier()
            assert len(refusal.detail.encode()) < 2000
            assert [EVENTS.decode(EVENTS.encode(event)) for event in events] == list(events)


@given(st.binary(max_size=200), HEADERS, st.integers(-(2**63), 2**63 - 1))
def test_any_bytes_are_answered(value: bytes, headers: Headers, timestamp_ms: int) -> None:
    """Arbitrary bytes, headers and timestamps raise nothing but `InvalidMessage`."""
    answered(value, headers, timestamp_ms)


@given(JSON, HEADERS)
def test_any_json_is_answered(value: Any, headers: Headers) -> None:
    """Arbitrary JSON, with the constants and surrogates Python writes, raises nothing but `InvalidMessage`."""
    answered(json.dumps(value).encode(), headers)


@given(st.sampled_from(VALID), st.data())
@settings(max_examples=300)
def test_a_valid_message_with_one_value_changed_is_answered(base: dict[str, Any], data: st.DataObject) -> None:
    """Replacing or removing any one value anywhere raises nothing but `InvalidMessage`."""
    message = json.loads(json.dumps({**ENVELOPE, **base}))
    place = message
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        place[key] = data.draw(JSON)
    else:
        del place[key]
    answered(json.dumps(message).encode())


@given(st.sampled_from(VALID), st.integers(0, 400), st.binary(max_size=3))
@settings(max_examples=300)
def test_a_valid_message_with_some_bytes_changed_is_answered(base: dict[str, Any], at: int, noise: bytes) -> None:
    """Overwriting or inserting bytes raises nothing but `InvalidMessage`."""
    value = json.dumps({**ENVELOPE, **base}, ensure_ascii=False).encode()
    answered(value[:at] + noise + value[at:])
    answered(value[:at] + noise + value[at + len(noise) :])


@pytest.mark.parametrize(
    "value",
    [
        b'{"type":' + b"[" * 4 + b"]" * 4 + b"}",
        b'{"trade": {"pay_info": {"payment": 1e999999999999999999999}}}',
        b'{"x": NaN}',
        b"[" * 131_072 + b"]" * 131_072,
        b'{"a":' * 40_000,
        b"\x00" * 1000,
        b'"' + b"\\" * 200_000,
    ],
)
def test_known_traps_are_answered(value: bytes) -> None:
    """Inputs that have brought readers down before are refused like any other."""
    answered(value)
