"""The rule files that come with Koipond."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.contracts.profile import Octant, Window
from services.rules.compiler import load_rulebook
from services.rules.rulebook import Rulebook
from tests.unit.rules.customers import NOON, TODAY, Life, windows

RULES = Path(__file__).parents[3] / "deploy" / "rules"
CHANNELS = {"console", "webhook"}


@pytest.fixture(scope="module")
def shipped() -> Rulebook:
    return load_rulebook(RULES)


def names(life: Life) -> list[str]:
    return [d.to_tier or d.rule.partition("@")[0] for d in life.decided]


def test_they_load_and_use_channels_there_are(shipped: Rulebook) -> None:
    """One ladder of three tiers and five campaigns."""
    (ladder,) = shipped.ladders
    assert [tier.name for tier in ladder.tiers] == ["外围", "影响", "核心"]
    assert len(shipped.campaigns) == 5
    steps = [step for c in shipped.campaigns for step in c.steps]
    notifies = [step.notify for step in steps if step.notify is not None] + [jump.notify for jump in ladder.on_jump]
    assert {channel for notify in notifies for channel in notify.channels} <= CHANNELS


def test_a_first_order_is_welcomed_once(shipped: Rulebook) -> None:
    """The second order is not a first one."""
    life = Life(shipped)
    first = {"first_order_day": TODAY, "last_order_day": TODAY, "f": 1, "m": 1, "segment": Octant.GENERAL_DEVELOP}
    life.now(**first, orders=1, lifetime=Window(orders=1))
    life.now(**first, orders=2, lifetime=Window(orders=2), version=2)
    assert names(life) == ["first-order-welcome"]
    life.close()


@pytest.mark.parametrize(
    ("segment", "expected"),
    [(Octant.KEEP, ["win-back-keep"]), (Octant.RETAIN, ["win-back-retain"]), (Octant.GENERAL_KEEP, [])],
)
def test_the_valuable_and_silent_are_won_back(shipped: Rulebook, segment: Octant, expected: list[str]) -> None:
    """On the 45th day, once; coupon hunters are left in peace."""
    for tags, wanted in (((), expected), (("coupon_hunter",), [])):
        life = Life(shipped)
        life.now(segment=segment, last_order_day=TODAY, f=2, activity=0.0, lifetime=Window(orders=8), tags=tags)
        life.until(NOON + timedelta(days=120))
        assert names(life) == wanted
        life.close()


def test_the_ladder_goes_both_ways(shipped: Rulebook) -> None:
    """A best customer who falls silent steps down: out of the core first, then to the outside."""
    life = Life(shipped)
    life.now(r=5, f=5, m=5, segment=Octant.CHAMPION, last_order_day=TODAY, lifetime=Window(orders=40), activity=30.0)
    life.until(NOON + timedelta(days=44))
    assert names(life) == ["核心", "silent-regular", "影响"]
    # three weeks of silence were up before the thirty days of minimum stay
    assert life.decided[-1].decided_at == NOON + timedelta(days=30)
    life.until(NOON + timedelta(days=200))
    assert names(life)[3:] == ["外围"]
    assert [c.template for c in life.sent] == ["core_welcome", "all_well", "clerk_care"]
    life.close()


def test_thanks_go_to_a_loyal_coupon_user(shipped: Rulebook) -> None:
    """To the clerk, not to the customer."""
    life = Life(shipped)
    life.now(segment=Octant.CHAMPION, f=2, windows=windows(coupon_redeem=3), activity=0.0, last_order_day=TODAY)
    assert names(life) == ["coupon-thanks"]
    assert life.sent[0].recipient == "owner"
    life.close()
