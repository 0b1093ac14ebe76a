"""What docs/ledger.md shows is what the commands say, and every reason stands in its table."""

import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.campaign import running as campaign
from services.cli.deliveries import running as deliveries
from services.cli.deliveries.words import REASONS, STANDINGS
from services.cli.main import app
from services.contracts.decision import DecisionReason, Outcome
from services.contracts.receipt import DeliveryOutcome, Reason
from tests.unit.cli.deliveries.shelf import NIGHT, PARTITIONS, Shelf, command, decision, news, receipt

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```text\n\$ koi ([^\n]*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
RULES = """\
kind: campaign
name: win-back
when: [recency_days >= 45]
holdout: 10%
steps:
  - notify: {template: we_miss_you, channels: [sms], category: marketing}
goal: {event: order.paid, within: 14d}
"""
RULE = "win-back@9f31c2a7"


def story() -> Shelf:
    """Two messages to one customer, and a campaign of a few months."""
    shelf = Shelf()
    first = command(42, rule=RULE, template="we_miss_you", variant="coupon", id="5f1c0d2a")
    shelf.put(
        decision(first.customer_id, Outcome.FIRED, rule=RULE, commands=[first]),
        first,
        receipt(
            first,
            DeliveryOutcome.DEFERRED,
            Reason.QUIET_HOURS,
            until=NIGHT + timedelta(hours=10.5),
            detail="sms rests from 21:00 to 09:00",
        ),
        receipt(first, after=10.5),
        news(first, DeliveryOutcome.DELIVERED, after=10.52),
    )
    second = command(
        42, hours=24, rule="member-day@51aa03fe", template="member_day", customer_id=first.customer_id, id="77ab31c0"
    )
    capped = "1 marketing message since 09:00 on 2025-03-18, of at most 1 a day"
    shelf.put(second, receipt(second, DeliveryOutcome.SUPPRESSED, Reason.CAPPED, detail=capped))
    for number in range(4000):
        hours = -24 * 60 + number * 24 * 60 / 4000
        one = command(
            10_000 + number,
            hours=hours,
            rule=RULE,
            template="we_miss_you",
            variant="coupon" if number % 2 else "plain",
        )
        if number % 10 == 0:
            shelf.put(decision(one.customer_id, Outcome.SUPPRESSED, DecisionReason.HOLDOUT, hours=hours, rule=RULE))
            if number % 150 == 0:
                goal = decision(one.customer_id, Outcome.REACHED, DecisionReason.HOLDOUT, hours=hours + 90, rule=RULE)
                shelf.put(goal)
            continue
        if number % 11 == 0:
            shelf.put(decision(one.customer_id, Outcome.SUPPRESSED, DecisionReason.COOLDOWN, hours=hours, rule=RULE))
            continue
        shelf.put(decision(one.customer_id, Outcome.FIRED, hours=hours, rule=RULE, commands=[one]), one)
        if number % 5 == 1:
            shelf.put(receipt(one, DeliveryOutcome.SUPPRESSED, Reason.NO_CONSENT))
        elif number % 25 == 2:
            shelf.put(receipt(one, DeliveryOutcome.FAILED, Reason.CHANNEL_REFUSED))
        else:
            shelf.put(receipt(one), news(one, DeliveryOutcome.DELIVERED, after=1))
        if number % 12 == 3 or number % 14 == 2:
            shelf.put(decision(one.customer_id, Outcome.REACHED, hours=hours + 100, rule=RULE))
    return shelf


@pytest.mark.parametrize(("words", "shown"), SHOWN, ids=[words for words, _ in SHOWN])
def test_what_is_shown_is_what_the_command_says(
    words: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the letter, blanks at the end of lines aside."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    for name, value in {
        "KOI_PARTITIONS": str(PARTITIONS),
        "KOI_ZONE": "Asia/Shanghai",
        "KOI_RULES": str(rules),
    }.items():
        monkeypatch.setenv(name, value)
    shelf = story()
    monkeypatch.setattr(deliveries, "topics", shelf.opened)
    monkeypatch.setattr(campaign, "topics", shelf.opened)
    result = CliRunner().invoke(app, shlex.split(words))
    assert result.exit_code == 0, result.output
    said = "".join(f"{line.rstrip()}\n" for line in result.stdout.splitlines())
    assert said == shown


def test_something_is_shown_of_either_command() -> None:
    """The test above has something to look at."""
    assert {words.split()[0] for words, _ in SHOWN} == {"deliveries", "campaign"}


def test_every_outcome_and_reason_is_explained() -> None:
    """With the words of the command, and with what to do."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
    ]
    cells = {row[0].strip("`"): row[1:] for row in rows}
    for standing, words in STANDINGS.items():
        assert cells[standing.value][0].startswith(words), standing
    for outcome in DeliveryOutcome:
        assert outcome.value in cells
    for reason, words in REASONS.items():
        if reason is not Reason.NONE:
            _, meaning, remedy = cells[reason.value]
            assert meaning == words, reason
            assert remedy, reason
