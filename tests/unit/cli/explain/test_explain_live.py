"""What is made of a live state and its ledgers; where they come from is a matter of the system tests."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from services.cli.explain import live
from services.cli.explain.account import Account, NobodyThere
from services.cli.explain.document import document
from services.cli.explain.picture import picture
from services.contracts.calendar import to_ms
from services.contracts.channels import Delivery
from services.contracts.decision import Decision
from services.contracts.receipt import DeliveryOutcome, Reason, Receipt
from services.rules.book.rulebook import Rulebook
from services.runtime.settings import Settings
from services.scoring.state import BLOBS as SCORING_BLOBS
from services.scoring.state import CustomerState
from tests.unit.rules.customers import NOON, ZONE, Life, book, campaign

SETTINGS = Settings(partitions=4, zone=ZONE.key)
RULES = book(campaign("recency_days >= 12", name="silent", cooldown="30d"))


@pytest.fixture
def life() -> Iterator[Life]:
    """Somebody who was written to two days ago."""
    with closing(Life(RULES)) as one:
        one.now(fresh_until=NOON + timedelta(days=20))
        one.until(NOON + timedelta(days=2))
        yield one


def receipt(decision: Decision, outcome: DeliveryOutcome = DeliveryOutcome.SENT, **changes: Any) -> Receipt:
    values: dict[str, Any] = {
        "command_id": decision.commands[0],
        "customer_id": decision.customer_id,
        "rule": decision.rule,
        "outcome": outcome,
        "reason": Reason.NONE,
        "channel": "webhook",
        "delivery": Delivery.AT_LEAST_ONCE,
        "attempts": 1,
        "at": decision.decided_at,
    }
    return Receipt(**(values | changes))


async def account(
    monkeypatch: pytest.MonkeyPatch,
    found: live.Found,
    ledger: live.Ledger,
    at: datetime | None = None,
    rules: Rulebook = RULES,
) -> Account:
    async def state(_customer: str, _settings: Settings) -> live.Found:
        return found

    async def told(*_: object) -> live.Ledger:
        return ledger

    monkeypatch.setattr(live, "found_state", state)
    monkeypatch.setattr(live, "_ledger", told)
    return await live.live_account("客户-1", SETTINGS, rules, at=at)


def said(known: Account, rule: str | None = None) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(picture(known, rule))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "→ t, sent over webhook"),
        ({"attempts": 3}, "→ t, sent over webhook at attempt 3"),
        ({"outcome": DeliveryOutcome.SUPPRESSED, "reason": Reason.EXPIRED}, "→ t, suppressed: expired"),
        ({"outcome": DeliveryOutcome.FAILED, "reason": Reason.CHANNEL_REFUSED}, "→ t, failed: channel refused"),
        ({"outcome": DeliveryOutcome.SUPPRESSED, "reason": Reason.GOAL_REACHED}, "→ t, suppressed: goal reached"),
        ({"outcome": DeliveryOutcome.DELIVERED}, "→ t, delivered over webhook"),
        ({"outcome": DeliveryOutcome.BOUNCED}, "→ t, bounced over webhook"),
        (
            {"outcome": DeliveryOutcome.DEFERRED, "reason": Reason.QUIET_HOURS, "until": NOON + timedelta(hours=21)},
            "→ t, waits until 2026-03-03 09:00: quiet hours",
        ),
    ],
)
async def test_what_became_of_a_message(
    monkeypatch: pytest.MonkeyPatch, life: Life, changes: dict[str, Any], words: str
) -> None:
    """In the words of its receipt; all about the rule tells the details too."""
    (decision,) = life.decided
    found = live.Found(life.state, NOON + timedelta(days=3), True, None)
    ledger = live.Ledger((decision,), {decision.commands[0]: receipt(decision, detail="状态 400", **changes)})
    known = await account(monkeypatch, found, ledger)
    assert words in said(known)
    assert "状态 400" in said(known, "silent")
    waiting = await account(monkeypatch, found, live.Ledger((decision,), {}))
    assert "→ t, no receipt yet" in said(waiting)


async def test_several_wordings_are_told(monkeypatch: pytest.MonkeyPatch, life: Life) -> None:
    """The step names all of them, in the tree and in the document."""
    text = campaign("recency_days >= 12", name="silent")
    rules = book(text.replace("template: t", "variants: [{name: A, template: t}, {name: B, template: u}]"))
    known = await account(
        monkeypatch, live.Found(life.state, NOON + timedelta(days=3), True, None), live.Ledger(), rules=rules
    )
    assert "1. notify t or u over console" in said(known, "silent")
    (step,) = document(known)["campaigns"][0]["steps"]
    assert [variant["template"] for variant in step["notify"]["variants"]] == ["t", "u"]


async def test_without_kafka_the_rest_is_told(monkeypatch: pytest.MonkeyPatch, life: Life) -> None:
    """In one line, and nothing is said about receipts."""
    found = live.Found(life.state, NOON + timedelta(days=3), True, None)
    known = await account(monkeypatch, found, live.Ledger(trouble="Kafka cannot be read (away)"))
    assert "! Kafka cannot be read (away): what was decided and sent is not shown" in said(known)
    assert "true since 2026-03-04 00:00" in said(known)


async def test_the_past_shows_the_decisions_of_then(monkeypatch: pytest.MonkeyPatch, life: Life) -> None:
    """With what they saw; the conditions of now are not passed off as those of then."""
    (decision,) = life.decided
    life.until(NOON + timedelta(days=9))
    assert life.state is not None
    life.state.looked_ms = to_ms(NOON + timedelta(days=9))
    found = live.Found(life.state, NOON + timedelta(days=9), True, None)
    known = await account(monkeypatch, found, live.Ledger((decision,), {}), NOON + timedelta(days=4))
    assert known.explanation is None
    text = said(known)
    assert "the state of then is not kept" in text
    assert "silent (campaign)" in text
    assert "✓ recency_days >= 12  recency_days = 12" in text
    assert "next look" not in text
    plain = document(known)
    assert (plain["profile"], plain["campaigns"], plain["next_look"]) == (None, [], None)
    assert len(plain["history"]["silent"]) == 1
    before = await account(monkeypatch, found, live.Ledger((decision,), {}), NOON - timedelta(days=4))
    assert before.decisions == ()


async def test_the_future_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions that time alone brings are marked; the scores are the last."""
    with closing(Life(RULES)) as life:
        life.now(fresh_until=NOON + timedelta(days=1))
        found = live.Found(life.state, NOON, True, None)
        known = await account(monkeypatch, found, live.Ledger((), {}), NOON + timedelta(days=5))
        now = await account(monkeypatch, found, live.Ledger((), {}))
    assert "2026-03-04 00:00 fired (time), expected → t" in said(known)
    assert "this is the future" in said(known)
    assert known.coming is not None
    assert known.coming.decisions == ()
    assert "if nothing happens, and scores stay as they are: no decision until 2027-04-11 12:00" in said(known)
    assert now.coming is not None
    assert [each.id for each in now.coming.decisions] == list(known.expected)
    assert "if nothing happens, and scores stay as they are:" in said(now)
    assert "scores may change on 2026-03-03 12:00" in said(now)
    assert "will flip on 2026-03-04 00:00, as scores are now" in " ".join(said(now).replace("│", "").split())


async def test_a_look_that_is_due_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is behind, or does not run."""
    with closing(Life(RULES)) as life:
        life.now()
        found = live.Found(life.state, NOON + timedelta(days=5), True, None)
        known = await account(monkeypatch, found, live.Ledger((), {}))
    assert "! the rules service is behind: a look at this customer is due" in said(known)
    assert "true now: the next look begins it" in said(known)


async def test_rules_that_are_gone_keep_their_history(monkeypatch: pytest.MonkeyPatch, life: Life) -> None:
    """The files differ from the live rules, which is told first."""
    (decision,) = life.decided
    found = live.Found(life.state, NOON + timedelta(days=3), True, None)
    other = book(campaign("f >= 5", name="other"))
    known = await account(monkeypatch, found, live.Ledger((decision,), {}), rules=other)
    text = said(known)
    assert f"! the live state was made by the rule set {RULES.hash}, these files are {other.hash}" in text
    assert "silent (not in these files)" in text
    assert "other (campaign): not yet: f is 3, needs 5" in text
    assert "2026-03-04 00:00 fired (time)" in said(known, "silent")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"merged_into": "新"}, "客户-1 was merged into 新; koi explain 新 tells the rest"),
        ({"erased_us": 5, "version": -1}, "客户-1 was deleted, and is forgotten"),
        ({"version": 3}, "the rules have not been told yet"),
    ],
)
async def test_scoring_knows_where_somebody_went(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, Any], sentence: str
) -> None:
    """Merged, deleted, or not yet told to the rules."""
    scored = CustomerState(customer_id="客户-1", **{"today": 1, "history": 400, "version": -1} | state)
    gone = live._gone("客户-1", SCORING_BLOBS.dump(scored))
    with pytest.raises(NobodyThere, match=sentence):
        await account(monkeypatch, live.Found(None, NOON, True, gone), live.Ledger())


async def test_nobody_there(monkeypatch: pytest.MonkeyPatch, life: Life) -> None:
    """Never seen is not forgotten, and neither is a partition that nobody has read."""
    with pytest.raises(NobodyThere, match="was never seen: there is neither"):
        await account(monkeypatch, live.Found(None, NOON, True, None), live.Ledger())
    with pytest.raises(
        NobodyThere, match="is forgotten: deleted, or merged into another; the last decision is of 2026"
    ):
        await account(monkeypatch, live.Found(None, NOON, True, None), live.Ledger(tuple(life.decided)))
    with pytest.raises(
        NobodyThere, match=r"nothing of partition 3 at all \(KOI_PARTITIONS is 4\)|nothing of partition"
    ):
        await account(monkeypatch, live.Found(None, NOON, False, None), live.Ledger())
    assert live._gone("客户-1", b"?").startswith("客户-1 is known to scoring")
