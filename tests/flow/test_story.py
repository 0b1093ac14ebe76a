"""What one customer goes through, from an order upstream to a message in the hand."""

from collections import Counter

from services.contracts.channels import Delivery
from services.contracts.decision import Outcome
from services.contracts.events import OrderPaid
from services.contracts.profile import Cause, Happening, Octant
from services.contracts.receipt import DeliveryOutcome, Reason
from services.contracts.topics import INTERACTIONS, TOPICS
from services.rules.processor import RulesProcessor
from tests.flow.pond import PARTITIONS, Pond
from tests.flow.said import after, did, paid, refunded, updated


async def test_an_order_becomes_a_message(rules: RulesProcessor) -> None:
    """One order is one event, one profile, one decision, one command, one message and exactly one receipt."""
    pond = Pond(rules, now=after(seconds=1))
    pond.tell([paid("锦鲤-001", "订单①", after())])
    await pond.settle()
    (event,), (profile,), (decision,) = pond.events(), pond.profiles(), pond.decisions()
    (command,), (message,), (receipt,) = pond.commands(), pond.channel.sent, pond.receipts()
    assert isinstance(event, OrderPaid)
    assert (event.order_id, event.amount_minor) == ("订单①", 60_000)
    assert (profile.orders, profile.net_minor, profile.cause, profile.cause_id) == (
        1,
        60_000,
        Cause.OWN_EVENT,
        event.id,
    )
    assert (decision.outcome, decision.cause_id, decision.commands) == (Outcome.FIRED, event.id, (command.id,))
    assert decision.profile_version == profile.version
    assert (command.template, command.occurred_at) == ("欢迎光临", event.occurred_at)
    assert (message.command_id, message.customer_id) == (command.id, "锦鲤-001")
    assert (receipt.command_id, receipt.outcome, receipt.reason) == (command.id, DeliveryOutcome.SENT, Reason.NONE)
    assert (receipt.channel, receipt.delivery) == ("webhook", Delivery.AT_LEAST_ONCE)
    assert pond.letters() == []


async def test_refunds_demote(rules: RulesProcessor) -> None:
    """Whoever rose by three orders falls when one is refunded, and falls again with the next; the clerk hears of both."""
    pond = Pond(rules, now=after(1))
    pond.tell(paid("甲", f"o{i}", after()) for i in range(3))
    await pond.settle()
    assert pond.tiers() == {"甲": "核心"}
    pond.tell([refunded("甲", "o1", after(0.5))])
    await pond.settle()
    assert pond.tiers() == {"甲": "影响"}
    pond.tell([refunded("甲", "o2", after(0.6))])
    await pond.settle()
    assert pond.tiers() == {"甲": "外围"}
    falls = [d for d in pond.decisions() if d.outcome is Outcome.DEMOTED]
    assert [(d.from_tier, d.to_tier, d.cause) for d in falls] == [
        ("核心", "影响", Cause.REFUND),
        ("影响", "外围", Cause.REFUND),
    ]
    assert Counter(pond.templates()["甲"]) == {"欢迎光临": 1, "升级祝贺": 2, "店员关怀": 2}


async def test_a_partial_refund_lowers_money_alone(rules: RulesProcessor) -> None:
    """An order that is refunded in part still counts; only its money shrinks."""
    pond = Pond(rules, now=after(1))
    pond.tell([paid("甲", "o1", after()), refunded("甲", "o1", after(0.1), 20_000)])
    await pond.settle()
    profile = pond.last_profiles()["甲"]
    assert (profile.orders, profile.net_minor) == (1, 40_000)
    assert pond.tiers() == {}


async def test_every_command_has_one_receipt(rules: RulesProcessor) -> None:
    """A crowd of customers in all partitions: as many receipts as commands, each for another command, each sent once."""
    pond = Pond(rules, now=after(1))
    crowd = [f"会员{i}" for i in range(60)]
    pond.tell(paid(name, f"{name}/{i}", after(seconds=i)) for i in range(4) for name in crowd)
    pond.tell(did(name, "message", after(seconds=9)) for name in crowd)
    await pond.settle()
    commands = {command.id for command in pond.commands()}
    assert len(commands) == len(pond.commands()) == 3 * len(crowd)
    assert sorted(receipt.command_id for receipt in pond.receipts()) == sorted(commands)
    assert sorted(message.command_id for message in pond.channel.sent) == sorted(commands)
    assert {record.partition for record in pond.broker.records("koi.receipts")} == set(range(PARTITIONS))


async def test_a_customer_stays_in_one_partition(rules: RulesProcessor) -> None:
    """Whatever is said of a customer lies in the same partition of every keyed topic, under the customer's id."""
    pond = Pond(rules, now=after(1))
    pond.tell(paid(f"客户{i}", f"o{i}", after()) for i in range(20))
    await pond.settle()
    found: dict[bytes | None, set[int]] = {}
    for topic in ("koi.events", "koi.profiles", "koi.decisions", "koi.notifications", "koi.receipts"):
        records = pond.broker.records(topic)
        assert len(records) == 20
        for record in records:
            found.setdefault(record.key, set()).add(record.partition)
    assert found.keys() == {f"客户{i}".encode() for i in range(20)}
    assert {len(partitions) for partitions in found.values()} == {1}


async def test_chinese_from_end_to_end(rules: RulesProcessor) -> None:
    """Ids, tags, attributes, tiers and templates in Chinese arrive as they were written, at every stage."""
    pond = Pond(rules, now=after(1))
    customer = "客户:张三（旗舰店）🐟"
    attributes = {"城市": "上海", "等级": 3}
    pond.tell([updated(customer, after(), tags_add=["会员日", "爱喝茶"], attributes=attributes)])
    pond.tell(paid(customer, f"订单{i}", after(seconds=i)) for i in range(3))
    await pond.settle()
    profile = pond.last_profiles()[customer]
    assert (profile.tags, profile.attributes) == (("会员日", "爱喝茶"), attributes)
    assert profile.segment is Octant.DEVELOP
    assert pond.tiers() == {customer: "核心"}
    assert Counter(pond.templates()[customer]) == {"会员日邀请": 1, "欢迎光临": 1, "升级祝贺": 2}
    assert {receipt.customer_id for receipt in pond.receipts()} == {customer}
    assert {message.params.get("ladder", "社群") for message in pond.channel.sent} == {"社群"}
    assert customer.encode() in {record.key for record in pond.broker.records("koi.receipts")}


async def test_no_address_goes_beyond_the_edge(rules: RulesProcessor) -> None:
    """Of an update a profile says that there was one; contacts stay with upstream's own record. Of an order it says more."""
    pond = Pond(rules, now=after(1))
    contacts = {"sms": "+8613800000000", "email": "wang@example.com"}
    pond.tell([updated("甲", after(), tags_add=["会员日"], contacts=contacts)])
    await pond.settle()
    pond.tell([paid("甲", "o1", after(0.1), 60_000, discount_minor=500, channel="小程序", shop="旗舰店")])
    await pond.settle()
    assert [profile.event for profile in pond.profiles()] == [
        Happening(type="customer.updated"),
        Happening(type="order.paid", amount_minor=60_000, discount_minor=500, channel="小程序", shop="旗舰店"),
    ]
    holding = {
        topic.name
        for topic in TOPICS
        for record in pond.broker.records(topic.name)
        if any(address in (record.value or b"") for address in (b"13800000000", b"wang@example.com"))
    }
    assert holding == {INTERACTIONS.name}
