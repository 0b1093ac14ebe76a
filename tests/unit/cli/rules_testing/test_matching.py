"""How expected decisions and those that came go together."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.rules.testing.matching import Decided, agree, align, differences, matches
from services.cli.rules.testing.models import Expectation
from services.cli.rules.testing.wording import decided_line, expected_line
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command, Recall, RecallReason
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome
from services.contracts.profile import Cause

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)


def decided(rule: str = "唤醒", outcome: Outcome = Outcome.FIRED, *templates: str, **more: object) -> Decided:
    decision = Decision(
        id="d",
        customer_id="c",
        rule=f"{rule}@0a1b2c3d4e",
        outcome=outcome,
        decided_at=NOON,
        episode=1,
        cause=Cause.TIME,
        cause_id="",
        profile_version=0,
        verdicts=(),
        templates=templates,
        commands=templates,
        **more,  # type: ignore[arg-type]
    )
    recall = Recall(customer_id="c", rule="r", episode=1, reason=RecallReason.GOAL_REACHED, decided_at=NOON)
    return Decided(decision, [command(template) for template in templates], [recall] if templates else [])


def command(template: str) -> Command:
    return Command(
        id=template,
        customer_id="c",
        rule="r",
        episode=1,
        step=0,
        template=template,
        params={"gift": "茶包", "r": 2},
        variant="A",
        channels=("webhook", "console"),
        category=Category.MARKETING,
        recipient=Recipient.OWNER if template == "给店员" else Recipient.CUSTOMER,
        decided_at=NOON,
        expires_at=NOON,
        occurred_at=NOON,
    )


def wish(**said: object) -> Expectation:
    return Expectation.model_validate(said)


RULES = st.sampled_from(["甲", "乙"])
OUTCOMES = st.sampled_from([Outcome.FIRED, Outcome.SUPPRESSED])
DECIDED = st.lists(st.builds(decided, RULES, OUTCOMES), max_size=7)
WISHES = st.lists(
    st.builds(lambda rule, outcome: wish(rule=rule, outcome=outcome), RULES, OUTCOMES)
    | st.builds(lambda outcome: wish(outcome=outcome), OUTCOMES),
    max_size=7,
)


@given(WISHES, DECIDED)
def test_a_comparison_shows_everything_once_and_in_order(expected: list[Expectation], came: list[Decided]) -> None:
    rows = align(expected, came, ZONE)
    assert [row.expected for row in rows if row.expected is not None] == expected
    assert [row.decided for row in rows if row.decided is not None] == came
    for row in rows:
        assert row != (None, None)
        if row.expected is not None and row.decided is not None:
            assert matches(row.expected, row.decided, ZONE)


@given(WISHES, DECIDED)
def test_they_agree_if_and_only_if_all_go_together(expected: list[Expectation], came: list[Decided]) -> None:
    together = all(None not in row for row in align(expected, came, ZONE))
    assert agree(expected, came, ZONE) is together


@given(DECIDED)
def test_what_came_agrees_with_its_own_description(came: list[Decided]) -> None:
    expected = [wish(rule=each.rule, outcome=each.decision.outcome, at="2026-03-01 12:00") for each in came]
    assert agree(expected, came, ZONE)
    assert not agree([*expected, wish(outcome="fired")], came, ZONE)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"rule": "唤"}, ["rule"]),
        ({"outcome": "ended"}, ["outcome"]),
        ({"suppressed": "cooldown"}, ["outcome", "reason"]),
        ({"reason": "goal"}, ["reason"]),
        ({"from": "甲"}, ["from"]),
        ({"to": "甲"}, ["to"]),
        ({"mode": "shadow"}, ["mode"]),
        ({"step": 1}, ["step"]),
        ({"at": "2026-03-01 12:01"}, ["at"]),
        ({"template": "丙"}, ["template"]),
        ({"templates": ["甲"]}, ["templates"]),
        ({"templates": ["给店员", "甲"]}, ["templates"]),
        ({"category": "service"}, ["category"]),
        ({"channels": ["console", "webhook"]}, ["channels"]),
        ({"recipient": "customer"}, ["recipient"]),
        ({"variant": "B"}, ["variant"]),
        ({"variant": "A"}, []),
        ({"params": {"gift": "杯子"}}, ["params"]),
        ({"params": {"coupon": "WB20"}}, ["params"]),
        ({"params": {"gift": "茶包"}}, []),
        ({"recalled": "ended"}, ["recalled"]),
        ({"recalled": "goal_reached"}, []),
        ({"template": "给店员", "recipient": "owner"}, []),
        ({"template": "甲", "recipient": "owner"}, ["recipient"]),
        ({"templates": ["甲", "给店员"], "channels": ["webhook", "console"], "category": "marketing"}, []),
        ({"rule": "唤醒", "outcome": "fired", "mode": "live", "at": "2026-03-01T04:00Z"}, []),
    ],
)
def test_what_an_expectation_compares(said: dict[str, object], wrong: list[str]) -> None:
    each = decided("唤醒", Outcome.FIRED, "甲", "给店员")
    assert list(differences(Expectation.model_validate(said), each, ZONE)) == wrong


def test_without_a_command_nothing_is_sent_over_a_channel() -> None:
    tried = decided(mode=Mode.SHADOW)
    assert list(differences(wish(category="marketing"), tried, ZONE)) == ["category"]
    assert list(differences(wish(recalled="ended", variant="A"), tried, ZONE)) == ["variant", "recalled"]
    assert matches(wish(templates=[], mode="shadow"), tried, ZONE)


def test_they_are_told_in_the_same_words() -> None:
    """What was expected of wording, parameters and recalls, and what came."""
    said = wish(variant="A", params={"gift": "茶包", "r": 2}, recalled="goal_reached")
    assert expected_line(said, ZONE) == 'variant A  params gift = "茶包", r = 2  recalled goal_reached'
    told = decided_line(decided("唤醒", Outcome.FIRED, "甲"), ZONE)
    assert "to customer  variant A  recalled goal_reached  at 2026-03-01 12:00" in told


def test_short_forms() -> None:
    held = decided("唤醒", Outcome.SUPPRESSED, reason=DecisionReason.COOLDOWN)
    over = decided("唤醒", Outcome.ENDED, reason=DecisionReason.GOAL)
    assert matches(wish(suppressed="cooldown"), held, ZONE)
    assert matches(wish(outcome="suppressed"), held, ZONE)
    assert not matches(wish(suppressed="holdout"), held, ZONE)
    assert matches(wish(ended="goal"), over, ZONE)
    assert not matches(wish(ended="goal"), held, ZONE)
