"""docs/restraint.md says what is so: its order is that of the gates, its files are read, its defaults are those of the code."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.contracts.channels import CHANNELS, Category
from services.contracts.contacts import ContactsUpdated
from services.contracts.inbound import INBOUND, InboundCustomerUpdated
from services.notifier.customer.card import Card
from services.notifier.policy.gates import GATES
from services.notifier.policy.models import Policy
from services.notifier.policy.reading import parse
from services.notifier.policy.staff import Staff
from services.runtime.document import MAX_FILE_BYTES

TEXT = (Path(__file__).parents[2] / "docs" / "restraint.md").read_text(encoding="utf-8")
WORDS = " ".join(TEXT.split())


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_order_is_that_of_the_gates() -> None:
    """The table has the reasons as they are asked, and quiet hours last."""
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|", TEXT, re.MULTILINE)
    asked = [*(reason.value for reason, *_ in GATES), "quiet_hours"]
    assert rows == [(str(number), reason) for number, reason in enumerate(asked, 1)]


def test_the_questions_about_channels_are_those() -> None:
    """Those that are asked of each channel, by their numbers."""
    of_channel = [number for number, (_, _, each) in enumerate(GATES, 1) if each]
    first = ", ".join(map(str, of_channel))
    assert f"asked of each channel ({first} and {len(GATES) + 1})" in WORDS


def test_the_policy_shown_is_one() -> None:
    """It is read, and every key of it says something of its own."""
    (shown,) = blocks("yaml policy")
    policy = parse(Policy, "policy.yaml", shown)
    assert set(policy.model_dump(exclude_defaults=True)) == set(Policy.model_fields)


def test_the_directory_shown_is_one() -> None:
    """It is read, and shows every key."""
    (shown,) = blocks("yaml staff")
    colleague = parse(Staff, "staff.yaml", shown).find("clerk-17")
    assert colleague is not None
    assert all(colleague.model_dump().values())


def test_the_event_shown_refuses_marketing() -> None:
    """It is taken at the edge, every field of it is known there, and it means what the page says it means."""
    (shown,) = blocks("json")
    event = INBOUND.validate_json(shown)
    assert isinstance(event, InboundCustomerUpdated)
    assert {
        "contacts",
        "consent",
        "channels",
        "language",
        "personalised",
        "owner",
        "timezone",
    } <= event.model_fields_set
    said: dict[str, Any] = event.model_dump(include=set(ContactsUpdated.__struct_fields__))
    assert isinstance(event.occurred_at, datetime)
    card = Card().said(ContactsUpdated(**said | {"channels": tuple(said["channels"])}, cause_id=event.id))
    assert card.agrees("sms", Category.MARKETING) is False
    assert card.address("sms") == "+8613000000000"


@pytest.mark.parametrize("category", [Category.MARKETING, Category.SERVICE])
def test_the_caps_told_are_the_defaults(category: Category) -> None:
    """The numbers in the section about caps."""
    cap = Policy().cap_for(category)
    assert cap is not None
    told = {
        Category.MARKETING: f"marketing has {cap.day} a day and {cap.week} a week",
        Category.SERVICE: f"service {cap.day} and {cap.week}",
    }
    assert told[category] in WORDS


def test_the_night_told_is_the_default() -> None:
    """The hours in the section about quiet hours."""
    (night,) = Policy().quiet_hours
    assert f"Unless you say otherwise they are {str(night.hours).replace('–', ' to ')}" in WORDS


def test_who_carries_no_marketing_is_told() -> None:
    """Robots and wecom_app, and no other channel."""
    forbidden = {name for name, facts in CHANNELS.items() if Category.MARKETING not in facts.categories}
    assert forbidden == {name for name in CHANNELS if name.endswith("_robot") or name == "wecom_app"}
    assert "the robots and `wecom_app` carry no marketing" in WORDS


def test_how_large_a_directory_may_be_is_told() -> None:
    """The limit of every file that people write."""
    assert f"A file may have {MAX_FILE_BYTES // 1024} KiB" in WORDS
