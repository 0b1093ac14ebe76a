"""Our own messages survive the wire, and what is no message is refused."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.errors import InvalidMessage
from services.contracts.topics import EVENTS, Topic
from services.contracts.wire import PROFILES, RECEIPTS, Wire
from tests.unit.contracts.strategies import of
from tests.unit.contracts.validation import INTERNAL, read, validator

_FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("topic", INTERNAL, ids=lambda topic: topic.name)
@_FEW
@given(data=st.data())
def test_decode_after_encode_is_the_identity(topic: Topic, data: st.DataObject) -> None:
    """Any message of ours is decoded as it was encoded, and what was encoded passes the topic's schema."""
    wire = Wire[Any](topic.message)
    message = data.draw(of(topic.message))
    encoded = wire.encode(message)
    assert wire.decode(encoded) == message
    validator(topic).validate(json.loads(encoded))


@given(value=st.binary(max_size=64))
def test_any_bytes_are_decoded_or_refused(value: bytes) -> None:
    """Bytes that are no message raise `InvalidMessage`, and nothing else."""
    try:
        read(EVENTS, value)
    except InvalidMessage as refusal:
        assert refusal.reason == "malformed"  # noqa: PT017 - either is fine


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b"{}", b"\xff", b'{"type":"profile"', b"[" * 100_000])
def test_what_is_no_profile_is_refused(value: bytes) -> None:
    """Empty, truncated, foreign and deeply nested values are refused with one reason."""
    with pytest.raises(InvalidMessage, match=r"^malformed: not a message of this topic: "):
        PROFILES.decode(value)


def test_a_refusal_names_the_type() -> None:
    """Where a topic carries one type, the refusal names it and the field."""
    with pytest.raises(InvalidMessage, match=r"not a Receipt: .*command_id"):
        RECEIPTS.decode(b"{}")


def test_an_unknown_field_is_ignored() -> None:
    """A reader takes messages of a later version that say more."""
    receipt: dict[str, Any] = {
        "command_id": "c",
        "customer_id": "客户",
        "rule": "r@1",
        "outcome": "sent",
        "reason": "none",
    }
    receipt |= {"channel": None, "delivery": None, "attempts": 1, "at": "2026-01-31T00:00:00Z", "later": [1]}
    assert RECEIPTS.decode(json.dumps(receipt).encode()).customer_id == "客户"
