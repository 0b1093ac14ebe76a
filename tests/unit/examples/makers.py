"""Messages with everything filled in, for the tests beside this file."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from examples.complete_journey.dataset import CURRENCY
from services.contracts.channels import Category, Delivery, Recipient
from services.contracts.command import Command
from services.contracts.deadletter import DeadLetter
from services.contracts.decision import Decision, DecisionReason, Outcome, Verdict
from services.contracts.profile import Cause, Octant, Profile, RfSegment, Window
from services.contracts.receipt import DeliveryOutcome, Reason, Receipt

NEW_YEAR = datetime(2017, 1, 1, tzinfo=UTC)


def on(day: int) -> datetime:
    """Noon of the day that many days after New Year."""
    return NEW_YEAR + timedelta(days=day, hours=12)


def profile(customer: str, **changes: Any) -> Profile:
    values: dict[str, Any] = {
        "customer_id": customer,
        "version": 1,
        "as_of": on(300),
        "cause": Cause.OWN_EVENT,
        "cause_id": "basket-1",
        "occurred_at": on(300),
        "zone": "UTC",
        "r": 3,
        "f": 3,
        "m": 3,
        "segment": Octant.CHAMPION,
        "window_days": 365,
        "orders": 10,
        "net_minor": 1000,
        "rf_segment": RfSegment.LOYAL,
        "super_user": False,
        "cutoffs": "",
        "last_order_day": date(2017, 10, 1),
        "first_order_day": date(2017, 1, 1),
        "average_order_minor": 100,
        "discount_share": 0.0,
        "refund_share": 0.0,
        "rhythm_days": None,
        "windows": {},
        "currency": CURRENCY,
        "activity": 1.0,
        "activity_at": on(300),
        "half_life_days": 30.0,
    }
    bought = {"orders": changes.pop("lifetime_orders", 10), "net_minor": changes.pop("lifetime_net_minor", 1000)}
    return Profile(**{**values, "lifetime": Window(**bought), **changes})


def decision(number: int, customer: str, outcome: Outcome, day: int, **changes: Any) -> Decision:
    values: dict[str, Any] = {
        "id": f"d{number}",
        "customer_id": customer,
        "rule": "win-back@0a1b",
        "outcome": outcome,
        "decided_at": on(day),
        "episode": 1,
        "cause": Cause.TIME,
        "cause_id": "",
        "profile_version": number,
        "verdicts": (Verdict("recency_days >= 45", {"recency_days": 45}, holds=True),),
        "reason": DecisionReason.COOLDOWN if outcome is Outcome.SUPPRESSED else None,
    }
    return Decision(**{**values, **changes})


def jump(number: int, customer: str, day: int, tiers: tuple[str, str], outcome: Outcome, **changes: Any) -> Decision:
    return decision(
        number,
        customer,
        outcome,
        day,
        **{"rule": "community@0a1b", "from_tier": tiers[0], "to_tier": tiers[1], **changes},
    )


def command(command_id: str, customer: str, **changes: Any) -> Command:
    values: dict[str, Any] = {
        "id": command_id,
        "customer_id": customer,
        "rule": "win-back@0a1b",
        "episode": 1,
        "step": 0,
        "template": "we_miss_you",
        "params": {},
        "channels": ("webhook",),
        "category": Category.MARKETING,
        "recipient": Recipient.CUSTOMER,
        "decided_at": on(50),
        "expires_at": on(53),
        "occurred_at": on(50),
    }
    return Command(**{**values, **changes})


def receipt(
    command_id: str,
    customer: str,
    outcome: DeliveryOutcome,
    reason: Reason = Reason.NONE,
    *,
    at: datetime | None = None,
) -> Receipt:
    sent = outcome is DeliveryOutcome.SENT
    return Receipt(
        command_id=command_id,
        customer_id=customer,
        rule="win-back@0a1b",
        outcome=outcome,
        reason=reason,
        channel="webhook" if sent else None,
        delivery=Delivery.AT_LEAST_ONCE if sent else None,
        attempts=1,
        at=at or on(50),
    )


def dead_letter(offset: int, reason: str = "malformed") -> DeadLetter:
    return DeadLetter(
        service="ingest",
        reason=reason,
        detail="not JSON",
        topic="koi.orders",
        partition=0,
        offset=offset,
        failed_at=on(1),
        key=None,
        value=b"x",
        headers=(),
        size=1,
    )
