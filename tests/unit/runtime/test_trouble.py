"""Why a partition rests, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import Retryable
from services.runtime.dead_letter import Flooded
from services.runtime.store import Fenced, StoreUnavailable
from services.runtime.trouble import LONGEST_BACKOFF, Trouble, kind_of


@given(failures=st.integers(1, 100_000))
def test_the_pause_grows_up_to_a_limit(failures: int) -> None:
    """However often it failed, the next try is at most the longest pause away."""
    before = Trouble("store", "away", failures, 0.0, 0.0)
    after = Trouble.after(StoreUnavailable("away"), before, 100.0, 10.0)
    assert after.failures == failures + 1
    assert 0 < after.delay <= LONGEST_BACKOFF
    assert after.retry_at == 100.0 + after.delay


def test_a_fenced_partition_rests_for_a_session() -> None:
    """The new owner is given the time to be the only one."""
    assert Trouble.after(Fenced("another"), None, 0.0, 10.0).delay == 10.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Fenced(""), "fenced"),
        (StoreUnavailable(""), "store"),
        (Flooded(""), "flooded"),
        (Retryable(""), "retryable"),
        (KeyError(""), "internal"),
    ],
)
def test_every_error_has_a_label(error: Exception, kind: str) -> None:
    """Labels are few and fixed."""
    assert kind_of(error) == kind
