"""Counting what rules say."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.replay.course import Said
from services.cli.rules.forecasting.forecast import HEADER, MESSAGE, WOULD_SEND, Forecast, Line, Spread, rows
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.decision import Decision, DecisionReason, Outcome
from tests.unit.cli.rules_simulate.said import NOON, decided, fired, forecast, jumped, sent, shadowed

CUSTOMERS = ("甲", "乙", "=1+1", "客户丁")


@st.composite
def histories(draw: st.DrawFn) -> list[Said]:
    """Of some customers, in the order of time."""
    said: list[Said] = []
    for number, day in enumerate(sorted(draw(st.lists(st.integers(0, 40), max_size=30)))):
        customer = draw(st.sampled_from(CUSTOMERS))
        match draw(st.integers(0, 5)):
            case 0 | 1:
                said += fired(customer, day=day, episode=number)
            case 2:
                reason = draw(st.sampled_from((DecisionReason.HOLDOUT, DecisionReason.COOLDOWN)))
                said.append(decided(customer, "唤醒", Outcome.SUPPRESSED, day=day, episode=number, reason=reason))
            case 3:
                said.append(jumped(customer, "外围", draw(st.sampled_from(("影响", "核心"))), day=day, episode=number))
            case 4:
                said.append(shadowed(customer, day=day))
            case _:
                said.append(decided(customer, "唤醒", Outcome.REACHED, day=day, episode=max(0, number - 1)))
    return said


def heard(said: Sequence[Said], found: Forecast | None = None) -> Forecast:
    found = found or forecast()
    for each in said:
        found.hear(each)
    return found


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_customers_does_not_matter(said: list[Said], rng: random.Random) -> None:
    """Only that of what is said of each."""
    queues = {customer: [each for each in said if each.customer_id == customer] for customer in CUSTOMERS}
    mixed = []
    while any(queues.values()):
        mixed.append(queues[rng.choice([c for c, queue in queues.items() if queue])].pop(0))
    one, other = heard(said), heard(mixed)
    assert list(rows(one)) == list(rows(other))
    assert (one.spread, one.messages, one.customers) == (other.spread, other.messages, other.customers)
    assert (one.capped.by_day, one.capped.by_week) == (other.capped.by_day, other.capped.by_week)
    assert [one.goals["唤醒"].rate(held_out=h) for h in (True, False)] == [
        other.goals["唤醒"].rate(held_out=h) for h in (True, False)
    ]


@given(histories())
def test_everything_is_counted_once(said: list[Said]) -> None:
    """Decisions by outcome, messages by whom, by what and by day."""
    found = heard(said)
    decisions = [each for each in said if isinstance(each, Decision)]
    commands = [each for each in said if isinstance(each, Command)]
    by_outcome = Counter(decision.outcome for decision in decisions)
    outcomes: Counter[str] = sum((found.rule(name).outcomes for name in found.directory.ids), Counter())
    assert outcomes == by_outcome
    assert found.sent == len(commands) == sum(found.messages.values())
    assert found.sent == sum(days.total() for days in found.message_days.values())
    assert found.sent == sum(count for line, count in found.lines.items() if line.what == MESSAGE)
    assert found.rule("影子").would_send.total() == sum(d.rule.startswith("影子@") for d in decisions)
    assert found.rule("唤醒").suppressed.total() == by_outcome[Outcome.SUPPRESSED]
    assert sum(row[-1] for row in rows(found) if isinstance(row[-1], int)) == sum(found.lines.values())


@given(histories(), st.integers(0, 40), st.integers(0, 40))
def test_only_the_span_is_counted(said: list[Said], first: int, last: int) -> None:
    """Both ends included."""
    since, until = NOON + timedelta(days=min(first, last)), NOON + timedelta(days=max(first, last))
    found = heard(said, forecast(since=since, until=until))
    inside = [each for each in said if since <= each.decided_at <= until]
    assert found.lines == heard(inside).lines
    assert found.messages == heard(inside).messages


@given(st.lists(st.integers(0, 50), max_size=60))
def test_percentiles_are_those_of_the_sorted_counts(counts: list[int]) -> None:
    """Of those who got any."""
    got = sorted(count for count in counts if count)
    found = Spread.of(counts)
    assert found.customers == len(got)
    if got:
        assert (found.most, found.median, found.p99) == (
            got[-1],
            got[ceil(len(got) * 0.5) - 1],
            got[ceil(len(got) * 99 / 100) - 1],
        )


def test_lines_tell_what_how_and_where() -> None:
    """A decision and its message are two lines; a message of shadow mode has the channel it would have gone over."""
    found = heard([*fired("甲"), shadowed("乙", day=1), jumped("甲", "外围", "影响", day=1.6)])
    monday = date(2026, 3, 2)
    assert found.lines == {
        Line("唤醒", monday, Outcome.FIRED): 1,
        Line("唤醒", monday, MESSAGE, template="好久不见", channel="webhook"): 1,
        Line("影子", date(2026, 3, 3), Outcome.FIRED): 1,
        Line("影子", date(2026, 3, 3), WOULD_SEND, template="还在吗", channel="webhook"): 1,
        Line("池塘", date(2026, 3, 4), Outcome.PROMOTED, from_tier="外围", to_tier="影响"): 1,
    }
    assert found.days == [monday + timedelta(days=n) for n in range(3)]
    assert len(HEADER) == len(next(iter(rows(found))))
    assert {row[0]: row[-2] for row in rows(found)} == {"唤醒": "live", "影子": "shadow", "池塘": "live"}


def test_where_everybody_stood_and_stands() -> None:
    """At the beginning of the span, and in the end; one who waits for a full tier has not moved."""
    found = forecast(since=NOON + timedelta(days=5))
    waiting = decided(
        "乙", "池塘", Outcome.SUPPRESSED, day=2, reason=DecisionReason.CAPACITY, from_tier="影响", to_tier="核心"
    )
    heard([jumped("甲", "外围", "核心", day=1), jumped("乙", "外围", "影响", day=1), waiting], found)
    heard([jumped("甲", "核心", "影响", day=6, episode=2, up=False)], found)
    found.end([("甲", {"池塘": "影响"}), ("乙", {"池塘": "影响"}), ("丙", {})])
    assert found.population("池塘") == {"外围": 1, "影响": 2, "核心": 0}
    assert found.flow("池塘") == {("外围", "外围"): 1, ("影响", "影响"): 1, ("核心", "影响"): 1}
    assert found.rule("池塘").jumps == {("核心", "影响"): 1}


def test_goals_are_compared_with_the_control_group() -> None:
    """Of the episodes that began in the span; those whose time is not over are told."""
    said: list[Said] = []
    for number in range(10):
        said += fired(f"甲{number}", day=number)
        said.append(decided(f"乙{number}", "唤醒", Outcome.SUPPRESSED, day=number, reason=DecisionReason.HOLDOUT))
    said += [decided(f"甲{number}", "唤醒", Outcome.REACHED, day=number + 1) for number in range(8)]
    said += [
        decided(f"乙{number}", "唤醒", Outcome.REACHED, day=number + 1, reason=DecisionReason.HOLDOUT)
        for number in range(4)
    ]
    said.append(decided("早", "唤醒", Outcome.REACHED, day=1))
    goals = heard(said).goals["唤醒"]
    assert (goals.begun(held_out=False), goals.reached(held_out=False)) == (10, 8)
    assert (goals.begun(held_out=True), goals.reached(held_out=True)) == (10, 4)
    lift = goals.lift
    assert lift is not None
    assert lift.value == pytest.approx(0.4)
    assert goals.open(NOON + timedelta(days=12)) == 14
    assert goals.open(NOON + timedelta(days=30)) == goals.open(None) == 0


def test_messages_to_clerks_burden_no_customer() -> None:
    """They count as messages, and nothing more."""
    found = forecast()
    to_clerk = {"recipient": Recipient.OWNER, "category": Category.SERVICE}
    heard([sent("甲", day=n / 10, **to_clerk) for n in range(5)], found)
    assert (found.sent, found.to_owner, found.messages, found.capped.total) == (5, 5, Counter(), 0)


def test_what_was_before_takes_its_place_under_the_limits() -> None:
    """A message of the same day, before the span, leaves no room for those in it, and is not counted itself."""
    found = forecast(since=NOON + timedelta(days=1))
    heard([sent("甲", day=n / 4 + 0.1) for n in range(6)], found)
    assert found.sent == 2
    assert found.capped.total == 2
