"""What came of each route of a command, and what follows from all of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.contracts.channels import Delivery
from services.contracts.receipt import DeliveryOutcome, Reason
from services.notifier.effects import Delivered

_MAX_DETAIL = 500
_LATER = (Reason.CHANNEL_UNAVAILABLE, Reason.QUOTA, Reason.CHANNEL_BUSY, Reason.EXPIRED)
"""What may pass. An attempt says more than none, and the provider more than our own line."""
_NEVER = (Reason.CHANNEL_REFUSED, Reason.NO_TEXT, Reason.NO_CONTACT, Reason.NO_CHANNEL)
"""What will not, the nearest to a message that went out first."""


@dataclass(slots=True, frozen=True)
class Leg:
    """What came of one route: `reason` is `NONE` where the channel accepted, else why it did not.

    `again_in_s`: seconds after which the route makes sense again; None if nobody knows.
    """

    channel: str
    reason: Reason
    detail: str = ""
    delivery: Delivery | None = None
    attempts: int = 0
    again_in_s: float | None = None

    @property
    def ends(self) -> bool:
        """Whether no other route may be tried: it is sent, it may be, or it is too late."""
        return self.reason in (Reason.NONE, Reason.AMBIGUOUS, Reason.EXPIRED)


def conclude(legs: Sequence[Leg]) -> Delivered:
    """The answer to a command whose routes were tried in this order."""
    outcome, reason = _verdict([leg.reason for leg in legs])
    tried = [leg for leg in legs if leg.attempts]
    # a route that nobody knows the pause of may be there again at any moment
    soonest = min((leg.again_in_s or 0.0 for leg in legs if leg.reason in _LATER), default=0.0)
    return Delivered(
        outcome=outcome,
        reason=reason,
        channel=tried[-1].channel if tried else None,
        delivery=tried[-1].delivery if tried else None,
        attempts=sum(leg.attempts for leg in legs),
        detail="; ".join(f"{leg.channel}: {leg.detail}" for leg in legs if leg.detail)[:_MAX_DETAIL],
        retry_in_s=soonest or None if outcome is DeliveryOutcome.DEFERRED else None,
    )


def _verdict(reasons: Sequence[Reason]) -> tuple[DeliveryOutcome, Reason]:
    if Reason.NONE in reasons:
        return DeliveryOutcome.SENT, Reason.NONE
    if Reason.AMBIGUOUS in reasons:
        return DeliveryOutcome.FAILED, Reason.AMBIGUOUS
    for reason in _LATER:
        if reason in reasons:
            return DeliveryOutcome.DEFERRED, reason
    for reason in _NEVER:
        if reason in reasons:
            return DeliveryOutcome.FAILED, reason
    return DeliveryOutcome.FAILED, Reason.NO_CHANNEL
