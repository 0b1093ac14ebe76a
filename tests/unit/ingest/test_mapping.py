import json
from collections.abc import Mapping as Table
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.contracts.errors import InvalidMessage
from services.contracts.events import CustomerUpdated, Interaction, OrderAmended, OrderPaid
from services.ingest.intake import Intake
from services.ingest.mapping import load, load_all, load_mappings
from services.runtime.problems import FileError
from services.runtime.record import Record

SHIPPED = Path("deploy/mappings")
GOOD = """\
kind: mapping
name: shop
topic: koi.orders
source: shop
when: {event: paid}
type: order.paid
fields:
  id: no
  order_id: {join: [shop, trade.tid], with: "/"}
  customer_id: buyer
  amount_minor: {from: pay, unit: major}
  currency: {from: cur, default: CNY}
  occurred_at: {from: at, format: unix}
  channel: {from: ch, map: {1: app, true: web}}
"""
PAID: dict[str, Any] = {
    "event": "paid",
    "no": 9007199254740993,
    "shop": 7,
    "trade": {"tid": "T"},
    "buyer": "c",
    "pay": "19.90",
    "at": 1769817600,
}


def record(message: object, topic: str = "koi.orders") -> Record:
    value = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
    return Record(topic, 0, 0, 1769817600000, None, value)


def intake(text: str = GOOD) -> Intake:
    return Intake([load(text.encode(), "shop.yaml")])


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(FileError) as caught:
        load(text.encode() if isinstance(text, str) else text, "m.yaml")
    return str(caught.value).splitlines()


def failure(changes: Table[str, Any], text: str = GOOD) -> str:
    with pytest.raises(InvalidMessage) as caught:
        intake(text).accept(record({**PAID, **changes}))
    assert caught.value.reason == "mapping_failed"
    return caught.value.detail


def paid(changes: Table[str, Any], text: str = GOOD) -> OrderPaid:
    (event,) = intake(text).accept(record({**PAID, **changes}))
    assert isinstance(event, OrderPaid)
    return event


def test_the_shipped_trade_mapping_reads_its_example() -> None:
    """A mall's push becomes a paid order in fen and UTC."""
    (event,) = Intake(load_mappings(SHIPPED)).accept(record((SHIPPED / "youzan-trade.json").read_bytes()))
    assert isinstance(event, OrderPaid)
    assert (event.source, event.customer_id, event.order_id) == ("youzan", "uRB2Qm1d812345", "E20260131080000000100001")
    assert (event.amount_minor, event.discount_minor, event.currency) == (19990, 2010, "CNY")
    assert (event.occurred_at, event.channel, event.shop) == (
        datetime(2026, 1, 31, tzinfo=UTC),
        "mini_program",
        "18427363",
    )


def test_the_shipped_analytics_mapping_reads_its_example() -> None:
    """An action of a web tool becomes an interaction; without a known visitor it is dropped on purpose."""
    gate = Intake(load_mappings(SHIPPED))
    message = json.loads((SHIPPED / "web-analytics.json").read_text())
    (event,) = gate.accept(record(message, "koi.interactions"))
    assert isinstance(event, Interaction)
    assert (event.id, event.customer_id, event.kind) == ("s-7f3a-12", "90017", "cart_add")
    assert (event.object_id, event.campaign_id, event.channel) == ("TEA-01", "spring-2026", "web")
    assert event.occurred_at == datetime(2026, 1, 31, 0, 0, 0, 123000, tzinfo=UTC)
    assert gate.accept(record({**message, "user": {}}, "koi.interactions")) == ()


def test_a_file_or_a_folder_may_be_loaded() -> None:
    """A folder gives its files in the order of their names."""
    assert [mapping.name for mapping in load_mappings(SHIPPED)] == [
        "web-analytics-anonymous",
        "web-analytics",
        "youzan-trade",
    ]
    assert [mapping.name for mapping in load_mappings(SHIPPED / "youzan-trade.yaml")] == ["youzan-trade"]


def test_fields_are_joined_converted_and_looked_up() -> None:
    """Whole numbers become ids, parts are joined, what a map knows is translated, a default fills in."""
    event = paid({"ch": True})
    assert (event.id, event.order_id, event.amount_minor) == ("9007199254740993", "7/T", 1990)
    assert (event.currency, event.channel, event.occurred_at) == ("CNY", "web", datetime(2026, 1, 31, tzinfo=UTC))
    assert paid({"ch": 1}).channel == "app"


def test_canonical_messages_pass_beside_mappings() -> None:
    """Where no mapping matches, a canonical message is canonical; anything else names what was tried."""
    canonical = {
        "id": "1",
        "source": "s",
        "type": "order.cancelled",
        "customer_id": "c",
        "occurred_at": "2026-01-31T08:00:00Z",
        "order_id": "o",
    }
    assert intake().accept(record(canonical))
    with pytest.raises(InvalidMessage) as caught:
        intake().accept(record({**PAID, "event": "shipped"}))
    assert (caught.value.reason, caught.value.detail) == (
        "no_mapping",
        "no mapping matches (tried shop), nor is it canonical: type: is required",
    )


def test_broken_json_is_named_beside_mappings() -> None:
    """What only lenient readers take for JSON is refused with its line and column."""
    with pytest.raises(InvalidMessage) as caught:
        intake().accept(record(b'{"a": 1,\n "b": NaN}'))
    assert (caught.value.reason, caught.value.detail) == (
        "not_json",
        "the message is not JSON: invalid character at line 2 column 7",
    )


@pytest.mark.parametrize(
    ("changes", "minor"),
    [({"pay": 0.1}, 10), ({"pay": 19}, 1900), ({"pay": "0.10"}, 10), ({"pay": "1980", "cur": "JPY"}, 1980),
     ({"pay": "1.234", "cur": "KWD"}, 1234), ({"pay": 4.350}, 435), ({"pay": 1e1}, 1000)],
)  # fmt: skip
def test_money_in_major_units_is_exact(changes: dict[str, Any], minor: int) -> None:
    """Yuan become fen by decimal arithmetic, with as many decimals as the currency has."""
    assert paid(changes).amount_minor == minor


@given(st.integers(0, 10**12))
@example(435)
def test_every_amount_survives_major_units(minor: int) -> None:
    """An amount written in yuan, as a number or as text, comes back to the fen."""
    text = f"{minor // 100}.{minor % 100:02d}"
    assert paid({"pay": text}).amount_minor == minor
    (event,) = intake().accept(record(json.dumps({**PAID, "pay": 0}).replace('"pay": 0', f'"pay": {text}').encode()))
    assert isinstance(event, OrderPaid)
    assert event.amount_minor == minor


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"pay": "19.905"}, 'mapping shop: amount_minor (from pay): has more than the 2 decimals of CNY: "19.905"'),
        ({"pay": "1,990"}, 'mapping shop: amount_minor (from pay): is not a plain number such as 19.90: "1,990"'),
        ({"pay": 1e300}, "mapping shop: amount_minor (from pay): is out of range: 1E+300"),
        ({"pay": "1." + "1" * 30}, "mapping shop: amount_minor (from pay): has more than 25 digits: 1." + "1" * 30),
        ({"pay": -5}, "mapping shop: amount_minor (from pay): must be at least 0 (found -500)"),
        ({"pay": None}, "mapping shop: amount_minor (from pay): is required"),
        (
            {"at": 1769817600000},
            ("mapping shop: occurred_at (from at): is too large for seconds: 1769817600000; are these milliseconds "
            "(format: unix_ms)?"),
        ),
        ({"at": -1}, "mapping shop: occurred_at (from at): is out of range: -1"),
        ({"buyer": {}}, "mapping shop: customer_id (from buyer): must be text or a whole number, not an object"),
        (
            {"ch": "ap"},
            'mapping shop: channel (from ch): "ap" is not in its map; add it, or a default for all others',
        ),
        (
            {"no": True, "buyer": 1.5},
            ("mapping shop: id (from no): must be text or a whole number, not true | "
            "customer_id (from buyer): must be text or a whole number, not 1.5"),
        ),
    ],
)  # fmt: skip
def test_a_failed_field_is_named_with_its_source(changes: dict[str, Any], detail: str) -> None:
    """The sentence names mapping, canonical field, the path it came from, and what stood there."""
    assert failure(changes) == detail


@pytest.mark.parametrize(
    ("options", "found", "expected"),
    [
        ("at", "2026-01-31T08:00:00+08:00", datetime(2026, 1, 31, tzinfo=UTC)),
        ("{from: at, zone: Asia/Shanghai}", "2026-01-31T08:00:00", datetime(2026, 1, 31, tzinfo=UTC)),
        ('{from: at, format: "%Y%m%d %H%M%z"}', "20260131 0800+0800", datetime(2026, 1, 31, tzinfo=UTC)),
        ("{from: at, format: unix}", 1769817600.5, datetime(2026, 1, 31, 0, 0, 0, 500000, tzinfo=UTC)),
        ("{from: at, format: unix_ms}", "1769817600123", datetime(2026, 1, 31, 0, 0, 0, 123000, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_the_file_says(options: str, found: object, expected: datetime) -> None:
    """RFC 3339, epochs and patterns of one's own end in UTC."""
    text = GOOD.replace("{from: at, format: unix}", options)
    assert paid({"at": found}, text).occurred_at == expected


@pytest.mark.parametrize(
    ("options", "found", "detail"),
    [
        (
            "at",
            "2026-01-31T08:00:00",
            'has no offset: "2026-01-31T08:00:00"; write zone: Asia/Shanghai, or wherever it is from',
        ),
        ("at", 5, "is not written as rfc3339: 5; for a number write format: unix or unix_ms"),
        ("at", "soon", 'is not written as rfc3339: "soon"'),
        ("{from: at, zone: Asia/Shanghai}", "0001-01-01T00:00:00", 'is out of range: "0001-01-01T00:00:00"'),
        ('{from: at, format: "%Y-%m-%d", zone: UTC}', "31/01/2026", 'is not written as %Y-%m-%d: "31/01/2026"'),
    ],
)
def test_an_instant_that_cannot_be_read_is_explained(options: str, found: object, detail: str) -> None:
    """The sentence says how it should have been written."""
    text = GOOD.replace("{from: at, format: unix}", options)
    assert failure({"at": found}, text) == f"mapping shop: occurred_at (from at): {detail}"


SUM = GOOD + "  discount_minor: {sum: [coupon, trade.points, 满减], unit: major}\n"


@pytest.mark.parametrize(
    ("changes", "minor"),
    [
        ({"coupon": "0.10", "trade": {"tid": "T", "points": 0.2}, "满减": 3}, 330),
        ({"coupon": "0.10", "满减": None}, 10),
        ({"满减": "-1.05", "coupon": "2"}, 95),
        ({}, 0),
    ],
)
def test_amounts_are_added_up_exactly(changes: dict[str, Any], minor: int) -> None:
    """Each in its own way of writing; one that is absent counts 0."""
    assert paid(changes, SUM).discount_minor == minor


@given(st.lists(st.integers(0, 10**11), min_size=1, max_size=8))
def test_a_sum_is_what_whole_numbers_give(parts: list[int]) -> None:
    """Adding amounts in major units gives the sum of their minor units, to the last fen."""
    names = ", ".join(f"p{at}" for at in range(len(parts)))
    text = GOOD.replace("{from: pay, unit: major}", f"{{sum: [{names}], unit: major}}")
    changes = {f"p{at}": f"{part // 100}.{part % 100:02d}" for at, part in enumerate(parts)}
    assert paid(changes, text).amount_minor == sum(parts)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"满减": "1,5"}, '满减 is not a plain number such as 19.90: "1,5"'),
        ({"coupon": "0.10", "满减": "0.005"}, '满减 has more than the 2 decimals of CNY: "0.005"'),
        ({"coupon": "-1"}, "must be at least 0 (found -100)"),
    ],
)
def test_an_amount_that_cannot_be_added_is_named(changes: dict[str, Any], detail: str) -> None:
    """The sentence names the path at fault, or the sum."""
    place = "mapping shop: discount_minor (from coupon, trade.points, 满减)"
    assert failure(changes, SUM) == f"{place}: {detail}"


def test_a_sum_of_nothing_is_absent() -> None:
    """Where none of the paths leads anywhere, the default holds, and what is required is missing."""
    text = GOOD.replace("{from: pay, unit: major}", "{sum: [a, b], unit: major}")
    assert failure({}, text) == "mapping shop: amount_minor (from a, b): is required"
    assert paid({}, text.replace("[a, b], unit: major", "[a, b], unit: major, default: 7")).amount_minor == 7


def test_minor_units_and_whole_numbers_are_added_too() -> None:
    """A sum is of minor units unless it says otherwise."""
    text = GOOD.replace("{from: pay, unit: major}", "{sum: [a, b]}")
    assert paid({"a": 5, "b": "7.0"}, text).amount_minor == 12
    assert failure({"a": "0.5"}, text) == (
        'mapping shop: amount_minor (from a, b): a must be a whole number of minor units, not "0.5"; '
        "is it in major ones (unit: major)?"
    )
    amended = text.replace("order.paid", "order.amended").replace("  currency: {from: cur, default: CNY}\n", "")
    amended = amended[: amended.index("  channel")] + "  rev: {sum: [a, b]}\n"
    (event,) = intake(amended).accept(record({**PAID, "a": 1, "b": 2}))
    assert isinstance(event, OrderAmended)
    assert (event.amount_minor, event.rev) == (3, 3)


def test_a_sum_without_a_currency_is_refused() -> None:
    """Major units cannot be converted while the currency is unknown, however many there are."""
    text = SUM.replace("{from: cur, default: CNY}", "cur").replace("{from: pay, unit: major}", "{value: 1}")
    assert failure({"coupon": 1}, text) == (
        "mapping shop: discount_minor (from coupon, trade.points, 满减): "
        "is in major units, but the message has no currency"
    )


def test_a_text_may_have_something_before_it() -> None:
    """A prefix goes before one text and before several joined; a default stays as it is."""
    text = GOOD.replace("id: no", 'id: {from: no, prefix: "单-"}').replace('with: "/"}', 'with: "/", prefix: s}')
    text = text.replace("  channel", "  shop: {from: branch, prefix: x, default: none}\n  channel")
    event = paid({}, text)
    assert (event.id, event.order_id, event.shop) == ("单-9007199254740993", "s7/T", "none")


def test_minor_units_must_be_whole() -> None:
    """An amount with decimals where minor units were promised is not rounded."""
    text = GOOD.replace("{from: pay, unit: major}", "pay")
    assert paid({"pay": "1990.0"}, text).amount_minor == 1990
    assert failure({}, text) == (
        'mapping shop: amount_minor (from pay): must be a whole number of minor units, not "19.90"; '
        "is it in major ones (unit: major)?"
    )


def test_an_amount_without_a_currency_is_refused() -> None:
    """Major units cannot be converted while the currency is unknown."""
    text = GOOD.replace("{from: cur, default: CNY}", "cur")
    assert failure({}, text) == (
        "mapping shop: amount_minor (from pay): is in major units, but the message has no currency"
    )


def test_an_amendment_says_its_currency_beside_the_amount() -> None:
    """Types without a currency field take it from the option; whole numbers may be text."""
    text = """\
kind: mapping
name: amend
topic: koi.orders
source: {s}
when: {{e: a}}
type: order.amended
fields: {{id: i, order_id: i, customer_id: i, occurred_at: t, rev: r, amount_minor: {{from: p, unit: major, currency: JPY}}}}
""".format(s="shop")
    message = {"e": "a", "i": "1", "t": "2026-01-31T00:00:00Z", "r": "2", "p": "500"}
    (event,) = intake(text).accept(record(message))
    assert isinstance(event, OrderAmended)
    assert (event.amount_minor, event.rev) == (500, 2)
    with pytest.raises(InvalidMessage, match=r"rev \(from r\): must be a whole number, not 2.5"):
        intake(text).accept(record({**message, "r": 2.5}))


def test_updates_take_tags_and_attributes() -> None:
    """Attributes are named one by one; tags come from a list or from one text."""
    text = """\
kind: mapping
name: crm
topic: koi.interactions
source: crm
when: {kind: [member, 2], gone: {exists: false}}
type: customer.updated
fields:
  id: i
  customer_id: i
  occurred_at: t
  tags_add: tags
  tags_remove: {value: [new, cold]}
  attributes.城市: 地址.0.城市
  attributes.points: points
  attributes.level: {from: level, default: 1}
"""
    message = {
        "kind": 2, "i": "1", "t": "2026-01-31T00:00:00Z", "tags": "vip", "地址": [{"城市": "上海"}], "points": 1.5, "gone": None,
    }  # fmt: skip
    gate = intake(text)
    (event,) = gate.accept(record(message, "koi.interactions"))
    assert isinstance(event, CustomerUpdated)
    assert (event.tags_add, event.tags_remove) == (("vip",), ("new", "cold"))
    assert event.attributes == {"城市": "上海", "points": 1.5, "level": 1}
    with pytest.raises(
        InvalidMessage, match=r"attributes.level \(from level\): must be text, a number, true or false, not a list"
    ):
        gate.accept(record({**message, "level": [1]}, "koi.interactions"))


def test_an_interaction_takes_its_value_and_its_source_from_the_message() -> None:
    """Numbers may be text, the source a field of its own, and hexadecimal in a file is text."""
    text = """\
kind: mapping
name: live
topic: koi.interactions
when: {code: 0x1F}
type: interaction
fields: {id: i, source: s, customer_id: i, occurred_at: t, kind: {value: share}, value: v}
"""
    message = {"code": "0x1F", "i": "1", "s": "live", "t": "2026-01-31T00:00:00Z", "v": "2.5"}
    (event,) = intake(text).accept(record(message, "koi.interactions"))
    assert isinstance(event, Interaction)
    assert (event.source, event.value) == ("live", 2.5)


def test_the_limits_hold_for_mapped_messages() -> None:
    """A mapping cannot carry more attributes than a canonical message may."""
    text = GOOD[: GOOD.index("  order_id")].replace("order.paid", "customer.updated")
    text += "  customer_id: buyer\n  occurred_at: {from: at, format: unix}\n"
    text += "".join(f"  attributes.a{number}: no\n" for number in range(51))
    assert failure({"no": "x"}, text) == "mapping shop: attributes: has more than 50 entries (found an object)"


def test_all_faults_of_a_file_come_at_once() -> None:
    """Each fault has its line, column, code, sentence and, where one is near, a suggestion."""
    assert problems("""\
kind: mapping
name: Shop!
topic: koi.order
sauce: shop
when:
  a..b: 1
  c: {}
type: order.paid
fields:
  id: {from: no, unit: major}
  order_id: {join: [a, ".b"]}
  customer: buyer
  amount_minor: {from: pay, unit: majr}
  currency: {value: rmb}
  occurred_at: {from: at, format: "%H:%M", zone: Asia/Shangai}
  channel: {from: ch, map: {1: ""}}
  discount_minor: {from: d, unit: major, currency: yuan}
  shop: {with: x}
  currency: cur
""") == [
        "m.yaml:2:7: bad_value: name: Shop! must be small letters, digits, - and _, at most 64",
        "m.yaml:3:8: bad_value: topic: koi.order is unknown (did you mean koi.orders?); write koi.orders or koi.interactions",
        "m.yaml:4:1: unknown_key: sauce is not a key of a mapping (did you mean source?)",
        "m.yaml:6:3: bad_path: a..b is not a path; write keys with dots between, e.g. trade.items.0.sku",
        "m.yaml:7:6: wrong_type: c: write a value, a list of values, or exists: true",
        "m.yaml:9:1: missing_field: source is required for order.paid",
        "m.yaml:9:1: missing_field: customer_id is required for order.paid",
        "m.yaml:10:18: unknown_key: unit has no use for id here",
        "m.yaml:11:24: bad_path: order_id: write a path: keys with dots between, e.g. trade.items.0.sku",
        "m.yaml:12:3: unknown_field: customer is not a field of order.paid (did you mean customer_id?)",
        "m.yaml:13:35: bad_unit: amount_minor: majr is unknown (did you mean major?); write major or minor",
        'm.yaml:14:21: bad_value: currency: must be three capital letters, e.g. CNY (found "rmb")',
        "m.yaml:15:35: bad_format: occurred_at: %H:%M tells no date; write rfc3339, unix, unix_ms or %Y-%m-%d %H:%M:%S",
        "m.yaml:15:50: unknown_zone: occurred_at: Asia/Shangai is not a time zone; write a name such as Asia/Shanghai or UTC",
        'm.yaml:16:32: bad_value: channel: must not be empty (found "")',
        "m.yaml:17:52: bad_value: discount_minor: currency must be three capital letters, e.g. CNY",
        "m.yaml:18:9: missing_key: shop: write where it is found: from, join, sum or value",
        "m.yaml:18:10: unknown_key: with has no use for shop here",
        "m.yaml:19:3: duplicate_key: currency is already written in line 14",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "m.yaml:1:1: empty: the file is empty; write kind: mapping"),
        ("- a", "m.yaml:1:1: wrong_type: a mapping file is a list of keys and values; start with kind: mapping"),
        ("a: [", "m.yaml:1:5: yaml: expected the node content, but found '<stream end>'"),
        ("a: \x00", "m.yaml:1:4: yaml: unacceptable character #x0000: special characters are not allowed"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text: str, problem: str) -> None:
    """Nothing else is said about it."""
    assert problems(text) == [problem]


def test_what_cannot_be_read_is_told_beside_the_rest() -> None:
    """An anchor and a second document do not hide what else is wrong."""
    assert [line.split(": ")[:2] for line in problems(GOOD.replace("no", "&x no", 1) + "  tag: t\n---\na: 1")] == [
        ["m.yaml:8:7", "not_allowed"],
        ["m.yaml:15:3", "unknown_field"],
        ["m.yaml:17:1", "too_many"],
    ]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("kind: mapping", "kind: maping", "m.yaml:1:7: bad_value: kind: maping is unknown (did you mean mapping?); write mapping"),
        ("name: shop", "name: [x]", "m.yaml:2:7: wrong_type: name must be text"),
        ("name: shop\n", "", "m.yaml:1:1: missing_key: name is required"),
        ("source: shop", "source: !x shop", "m.yaml:4:9: not_allowed: the tag !x is not read; write plain text"),
        ("source: shop", "source: " + "s" * 129, 'm.yaml:4:9: bad_value: source: is longer than 128 characters (found "' + "s" * 59 + "…)"),
        ("when: {event: paid}\n", "", "m.yaml:1:1: missing_key: when is required: which messages this covers, e.g. when: {event: paid}"),
        ("{event: paid}", "{[a]: paid, b: 1}", "m.yaml:5:8: not_allowed: a key must be text"),
        ("{event: paid}", "{event: ~}", "m.yaml:5:15: wrong_type: event: write a value, a list of values, or exists: true"),
        ("type: order.paid", "type: ignore", "m.yaml:7:1: unknown_key: fields has no use here, as type: ignore drops the message"),
        ("  id: no", "  id: no\n  source: s", "m.yaml:9:3: duplicate_key: source is already said in line 4"),
        ("id: no", 'id: a"b"', "m.yaml:8:7: bad_path: id: write a path: keys with dots between, e.g. trade.items.0.sku"),
        ("format: unix}", 'format: "%Q"}', "m.yaml:13:35: bad_format: occurred_at: %Q tells no date; write rfc3339, unix, unix_ms or %Y-%m-%d %H:%M:%S"),
        ("id: no", "id: [no]", "m.yaml:8:7: wrong_type: id: write a path, or options such as {from: path}"),
        ("id: no", "id: {frm: no, from: n}", "m.yaml:8:8: unknown_key: frm is not an option (did you mean from?)"),
        ("id: no", "id: {join: []}", "m.yaml:8:14: bad_path: id: join needs at least one path"),
        ("{from: pay, unit: major}", "{join: [pay]}", "m.yaml:11:17: wrong_type: amount_minor: join makes text, and this field holds none"),
        ("{from: pay, unit: major}", "{sum: []}", "m.yaml:11:23: bad_path: amount_minor: sum needs at least one path"),
        ("{from: pay, unit: major}", "{sum: [a..b]}", "m.yaml:11:24: bad_path: amount_minor: write a path: keys with dots between, e.g. trade.items.0.sku"),
        ("{from: pay, unit: major}", "{sum: [pay], from: pay}", "m.yaml:11:30: unknown_key: from has no use for amount_minor here"),
        ("{from: pay, unit: major}", "{sum: [pay], map: {a: 1}}", "m.yaml:11:30: unknown_key: map has no use for amount_minor here"),
        ("{from: pay, unit: major}", "{sum: [pay], join: [pay]}", "m.yaml:11:18: unknown_key: sum has no use for amount_minor here"),
        ("{from: pay, unit: major}", "{from: [pay, tip]}", "m.yaml:11:24: wrong_type: amount_minor: from is one path; several are written as join (texts) or sum (amounts)"),
        ("id: no", "id: {sum: [no]}", "m.yaml:8:7: wrong_type: id: sum adds up amounts, and this field holds none"),
        ("id: no", "id: {sum: [no], unit: major, currency: CNY}", "m.yaml:8:19: unknown_key: unit has no use for id here"),
        ("{from: at, format: unix}", "{sum: [at], format: unix}", "m.yaml:13:16: wrong_type: occurred_at: sum adds up amounts, and this field holds none"),
        ("{from: pay, unit: major}", "{from: pay, prefix: x}", "m.yaml:11:29: unknown_key: prefix has no use for amount_minor here"),
        ("{from: cur, default: CNY}", "{from: cur, map: {元: CNY}, prefix: x}", "m.yaml:12:40: unknown_key: prefix has no use for currency here"),
        ("{from: at, format: unix}", '{from: at, format: "%Y-%m-%d"}', "m.yaml:13:35: missing_key: occurred_at: this format has no offset; write zone: Asia/Shanghai, or wherever it is from"),
        ("{1: app, true: web}", "x", "m.yaml:14:28: wrong_type: channel: map must be a block of {theirs: ours}"),
        ("  currency: {from: cur, default: CNY}\n  occ", "  shop: {from: s, default: 007}\n  occ", "m.yaml:7:1: missing_field: currency is required for order.paid"),
    ],
)  # fmt: skip
def test_each_fault_has_its_place_and_sentence(before: str, after: str, problem: str) -> None:
    """A single change to a good file gives the problem that fits it."""
    assert before in GOOD
    assert problem in problems(GOOD.replace(before, after))


def test_a_default_of_an_attribute_is_checked() -> None:
    """A constant that no attribute can hold is refused when the file is read."""
    text = GOOD.replace("order.paid", "customer.updated")
    text = (
        text[: text.index("  order_id")]
        + "  customer_id: c\n  occurred_at: t\n  attributes.x: {from: x, default: [1]}\n"
    )
    (problem,) = problems(text)
    assert problem.startswith("m.yaml:11:36: bad_value: attributes.x: ")
    assert problem.count("attributes.x") == 1


def test_fields_are_required() -> None:
    """A mapping to an event without fields says which ones to write."""
    assert problems(GOOD[: GOOD.index("fields:")])[0].startswith(
        "m.yaml:1:1: missing_key: fields is required: a list of id, source, customer_id, occurred_at, order_id,"
    )


def test_several_files_report_together() -> None:
    """The faults of all files come in one error, and no two mappings share a name."""
    with pytest.raises(FileError) as caught:
        load_all([("a.yaml", GOOD.encode()), ("b.yaml", GOOD.encode()), ("c.yaml", b"")])
    assert str(caught.value).splitlines() == [
        "b.yaml:1:1: duplicate_name: name: shop is already used by a.yaml",
        "c.yaml:1:1: empty: the file is empty; write kind: mapping",
    ]


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_any_file_is_answered(content: bytes) -> None:
    """Arbitrary content is never a mapping, and never anything but a `FileError`."""
    with pytest.raises(FileError):
        load(content, "m.yaml")


@given(st.integers(0, len(GOOD)), st.text("{}[]:,&*!|>'\"%@`#-\n \t0x~é", max_size=3), st.integers(0, 5))
def test_any_typing_error_is_answered(at: int, typed: str, removed: int) -> None:
    """A good file with a slip of the keyboard is a mapping or a `FileError` whose lines have places."""
    try:
        load((GOOD[:at] + typed + GOOD[at + removed :]).encode(), "m.yaml")
    except FileError as error:
        for problem in error.problems:
            assert problem.place.line >= 1
            assert problem.message
