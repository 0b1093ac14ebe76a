"""Campaigns: once per episode, never twice within a cooldown, in the order of priority."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import Category
from services.contracts.decision import DecisionReason, Outcome
from services.contracts.profile import Cause
from tests.unit.rules.customers import NOON, TODAY, Life, book, campaign

DAY = timedelta(days=1)


def test_it_fires_when_its_condition_becomes_true_and_not_again() -> None:
    """An episode speaks once, however many profiles confirm it."""
    life = Life(book(campaign("r <= 2")))
    assert life.now(r=3) == []
    (decision,) = life.now(r=2, version=2, as_of=NOON + DAY)
    assert (decision.outcome, decision.episode, decision.cause_id) == (Outcome.FIRED, 1, "e1")
    assert life.now(r=1, version=3, as_of=NOON + 2 * DAY) == []
    assert life.now(r=5, version=4, as_of=NOON + 3 * DAY) == []
    (again,) = life.now(r=1, version=5, as_of=NOON + 4 * DAY)
    assert again.episode == 2
    (command, _) = life.sent
    assert (command.id,) == decision.commands
    assert command.category is Category.MARKETING
    assert command.expires_at == decision.decided_at + 3 * DAY
    assert command.occurred_at == NOON - timedelta(seconds=2)
    life.close()


def test_the_first_profile_starts_from_nothing_true() -> None:
    """A condition true from the beginning has become true now."""
    life = Life(book(campaign("r == 3")))
    assert [d.outcome for d in life.now()] == [Outcome.FIRED]
    life.close()


def test_silence_alone_fires_at_the_instant() -> None:
    """No event comes; the timer does, at midnight in Shanghai of the 45th day."""
    life = Life(book(campaign("recency_days >= 45", 'segment == "重要保持"')))
    life.now(last_order_day=TODAY)
    assert life.due == NOON.replace(hour=16) + 44 * DAY
    (decision,) = life.until(NOON + 365 * DAY)
    assert (decision.decided_at, decision.cause, decision.cause_id) == (life.wakes[0], Cause.TIME, "")
    assert decision.verdicts[0].actual == {"recency_days": 45}
    assert len(life.wakes) == 1
    life.close()


def test_a_cooldown_suppresses_and_says_so() -> None:
    """The second episode within thirty days is silent for good; the next after them speaks."""
    life = Life(book(campaign("r <= 2", cooldown="30d")))
    outcomes = []
    for day, r in enumerate([2, 3, 2, 2, 3]):
        outcomes += life.now(r=r, version=day + 1, as_of=NOON + day * DAY)
    life.until(NOON + 29 * DAY)
    outcomes += life.now(r=1, version=9, as_of=NOON + 30 * DAY)
    assert [(d.outcome, d.reason, d.episode) for d in outcomes] == [
        (Outcome.FIRED, None, 1),
        (Outcome.SUPPRESSED, DecisionReason.COOLDOWN, 2),
        (Outcome.FIRED, None, 3),
    ]
    assert outcomes[1].commands == ()
    assert len(life.sent) == 2
    life.close()


def test_several_fire_in_the_order_of_priority() -> None:
    """High first, then by name."""
    texts = [campaign("r == 3", name=n, priority=p) for n, p in [("b", 50), ("z", 90), ("a", 50), ("y", 10)]]
    life = Life(book("---\n".join(texts)))
    assert [d.rule.partition("@")[0] for d in life.now()] == ["z", "a", "b", "y"]
    life.close()


def test_a_campaign_sees_the_tier_the_customer_is_in_from_now_on() -> None:
    """A jump and a campaign about the new tier come with the same profile."""
    ladder = "kind: ladder\nname: pond\ntiers: [{name: 外围}, {name: 核心, enter: [f >= 4], leave: [f < 4]}]\n"
    life = Life(book(ladder + "---\n" + campaign('tier("pond") == "核心"', "m >= 3")))
    assert life.now(f=3) == []
    assert [d.outcome for d in life.now(f=4, version=2)] == [Outcome.PROMOTED, Outcome.FIRED]
    assert life.sent[0].params["tier.pond"] == "核心"
    assert life.now(f=1, version=3)[0].outcome is Outcome.DEMOTED
    assert [d.episode for d in life.now(f=4, version=4)] == [3, 2]
    life.close()


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 40)), max_size=25))
def test_no_second_message_within_a_cooldown(history: list[tuple[int, int]]) -> None:
    """Whatever a customer does."""
    life = Life(book(campaign("r <= 2", cooldown="30d")))
    now = NOON
    for version, (r, days) in enumerate(history):
        now += days * DAY
        life.now(r=r, version=version + 1, as_of=now)
    at = [command.decided_at for command in life.sent]
    assert all(later - earlier >= 30 * DAY for earlier, later in pairwise(at))
    assert len({command.id for command in life.sent}) == len(at)
    life.close()
