"""A history, the rules it is explained by, and the command as a person types it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from services.cli.explain.offline import Files
from services.cli.main import app
from services.cli.scores.files import EventFiles
from services.cli.scores.refusals import Refusals
from services.contracts.calendar import to_ms
from services.rules.book.compiler import compile_rulebook
from services.scoring.config import ScoringConfig
from tests.flow.said import ZONE, after, deleted, did, merged, paid, updated

RULES = """\
kind: ladder
name: community
tiers:
  - name: 外围
  - name: 影响
    enter: [f >= 2, {any: [activity >= 5, recency_days <= 7]}]
    leave: [activity < 2, recency_days >= 30]
    stay_at_least: 14d
  - name: 核心
    enter: [f >= 4, m >= 4]
on_jump:
  - {to_higher: true, notify: {template: 升级祝贺, channels: [webhook], category: service}}
---
kind: campaign
name: win-back
when:
  - recency_days >= 45
  - not tagged("coupon_hunter")
  - any: [lifetime_net_minor >= 600 CNY, late]
cooldown: 30d
exclusive: attention
priority: 80
until: [recency_days < 10]
steps:
  - notify: {template: we_miss_you, channels: [webhook, console], category: marketing}
  - wait: 5d
  - notify: {template: coupon_10, channels: [webhook], category: marketing}
    when: ['count("click", "7d") == 0']
goal: {event: order.paid, within: 21d}
---
define:
  late: ['rf_segment in ["at_risk", "cant_lose"]', overdue >= 2]
---
kind: campaign
name: 会员日
when: [tagged("会员日"), orders("90d") >= 2]
schedule: {every: tuesday, at: 10:00}
exclusive: attention
steps:
  - notify: {template: 会员日邀请, channels: [webhook], category: marketing}
---
kind: campaign
name: big-spender
mode: shadow
when: [net_minor / orders >= 25000]
steps:
  - notify: {template: wow, channels: [console], to: owner}
"""
HISTORY: tuple[dict[str, Any], ...] = (
    paid("客户-42", "o1", after(0), 15_000),
    paid("客户-42", "o2", after(6), 22_000),
    paid("客户-42", "o3", after(13), 30_000),
    paid("客户-42", "o4", after(70), 12_000),
    updated("客户-42", after(71), 1, tags_add=["会员日", "vip"]),
    paid("旧客户", "x1", after(30), 9_000),
    merged("客户-42", "旧客户", after(75)),
    did("客户-42", "view", after(76)),
    paid("乙", "y1", after(3), 9_000),
    deleted("乙", after(9)),
    paid("丙", "z1", after(100), 9_000),
)


def written(folder: Path, messages: Iterable[dict[str, Any]] = HISTORY, rules: str = RULES) -> tuple[Path, Path]:
    """The events and the rules as files."""
    events, texts = folder / "事件.jsonl", folder / "rules.yaml"
    events.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in messages), encoding="utf-8")
    texts.write_text(rules, encoding="utf-8")
    return events, texts


def opened(folder: Path, messages: Iterable[dict[str, Any]] = HISTORY, rules: str = RULES) -> Files:
    """The same, ready to be replayed."""
    events, texts = written(folder, messages, rules)
    contents = {str(texts): texts.read_bytes()}
    files = EventFiles([events], arrived_ms=to_ms(datetime.now(UTC)), refusals=Refusals())
    return Files(files, contents, compile_rulebook(contents), ScoringConfig(), ZONE)


def koi(*words: str | Path, ends: int = 0, **env: str) -> str:
    """What the command says, to a person and to a pipe."""
    result = CliRunner(env={"COLUMNS": "100", "KOI_ZONE": "Asia/Shanghai", **env}).invoke(
        app, ["explain", *map(str, words)]
    )
    assert result.exit_code == ends, result.output
    return result.output


def offline(folder: Path, customer: str, *words: str, ends: int = 0) -> str:
    """About one customer of the history."""
    events, rules = written(folder)
    return koi(customer, "--rules", rules, "--events", events, *words, ends=ends)
