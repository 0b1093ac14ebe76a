"""`koi score`, as a person types it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.main import app

EVENTS: list[dict[str, Any]] = [
    {"type": "order.paid", "customer_id": "客户-一", "occurred_at": "2026-01-05T10:00:00+08:00", "amount_minor": 30000},
    {"type": "order.paid", "customer_id": "客户-一", "occurred_at": "2026-03-01T10:00:00+08:00", "amount_minor": 20000},
    {"type": "order.paid", "customer_id": "客户-二", "occurred_at": "2026-03-20T10:00:00+08:00", "amount_minor": 9900},
    {"type": "order.paid", "customer_id": "=1+1", "occurred_at": "2026-03-31T23:59:59+08:00", "amount_minor": 100},
    {"type": "order.paid", "customer_id": "明天", "occurred_at": "2026-04-01T00:00:00+08:00", "amount_minor": 100},
]
DEEDS: list[dict[str, Any]] = [
    {"type": "interaction", "customer_id": "客户-一", "occurred_at": "2026-03-30T08:00:00+08:00", "kind": "view"},
    {
        "type": "interaction",
        "customer_id": "客户-一",
        "occurred_at": "2026-03-01T08:00:00+08:00",
        "kind": "custom:品鉴",
    },
    {
        "type": "order.refunded",
        "customer_id": "客户-二",
        "occurred_at": "2026-03-21T08:00:00+08:00",
        "amount_minor": 900,
    },
    {"type": "customer.merged", "customer_id": "客户-一", "occurred_at": "2026-03-30T09:00:00+08:00", "from_id": "旧"},
    {"type": "order.paid", "customer_id": "旧", "occurred_at": "2025-12-31T08:00:00+08:00", "amount_minor": 5000},
]
CONFIG = "window_days: 365\nmethod: quantile\nhigh: {by: median}\n"


def written(folder: Path, lines: list[str] | None = None) -> Path:
    """A file of events, one twice, and a line that is none."""
    path = folder / "事件.jsonl"
    events = [{"id": f"e{n}", "source": "测试", "currency": "CNY"} | event for n, event in enumerate(EVENTS + DEEDS)]
    for number, event in enumerate(events):
        if event["type"].startswith("order."):
            event |= {"order_id": f"o{number}"}
        if event["type"] == "order.refunded":
            event |= {"order_id": "o2", "refund_id": f"r{number}"}
    texts = [json.dumps(event, ensure_ascii=False) for event in [*events, events[0]]]
    path.write_text("\n".join([*texts, *(lines or [])]) + "\n", encoding="utf-8")
    (folder / "scoring.yaml").write_text(CONFIG)
    return path


def koi(*words: str | Path, ends: int = 0) -> str:
    """What the command says, to a person and to a pipe."""
    result = CliRunner(env={"COLUMNS": "200", "KOI_ZONE": "Asia/Shanghai"}).invoke(app, [*map(str, words)])
    assert result.exit_code == ends, result.output
    return result.output


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["customer_id"]: row for row in csv.DictReader(file)}


def test_every_customer_has_a_row(tmp_path: Path) -> None:
    """Refunds, a merger, a repeat and what is of tomorrow are as the service would have them; ids are data, whatever they look like."""
    out = tmp_path / "分数.csv"
    said = koi("score", written(tmp_path), "--as-of", "2026-03-31", "--config", tmp_path / "scoring.yaml", "--out", out)
    assert "3 customers, 3 of them with an order in the window, as of 2026-03-31 23:59:59 Asia/Shanghai" in said
    rows = table(out)
    assert list(rows) == ["=1+1", "客户-一", "客户-二"]
    one = rows["客户-一"]
    assert (one["recency_days"], one["frequency"], one["monetary_minor"]) == ("30", "3", "55000")
    assert (one["orders_30d"], one["orders_90d"], one["orders_lifetime"]) == ("0", "2", "3")
    assert (one["count_view_7d"], one["count_custom:品鉴_30d"], one["count_custom:品鉴_90d"]) == ("1", "0", "1")
    assert (one["first_order_day"], one["last_order_day"]) == ("2025-12-31", "2026-03-01")
    assert (one["r"], one["f"], one["m"], one["octant"], one["segment"]) == ("1", "5", "5", "重要保持", "cant_lose")
    assert (rows["客户-二"]["monetary_minor"], rows["客户-二"]["refund_share"]) == ("9000", "0.090909")
    assert rows["=1+1"]["recency_days"] == "0"
    assert (one["super_user"], rows["=1+1"]["super_user"]) == ("true", "false")


def test_what_cannot_be_used_is_told_with_its_place(tmp_path: Path) -> None:
    """And makes an error where one wants it so; then nothing is written."""
    path = written(tmp_path, ["{", '{"type": "order.payed"}'])
    out = tmp_path / "scores.csv"
    said = koi("score", path, "--out", out, "--strict", ends=1)
    assert f"{path}:12: not_json" in said
    assert f"{path}:13: unknown_type" in said
    assert "2 lines cannot be used; nothing was written" in said
    assert not out.exists()
    koi("score", path, "--out", out)
    assert set(table(out)) == {"=1+1", "客户-一", "客户-二", "明天"}


def test_another_currency_is_told_with_the_line_it_stands_in(tmp_path: Path) -> None:
    """It is found while folding, and still has its place."""
    order = {"type": "order.paid", "id": "x", "source": "s", "customer_id": "c", "order_id": "x", "amount_minor": 1}
    path = written(tmp_path, [json.dumps(order | {"occurred_at": "2026-03-01T00:00:00Z", "currency": "USD"})])
    assert f"{path}:12: foreign_currency" in koi("score", path, "--out", tmp_path / "scores.csv")


def test_the_table_can_go_to_a_pipe(tmp_path: Path) -> None:
    """What is said to a person is not in it."""
    result = CliRunner(env={"KOI_ZONE": "UTC"}).invoke(app, ["score", str(written(tmp_path)), "--out", "-"])
    assert result.stdout.startswith("customer_id,recency_days,")
    assert "customers" in result.stderr
    assert "客户-一" in result.stdout


def test_the_population_may_be_that_of_the_last_epoch(tmp_path: Path) -> None:
    """At noon the live service scores with the cut-offs of midnight, before the last buyer of the day had come."""
    path = written(tmp_path)
    config = tmp_path / "scoring.yaml"
    tables = {}
    for cutoffs in ("now", "epoch"):
        out = tmp_path / f"{cutoffs}.csv"
        koi("score", path, "--as-of", "2026-03-20T12:00", "--config", config, "--out", out, "--cutoffs", cutoffs)
        tables[cutoffs] = table(out)
    assert {customer: row["m"] for customer, row in tables["now"].items()} == {
        "客户-一": "5",
        "客户-二": "3",
        "旧": "1",
    }
    assert {customer: row["m"] for customer, row in tables["epoch"].items()} == {
        "客户-一": "5",
        "客户-二": "1",
        "旧": "1",
    }


def test_a_report_has_the_pictures(tmp_path: Path) -> None:
    """One file, with everything inside."""
    report = tmp_path / "report.html"
    said = koi("score", written(tmp_path), "--out", tmp_path / "s.csv", "--report", report)
    assert f"written to {tmp_path / 's.csv'} and {report}" in said
    text = report.read_text(encoding="utf-8")
    assert "How recently and how often" in text
    assert "Who brings the revenue" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--as-of", "yesterday"], "'yesterday' is no instant; write a date such as 2026-03-31"),
        (["--zone", "Mars/Base"], "unknown time zone 'Mars/Base'; write a name such as Asia/Shanghai or UTC"),
        (["--delimiter", "ab"], "'ab' is no delimiter; write one character, or comma"),
        (["--config", "none.yaml"], "none.yaml:1:1: no_file: there is no such file or folder"),
        (["none.jsonl"], "none.jsonl:1:1: no_file: there is no such file"),
        (["--out", "/dev/full/x.csv"], "/dev/full"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    """With what to do about it, and no trace."""
    said = koi("score", written(tmp_path), *options, ends=1)
    assert message in said
    assert "Traceback" not in said


def test_a_file_of_which_nothing_can_be_used_is_an_error(tmp_path: Path) -> None:
    """An empty table would be a lie."""
    path = tmp_path / "events.jsonl"
    path.write_text("[]\n{}\n")
    assert "no line can be used; nothing was written" in koi("score", path, "--out", tmp_path / "s.csv", ends=1)
