"""What upstreams send in the system tests, and the rules and mappings the services run with."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.contracts.receipt import DeliveryOutcome
from tests.system.pipeline import PARTITIONS, Fact, Seen

ORDERS, INTERACTIONS = "koi.orders", "koi.interactions"
NOW = datetime.now(UTC)
_RULES = """\
kind: ladder
name: 社群
tiers:
  - name: 外围
  - name: 影响
    enter: [f >= 2]
    leave: [f < 2]
  - name: 核心
    enter: [f >= 3]
    leave: [f < 3]
on_jump:
  - {to: 核心, notify: {template: 核心欢迎, channels: [webhook], category: service}}
  - {to_lower: true, notify: {template: 店员关怀, channels: [webhook], to: owner}}
---
kind: campaign
name: 首单欢迎
when: [lifetime_orders >= 1]
steps:
  - notify: {template: 欢迎光临, channels: [webhook], category: service}
---
kind: campaign
name: 沉睡唤醒
when: [recency_days >= 45]
cooldown: 30d
steps:
  - notify: {template: 好久不见, channels: [webhook], category: marketing}
"""
_MAPPING = """\
kind: mapping
name: mall
topic: koi.orders
source: mall
when: {事件: 已支付}
type: order.paid
fields:
  id: 消息号
  order_id: 交易.单号
  customer_id: 交易.买家
  amount_minor: {from: 交易.金额, unit: major}
  currency: {value: CNY}
  occurred_at: {from: 交易.时间, format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
"""


def message(kind: str, customer: str, name: str, at: datetime, /, **more: Any) -> Fact:
    """A canonical message as a record, keyed by customer."""
    body = {"type": kind, "id": name, "source": "shop", "customer_id": customer, "occurred_at": at.isoformat()} | more
    topic = ORDERS if kind.startswith("order.") else INTERACTIONS
    return Fact(topic, customer.encode(), json.dumps(body, ensure_ascii=False).encode())


def paid(customer: str, order: str, at: datetime, amount: int = 20_000) -> Fact:
    return message("order.paid", customer, f"p-{order}", at, order_id=order, amount_minor=amount, currency="CNY")


def refunded(customer: str, order: str, at: datetime, amount: int = 20_000) -> Fact:
    more = {"order_id": order, "refund_id": f"r-{order}", "amount_minor": amount, "currency": "CNY"}
    return message("order.refunded", customer, f"r-{order}", at, **more)


def ticks(at: datetime) -> list[Fact]:
    body = {"type": "clock.tick", "id": f"tick-{at.isoformat()}", "source": "clock", "occurred_at": at.isoformat()}
    value = json.dumps(body).encode()
    return [Fact(topic, None, value, partition=p) for topic in (ORDERS, INTERACTIONS) for p in range(PARTITIONS)]


def settings(directory: Path) -> dict[str, str]:
    (directory / "rules.yaml").write_text(_RULES, encoding="utf-8")
    (directory / "mappings").mkdir()
    (directory / "mappings" / "mall.yaml").write_text(_MAPPING, encoding="utf-8")
    return {"KOI_RULES": str(directory / "rules.yaml"), "KOI_MAPPINGS": str(directory / "mappings")}


def once(seen: Seen) -> None:
    """Every command has exactly one end, by id, and was sent."""
    commands = {command.id for command in seen.commands}
    assert {receipt.command_id for receipt in seen.ends} == commands
    assert {receipt.outcome for receipt in seen.ends} <= {DeliveryOutcome.SENT}
