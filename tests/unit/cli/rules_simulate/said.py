"""Decisions and commands as rules would say them, for the tests of forecasts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.cli.replay.course import Said
from services.cli.rules.forecasting.caps import LimitsOf, unless_said
from services.cli.rules.forecasting.forecast import Forecast, Span
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.decision import Decision, Mode, Outcome, Verdict
from services.contracts.profile import Cause
from services.rules.book.compiler import compile_rulebook
from services.rules.book.rulebook import Rulebook

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon in Shanghai, a Monday."""

RULES = """\
kind: ladder
name: 池塘
tiers:
  - name: 外围
  - name: 影响
    enter: [f >= 2]
    leave: [f < 2]
  - name: 核心
    enter: [f >= 4]
    leave: [f < 4]
on_jump:
  - {to_higher: true, notify: {template: 升级, channels: [console, webhook], category: service}}
---
kind: campaign
name: 唤醒
when: [recency_days >= 30]
cooldown: 30d
holdout: 10%
steps:
  - notify: {template: 好久不见, channels: [webhook], category: marketing}
goal: {event: order.paid, within: 10d}
---
kind: campaign
name: 影子
mode: shadow
when: [recency_days >= 60]
steps:
  - notify: {template: 还在吗, channels: [webhook], category: marketing}
"""
BOOK: Rulebook = compile_rulebook({"规则.yaml": RULES})


def forecast(book: Rulebook = BOOK, *, limits: LimitsOf | None = None, **span: datetime) -> Forecast:
    return Forecast(book, Span(ZONE, **span), limits or unless_said())


def decided(customer: str, rule: str, outcome: Outcome, *, day: float = 0, episode: int = 1, **more: Any) -> Decision:
    values: dict[str, Any] = {
        "id": f"{rule}/{customer}/{episode}/{outcome}",
        "customer_id": customer,
        "rule": f"{rule}@0123456789",
        "outcome": outcome,
        "decided_at": NOON + timedelta(days=day),
        "episode": episode,
        "cause": Cause.TIME,
        "cause_id": "",
        "profile_version": 1,
        "verdicts": (Verdict(condition="recency_days >= 30", actual={"recency_days": 31}, holds=True),),
    }
    return Decision(**(values | more))


def sent(customer: str, rule: str = "唤醒", template: str = "好久不见", *, day: float = 0, **more: Any) -> Command:
    at = NOON + timedelta(days=day)
    values: dict[str, Any] = {
        "id": f"{rule}/{customer}/{day}",
        "customer_id": customer,
        "rule": f"{rule}@0123456789",
        "episode": 1,
        "step": 0,
        "template": template,
        "params": {},
        "channels": ("webhook", "console"),
        "category": Category.MARKETING,
        "recipient": Recipient.CUSTOMER,
        "decided_at": at,
        "expires_at": at + timedelta(days=3),
        "occurred_at": at,
    }
    return Command(**(values | more))


def fired(customer: str, rule: str = "唤醒", *, day: float = 0, episode: int = 1) -> list[Said]:
    """An episode that begins, with its message."""
    command = sent(customer, rule, day=day)
    decision = decided(
        customer, rule, Outcome.FIRED, day=day, episode=episode, commands=(command.id,), templates=(command.template,)
    )
    return [decision, command]


def shadowed(customer: str, *, day: float = 0) -> Decision:
    return decided(customer, "影子", Outcome.FIRED, day=day, mode=Mode.SHADOW, templates=("还在吗",))


def jumped(customer: str, origin: str, target: str, *, day: float = 0, episode: int = 1, up: bool = True) -> Decision:
    outcome = Outcome.PROMOTED if up else Outcome.DEMOTED
    return decided(customer, "池塘", outcome, day=day, episode=episode, from_tier=origin, to_tier=target)
