"""Cases for the policy's tests: one that passes, and what may be changed about it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.contacts import ALL_CHANNELS, ContactsUpdated
from services.contracts.silence import Matcher, Silence
from services.notifier.customer.card import Card
from services.notifier.customer.history import History
from services.notifier.policy.gates import Case
from services.notifier.policy.models import Policy
from services.notifier.policy.silencing import Silences
from services.notifier.policy.staff import Staff

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon of a Monday in Shanghai."""
LONG_AGO = NOW - timedelta(days=100)

COMMAND = Command(
    id="c1",
    customer_id="客户一",
    rule="win-back@1a2b3c4d",
    episode=1,
    step=0,
    template="we_miss_you",
    params={},
    channels=("sms", "email"),
    category=Category.MARKETING,
    recipient=Recipient.CUSTOMER,
    decided_at=NOW - timedelta(minutes=1),
    expires_at=NOW + timedelta(days=1),
    occurred_at=NOW - timedelta(minutes=1),
)


def command(**changes: Any) -> Command:
    return msgspec.structs.replace(COMMAND, **changes)


def said(at: datetime = LONG_AGO, **what: Any) -> ContactsUpdated:
    return ContactsUpdated(customer_id="客户一", occurred_at=at, cause_id="e1", **what)


CARD = Card().said(
    said(
        contacts={"sms": "sealed-sms", "email": "sealed-mail"},
        consent={ALL_CHANNELS: {Category.MARKETING: True}},
        language="zh-CN",
        owner="张店长",
    )
)


def case(**changes: Any) -> Case:
    """A case that passes, with changes."""
    fields: dict[str, Any] = {
        "command": COMMAND,
        "card": CARD,
        "history": History(),
        "erased_ms": None,
        "silences": Silences(),
        "policy": Policy(),
        "staff": Staff(),
        "channels": frozenset({"sms", "email", "webhook", "wecom_app", "wecom_robot"}),
        "zone": SHANGHAI,
        "now": NOW,
    }
    return Case(**fields | changes)


def silence(
    silence_id: str = "s1",
    *,
    starts_at: datetime = LONG_AGO,
    ends_at: datetime = NOW + timedelta(hours=1),
    **matcher: Any,
) -> Silence:
    return Silence(
        id=silence_id,
        matcher=Matcher(**matcher),
        starts_at=starts_at,
        ends_at=ends_at,
        created_at=starts_at,
        created_by="运营",
        comment="台风",
    )


def silences(*some: Silence, now: datetime = NOW) -> Silences:
    return Silences.of(some, now)
