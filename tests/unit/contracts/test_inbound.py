"""The limits of the edge: what upstream may write, and how a refusal reads."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.contracts.events import STANDARD_KINDS
from services.contracts.inbound import (
    INBOUND,
    MAX_AMOUNT_MINOR,
    MAX_ATTRIBUTES,
    MAX_EXACT_INT,
    MAX_ID_LENGTH,
    MAX_ITEMS,
    MAX_TAGS,
    InboundCustomerUpdated,
    InboundInteraction,
    InboundOrderPaid,
)
from services.contracts.topics import INTERACTIONS
from tests.unit.contracts.strategies import inbound
from tests.unit.contracts.validation import validator

_FISH = "鲤"
_ENVELOPE = {"id": "e-1", "source": "商城", "customer_id": "客户-王小明", "occurred_at": "2026-01-31T08:00:00+08:00"}
_PAID = _ENVELOPE | {"type": "order.paid", "order_id": "o-1", "amount_minor": 100, "currency": "CNY"}
_INTERACTION = _ENVELOPE | {"type": "interaction", "kind": "view"}
_UPDATED = _ENVELOPE | {"type": "customer.updated"}


def _read(message: dict[str, Any]) -> Any:
    return INBOUND.validate_json(json.dumps(message))


def _refusal(message: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refusal:
        _read(message)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in refusal.value.errors())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=inbound)
def test_whatever_is_valid_passes_the_schema(message: dict[str, Any]) -> None:
    """A message our reader accepts validates against the published schema, and is read again as it was dumped."""
    accepted = _read(message)
    validator(INTERACTIONS).validate(message)
    assert INBOUND.validate_json(INBOUND.dump_json(accepted, by_alias=True)) == accepted
    assert accepted.id == message["id"]


@given(value=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=4))
def test_any_value_of_any_field_is_accepted_or_refused(value: Any) -> None:
    """Whatever stands in a field, the reader answers with a message or a refusal, and nothing else."""
    for field in _PAID:
        try:
            read = _read(_PAID | {field: value})
        except ValidationError:
            continue
        assert read.type == "order.paid"


@pytest.mark.parametrize("amount", [1.0, 0.5, "100", "1e3", True, False, None, [], {}])
@pytest.mark.parametrize("field", ["amount_minor", "discount_minor"])
def test_money_is_a_whole_number_and_nothing_like_it(field: str, amount: Any) -> None:
    """Fractions, text and truth values are refused where money is expected, even if they could be converted."""
    assert _refusal(_PAID | {field: amount}) == f"order.paid.{field}: Input should be a valid integer"


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        (-1, "Input should be greater than or equal to 0"),
        (MAX_AMOUNT_MINOR + 1, f"Input should be less than or equal to {MAX_AMOUNT_MINOR}"),
        (10**30, f"Input should be less than or equal to {MAX_AMOUNT_MINOR}"),
    ],
)
def test_money_is_bounded(amount: int, says: str) -> None:
    """Money is neither negative nor larger than every reader can hold; the limit itself is fine."""
    assert _refusal(_PAID | {"amount_minor": amount}) == f"order.paid.amount_minor: {says}"
    assert _read(_PAID | {"amount_minor": MAX_AMOUNT_MINOR}).amount_minor == MAX_AMOUNT_MINOR


@pytest.mark.parametrize("field", ["occurred_at", "received_at"])
@pytest.mark.parametrize(
    ("instant", "says"),
    [
        ("2026-01-31T08:00:00", "Input should have timezone info"),
        ("2026-01-31", "Input should have timezone info"),
        (20260131, "an instant is written out, e.g. 2026-01-31T08:00:00+08:00"),
        ("1769846400", "an instant is written out, e.g. 2026-01-31T08:00:00+08:00"),
        ("31.01.2026 08:00", "an instant is written out, e.g. 2026-01-31T08:00:00+08:00"),
        ("2026-13-31T08:00:00Z", "month value is outside expected range of 1-12"),
        ("0001-01-01T00:00:00Z", "the year must lie between 1970 and 9000"),
        ("9001-01-01T00:00:00Z", "the year must lie between 1970 and 9000"),
    ],
)
def test_an_instant_has_a_zone_and_a_sane_year(field: str, instant: Any, says: str) -> None:
    """A refused instant is named, with what is missing."""
    refusal = _refusal(_PAID | {field: instant})
    assert refusal.startswith(f"order.paid.{field}: ")
    assert refusal.endswith(says)


@pytest.mark.parametrize("field", ["id", "source", "customer_id", "order_id"])
def test_an_id_is_bounded_in_characters(field: str) -> None:
    """128 characters are fine, Chinese ones too, and one more is not; blanks at the ends do not count."""
    longest = _FISH * MAX_ID_LENGTH
    assert getattr(_read(_PAID | {field: f" {longest}\n"}), field) == longest
    says = f"order.paid.{field}: String should have at most {MAX_ID_LENGTH} characters"
    assert _refusal(_PAID | {field: longest + _FISH}) == says
    assert _refusal(_PAID | {field: " \t "}) == f"order.paid.{field}: String should have at least 1 character"


@given(at=st.integers(1, 3), control=st.integers(0, 31) | st.just(127))
def test_control_characters_are_refused(at: int, control: int) -> None:
    """No C0 control character, and no DEL, stands within an id, a tag or a text."""
    text = "鲤鱼池塘"[:at] + chr(control) + "王"
    for message in (
        _PAID | {"order_id": text},
        _UPDATED | {"tags_add": [text]},
        _UPDATED | {"attributes": {"a": text}},
    ):
        assert "control characters and lone surrogates are not allowed" in _refusal(message)


def test_a_lone_surrogate_is_refused() -> None:
    """Half a character, which could not be encoded again, does not get in."""
    with pytest.raises(ValidationError, match="JSON"):
        INBOUND.validate_json(json.dumps(_PAID | {"order_id": "\ud83d"}))
    with pytest.raises(ValidationError):
        INBOUND.validate_python(_PAID | {"order_id": "\ud83d"})


@pytest.mark.parametrize("kind", [*sorted(STANDARD_KINDS), "custom:直播观看", "custom:x:y"])
def test_standard_and_own_kinds_are_accepted(kind: str) -> None:
    """Every standard kind, and any name after `custom:`."""
    read = _read(_INTERACTION | {"kind": kind})
    assert isinstance(read, InboundInteraction)
    assert read.kind == kind


def test_an_unknown_kind_is_told_how_to_be_its_own() -> None:
    """The refusal of an unknown kind says what to write instead."""
    says = "interaction.kind: Value error, unknown kind 'dance'; write custom:dance for one of your own"
    assert _refusal(_INTERACTION | {"kind": "dance"}) == says
    assert "custom: needs a name" in _refusal(_INTERACTION | {"kind": "custom:"})


@pytest.mark.parametrize("value", [-0.1, 1_000_001, "much", None])
def test_a_weight_is_bounded(value: Any) -> None:
    """A weight lies between 0 and a million."""
    assert _refusal(_INTERACTION | {"value": value}).startswith("interaction.value: ")


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_are_finite(literal: str) -> None:
    """Neither a weight nor an attribute may be infinite or no number at all."""
    weight = json.dumps(_INTERACTION)[:-1] + f', "value": {literal}}}'
    attribute = json.dumps(_UPDATED)[:-1] + f', "attributes": {{"a": {literal}}}}}'
    for message in (weight, attribute):
        with pytest.raises(ValidationError, match="finite number"):
            INBOUND.validate_json(message)


@pytest.mark.parametrize("field", ["tags_add", "tags_remove"])
def test_tags_are_bounded(field: str) -> None:
    """50 tags of 64 characters, Chinese ones too, and no more."""
    tags = [f"{i:02}" + _FISH * 62 for i in range(MAX_TAGS)]
    read = _read(_UPDATED | {field: tags})
    assert isinstance(read, InboundCustomerUpdated)
    assert getattr(read, field) == tags
    assert f"at most {MAX_TAGS} items" in _refusal(_UPDATED | {field: [*tags, "one"]})
    assert "at most 64 characters" in _refusal(_UPDATED | {field: [_FISH * 65]})


def test_attributes_are_bounded() -> None:
    """50 attributes of one value each; a whole number must be one that every reader holds exactly."""
    many = {f"属性{i}": i for i in range(MAX_ATTRIBUTES)}
    assert _read(_UPDATED | {"attributes": many}).attributes == many
    assert f"at most {MAX_ATTRIBUTES} items" in _refusal(_UPDATED | {"attributes": many | {"one": 1}})
    assert "write it in quotes" in _refusal(_UPDATED | {"attributes": {"card": MAX_EXACT_INT + 1}})
    assert "at most 512 characters" in _refusal(_UPDATED | {"attributes": {"a": _FISH * 513}})
    assert "attributes.a" in _refusal(_UPDATED | {"attributes": {"a": {"b": 1}}})


@given(value=st.none() | st.booleans() | st.integers(-MAX_EXACT_INT, MAX_EXACT_INT) | st.floats(-1e9, 1e9))
def test_an_attribute_keeps_its_type(value: bool | float | None) -> None:
    """True stays true, 1 stays 1 and 1.0 stays 1.0."""
    read = _read(_UPDATED | {"attributes": {"a": value}}).attributes["a"]
    assert (type(read), read) == (type(value), value)


def test_lines_of_an_order_are_bounded() -> None:
    """500 lines, each with a quantity above 0."""
    line = {"sku": "锦鲤"}
    read = _read(_PAID | {"items": [line] * MAX_ITEMS})
    assert isinstance(read, InboundOrderPaid)
    assert len(read.items) == MAX_ITEMS
    assert f"at most {MAX_ITEMS} items" in _refusal(_PAID | {"items": [line] * (MAX_ITEMS + 1)})
    assert "items.0.quantity" in _refusal(_PAID | {"items": [line | {"quantity": 0}]})


@pytest.mark.parametrize("field", sorted(_PAID.keys() - {"type"}))
def test_a_missing_field_is_named(field: str) -> None:
    """Each required field that is missing is named."""
    message = {name: value for name, value in _PAID.items() if name != field}
    assert _refusal(message) == f"order.paid.{field}: Field required"


def test_an_unknown_type_lists_the_known_ones() -> None:
    """A type we do not know is answered with those we know."""
    assert "'order.paid', 'order.refunded'" in _refusal(_PAID | {"type": "order.shipped"})


def test_unknown_fields_are_ignored() -> None:
    """Publishers may add to their messages."""
    assert _read(_PAID | {"cashier": "李雷", "nested": {"deep": [1]}}) == _read(_PAID)
