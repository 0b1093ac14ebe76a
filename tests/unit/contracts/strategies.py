"""Generated messages: any struct of ours, and anything upstream may send."""

import enum
import types
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from services.contracts.channels import Category, ChannelName
from services.contracts.contacts import ALL_CHANNELS
from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS
from services.contracts.inbound import (
    MAX_AMOUNT_MINOR,
    MAX_ATTRIBUTES,
    MAX_EXACT_INT,
    MAX_ID_LENGTH,
    MAX_TAGS,
)

_INT64 = st.integers(-(2**63), 2**63 - 1)
_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8),
    int: _INT64,
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=8),
    type(None): st.none(),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of an annotation used in a struct."""
    if kind in _LEAVES:
        return _LEAVES[kind]
    if get_origin(kind) is not None:
        return _generic(get_origin(kind), get_args(kind))
    if issubclass(kind, enum.Enum):
        return st.sampled_from(list(kind))
    return st.builds(kind, **{field.name: of(field.type) for field in msgspec.structs.fields(kind)})


def _generic(origin: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is Annotated:
        return of(arguments[0])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is dict:
        return st.dictionaries(of(arguments[0]), of(arguments[1]), max_size=2)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(of(arguments[0]), max_size=2).map(tuple)
    parts = [of(argument) for argument in arguments]
    return st.one_of(*parts) if origin in (Union, types.UnionType) else st.tuples(*parts)


# What survives at the edge: no control or invisible characters, and no blanks at the ends, which are cut off.
_LETTERS = st.characters(exclude_categories=("Cs", "Cc", "Cf", "Z")) | st.sampled_from("锦鲤养鱼池客户🐟")
ids = st.text(_LETTERS, min_size=1, max_size=MAX_ID_LENGTH)
names = st.text(_LETTERS, min_size=1, max_size=64)
_instants = st.datetimes(datetime(1971, 1, 1), datetime(8999, 1, 1)).flatmap(  # noqa: DTZ001 - the zone follows
    lambda at: st.sampled_from(["Z", "+08:00", "-03:30"]).map(lambda offset: at.isoformat() + offset)
)
_amounts = st.integers(0, MAX_AMOUNT_MINOR)
_currencies = st.from_regex(r"[A-Z]{3}", fullmatch=True)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_EXACT_INT, MAX_EXACT_INT)
    | st.floats(-1e15, 1e15)
    | st.text(_LETTERS, max_size=512)
)


def _message(kind: str, required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    always = {"type": st.just(kind), "id": ids, "source": ids, "occurred_at": _instants}
    maybe = {"received_at": st.none() | _instants}
    return st.fixed_dictionaries(always | required, optional=maybe | optional)


_CUSTOMER = {"customer_id": ids}
_SCHEMA = {"schema": st.sampled_from([1, "1", None])}
_tags = st.lists(names, max_size=MAX_TAGS)
_order = _CUSTOMER | {"order_id": ids}
_items = st.lists(
    st.fixed_dictionaries(
        {"sku": ids}, optional={"quantity": st.integers(1, 1_000_000), "amount_minor": st.none() | _amounts}
    ),
    max_size=3,
)
_kinds = st.sampled_from(sorted(STANDARD_KINDS)) | st.text(_LETTERS, min_size=1, max_size=50).map(
    lambda name: CUSTOM_PREFIX + name
)
_touchpoints = st.sampled_from(["store_entry", "consult", "discount", "order", "logistics", "after_sale", None])

_said = st.none() | st.booleans()
_contacts = st.fixed_dictionaries(
    {},
    optional={
        "email": st.none() | st.just("小明@例子.example"),
        "sms": st.none() | st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True),
        "wecom_app": st.none() | names,
        "apprise": st.none() | names,
    },
)
_consent = st.dictionaries(
    st.sampled_from([ALL_CHANNELS, *ChannelName]), st.dictionaries(st.sampled_from(list(Category)), _said)
)
_reach = {
    "contacts": _contacts,
    "consent": _consent,
    "channels": st.none() | st.lists(st.sampled_from(list(ChannelName)), max_size=len(ChannelName)),
    "language": st.none() | st.sampled_from(["zh", "zh-CN", "en_GB", "YUE", "zh-Hans-CN"]),
    "personalised": _said,
    "owner": st.none() | st.just("") | ids,
    "timezone": st.none() | st.sampled_from(["Asia/Shanghai", "UTC", ""]),
}
"""How a customer may be reached."""

inbound = st.one_of(
    _message(
        "order.paid",
        _order | {"amount_minor": _amounts, "currency": _currencies},
        _SCHEMA
        | {"discount_minor": _amounts, "items": _items, "channel": st.none() | names, "shop": st.none() | names},
    ),
    _message(
        "order.refunded",
        _CUSTOMER | {"refund_id": ids, "amount_minor": st.integers(1, MAX_AMOUNT_MINOR), "currency": _currencies},
        _SCHEMA | {"order_id": st.none() | ids},
    ),
    _message("order.cancelled", _order, _SCHEMA),
    _message("order.amended", _order | {"amount_minor": _amounts, "rev": st.integers(1, 2**53)}, _SCHEMA),
    _message(
        "interaction",
        _CUSTOMER | {"kind": _kinds},
        _SCHEMA
        | {"value": st.floats(0, 1_000_000) | st.integers(0, 1_000_000), "touchpoint": _touchpoints}
        | {"object_id": st.none() | ids, "group_id": st.none() | ids, "campaign_id": st.none() | ids},
    ),
    _message(
        "customer.updated",
        _CUSTOMER,
        _SCHEMA
        | {"tags_add": _tags, "tags_remove": _tags}
        | _reach
        | {"attributes": st.dictionaries(names, _scalars, max_size=MAX_ATTRIBUTES)},
    ),
    _message("customer.merged", _CUSTOMER | {"from_id": ids}, _SCHEMA).filter(
        lambda message: message["from_id"].strip() != message["customer_id"].strip()
    ),
    _message("customer.deleted", _CUSTOMER, _SCHEMA),
    _message("clock.tick", {}, {}),
)
"""Anything upstream may send, as JSON values."""
