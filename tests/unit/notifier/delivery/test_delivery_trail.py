"""What came of the routes decides the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import Delivery
from services.contracts.receipt import DeliveryOutcome, Reason
from services.notifier.delivery.trail import Leg, conclude
from services.notifier.effects import Delivered

LEAST, MOST = Delivery.AT_LEAST_ONCE, Delivery.AT_MOST_ONCE


def legs(*reasons: str) -> list[Leg]:
    return [Leg(f"ch{number}", Reason(reason)) for number, reason in enumerate(reasons)]


@pytest.mark.parametrize(
    ("reasons", "outcome", "reason"),
    [
        ((), "failed", "no_channel"),
        (("none",), "sent", "none"),
        (("channel_refused", "channel_unavailable", "none"), "sent", "none"),
        (("ambiguous",), "failed", "ambiguous"),
        (("channel_unavailable", "ambiguous"), "failed", "ambiguous"),
        (("channel_unavailable", "channel_refused"), "deferred", "channel_unavailable"),
        (("quota", "channel_unavailable"), "deferred", "channel_unavailable"),
        (("channel_busy", "quota", "no_text"), "deferred", "quota"),
        (("channel_refused", "channel_busy"), "deferred", "channel_busy"),
        (("quota", "expired"), "deferred", "quota"),
        (("no_text", "expired"), "deferred", "expired"),
        (("channel_refused", "no_text"), "failed", "channel_refused"),
        (("no_text", "channel_refused"), "failed", "channel_refused"),
        (("no_channel", "no_contact", "no_text"), "failed", "no_text"),
        (("no_channel", "no_contact"), "failed", "no_contact"),
        (("no_channel", "no_channel"), "failed", "no_channel"),
    ],
)
def test_the_best_reason_is_told(reasons: tuple[str, ...], outcome: str, reason: str) -> None:
    """What may pass defers, an attempt before a quota before our own line; what will not pass fails."""
    got = conclude(legs(*reasons))
    assert (got.outcome, got.reason) == (outcome, reason)


def test_it_names_the_last_channel_that_was_tried_and_every_answer() -> None:
    """A route that was not tried does not pass for one that was; attempts are counted over all."""
    got = conclude(
        [
            Leg("wecom_app", Reason.CHANNEL_UNAVAILABLE, "HTTP 503", LEAST, 3),
            Leg("sms", Reason.CHANNEL_REFUSED, "no such number", MOST, 1),
            Leg("email", Reason.NO_TEXT, "no template"),
        ]
    )
    assert got == Delivered(
        DeliveryOutcome.DEFERRED,
        Reason.CHANNEL_UNAVAILABLE,
        "sms",
        MOST,
        4,
        "wecom_app: HTTP 503; sms: no such number; email: no template",
    )


def test_a_long_trail_is_cut() -> None:
    """A receipt stays small whatever channels have to say."""
    assert len(conclude([Leg("sms", Reason.CHANNEL_REFUSED, "x" * 10_000)]).detail) == 500


@pytest.mark.parametrize(
    ("waits", "soonest"),
    [
        ([("quota", 40.0)], 40.0),
        ([("quota", 40.0), ("channel_busy", 5.0)], 5.0),
        ([("quota", 4000.0), ("channel_unavailable", None)], None),
        ([("channel_refused", 1.0), ("quota", 40.0)], 40.0),
        ([("channel_refused", 1.0)], None),
        ([("quota", 40.0), ("none", None)], None),
    ],
)
def test_the_soonest_route_decides_when_to_try_again(
    waits: list[tuple[str, float | None]], soonest: float | None
) -> None:
    """One whose pause nobody knows may be there again at any moment, so then there is no hint."""
    got = conclude([Leg("sms", Reason(reason), again_in_s=wait) for reason, wait in waits])
    assert got.retry_in_s == soonest


routes = st.lists(st.builds(Leg, st.just("sms"), st.sampled_from(Reason), again_in_s=st.none() | st.floats(0, 1e6)))


@given(routes)
def test_an_answer_is_one_of_three_and_only_the_deferred_has_a_hint(came: list[Leg]) -> None:
    """Sent has no reason, everything else has one that some route gave, and the policy's outcomes are left to it."""
    got = conclude(came)
    assert got.outcome in {DeliveryOutcome.SENT, DeliveryOutcome.FAILED, DeliveryOutcome.DEFERRED}
    assert (got.outcome is DeliveryOutcome.SENT) == (got.reason is Reason.NONE)
    assert got.reason in {leg.reason for leg in came} | {Reason.NO_CHANNEL}
    assert got.retry_in_s is None or got.outcome is DeliveryOutcome.DEFERRED
