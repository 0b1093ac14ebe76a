"""What upstream says in these tests, and the rules they run under."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
DAY_ONE = datetime(2025, 3, 1, 12, 0, tzinfo=ZONE)

RULES = """\
# Where a customer stands depends on today's scores alone: every `leave` is the contrary of its `enter`.
kind: ladder
name: 社群
tiers:
  - name: 外围
  - name: 影响
    enter: [f >= 2]
    leave: [f < 2]
  - name: 核心
    enter: [f >= 3, m >= 4]
    leave:
      - any: [f < 3, m < 4]
on_jump:
  - {to_higher: true, notify: {template: 升级祝贺, channels: [webhook], category: service}}
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
when: [recency_days >= 45, not tagged("勿扰")]
cooldown: 30d
priority: 80
steps:
  - notify: {template: 好久不见, channels: [webhook], category: marketing}
---
kind: campaign
name: 会员日
when: [tagged("会员日")]
steps:
  - notify: {template: 会员日邀请, channels: [webhook], category: marketing}
"""


def after(days: float = 0, seconds: float = 0) -> datetime:
    """An instant counted from the first noon."""
    return DAY_ONE + timedelta(days=days, seconds=seconds)


def paid(customer: str, order: str, at: datetime, amount_minor: int = 60_000, **more: Any) -> dict[str, Any]:
    return {
        "type": "order.paid",
        "id": f"paid-{order}",
        "source": "shop",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
        "order_id": order,
        "amount_minor": amount_minor,
        "currency": "CNY",
    } | more


def refunded(customer: str, order: str, at: datetime, amount_minor: int = 60_000, refund: str = "r1") -> dict[str, Any]:
    return {
        "type": "order.refunded",
        "id": f"refunded-{order}-{refund}",
        "source": "shop",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
        "order_id": order,
        "refund_id": f"{order}-{refund}",
        "amount_minor": amount_minor,
        "currency": "CNY",
    }


def cancelled(customer: str, order: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "order.cancelled",
        "id": f"cancelled-{order}",
        "source": "shop",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
        "order_id": order,
    }


def amended(customer: str, order: str, at: datetime, amount_minor: int, rev: int) -> dict[str, Any]:
    return {
        "type": "order.amended",
        "id": f"amended-{order}-{rev}",
        "source": "shop",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
        "order_id": order,
        "amount_minor": amount_minor,
        "rev": rev,
    }


def did(customer: str, kind: str, at: datetime, number: int = 0) -> dict[str, Any]:
    return {
        "type": "interaction",
        "id": f"{kind}-{customer}-{number}",
        "source": "app",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
        "kind": kind,
    }


def updated(customer: str, at: datetime, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "type": "customer.updated",
        "id": f"updated-{customer}-{number}",
        "source": "crm",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
    } | more


def merged(into: str, old: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "customer.merged",
        "id": f"merged-{old}",
        "source": "crm",
        "customer_id": into,
        "occurred_at": at.isoformat(),
        "from_id": old,
    }


def deleted(customer: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "customer.deleted",
        "id": f"deleted-{customer}",
        "source": "crm",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
    }


def tick(at: datetime) -> dict[str, Any]:
    return {"type": "clock.tick", "id": f"tick-{at.isoformat()}", "source": "clock", "occurred_at": at.isoformat()}


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()
