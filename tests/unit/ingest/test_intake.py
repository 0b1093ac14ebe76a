import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.contracts.errors import InvalidMessage
from services.contracts.events import (
    ClockTick,
    CustomerUpdated,
    Interaction,
    OrderAmended,
    OrderCancelled,
    OrderPaid,
    OrderRefunded,
    Origin,
)
from services.contracts.wire import EVENTS
from services.ingest.intake import Intake
from services.runtime.record import Headers, Record

ARRIVED = datetime(2026, 2, 1, tzinfo=UTC)
ARRIVED_MS = int(ARRIVED.timestamp() * 1000)
ORDER: dict[str, Any] = {
    "id": "m-1",
    "source": "shop",
    "type": "order.paid",
    "customer_id": "客户-1",
    "occurred_at": "2026-01-31T08:00:00+08:00",
    "order_id": "o-1",
    "amount_minor": 1990,
    "currency": "CNY",
}
ENVELOPE = {key: ORDER[key] for key in ("id", "source", "customer_id", "occurred_at")}


def record(value: bytes | None, headers: Headers = (), timestamp_ms: int = ARRIVED_MS) -> Record:
    return Record("koi.orders", 3, 42, timestamp_ms, None, value, headers)


def message(**changes: Any) -> bytes:
    return json.dumps({**ORDER, **changes}, ensure_ascii=False).encode()


def without(*names: str) -> bytes:
    return json.dumps({key: value for key, value in ORDER.items() if key not in names}).encode()


def refusal(value: bytes | None, headers: Headers = (), timestamp_ms: int = ARRIVED_MS) -> tuple[str, str]:
    with pytest.raises(InvalidMessage) as caught:
        Intake().accept(record(value, headers, timestamp_ms))
    return caught.value.reason, caught.value.detail


def test_a_canonical_order_becomes_one_event_in_utc() -> None:
    """A paid order keeps its fields; instants are in UTC, and the origin names the record."""
    assert Intake().accept(record(message(items=[{"sku": "a"}, {"sku": "b"}], shop="上海"))) == (
        OrderPaid(
            id="m-1",
            source="shop",
            customer_id="客户-1",
            occurred_at=datetime(2026, 1, 31, tzinfo=UTC),
            received_at=ARRIVED,
            origin=Origin("koi.orders", 3, 42, ARRIVED_MS),
            order_id="o-1",
            amount_minor=1990,
            currency="CNY",
            shop="上海",
        ),
    )


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (
            {"type": "order.refunded", "refund_id": "r", "order_id": None, "amount_minor": 5, "currency": "CNY"},
            OrderRefunded,
        ),
        ({"type": "order.cancelled", "order_id": "o"}, OrderCancelled),
        ({"type": "order.amended", "order_id": "o", "amount_minor": 7, "rev": 2}, OrderAmended),
        ({"type": "interaction", "kind": "custom:摸鱼", "touchpoint": "consult"}, Interaction),
        ({"type": "customer.updated", "tags_add": ["vip"], "attributes": {"age": 30, "城市": "上海"}}, CustomerUpdated),
        ({"type": "clock.tick"}, ClockTick),
    ],
)
def test_every_type_is_accepted_and_survives_the_wire(fields: dict[str, Any], kind: type) -> None:
    """Each canonical type becomes its own event, which koi.events carries unchanged."""
    (event,) = Intake().accept(record(json.dumps({**ENVELOPE, **fields}).encode()))
    assert type(event) is kind
    assert EVENTS.decode(EVENTS.encode(event)) == event


def test_an_interaction_counts_once_unless_it_says_otherwise() -> None:
    """The value of an interaction is 1 by default."""
    (event,) = Intake().accept(record(json.dumps({**ENVELOPE, "type": "interaction", "kind": "view"}).encode()))
    assert isinstance(event, Interaction)
    assert event.value == 1.0


def test_contacts_and_consent_are_in_no_event() -> None:
    """What `koi.events` carries of an update names neither an address nor a consent."""
    fields = {
        "type": "customer.updated",
        "contacts": {"sms": "+8613800000000"},
        "consent": {"sms": {"marketing": True}},
        "owner": "clerk-1",
    }
    (event,) = Intake().accept(record(json.dumps({**ENVELOPE, **fields}).encode()))
    encoded = EVENTS.encode(event)
    assert b"1380" not in encoded
    assert b"marketing" not in encoded
    assert b"clerk-1" in encoded


def test_the_publishers_time_of_receipt_wins() -> None:
    """`received_at` of the message is kept, and then the record needs no timestamp."""
    (event,) = Intake().accept(record(message(received_at="2026-01-31T09:00:00+08:00"), timestamp_ms=-1))
    assert event.received_at == datetime(2026, 1, 31, 1, tzinfo=UTC)


@pytest.mark.parametrize(("ahead", "clamped"), [(timedelta(minutes=5), False), (timedelta(minutes=5, seconds=1), True)])
def test_an_instant_in_the_future_is_clamped_and_flagged(ahead: timedelta, clamped: bool) -> None:
    """More than five minutes ahead of its receipt, an event is taken to have happened when it was received."""
    (event,) = Intake().accept(record(message(occurred_at=(ARRIVED + ahead).isoformat())))
    assert event.occurred_at == (ARRIVED if clamped else ARRIVED + ahead)
    assert event.flags == (("clamped_future",) if clamped else ())


def test_cloud_events_headers_fill_in_what_is_absent() -> None:
    """In binary mode id, source, type and time come from the headers; what the message says itself wins."""
    headers = [
        ("traceparent", b"\xff"),
        ("ce_id", b"h-1"),
        ("ce_source", "商城".encode()),
        ("ce_type", b"order.paid"),
        ("ce_time", b"2026-01-31T00:00:00Z"),
    ]
    (event,) = Intake().accept(record(without("source", "type", "occurred_at"), headers))
    assert (event.id, event.source, type(event)) == ("m-1", "商城", OrderPaid)
    assert event.occurred_at == datetime(2026, 1, 31, tzinfo=UTC)


def test_a_needed_header_must_be_text() -> None:
    """A CloudEvents header that is not UTF-8 is refused only where the message leans on it."""
    assert refusal(without("id"), [("ce_id", b"\xff\xfe")]) == (
        "invalid_header",
        "header ce_id stands for the missing id, but is not UTF-8 text",
    )
    assert Intake().accept(record(message(), [("ce_id", b"\xff\xfe")]))


def test_headers_do_not_hide_what_is_wrong_with_the_message() -> None:
    """With CloudEvents headers, broken JSON and JSON that is no object are named as without."""
    assert refusal(b"{", [("ce_id", b"x")])[0] == "not_json"
    assert refusal(b"[1]", [("ce_id", b"x")])[0] == "not_object"


def test_a_byte_order_mark_is_skipped() -> None:
    """A file written on Windows is read like any other."""
    assert Intake().accept(record(b"\xef\xbb\xbf" + message()))


def test_the_last_of_two_equal_keys_wins() -> None:
    """A JSON object that names a key twice is read as most readers do."""
    (event,) = Intake().accept(record(message()[:-1] + b', "amount_minor": 5}'))
    assert isinstance(event, OrderPaid)
    assert event.amount_minor == 5


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (None, "empty", "the record has no value; write one JSON object"),
        (b"", "empty", "the record has no value; write one JSON object"),
        (b" \n", "empty", "the record has no value; write one JSON object"),
        (b"x" * 262_145, "too_large", "the message has 262,145 bytes; at most 262,144 are accepted"),
        ("金额".encode("gbk"), "not_utf8", "byte 0 (0xbd) is not UTF-8; JSON is written in UTF-8"),
        (b'{"id": 1,\n "x" 2}', "not_json", "the message is not JSON: expected `:` at line 2 column 6"),
        (message() + b"\x00", "not_json", "the message is not JSON: trailing characters at line 1 column 185"),
        (b"[1]", "not_object", "the message is a list; write one JSON object per record"),
        (b'"order"', "not_object", 'the message is "order"; write one JSON object per record'),
        (
            b"[" * 100_000,
            "too_deep",
            "objects and lists are nested more than 5 deep; send the event without its surroundings",
        ),
        (
            without("type"),
            "unknown_type",
            (
                "type: is required; write one of order.paid, order.refunded, order.cancelled, order.amended, interaction, "
                "customer.updated, customer.merged, customer.deleted, clock.tick"
            ),
        ),
        (
            message(type="order.payed"),
            "unknown_type",
            (
                'type: "order.payed" is unknown (did you mean order.paid?); write one of order.paid, order.refunded, '
                "order.cancelled, order.amended, interaction, customer.updated, customer.merged, customer.deleted, clock.tick"
            ),
        ),
        (message(type="customer.merged"), "invalid_field", "from_id: is required"),
        (
            message(occurred_at="2026-01-31T08:00:00"),
            "invalid_field",
            (
                "occurred_at: has no time zone; write an offset, e.g. 2026-01-31T08:00:00+08:00 "
                '(found "2026-01-31T08:00:00")'
            ),
        ),
        (
            message(occurred_at=20260131),
            "invalid_field",
            "occurred_at: an instant is written out, e.g. 2026-01-31T08:00:00+08:00 (found 20260131)",
        ),
        (
            message(occurred_at="9999-01-31T08:00:00+08:00"),
            "invalid_field",
            'occurred_at: the year must lie between 1970 and 9000 (found "9999-01-31T08:00:00+08:00")',
        ),
        (
            message(amount_minor=19.9),
            "invalid_field",
            (
                "amount_minor: must be a whole number, not in quotes; money counts minor units, so 19.90 is written 1990 "
                "(found 19.9)"
            ),
        ),
        (message(amount_minor=-1), "invalid_field", "amount_minor: must be at least 0 (found -1)"),
        (message(currency="rmb"), "invalid_field", 'currency: must be three capital letters, e.g. CNY (found "rmb")'),
        (
            message(id="x" * 129),
            "invalid_field",
            'id: is longer than 128 characters (found "' + "x" * 59 + "…)",
        ),
        (
            json.dumps({**{k: v for k, v in ORDER.items() if k != "amount_minor"}, "amount": 1}).encode(),
            "invalid_field",
            'amount_minor: is required (is it "amount"?)',
        ),
        (
            message(id="", order_id=1, currency=None, amount_minor=None, items=[{}]),
            "invalid_field",
            (
                'id: must not be empty (found "") | order_id: must be text, in quotes (found 1) | amount_minor: must be a '
                "whole number, not in quotes; money counts minor units, so 19.90 is written 1990 (found null) | and 2 more"
            ),
        ),
        (message(items=[{"sku": 1}]), "invalid_field", "items[0].sku: must be text, in quotes (found 1)"),
        (message(items="abc"), "invalid_field", 'items: must be a list (found "abc")'),
    ],
)
def test_a_refusal_names_place_and_remedy(value: bytes | None, reason: str, detail: str) -> None:
    """Each fault has a stable reason and a sentence with the place, what was found and what to write."""
    assert refusal(value) == (reason, detail)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"tags_add": [f"t{n}" for n in range(51)]}, "tags_add: has more than 50 entries (found a list)"),
        (
            {"attributes": {f"a{n}": n for n in range(51)}},
            "attributes: has more than 50 entries (found an object)",
        ),
        (
            {"attributes": {"x": [1]}},
            "attributes.x: must be text, a finite number, true, false or null, not a list",
        ),
        (
            {"attributes": {"x": 2**53 + 1}},
            (
                "attributes.x: a whole number beyond 2^53 is not exact everywhere; write it in quotes "
                "(found 9007199254740993)"
            ),
        ),
        (
            {"attributes": {"x": 10**4000}},
            (
                "attributes.x: a whole number beyond 2^53 is not exact everywhere; write it in quotes "
                "(found a number of more than 50 digits)"
            ),
        ),
        (
            {"attributes": {"x": float("nan")}},
            "attributes.x: must be text, a finite number, true, false or null, not nan",
        ),
    ],
)
def test_an_update_is_bounded(fields: dict[str, Any], detail: str) -> None:
    """Tags and attributes have their limits, each with a sentence."""
    value = json.dumps({**ENVELOPE, "type": "customer.updated", **fields}).encode()
    assert refusal(value) == ("invalid_field", detail)


def test_a_missing_field_is_not_confused_with_another_field() -> None:
    """Only a key that is no field of ours can be a misspelt one."""
    value = json.dumps({**ENVELOPE, "type": "order.cancelled", "order_id_": "o", "refund_id": "r"}).encode()
    assert refusal(value) == ("invalid_field", 'order_id: is required (is it "order_id_"?)')
    assert refusal(without("order_id")) == ("invalid_field", "order_id: is required")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 400, b"9" * 5000])
def test_numbers_beyond_reason_are_refused(number: bytes) -> None:
    """No number, however odd, passes for an amount."""
    assert refusal(message().replace(b"1990", number))[0] in {"invalid_field", "not_json"}


def test_a_lone_surrogate_is_no_text() -> None:
    """Half a character cannot be an id."""
    assert refusal(message().replace(b"m-1", rb"\ud800"))[0] == "not_json"


def test_control_characters_are_refused() -> None:
    """A NUL inside an id is named."""
    assert refusal(message(id="a\x00b")) == (
        "invalid_field",
        'id: control characters and lone surrogates are not allowed (found "a\\u0000b")',
    )


@pytest.mark.parametrize("timestamp_ms", [-1, 2**62])
def test_a_record_without_a_time_of_arrival_is_refused(timestamp_ms: int) -> None:
    """A record's timestamp that is no instant cannot stand in for `received_at`."""
    assert refusal(message(), timestamp_ms=timestamp_ms) == (
        "invalid_timestamp",
        (
            f"the record's timestamp, {timestamp_ms} ms, is no time of arrival; write received_at into the message, or let "
            "the broker stamp its records (message.timestamp.type=LogAppendTime)"
        ),
    )


@pytest.mark.parametrize(
    ("value", "deep"),
    [
        (b'{"a":{"b":{"c":{"d":[]}}}}', False),
        (b'{"a":{"b":{"c":{"d":[[]]}}}}', True),
        (b'{"a":"[[[[[[[[","b":"\\"[[[[[[["}', False),
        (b'{"a":[],"b":[],"c":[],"d":[],"e":[],"f":[]}', False),
        (b'"\\"' * 80_000, False),
        (b'{"a":"[[[[[[[', False),
        (b'{"a":"[[[[[[[\\', False),
    ],
)
def test_depth_is_counted_outside_strings(value: bytes, deep: bool) -> None:
    """Five levels pass; brackets in text are no levels; broken text takes no longer than sound text."""
    assert (refusal(value)[0] == "too_deep") is deep
