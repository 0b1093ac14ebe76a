"""`koi campaign report` as it is typed."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.cli.campaign import running
from services.cli.campaign.document import HEADER
from services.cli.main import app
from services.contracts.decision import DecisionReason, Outcome
from services.contracts.receipt import DeliveryOutcome, Reason
from tests.unit.cli.deliveries.shelf import PARTITIONS, Shelf, command, decision, news, receipt

RULES = """\
kind: campaign
name: 唤醒
when: [recency_days >= 30]
cooldown: 30d
holdout: 10%
steps:
  - notify: {template: 好久不见, channels: [sms], category: marketing}
goal: {event: order.paid, within: 14d}
---
kind: ladder
name: 池塘
tiers: [{name: 外围}, {name: 核心, enter: [f >= 4], leave: [f < 4]}]
"""


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A hundred who were written to, twenty who were not, and some whom the rules kept out."""
    one = Shelf()
    monkeypatch.setattr(running, "topics", one.opened)
    monkeypatch.setenv("KOI_PARTITIONS", str(PARTITIONS))
    monkeypatch.setenv("KOI_ZONE", "Asia/Shanghai")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("KOI_RULES", raising=False)
    for number in range(100):
        said = command(number, variant="coupon" if number % 2 else "plain")
        one.put(decision(said.customer_id, Outcome.FIRED, commands=[said]), said)
        if number < 70:
            one.put(receipt(said), news(said, DeliveryOutcome.DELIVERED, after=1))
        elif number < 90:
            one.put(receipt(said, DeliveryOutcome.SUPPRESSED, Reason.CAPPED))
        if number % 4 == 0:
            one.put(decision(said.customer_id, Outcome.REACHED, hours=48))
    for number in range(100, 120):
        one.put(decision(f"客户-{number}", Outcome.SUPPRESSED, DecisionReason.HOLDOUT))
    for number in range(120, 130):
        one.put(decision(f"客户-{number}", Outcome.SUPPRESSED, DecisionReason.COOLDOWN))
    one.put(decision("客户-1", Outcome.FIRED, rule="欢迎@1"))
    return one


@pytest.fixture
def rules(tmp_path: Path) -> str:
    place = tmp_path / "rules.yaml"
    place.write_text(RULES, encoding="utf-8")
    return str(place)


def koi(*words: str) -> Result:
    return CliRunner().invoke(app, ["campaign", "report", *words])


def said(*words: str) -> str:
    result = koi(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_a_campaign_from_beginning_to_goal(shelf: Shelf, rules: str) -> None:  # noqa: ARG001 - what is read
    """Who began and who did not, messages, rates, and a verdict."""
    text = said("唤醒", "--rules", rules)
    for words in (
        "100 episodes of 100 customers began, 20 of 20 held out",
        "10 did not begin: cooldown 10",
        "100 led to a message, 70 were sent one, 70 are known to have got it, 25 reached the goal",
        "messages not sent: suppressed capped 20, pending 10",
        "Goal: order.paid within 14d",
        "with the campaign 25 of 100 25.0 % (17.5…34.3) 0",
        "control group 0 of 20 0.0 % (0.0…16.1) 0",
        "difference +25.0 pp (+7.2…+34.3)",
        "It works: with the campaign the goal is reached more often, by 7.2 to 34.3 percentage points (95 %).",
    ):
        assert words in text
    assert "note:" not in text


def test_what_ended_early_and_what_was_left_out_is_told(shelf: Shelf) -> None:
    """By reason, and by step."""
    shelf.put(
        decision("客户-1", Outcome.SUPPRESSED, DecisionReason.CONDITION, step=2, hours=1),
        decision("客户-1", Outcome.ENDED, DecisionReason.UNTIL, step=3, hours=2),
    )
    text = said("唤醒")
    assert "1 ended early: until 1" in text
    assert "1 message left out by the when of their step: step 3 1" in text


def test_a_campaign_without_a_message_yet_is_told(shelf: Shelf) -> None:
    """With rates and nothing else."""
    shelf.records.clear()
    shelf.put(decision("客户-1", Outcome.FIRED), decision("客户-1", Outcome.REACHED, hours=1))
    text = said("唤醒")
    assert "Messages" not in text
    assert "with the campaign 1 of 1" in text
    assert "did not begin" not in text


def test_without_rule_files_decisions_are_enough(shelf: Shelf) -> None:  # noqa: ARG001
    """And what is taken for the goal's window is said."""
    text = said("唤醒@any")
    assert "Goal: the goal within 2d" in text
    assert "note: the goal's window is not known without rule files: it is taken to be 2d" in text


def test_rule_files_that_are_wrong_hold_nobody_up(
    shelf: Shelf,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless they were asked for."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("kind: campaig\n", encoding="utf-8")
    assert koi("唤醒", "--rules", str(wrong)).exit_code == 1
    monkeypatch.setenv("KOI_RULES", str(wrong))
    result = koi("唤醒")
    assert result.exit_code == 0
    assert result.stderr.startswith(f"the goal's window is taken from decisions alone: {wrong}:")


def test_on_the_event_clock_now_is_the_newest_decision(
    shelf: Shelf,  # noqa: ARG001
    rules: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody's time for the goal is over two days after."""
    monkeypatch.setenv("KOI_CLOCK", "event")
    text = said("唤醒", "--rules", rules)
    assert "唤醒, until 2025-03-19 22:30 (Asia/Shanghai)" in text
    assert "note: 120 episodes left out of the rates" in text


def test_a_document_for_programs(shelf: Shelf, rules: str) -> None:  # noqa: ARG001
    """Groups are named as in a simulation."""
    found = json.loads(koi("唤醒", "--rules", rules, "--json").stdout)
    assert found["episodes"]["suppressed"] == {"cooldown": 10}
    assert found["funnel"] == {"begun": 100, "messaged": 100, "sent": 70, "delivered": 70, "reached": 25}
    goal = found["goal"]
    assert (goal["event"], goal["from_rule_files"]) == ("order.paid", True)
    assert (goal["treated"]["episodes"], goal["holdout"]["episodes"], goal["sent"]["episodes"]) == (100, 20, 70)
    assert [variant["variant"] for variant in goal["variants"]] == ["coupon", "plain"]
    assert sum(part["commands"] for part in found["messages"]) == 100
    assert found["told"] == "more often"


def test_a_page_and_a_table(shelf: Shelf, rules: str, tmp_path: Path) -> None:  # noqa: ARG001
    """Written side by side; nothing in the page is fetched or run."""
    page, table = tmp_path / "report.html", tmp_path / "report.csv"
    result = koi("唤醒", "--rules", rules, "--report", str(page), "--csv", str(table))
    assert result.stderr == f"written to {table} and {page}\n"
    text = page.read_text("utf-8")
    for words in (
        "Campaign 唤醒",
        "From beginning to goal",
        "Held back, and why",
        "Goal, by variant drawn",
        "It works",
    ):
        assert words in text
    with table.open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert tuple(found[0]) == HEADER
    assert ["唤醒", "1", "coupon", "好久不见", "suppressed", "capped", "10"] in found
    standing = ("sent", "suppressed", "failed", "deferred", "pending")
    assert sum(int(row[-1]) for row in found[1:] if row[4] in standing) == 100


def test_a_quiet_campaign_has_a_page_too(shelf: Shelf, rules: str, tmp_path: Path) -> None:  # noqa: ARG001
    """With what there is to say."""
    page = tmp_path / "report.html"
    assert "No episode began in this time." in said(
        "唤醒", "--rules", rules, "--until", "2020-01-01", "--report", str(page)
    )
    assert "No episode began in this time." in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["唤配"], "there is no campaign 唤配 (did you mean 唤醒?); there are 唤醒, 欢迎"),
        (["唤醒", "--since", "7x"], "--since '7x' is neither"),
        (["池塘"], "池塘 is a ladder; koi deliveries --rule 池塘 tells of its messages"),
    ],
)
def test_slips_are_told(shelf: Shelf, rules: str, words: Sequence[str], says: str) -> None:  # noqa: ARG001
    """One line, with what was meant."""
    result = koi(*words, "--rules", rules)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(says)
