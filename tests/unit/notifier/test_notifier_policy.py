"""The policy decides in a fixed order and names its reason."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.receipt import Reason
from services.notifier.policy import Action, decide
from services.notifier.state import NotifierState
from tests.unit.notifier.commands import NOON, command

EXPIRY = NOON + timedelta(days=1)
TICK = timedelta(microseconds=1)
FRESH = NotifierState()
DEALT_WITH = FRESH.remember(command(), NOON)


@pytest.mark.parametrize(
    ("state", "now", "action", "reason"),
    [
        (FRESH, NOON, Action.SEND, Reason.NONE),
        (FRESH, EXPIRY - TICK, Action.SEND, Reason.NONE),
        (FRESH, EXPIRY, Action.SUPPRESS, Reason.EXPIRED),
        (FRESH, EXPIRY + TICK, Action.SUPPRESS, Reason.EXPIRED),
        (DEALT_WITH, NOON, Action.IGNORE, Reason.NONE),
        (DEALT_WITH, EXPIRY, Action.IGNORE, Reason.NONE),
    ],
    ids=["in time", "just in time", "at the expiry", "after it", "a repeat", "a repeat that has expired"],
)
def test_the_first_rule_that_applies_decides(
    state: NotifierState, now: datetime, action: Action, reason: Reason
) -> None:
    """A repeat is ignored before anything else is asked; an expired command is suppressed; the rest is sent."""
    verdict = decide(command(expires_at=EXPIRY), state, now)
    assert (verdict.action, verdict.reason) == (action, reason)


def test_a_suppressed_command_says_why() -> None:
    """The verdict carries a sentence for the receipt."""
    assert decide(command(expires_at=EXPIRY), FRESH, EXPIRY).detail == "expired at 2024-05-02T12:00:00+00:00"


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(timezones=OFFSETS)


@given(expires_at=INSTANTS, now=st.datetimes(timezones=st.just(UTC)))
def test_every_instant_there_is_can_be_decided(expires_at: datetime, now: datetime) -> None:
    """No year and no offset breaks the policy or the state, and what was remembered is known."""
    one = command(expires_at=expires_at)
    assert decide(one, FRESH, now).action in (Action.SEND, Action.SUPPRESS)
    assert decide(one, FRESH.remember(one, now), now).action is Action.IGNORE
