"""`koi rules simulate` and `koi rules diff`, as a person types them."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from services.cli.rules.forecasting.command import diff, simulate

APP = typer.Typer()
APP.command("simulate")(simulate)
APP.command("diff")(diff)

RULES = """\
kind: ladder
name: 池塘
tiers:
  - name: 外围
  - name: 影响
    enter: [orders >= 2]
    leave: [orders < 2]
on_jump:
  - {to_higher: true, notify: {template: 升级, channels: [console, webhook], category: service}}
---
kind: campaign
name: 唤醒
when: [recency_days >= 30]
holdout: 20%
steps:
  - notify: {template: 好久不见, channels: [webhook], category: marketing}
goal: {event: order.paid, within: 20d}
"""
CHANGED = (
    RULES.replace("recency_days >= 30", "recency_days >= 20")
    + """\
---
kind: campaign
name: 影子
mode: shadow
when: [orders >= 1]
steps:
  - notify: {template: 欢迎, channels: [webhook], category: service}
"""
)


def order(customer: str, number: int, day: float, **more: Any) -> dict[str, Any]:
    at = datetime.fromisoformat("2026-01-05T12:00:00+08:00") + timedelta(days=day)
    return {
        "type": "order.paid",
        "id": f"{customer}/{number}",
        "source": "测试",
        "customer_id": customer,
        "occurred_at": at.isoformat(),
        "order_id": f"{customer}/{number}",
        "amount_minor": 9900,
        "currency": "CNY",
    } | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty customers with two orders each, 40 days apart; two rule files; and another that lets all rest."""
    lines = [order(f"客户{n}", k, n + 40 * k) for k in range(2) for n in range(20)]
    events = tmp_path / "事件.jsonl"
    events.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    (tmp_path / "旧.yaml").write_text(RULES, encoding="utf-8")
    (tmp_path / "新.yaml").write_text(CHANGED, encoding="utf-8")
    (tmp_path / "scoring.yaml").write_text("super_user: null\n")
    return tmp_path


def koi(*words: str | Path, ends: int = 0) -> str:
    """What the command says, to a person and to a pipe."""
    result = CliRunner(env={"COLUMNS": "200", "KOI_ZONE": "Asia/Shanghai"}).invoke(APP, [*map(str, words)])
    assert result.exit_code == ends, (result.output, result.exception)
    return result.output


def found(*words: str | Path) -> dict[str, Any]:
    result = CliRunner(env={"KOI_ZONE": "Asia/Shanghai"}).invoke(APP, [*map(str, words), "--json", "--workers", "1"])
    assert result.exit_code == 0, (result.output, result.exception)
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_a_simulation_says_what_would_have_come_of_it(folder: Path) -> None:
    """Tables for a person, with who was held out, and whether it mattered."""
    said = koi("simulate", folder / "旧.yaml", "--events", folder / "事件.jsonl", "--workers", "1")
    assert "40 events of 20 customers, counted from 2026-01-05 to 2026-03-05 (Asia/Shanghai)" in said
    assert "池塘: 20 up, 0 down" in said
    for word in ("影响", "唤醒", "好久不见", "holdout", "order.paid", "升级"):
        assert word in said


def test_the_same_for_a_machine(folder: Path) -> None:
    """Every number, in JSON on standard output alone."""
    answer = found("simulate", folder / "旧.yaml", "--events", folder / "事件.jsonl", "--to", "2026-04-30")
    ladder, campaign = answer["ladders"][0], answer["campaigns"][0]
    assert ladder["jumps"] == [{"from": "外围", "to": "影响", "count": 20}]
    assert ladder["population"] == {"外围": 0, "影响": 20}
    # after each of the two orders comes a silence of thirty days
    assert campaign["fired"] + campaign["suppressed"]["holdout"] == 40
    goal = campaign["goal"]
    assert goal["treated"]["reached"] + goal["holdout"]["reached"] == 20
    assert goal["difference"] is not None
    assert answer["messages"]["total"] == 20 + campaign["fired"]
    assert sum(answer["messages"]["by_day"].values()) == answer["messages"]["total"]
    assert answer["to"] == "2026-04-30T23:59:59.999999+08:00"


def test_caps_are_those_of_the_policy(folder: Path) -> None:
    """Of its file, unless they are said; without a file those that the notifier has without one."""
    words = ("simulate", folder / "旧.yaml", "--events", folder / "事件.jsonl")
    policy = folder / "policy.yaml"
    policy.write_text("caps: {service: {day: none, week: 4}}\n", encoding="utf-8")
    told = [
        found(*words, *more)["messages"]["capped"]["limits"] for more in ((), ("--policy", policy), ("--cap-day", "0"))
    ]
    assert [each["service"] for each in told] == [
        {"day": 3, "week": 10},
        {"day": None, "week": 4},
        {"day": 0, "week": 10},
    ]
    assert [each["marketing"] for each in told] == [{"day": 1, "week": 3}, {"day": 1, "week": 3}, {"day": 0, "week": 3}]
    assert "held back by the caps for a customer: marketing 1 a day and 3 in 7 days, service" in koi(*words)
    policy.write_text("caps: {service: {day: few}}\n", encoding="utf-8")
    said = koi(*words, "--policy", policy, ends=1)
    assert "policy.yaml:1:23: bad_value: 'few' is no cap" in said


def test_what_was_before_only_warms_up(folder: Path) -> None:
    """Tiers entered before are kept; what is after --to is not read."""
    words = ("simulate", folder / "旧.yaml", "--events", folder / "事件.jsonl")
    later = found(*words, "--from", "2026-02-20", "--to", "2026-02-25")
    assert later["from"] == "2026-02-20T00:00:00+08:00"
    assert later["ladders"][0]["promoted"] == 6
    assert later["ladders"][0]["population"] == {"外围": 8, "影响": 12}
    assert later["events"] == 32


def test_any_number_of_processes_says_the_same(folder: Path) -> None:
    """Word by word."""
    words = ("simulate", folder / "旧.yaml", "--events", folder / "事件.jsonl", "--to", "2026-04-30", "--workers")
    assert koi(*words, "1") == koi(*words, "2")


def test_a_table_and_a_page_are_written(folder: Path) -> None:
    """The table adds up to what is said."""
    table, page = folder / "out.csv", folder / "report.html"
    words = ("simulate", folder / "新.yaml", "--events", folder / "事件.jsonl", "--workers", "1")
    said = koi(*words, "--csv", table, "--report", page)
    assert f"written to {table} and {page}" in said
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["count"]) for row in rows if row["outcome"] == "promoted") == 20
    shadow = [row for row in rows if row["outcome"] == "would_send"]
    assert {(row["rule"], row["template"], row["channel"], row["mode"]) for row in shadow} == {
        ("影子", "欢迎", "webhook", "shadow")
    }
    text = page.read_text(encoding="utf-8")
    for word in ("What these rules would have done", "池塘", "好久不见", "control group", "Why campaigns kept silent"):
        assert word in text


def test_a_difference_says_what_is_otherwise(folder: Path) -> None:
    """By rule, with examples; the page and the table too."""
    page, table = folder / "d.html", folder / "d.csv"
    words = ("diff", folder / "旧.yaml", folder / "新.yaml", "--events", folder / "事件.jsonl", "--workers", "1")
    said = koi(*words, "--to", "2026-03-20", "--report", page, "--csv", table)
    assert "added" in said
    assert "changed" in said
    assert "For example" in said
    assert "recency_days >= 20" in said
    assert "What the new rules would have done otherwise" in page.read_text(encoding="utf-8")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(int(row["new"]) - int(row["old"]) == int(row["difference"]) for row in rows)


def test_a_difference_for_a_machine(folder: Path) -> None:
    """Both sides are those of a simulation of each alone."""
    events = ("--events", folder / "事件.jsonl", "--to", "2026-04-30")
    answer = found("diff", folder / "旧.yaml", folder / "新.yaml", *events)
    for side, rules in (("old", "旧.yaml"), ("new", "新.yaml")):
        alone = found("simulate", folder / rules, *events)
        assert answer[side] == {key: alone[key] for key in ("messages", "ladders", "campaigns")}
    assert {rule["rule"]: rule["is"] for rule in answer["rules"]} == {
        "池塘": "same",
        "唤醒": "changed",
        "影子": "added",
    }
    assert answer["messages"]["difference"] == answer["messages"]["new"] - answer["messages"]["old"]


def test_what_cannot_be_used_is_told_with_its_place(folder: Path) -> None:
    """What is no event, and what cannot be folded; all else is simulated."""
    path = folder / "事件.jsonl"
    bad = json.dumps(order("客户1", 9, 50, currency="USD"), ensure_ascii=False)
    path.write_text(path.read_text(encoding="utf-8") + "{\n" + bad + "\n", encoding="utf-8")
    said = koi("simulate", folder / "旧.yaml", "--events", path, "--workers", "1")
    assert f"{path}:41: not_json" in said
    assert f"{path}:42: foreign_currency" in said
    assert "41 events" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "gestern"], "'gestern' is no instant; write a date such as 2026-03-31"),
        (["--from", "2026-03-01", "--to", "2026-02-01"], "--to 2026-02-01 lies before --from 2026-03-01"),
        (["--to", "2020-01-01"], "nothing happened until then: 40 events came later; see --to"),
        (["--zone", "Mars/Base"], "unknown time zone 'Mars/Base'; write a name such as Asia/Shanghai or UTC"),
        (["--scoring", "none.yaml"], "none.yaml:1:1: no_file: there is no such file or folder"),
        (["--events", "none.jsonl"], "none.jsonl:1:1: no_file: there is no such file"),
        (["--topic", "koi.events"], "name event files with --events, or a topic with --topic koi.events"),
        (["--csv", "/dev/full/x.csv"], "/dev/full"),
    ],
)
def test_mistakes_are_one_line(folder: Path, options: list[str], message: str) -> None:
    """With what to do about it, and no trace."""
    said = koi("simulate", folder / "旧.yaml", "--events", folder / "事件.jsonl", "--workers", "1", *options, ends=1)
    assert message in said
    assert "Traceback" not in said


def test_mistakes_in_rules_are_told_before_anything_is_read(folder: Path) -> None:
    """With their place, in whichever of the two."""
    (folder / "新.yaml").write_text(CHANGED.replace("recency_days", "recency_day"), encoding="utf-8")
    words = ("diff", folder / "旧.yaml", folder / "新.yaml", "--events", folder / "事件.jsonl")
    assert "新.yaml:" in koi(*words, ends=1)


def test_a_topic_that_holds_no_events_is_refused(folder: Path) -> None:
    """And so is nothing to read at all, and a file of which nothing can be used."""
    said = koi("simulate", folder / "旧.yaml", "--topic", "koi.profiles", ends=1)
    assert "'koi.profiles' holds no events; topics that do are koi.events, koi.orders, koi.interactions" in said
    assert "name event files" in koi("simulate", folder / "旧.yaml", ends=1)
    path = folder / "leer.jsonl"
    path.write_text("{}\n")
    assert "no line can be used; nothing was simulated" in koi("simulate", folder / "旧.yaml", "--events", path, ends=1)
    path.write_text("")
    assert "there are no events" in koi("simulate", folder / "旧.yaml", "--events", path, ends=1)
