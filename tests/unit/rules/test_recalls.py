"""What is not to be said any more: messages of an episode that ended early, as long as they may wait to be sent."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.command import RecallReason
from services.contracts.decision import Outcome
from services.contracts.profile import Happening
from tests.unit.rules.customers import NOON, Life, book, told_of
from tests.unit.rules.reference import Recalled

DAY = timedelta(days=1)
PAID = Happening(type="order.paid", amount_minor=9900)
RULE = """
kind: campaign
name: c
when: [r <= 3]
until: [r >= 5]
active: {from: 2026-03-01, to: 2026-03-04}
goal: {event: order.paid, within: 14d}
%s
steps:
  - notify: {template: t, channels: [console], category: marketing}
  - wait: 20d
  - notify: {template: u, channels: [console], category: marketing}
"""
ONE_STEP = (
    RULE.partition("  - wait")[0]
    .replace("active: {from: 2026-03-01, to: 2026-03-04}", "")
    .replace("until: [r >= 5]", "")
)
TAKEN_OUT = "kind: campaign\nname: other\nwhen: [f >= 5]\nsteps: [{notify: {template: t, channels: [console], category: service}}]"


def begun(text: str, **changes: Any) -> Life:
    life = Life(book(text))
    life.now(**changes)
    return life


def news(life: Life, after: timedelta, **changes: Any) -> None:
    life.now(version=len(life.wakes) + 2, as_of=NOON + after, occurred_at=NOON + after, **changes)


def recalled(life: Life) -> list[tuple[str, int, str, timedelta]]:
    found = [(r.rule.partition("@")[0], r.episode, r.reason.value, r.decided_at - NOON) for r in life.recalled]
    life.close()
    return found


def test_a_goal_recalls_what_waits() -> None:
    """Once, right behind the decision that it was reached, and before the end of the steps."""
    life = begun(RULE % "")
    news(life, DAY, event=PAID)
    told = told_of(life.outputs)
    assert [each.outcome if not isinstance(each, Recalled) else each.reason for each in told] == [
        "fired",
        "reached",
        "goal_reached",
        "ended",
    ]
    news(life, 2 * DAY, event=PAID)
    assert recalled(life) == [("c", 1, "goal_reached", DAY)]


def test_a_goal_after_the_last_step_recalls_too() -> None:
    """The steps are over, and the message may wait all the same."""
    life = begun(ONE_STEP % "")
    news(life, DAY, event=PAID)
    assert [d.outcome for d in life.decided] == [Outcome.FIRED, Outcome.REACHED]
    assert recalled(life) == [("c", 1, "goal_reached", DAY)]


@pytest.mark.parametrize(("after", "count"), [(3 * DAY - timedelta(seconds=1), 1), (3 * DAY, 0), (9 * DAY, 0)])
def test_what_has_expired_is_not_recalled(after: timedelta, count: int) -> None:
    """From the instant on at which its messages expire, three days after the decision, nothing of an episode waits."""
    life = begun(ONE_STEP % "")
    news(life, after, event=PAID)
    assert len(recalled(life)) == count


def test_until_and_the_end_of_the_time_recall() -> None:
    """Both end the episode early; the time is over at midnight."""
    life = begun(RULE % "")
    news(life, DAY, r=5)
    assert recalled(life) == [("c", 1, "ended", DAY)]
    life = begun(RULE % "")
    life.until(NOON + 5 * DAY)
    assert recalled(life) == [("c", 1, "ended", 2 * DAY + timedelta(hours=12))]


def test_what_was_recalled_is_not_recalled_again() -> None:
    """A goal that is reached after the early end counts, and finds nothing that waits."""
    life = begun(RULE % "")
    news(life, timedelta(hours=1), r=5)
    life.now(r=5, version=9, as_of=NOON + DAY, occurred_at=NOON + DAY, event=PAID)
    assert [d.outcome for d in life.decided] == [Outcome.FIRED, Outcome.ENDED, Outcome.REACHED]
    assert recalled(life) == [("c", 1, "ended", timedelta(hours=1))]


def test_an_end_at_once_takes_nothing_back() -> None:
    """An `until` that holds from the beginning ends the episode behind its first message, which was decided in spite of it."""
    life = begun((RULE % "").replace("r >= 5", "r >= 3"))
    assert [d.outcome for d in life.decided] == [Outcome.FIRED, Outcome.ENDED]
    news(life, DAY, event=PAID)
    assert recalled(life) == [("c", 1, "goal_reached", DAY)]


def test_a_gate_takes_nothing_back() -> None:
    """It ends what is to come, not what was said."""
    gated = (RULE % "").replace("  - wait: 20d\n", "  - wait: 1d\n  - when: [f >= 5]\n")
    life = begun(gated)
    life.until(NOON + DAY)
    assert [d.outcome for d in life.decided] == [Outcome.FIRED, Outcome.ENDED]
    assert recalled(life) == []


@pytest.mark.parametrize("keys", ["mode: shadow", "holdout: 99.99%"])
def test_who_was_sent_nothing_is_sent_no_recall(keys: str) -> None:
    """Neither in the shadow nor of the control group."""
    life = begun(RULE % keys)
    news(life, DAY, event=PAID)
    assert Outcome.REACHED in {d.outcome for d in life.decided}
    assert recalled(life) == []


def test_nothing_sent_yet_is_nothing_to_recall() -> None:
    """An episode that begins with a wait."""
    life = begun((RULE % "").replace("steps:\n", "steps:\n  - wait: 2d\n"))
    news(life, DAY, event=PAID)
    assert recalled(life) == []


def test_an_episode_recalls_its_own_messages_only() -> None:
    """The goal of the second episode leaves those of the first alone."""
    life = begun(ONE_STEP % "")
    life.now(r=5, version=2, as_of=NOON + timedelta(hours=1))
    life.now(r=3, version=3, as_of=NOON + timedelta(hours=2))
    life.now(r=3, version=4, as_of=NOON + DAY, occurred_at=NOON + DAY, event=PAID)
    assert recalled(life) == [("c", 2, "goal_reached", DAY)]


@pytest.mark.parametrize("text", [RULE, ONE_STEP])
def test_a_rule_that_is_taken_out_recalls_what_waits(text: str) -> None:
    """With its steps over or not; later there is nothing to end."""
    life = begun(text % "")
    life.change_rules(book(TAKEN_OUT))
    life.now(version=2, as_of=NOON + DAY)
    assert [(d.outcome, d.reason) for d in life.decided[1:]] == [("ended", "withdrawn")]
    assert recalled(life) == [("c", 1, "ended", DAY)]
    life = begun(ONE_STEP % "")
    life.change_rules(book(TAKEN_OUT))
    assert life.now(version=2, as_of=NOON + 3 * DAY) == []
    assert recalled(life) == []


LADDER = """
kind: ladder
name: pond
tiers: [{name: 外围}, {name: 影响, enter: [f >= 3], leave: [f < 3]}, {name: 核心, enter: [f >= 5], leave: [f < 5]}]
on_jump:
  - {to_higher: true, notify: {template: up, channels: [console], category: service}}
  - {to_lower: true, notify: {template: down, channels: [console], to: owner, expires: 1d}}
"""


def test_a_fall_recalls_the_news_of_a_climb() -> None:
    """And the other way round; a second climb recalls nothing, nor does anything that has expired."""
    life = begun(LADDER, f=3)
    for version, (hours, f) in enumerate([(1, 5), (2, 3), (3, 5), (30, 1), (99, 3)], start=2):
        life.now(f=f, version=version, as_of=NOON + timedelta(hours=hours))
    assert [(d.outcome, d.episode) for d in life.decided] == [
        ("promoted", 1),
        ("promoted", 2),
        ("demoted", 3),
        ("promoted", 4),
        ("demoted", 5),
        ("promoted", 6),
    ]
    assert {r.reason for r in life.recalled} == {RecallReason.ENDED}
    assert [episode for _, episode, _, _ in recalled(life)] == [2, 3, 4]
