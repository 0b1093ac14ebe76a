"""The hand-written examples in docs/contracts say the truth."""

import json
from typing import Any

import msgspec
import pytest
from pydantic import TypeAdapter, ValidationError

from services.cli.schemas import schema
from services.contracts.decision import Mode, Outcome
from services.contracts.errors import InvalidMessage
from services.contracts.inbound import MAX_MESSAGE_BYTES
from services.contracts.topics import (
    CENSUS,
    CLAIMS,
    CUTOFFS,
    DEAD_LETTER,
    DECISIONS,
    INBOUND,
    PROFILES,
    SEATS,
    SILENCES,
    TOPICS,
    Topic,
)
from services.contracts.wire import Wire
from tests.unit.contracts.validation import CONTRACTS, INTERNAL, examples, read, validator


def _cases(topics: Any, section: str) -> list[Any]:
    return [
        pytest.param(topic, example, id=f"{topic.name}: {example['about']}")
        for topic in topics
        for example in examples(topic, section)
    ]


@pytest.mark.parametrize(("topic", "example"), _cases(TOPICS, "valid"))
def test_an_example_passes_the_schema(topic: Topic, example: dict[str, Any]) -> None:
    """Every example validates against its topic's JSON Schema."""
    validator(topic).validate(example["message"])


@pytest.mark.parametrize(("topic", "example"), _cases(TOPICS, "valid"))
def test_an_example_is_read(topic: Topic, example: dict[str, Any]) -> None:
    """Every example is accepted by the reader the services use, and fits the limit of the edge."""
    value = json.dumps(example["message"], ensure_ascii=False).encode()
    assert read(topic, value) is not None
    assert len(value) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize(("topic", "example"), _cases(INTERNAL, "valid"))
def test_an_internal_example_is_what_a_service_writes(topic: Topic, example: dict[str, Any]) -> None:
    """Decoding an internal example and encoding it again gives the same document, and the same struct."""
    wire = Wire[Any](topic.message)
    decoded = wire.decode(json.dumps(example["message"]).encode())
    encoded = wire.encode(decoded)
    assert json.loads(encoded) == example["message"]
    assert wire.decode(encoded) == decoded


@pytest.mark.parametrize(("topic", "example"), _cases(INBOUND, "valid"))
def test_an_inbound_example_round_trips(topic: Topic, example: dict[str, Any]) -> None:
    """What the reader made of an inbound example, written out again, is read as the same."""
    adapter = TypeAdapter[Any](topic.message)
    first = adapter.validate_python(example["message"])
    assert adapter.validate_json(adapter.dump_json(first, by_alias=True)) == first


@pytest.mark.parametrize(("topic", "example"), _cases(TOPICS, "valid"))
def test_an_example_is_keyed_by_its_customer(topic: Topic, example: dict[str, Any]) -> None:
    """The key shown is the customer a message is about; a tick has an empty one, a dead letter that of its original.

    What is about all customers is keyed by partition or by version, a silence by its id.
    """
    message = example["message"]
    if topic is DEAD_LETTER:
        key = None if message["key"] is None else msgspec.convert(message["key"], bytes).decode()
        assert key == example["key"]
    elif topic in (CENSUS, CLAIMS):
        assert example["key"] == str(message["partition"])
    elif topic in (CUTOFFS, SEATS):
        assert example["key"] == message["version"]
    elif topic is SILENCES:
        assert example["key"] == message["id"]
    else:
        assert example["key"] == message.get("customer_id", "")


@pytest.mark.parametrize(("topic", "example"), _cases(TOPICS, "refused"))
def test_a_refused_example_is_refused_with_a_reason(topic: Topic, example: dict[str, Any]) -> None:
    """Our reader refuses every negative example, and names what is wrong with it."""
    with pytest.raises((InvalidMessage, ValidationError)) as refusal:
        read(topic, json.dumps(example["message"]).encode())
    assert example["says"] in str(refusal.value)


@pytest.mark.parametrize(("topic", "example"), _cases(TOPICS, "refused"))
def test_a_refused_example_says_what_the_schema_can_tell(topic: Topic, example: dict[str, Any]) -> None:
    """`schema_refuses` is true exactly where a publisher's own schema check would find the mistake too."""
    assert validator(topic).is_valid(example["message"]) is not example["schema_refuses"]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_message_type_has_an_example(topic: Topic) -> None:
    """No message type of a topic lacks an example; the inbound topics share their types between them."""
    pool = INBOUND if topic in INBOUND else (topic,)
    shown = {example["message"].get("type") for one in pool for example in examples(one, "valid")}
    mapping = schema(topic).get("discriminator", {}).get("mapping")
    assert mapping is None or shown == set(mapping)


def test_every_outcome_of_a_rule_has_an_example() -> None:
    """Live and in shadow."""
    shown = [example["message"] for example in examples(DECISIONS, "valid")]
    assert {message["outcome"] for message in shown} == set(Outcome)
    assert {message.get("mode", Mode.LIVE) for message in shown} == set(Mode)


def test_profiles_are_shown_with_and_without_an_event() -> None:
    """An event of every form, and what time alone has done."""
    shown = [example["message"] for example in examples(PROFILES, "valid") if example["message"]["type"] == "profile"]
    told = {message["cause_id"]: message["event"] and message["event"]["type"] for message in shown}
    assert set(told.values()) == {None, "order.paid", "interaction", "customer.updated"}
    assert all((cause_id == "") == (event is None) for cause_id, event in told.items())


def test_every_example_file_belongs_to_a_topic() -> None:
    """There is no example file of a topic that is no more."""
    found = {path.name for path in CONTRACTS.glob("*.examples.json")}
    assert found == {f"{topic.name}.examples.json" for topic in TOPICS}
