"""Ladders: up at once, down after the minimum stay, nobody twice."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import Category, Recipient
from services.contracts.decision import Outcome
from services.contracts.profile import Cause
from services.rules.book.rulebook import SeatRule
from services.rules.engine.ladder import Sight, stand
from services.rules.engine.state import TierState
from tests.unit.rules.customers import NOON, Life, book

LADDER = """\
kind: ladder
name: pond
tiers:
  - name: 外围
  - name: 影响
    enter: [f >= 3]
    leave: [f <= 1]
    stay_at_least: 7d
  - name: 核心
    enter: [f >= 4, m >= 4]
    leave: [recency_days >= 45]
    stay_at_least: 14d
on_jump:
  - {to: 核心, notify: {template: core_welcome, channels: [webhook, console], category: service, expires: 1d}}
  - {from: 核心, to_lower: true, notify: {template: clerk_care, channels: [console], to: owner}}
  - {to_higher: true, notify: {template: up, channels: [console], category: marketing}}
"""
DAY = timedelta(days=1)


def test_a_jump_goes_to_the_highest_tier_and_says_so() -> None:
    """Skipping one; with the conditions of the tier entered, and every message that fits."""
    life = Life(book(LADDER))
    (decision,) = life.now(f=5, m=4)
    assert (decision.outcome, decision.from_tier, decision.to_tier) == (Outcome.PROMOTED, "外围", "核心")
    assert [(v.condition, v.actual, v.holds) for v in decision.verdicts] == [
        ("f >= 4", {"f": 5}, True),
        ("m >= 4", {"m": 4}, True),
    ]
    assert [command.template for command in life.sent] == ["core_welcome", "up"]
    assert decision.commands == tuple(command.id for command in life.sent)
    first = life.sent[0]
    assert (first.step, first.recipient, first.category) == (0, Recipient.CUSTOMER, Category.SERVICE)
    assert first.expires_at == decision.decided_at + DAY
    assert first.params["tier"] == "核心"
    assert first.params["from_tier"] == "外围"
    assert first.params["segment"] == "重要保持"
    life.close()


def test_time_alone_demotes_at_the_business_midnight() -> None:
    """Forty-five days of silence end at midnight in Shanghai; the clerk is told."""
    life = Life(book(LADDER))
    life.now(f=5, m=4, last_order_day=NOON.date())
    (decision,) = life.until(NOON + 400 * DAY)
    assert (decision.outcome, decision.from_tier, decision.to_tier) == (Outcome.DEMOTED, "核心", "影响")
    assert decision.decided_at == NOON.replace(hour=16) + 44 * DAY
    assert decision.cause is Cause.TIME
    assert [v.condition for v in decision.verdicts] == ["recency_days >= 45"]
    assert [c.template for c in life.sent][-1] == "clerk_care"
    assert life.sent[-1].occurred_at == decision.decided_at
    life.close()


def test_a_tier_is_closed_while_its_leave_holds() -> None:
    """Whoever would have to leave at once does not enter; when `leave` ends, they do."""
    life = Life(book(LADDER))
    assert life.now(f=5, m=5, last_order_day=NOON.date() - 50 * DAY)[0].to_tier == "影响"
    assert life.until(NOON + 100 * DAY) == []
    (climb,) = life.now(f=5, m=5, version=2, last_order_day=NOON.date() + 99 * DAY, as_of=NOON + 100 * DAY)
    assert climb.to_tier == "核心"
    life.close()


def test_climbing_wins_over_falling() -> None:
    """Who would have to leave a tier but may enter a higher one goes up."""
    life = Life(book(LADDER.replace("f >= 4, m >= 4", "r >= 5")))
    life.now(f=3)
    (climb,) = life.now(f=1, r=5, version=2, as_of=NOON + 30 * DAY, last_order_day=NOON.date() + 29 * DAY)
    assert climb.to_tier == "核心"
    (fall,) = life.until(NOON + 300 * DAY)
    assert (fall.to_tier, len(fall.verdicts)) == ("外围", 2)
    life.close()


def test_the_minimum_stay_holds_a_fall_back_and_then_lets_it_go() -> None:
    """A fall that is due early comes at the very end of the stay, by a timer."""
    life = Life(book(LADDER))
    life.now(f=3)
    assert life.now(f=1, version=2, as_of=NOON + DAY) == []
    assert life.due == NOON + 7 * DAY
    (decision,) = life.until(NOON + 30 * DAY)
    assert (decision.outcome, decision.decided_at) == (Outcome.DEMOTED, NOON + 7 * DAY)
    assert decision.episode == 2
    life.close()


def test_a_stay_that_no_longer_matters_is_let_be() -> None:
    """Recovered before the stay ended: no timer, no fall."""
    life = Life(book(LADDER))
    life.now(f=3)
    life.now(f=1, version=2, as_of=NOON + DAY)
    life.now(f=3, version=3, as_of=NOON + 2 * DAY)
    assert life.until(NOON + 300 * DAY) == []
    life.close()


def nobody(_: SeatRule) -> bool:
    """Nobody has a seat."""
    return False


facts = st.dictionaries(st.integers(1, 3), st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=3)


@given(facts, st.integers(0, 3), st.integers(0, 20))
def test_deciding_twice_moves_nobody_twice(truths: dict[int, tuple[bool, bool]], level: int, days: int) -> None:
    """The same facts at the same instant: after a move, nothing more to do; and a move is always allowed by its clauses."""
    names = ["a", "b", "c", "d"]
    tiers = "".join(f"  - {{name: {n}, enter: [r > {i}], leave: [f > {i}]}}\n" for i, n in enumerate(names) if i)
    (ladder,) = book(f"kind: ladder\nname: x\ntiers:\n  - name: a\n{tiers}").ladders
    holding = {f"x/{names[i]}/enter" for i, (enter, _) in truths.items() if enter}
    holding |= {f"x/{names[i]}/leave" for i, (_, leave) in truths.items() if leave}
    now = days * 86_400_000
    first = stand(ladder, TierState(names[level], 0), Sight(now, holding, holding, nobody))
    if first.move is None:
        assert level == 0 or not truths[level][1]
        assert not any(enter and not leave for i, (enter, leave) in truths.items() if i > level)
    else:
        assert all(reason.id in holding for reason in first.move.reasons)
        after = stand(ladder, TierState(names[first.move.target], now), Sight(now, holding, holding, nobody))
        assert after.move is None
