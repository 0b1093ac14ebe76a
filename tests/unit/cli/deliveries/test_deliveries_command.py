"""`koi deliveries` as it is typed; that Kafka gives what is asked of it is a matter of the system tests."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from services.cli.deliveries import running
from services.cli.deliveries.asking import read_span
from services.cli.deliveries.document import HEADER
from services.cli.deliveries.ledger import Ledger, Standing
from services.cli.deliveries.words import REASONS, STANDINGS, Words
from services.cli.main import app
from services.contracts.calendar import to_ms
from services.contracts.receipt import DeliveryOutcome, Reason
from services.runtime.partitioning import partition_of
from tests.unit.cli.deliveries.shelf import NIGHT, PARTITIONS, Shelf, command, news, receipt

ZONE = ZoneInfo("Asia/Shanghai")
OUTCOMES = DeliveryOutcome


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    one = Shelf()
    monkeypatch.setattr(running, "topics", one.opened)
    monkeypatch.setenv("KOI_PARTITIONS", str(PARTITIONS))
    monkeypatch.setenv("KOI_ZONE", ZONE.key)
    return one


@pytest.fixture
def told(shelf: Shelf) -> Shelf:
    """One that waited and arrived, one that was capped, one that failed, one of which nothing was heard."""
    ones = [command(number, variant="coupon" if number == 2 else None) for number in range(1, 5)]
    shelf.put(
        *ones,
        receipt(
            ones[0],
            OUTCOMES.DEFERRED,
            Reason.QUIET_HOURS,
            until=NIGHT + timedelta(hours=10.5),
            detail="sms rests from 21:00 to 09:00",
        ),
        receipt(ones[0], after=10.5, attempts=2),
        receipt(ones[0], after=10.5, attempts=2),
        news(ones[0], OUTCOMES.DELIVERED, after=10.6),
        receipt(ones[1], OUTCOMES.SUPPRESSED, Reason.CAPPED),
        receipt(ones[2], OUTCOMES.FAILED, Reason.CHANNEL_REFUSED, channel="sms", detail="sms: 模板未审核"),
    )
    return shelf


def koi(*words: str) -> Result:
    return CliRunner().invoke(app, ["deliveries", *words])


def said(*words: str) -> str:
    result = koi(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(*words: str) -> Any:
    return json.loads(said(*words, "--json"))


def rows(text: str) -> list[list[str]]:
    """Words of each line."""
    return [line.split() for line in text.splitlines()]


def test_a_line_for_each_command(told: Shelf) -> None:
    """Where it is and why, and in the end the sums."""
    text = said()
    assert "sent over sms at attempt 2 → delivered 09:06" in text
    assert "suppressed: capped" in text
    assert "the customer has had enough for now" in text
    assert "sms: 模板未审核" in text
    assert "唤醒 step 1/coupon" in text
    assert "it expired at 2025-03-20 22:30 and nothing was heard of it" in text
    assert "4 commands = 1 sent + 1 suppressed + 1 failed + 0 deferred + 1 pending" in text
    assert "note: 1 record said again, after a crash, what was known: counted once" in text
    assert len(told.reads) == 2 * PARTITIONS


def test_one_customer_is_told_with_the_history(told: Shelf) -> None:
    """Of one partition alone, and nobody else's."""
    text = said("--customer", "客户-1")
    assert {place.partition for place in told.reads} == {partition_of("客户-1", PARTITIONS)}
    assert [line.rstrip() for line in text.splitlines()[:4]] == [
        "2025-03-17 22:30 唤醒 step 1 · 好久不见",
        "   22:30            deferred: quiet_hours until 2025-03-18 09:00  sms rests from 21:00 to 09:00",
        "   2025-03-18 09:00 sent over sms at attempt 2",
        "   2025-03-18 09:06 delivered",
    ]
    assert "1 command = 1 sent" in text
    assert "pending: it expired" in said("--customer", "客户-4")


def test_a_choice_is_counted_apart(told: Shelf) -> None:  # noqa: ARG001 - what is asked of
    """The sums by reason are of what was asked for, the equation of all."""
    text = said("--outcome", "failed,suppressed", "--reason", "capped")
    assert "客户-2" in text
    assert "客户-3" not in text
    assert "1 of 4 fit what was asked for" in text
    assert ["suppressed", "capped", "1"] in [words[:3] for words in rows(text)]
    assert "4 commands = " in text


def test_the_newest_are_shown(told: Shelf) -> None:  # noqa: ARG001
    """At most so many; the sums are of all."""
    text = said("--limit", "1")
    assert "客户-1" in text
    assert "客户-2" not in text
    assert "… the newest 1 of 4; see --limit and --csv" in text


def test_a_column_for_everything(told: Shelf) -> None:  # noqa: ARG001
    """No line is broken, however long."""
    assert "2025-03-18 09:00  客户-1    唤醒  1         好久不见  sms      sent" in said("--wide")


def test_a_document_for_programs(told: Shelf) -> None:  # noqa: ARG001
    """Lines with their history, sums, and the check."""
    told_of = document("--rule", "唤醒@whatever")
    assert (told_of["chosen"], told_of["shown"], told_of["zone"]) == (4, 4, ZONE.key)
    (first,) = [one for one in told_of["commands"] if one["command_id"] == "c1"]
    assert [stage["outcome"] for stage in first["history"]] == ["deferred", "sent", "delivered"]
    assert first["history"][0]["until"] == "2025-03-18T09:00:00+08:00"
    assert told_of["check"]["whole"]
    assert told_of["check"]["pending"] == 1
    assert {"outcome": "delivered", "reason": None, "commands": 1} in told_of["sums"]


def test_a_table_of_all(told: Shelf, tmp_path: Path) -> None:  # noqa: ARG001
    """Whatever the limit."""
    place = tmp_path / "deliveries.csv"
    result = koi("--csv", str(place), "--limit", "1")
    assert result.stderr == f"4 commands written to {place}\n"
    with place.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert tuple(found[0]) == HEADER
    by_id = {row["command_id"]: row for row in found}
    assert sorted(by_id) == ["c1", "c2", "c3", "c4"]
    assert by_id["c1"]["delivered_at"] == "2025-03-18T09:06:00+08:00"
    assert (by_id["c2"]["variant"], by_id["c2"]["reason"], by_id["c2"]["until"]) == ("coupon", "capped", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--outcome", "sen"], "there is no outcome sen (did you mean sent?)"),
        (["--reason", "caped"], "there is no reason caped (did you mean capped?)"),
        (["--channel", "sms,wecom"], "there is no channel wecom (did you mean wecom_app?)"),
        (["--rule", "唤配"], "no command of 唤配 is in the ledger (did you mean 唤醒?); there are commands of 唤醒"),
        (
            ["--since", "7x"],
            "--since '7x' is neither a length of time, such as 7d or 12h, nor a date, such as 2026-03-31, nor an instant",
        ),
        (["--since", "2025-03-18", "--until", "2025-03-17"], "--until 2025-03-17 lies before --since 2025-03-18"),
        (
            ["--until", "tomorrow"],
            "'tomorrow' is no instant; write a date such as 2026-03-31, or an instant such as 2026-03-31T18:00:00+08:00",
        ),
    ],
)
def test_slips_are_told(told: Shelf, words: Sequence[str], says: str) -> None:  # noqa: ARG001
    """One line, with what was meant."""
    result = koi(*words)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{says}\n")


def test_an_unlikely_outcome_is_answered_with_those_there_are(shelf: Shelf) -> None:  # noqa: ARG001
    """All of them, in a line."""
    assert koi("--outcome", "完成").stderr == (
        "there is no outcome 完成; there are pending, deferred, sent, suppressed, failed, bounced, delivered, unsubscribed\n"
    )


def test_an_empty_ledger_is_an_answer(shelf: Shelf) -> None:
    """It says so, and what could not be read is passed over."""
    shelf.put_bytes("koi.receipts", "客户-1", b"{}")
    shelf.put_bytes("koi.receipts", "客户-1", None)
    assert said() == "the ledger has no command of that time\n"
    assert "no command to 客户-9 (ids are case-sensitive)" in said("--customer", "客户-9", "--rule", "谁")


def test_another_number_of_partitions_is_refused(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """A customer would be looked for in the wrong one."""
    monkeypatch.setenv("KOI_PARTITIONS", "24")
    assert koi().stderr == "koi.receipts has 4 partitions, and KOI_PARTITIONS is 24; they must agree\n"


def test_the_scope_is_when_it_was_decided(told: Shelf) -> None:
    """Not when it was heard of last."""
    told.put(receipt(command(9, hours=-300)))
    assert "4 commands = " in said("--since", "2025-03-17")
    assert "1 command = 1 sent" in said("--until", "2025-03-10")
    assert "note: 1 of these from before the first that koi.notifications still has" in said()


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("7d", datetime(2025, 3, 10, 14, 30, tzinfo=UTC)),
        ("2025-03-01", datetime(2025, 2, 28, 16, tzinfo=UTC)),
        ("2025-03-01T00:00:00+00:00", datetime(2025, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_beginning_is_a_length_a_date_or_an_instant(since: str, expected: datetime) -> None:
    """A date begins in the business zone."""
    assert read_span(since, None, NIGHT, ZONE).since == expected


def test_an_instant_of_this_year_is_written_without_it() -> None:
    """Where there is little room."""
    at_ms = to_ms(NIGHT)
    assert Words(ZONE, NIGHT).short(at_ms) == "03-17 22:30"
    assert Words(ZONE, NIGHT + timedelta(days=300)).short(at_ms) == "2025-03-17 22:30"


def test_what_is_pending_in_time_is_not_overdue() -> None:
    """Nothing was heard of it yet, and nothing has to be."""
    ledger = Ledger()
    ledger.command(command())
    (line,) = ledger.lines()
    assert Words(ZONE, NIGHT).why(line) == STANDINGS[Standing.PENDING]


def test_every_reason_has_words() -> None:
    """And every place where a command may be."""
    assert all(REASONS[reason] for reason in Reason if reason is not Reason.NONE)
    assert set(STANDINGS) == set(Standing)
