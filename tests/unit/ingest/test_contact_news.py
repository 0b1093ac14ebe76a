"""What inbound events say about reaching a customer, as the notifier gets it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from services.contracts.channels import Category
from services.contracts.contacts import ContactMessage, ContactsErased, ContactsJoined, ContactsUpdated
from services.contracts.topics import CONTACTS, DEAD_LETTER, EVENTS
from services.contracts.wire import CONTACTS as CONTACTS_WIRE
from services.ingest.contacts import ContactNews, contact_news
from services.ingest.forward import Forwarder
from services.ingest.intake import Intake
from services.ingest.mapping import load
from services.runtime.dead_letter import Budget
from services.runtime.partitioning import partition_of
from services.runtime.record import Output, Record
from services.runtime.sealing import Seal
from services.runtime.telemetry import Telemetry
from tests.unit.contracts.strategies import inbound
from tests.unit.ingest.test_contact_faults import MEMBER, UPDATED, mapping

SEAL = Seal([bytes(64)])
AT = datetime(2026, 1, 31, tzinfo=UTC)
NUMBER, MAIL = "+8613912345678", "小明@例子.example"
REACH: dict[str, Any] = {
    "contacts": {"sms": f" {NUMBER} ", "email": None},
    "consent": {"all": {"service": True}, "email": {"marketing": False, "service": None}, "sms": {}},
    "channels": ["sms", "email", "sms"],
    "language": "zh-Hans-CN",
    "personalised": False,
    "owner": "clerk-韩梅梅",
    "timezone": "Asia/Tokyo",
}
SAID = ContactsUpdated(
    customer_id="客户-1",
    occurred_at=AT,
    cause_id="crm/e-1",
    contacts={"sms": SEAL.seal(NUMBER, "sms"), "email": None},
    consent={"all": {Category.SERVICE: True}, "email": {Category.MARKETING: False, Category.SERVICE: None}},
    channels=("sms", "email"),
    language="zh",
    personalised=False,
    owner="clerk-韩梅梅",
    timezone="Asia/Tokyo",
)


def record(message: dict[str, Any], offset: int = 0) -> Record:
    return Record("koi.interactions", 0, offset, 1769817600000, None, json.dumps(message).encode())


def news(message: dict[str, Any], seal: Seal | None = SEAL, intake: Intake | None = None) -> ContactNews:
    ((said, event),) = (intake or Intake()).read(record(message))
    return contact_news(said, event, seal)


def test_an_update_says_how_to_reach_a_customer() -> None:
    """Addresses are trimmed and sealed, a language is one word, and what says nothing is left out."""
    assert news(UPDATED | REACH) == ContactNews(SAID)


@pytest.mark.parametrize("field", [name for name in REACH if name != "contacts"])
def test_each_part_is_carried_alone(field: str) -> None:
    """And only that."""
    message = news(UPDATED | {field: REACH[field]}).message
    assert isinstance(message, ContactsUpdated)
    assert getattr(message, field) == getattr(SAID, field)
    others = {name for name in REACH if name != field}
    nothing = ContactsUpdated(customer_id="客户-1", occurred_at=AT, cause_id="crm/e-1")
    assert all(getattr(message, name) == getattr(nothing, name) for name in others)


@pytest.mark.parametrize(
    "fields", [{}, {"tags_add": ["vip"]}, {"contacts": {}, "consent": {"sms": {}}, "owner": None, "language": None}]
)
def test_an_update_about_other_things_says_nothing(fields: dict[str, Any]) -> None:
    """Then there is no record for the notifier."""
    assert news(UPDATED | fields) == ContactNews()


def test_what_is_empty_takes_back() -> None:
    """An owner, a time zone, the preferred channels: that is something, unlike null."""
    message = news(UPDATED | {"owner": "", "timezone": "", "channels": []}).message
    assert isinstance(message, ContactsUpdated)
    assert (message.owner, message.timezone, message.channels) == ("", "", ())


def test_deletion_and_merger_are_told_too() -> None:
    """A merger is told to the customer who ends."""
    deleted = news(UPDATED | {"type": "customer.deleted"}).message
    assert deleted == ContactsErased(customer_id="客户-1", occurred_at=AT)
    merged = news(UPDATED | {"type": "customer.merged", "from_id": "wx-8842"}).message
    assert merged == ContactsJoined(customer_id="wx-8842", into_id="客户-1", occurred_at=AT)


def test_an_instant_of_the_future_is_clamped_here_as_well() -> None:
    """Or a statement of next year would outlive all that is said until then."""
    message = news(UPDATED | {"language": "en", "occurred_at": "2027-01-31T08:00:00+08:00"}).message
    assert isinstance(message, ContactsUpdated)
    assert message.occurred_at == AT


def test_without_a_key_addresses_stay_behind() -> None:
    """All else is carried, that an address ends too, and the rest is counted."""
    found = news(UPDATED | REACH | {"contacts": {"sms": NUMBER, "wecom_app": "u", "email": None}}, None)
    assert found.unsealed == 2
    assert isinstance(found.message, ContactsUpdated)
    assert found.message.contacts == {"email": None}
    assert found.message.consent == SAID.consent
    assert news(UPDATED | {"contacts": {"sms": NUMBER}}, None) == ContactNews(None, 1)


def test_a_vendor_file_fills_them_in() -> None:
    """Addresses put together, consent in the vendor's own words, and constants."""
    text = mapping(
        "contacts.sms: {join: [cc, mobile], with: '', prefix: +}",
        "contacts.email: mail",
        "contacts.apprise: {value: null}",
        "consent.sms.marketing: {from: ad, map: {Y: true, N: false}}",
        "consent.all.service: {value: true}",
        "consent.email.service: ok",
        "channels: like",
        "language: lang",
        "personalised: {from: dnp, map: {1: false}, default: true}",
        "owner: guide",
        "timezone: {value: Asia/Shanghai}",
        "attributes.城市: city",
    )
    member = {"cc": 86, "mobile": 13912345678, "ad": "N", "ok": True, "like": ["sms"], "lang": "zh_CN", "dnp": 1}
    found = news(MEMBER | member | {"guide": "g-1", "city": "上海"}, SEAL, Intake([load(text, "crm.yaml")]))
    assert found.message == ContactsUpdated(
        customer_id="客户-1",
        occurred_at=AT,
        cause_id="crm/1",
        contacts={"sms": SEAL.seal(NUMBER, "sms"), "apprise": None},
        consent={
            "sms": {Category.MARKETING: False},
            "all": {Category.SERVICE: True},
            "email": {Category.SERVICE: True},
        },
        channels=("sms",),
        language="zh",
        personalised=False,
        owner="g-1",
        timezone="Asia/Shanghai",
    )


@settings(max_examples=150, deadline=None)
@given(message=inbound)
def test_whatever_is_valid_survives_the_wire(message: dict[str, Any]) -> None:
    """And nothing of an address is in it."""
    found = news(message | {"received_at": "2026-01-31T08:00:00+08:00"})
    if found.message is not None:
        encoded = CONTACTS_WIRE.encode(found.message)
        assert CONTACTS_WIRE.decode(encoded) == found.message
        mail = message.get("contacts", {}).get("email")
        assert mail is None or mail.encode() not in encoded


class Collector:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    async def publish(self, outputs: Sequence[Output]) -> None:
        self.outputs += outputs

    def on(self, topic: str) -> list[Output]:
        return [output for output in self.outputs if output.topic == topic]


def forwarder(collector: Collector, telemetry: Telemetry, seal: Seal | None = SEAL) -> Forwarder:
    budget = Budget(100, 10.0)
    return Forwarder(Intake(), collector, budget, telemetry, partitions=24, event_clock=False, seal=seal)


def left_behind(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("koi_contacts_not_carried_total", {"service": "ingest"})


async def test_one_record_becomes_two() -> None:
    """The event for everybody, and the contacts for the notifier, both keyed by the customer and in their partition."""
    collector, telemetry = Collector(), Telemetry("ingest", "test")
    await forwarder(collector, telemetry).handle(0, [record(UPDATED | REACH)], AT)
    (event,), (contacts,) = collector.on(EVENTS.name), collector.on(CONTACTS.name)
    assert contacts.key == event.key == "客户-1".encode()
    assert contacts.partition == event.partition == partition_of("客户-1", 24)
    assert CONTACTS_WIRE.decode(contacts.value or b"") == SAID
    assert all(NUMBER.encode() not in (output.value or b"") for output in collector.outputs)
    assert left_behind(telemetry.registry) == 0


async def test_a_merger_lies_with_whom_it_ends() -> None:
    """On both topics."""
    collector = Collector()
    merger = record(UPDATED | {"type": "customer.merged", "from_id": "wx-8842"})
    await forwarder(collector, Telemetry("ingest", "test")).handle(0, [merger], AT)
    assert {output.topic for output in collector.outputs} == {EVENTS.name, CONTACTS.name}
    assert {(output.key, output.partition) for output in collector.outputs} == {
        (b"wx-8842", partition_of("wx-8842", 24))
    }


async def test_a_repeat_is_byte_equal() -> None:
    """After a crash the same records are published again, and nobody can tell the two apart."""
    first, second = Collector(), Collector()
    for collector in (first, second):
        await forwarder(collector, Telemetry("ingest", "test")).handle(0, [record(UPDATED | REACH)], AT)
    assert first.outputs == second.outputs


async def test_addresses_left_behind_are_told_once_and_counted() -> None:
    """The log says what to do, and about whom it is not said."""
    collector, telemetry = Collector(), Telemetry("ingest", "test")
    stage = forwarder(collector, telemetry, None)
    assert left_behind(telemetry.registry) == 0
    with capture_logs() as logs:
        for offset in range(3):
            await stage.handle(0, [record(UPDATED | {"contacts": {"sms": NUMBER, "email": MAIL}}, offset)], AT)
    why = "KOI_CONTACTS_KEY is not set: addresses stay behind from now on"
    assert logs == [{"event": "contacts_not_carried", "log_level": "warning", "why": why}]
    assert left_behind(telemetry.registry) == 6
    assert [output.topic for output in collector.outputs] == [EVENTS.name] * 3


async def test_a_refused_record_shows_its_address_in_its_own_bytes_only() -> None:
    """The dead letter holds what upstream wrote, as always; its sentence does not."""
    collector = Collector()
    bad = record(UPDATED | {"contacts": {"sms": "13912345678"}})
    await forwarder(collector, Telemetry("ingest", "test")).handle(0, [bad], AT)
    (letter,) = collector.outputs
    assert letter.topic == DEAD_LETTER.name
    assert b"13912345678" not in (letter.value or b"")
    assert json.loads(letter.value or b"")["detail"].startswith("contacts.sms: must be a number")


def test_every_message_of_ingest_is_one_of_the_topic() -> None:
    """What the notifier tells itself there is none of them."""
    made = {ContactsUpdated, ContactsErased, ContactsJoined}
    assert made < set(ContactMessage.__args__)
