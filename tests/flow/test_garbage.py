"""Garbage at every door: it lands in the dead letter with a reason and its original bytes, and the others go on."""

import json

import pytest

from services.contracts import wire
from services.contracts.profile import Profile
from services.rules.processor import RulesProcessor
from services.runtime.dead_letter import Flooded
from services.runtime.partitioning import partition_of
from services.runtime.record import Headers
from tests.flow.outcome import outcome
from tests.flow.pond import PARTITIONS, Pond
from tests.flow.said import after, did, encoded, paid

GOOD = paid("甲", "a1", after())
INBOUND: dict[str, tuple[bytes | None, str]] = {
    "nothing": (None, "empty"),
    "no bytes": (b"", "empty"),
    "blanks": (b" \n\t", "empty"),
    "no JSON": (b"{not json", "not_json"),
    "zero bytes": (b"\0\0\0\0", "not_json"),
    "half a message": (encoded(GOOD)[:40], "not_json"),
    "another encoding": ('{"type":"订单"}'.encode("gb18030"), "not_utf8"),
    "a number": (b"42", "not_object"),
    "a list": (b"[]", "not_object"),
    "nobody's type": (encoded(GOOD | {"type": "order.payed"}), "unknown_type"),
    "no type": (b"{}", "unknown_type"),
    "a merger with nobody": (encoded(GOOD | {"type": "customer.merged"}), "invalid_field"),
    "a float of money": (encoded(GOOD | {"amount_minor": 19.9}), "invalid_field"),
    "negative money": (encoded(GOOD | {"amount_minor": -1}), "invalid_field"),
    "no customer": (encoded(GOOD | {"customer_id": ""}), "invalid_field"),
    "a lone surrogate": (encoded(GOOD).replace("甲".encode(), b"\\ud800"), "not_json"),
    "a control character": (encoded(GOOD).replace("甲".encode(), b"\\u0000"), "invalid_field"),
    "a local time": (encoded(GOOD | {"occurred_at": "2025-03-01T12:00:00"}), "invalid_field"),
    "year one": (encoded(GOOD | {"occurred_at": "0001-01-01T00:00:00+14:00"}), "invalid_field"),
    "depth": (b'{"a":' * 2000 + b"1" + b"}" * 2000, "too_deep"),
    "size": (encoded(GOOD | {"shop": "x" * 300_000}), "too_large"),
    "a huge number": (encoded(GOOD).replace(b"60000", b"9" * 5000), "not_json"),
    "not a number": (encoded(did("甲", "view", after()) | {"value": float("nan")}), "invalid_field"),
}


@pytest.mark.parametrize("what", INBOUND)
async def test_garbage_upstream(rules: RulesProcessor, what: str) -> None:
    """Each kind of garbage between two good orders: one dead letter of ingest, and both orders arrive."""
    value, reason = INBOUND[what]
    pond = Pond(rules, now=after(1))
    pond.tell([GOOD])
    partition = partition_of("甲", PARTITIONS)
    poison = pond.broker.append("koi.orders", partition, "甲".encode(), value, [("trace", b"\xff\xfe"), ("", b"")])
    pond.tell([paid("甲", "a2", after())])
    await pond.settle()
    (letter,) = pond.letters()
    assert (letter.service, letter.topic, letter.partition) == ("ingest", "koi.orders", partition)
    assert (letter.offset, letter.reason) == (poison.offset, reason)
    assert (letter.key, letter.value, letter.size) == (poison.key, value, len(value or b""))
    assert letter.headers == (("trace", b"\xff\xfe"), ("", b""))
    assert not letter.truncated
    assert letter.detail
    assert pond.last_profiles()["甲"].orders == 2


async def test_a_monstrous_record_is_cut(rules: RulesProcessor) -> None:
    """10 MB of value, key and headers leave a letter that the dead letter topic takes, which says that it was cut."""
    pond = Pond(rules, now=after(1))
    headers: Headers = [("h" * 1000, b"v" * 1_000_000)] * 3
    pond.broker.append("koi.orders", 1, b"k" * 1_000_000, b"{" * 10_000_000, headers)
    pond.tell([GOOD])
    await pond.settle()
    (letter,) = pond.letters()
    assert (letter.reason, letter.size, letter.truncated) == ("too_large", 10_000_000, True)
    (record,) = pond.broker.records("koi.deadletter")
    assert len(record.value or b"") < 1_000_000
    assert "甲" in pond.last_profiles()


async def test_garbage_on_our_own_topics(rules: RulesProcessor) -> None:
    """What a stranger writes to an inner topic is refused by its reader, each with the reason, and nobody stops."""
    pond = Pond(rules, now=after(1))
    pond.tell([paid("甲", f"a{i}", after(seconds=i)) for i in range(3)])
    await pond.settle()
    event, profile, command = pond.events()[0], pond.profiles()[0], pond.commands()[0]
    here = partition_of("甲", PARTITIONS)
    elsewhere = (here + 1) % PARTITIONS
    key = "甲".encode()

    def changed(message: object, **fields: object) -> bytes:
        return json.dumps(json.loads(wire.EVENTS.encode(message)) | fields).encode()

    strange: dict[str, list[tuple[int, bytes | None, str]]] = {
        "koi.events": [
            (here, b"\xff\xfe", "malformed"),
            (here, None, "malformed"),
            (elsewhere, wire.EVENTS.encode(event), "wrong_partition"),
            (here, changed(event, currency="USD", origin=None), "foreign_currency"),
            (here, changed(event, occurred_at="2025-03-01T12:00:00"), "malformed"),
            (here, changed(event, amount_minor=10**18, origin=None), "malformed"),
        ],
        "koi.profiles": [
            (here, b"[]", "malformed"),
            (here, changed(profile, zone="Asia/Atlantis", version=10**6), "unknown_zone"),
            (here, changed(profile, customer_id="", version=10**6), "malformed"),
            (here, changed(profile, as_of="0001-01-01T00:00:00Z", version=10**6), "malformed"),
        ],
        "koi.notifications": [
            (here, b"", "malformed"),
            (here, None, "malformed"),
            (here, changed(command, id="", episode=9), "malformed"),
            (here, changed(command, expires_at="2025-03-01T12:00:00"), "malformed"),
        ],
    }
    expected = set()
    for topic, records in strange.items():
        for partition, value, reason in records:
            record = pond.broker.append(topic, partition, key, value)
            expected.add((topic, partition, record.offset, reason, value))
    pond.tell([paid("甲", "a9", after(0.5)), paid("乙", "b1", after(0.5))])
    await pond.settle()
    found = {(x.topic, x.partition, x.offset, x.reason, x.value) for x in pond.letters()}
    assert found == expected
    assert {x.service for x in pond.letters()} == {"scoring", "rules", "notifier"}
    profiles = pond.last_profiles()
    assert (profiles["甲"].orders, profiles["乙"].orders) == (4, 1)
    assert {r.command_id for r in pond.receipts()} == {c for d in pond.decisions() for c in d.commands}


async def test_a_stale_profile_is_ignored(rules: RulesProcessor) -> None:
    """An old snapshot that is published again changes nobody's tier."""
    pond = Pond(rules, now=after(1))
    pond.tell([paid("甲", f"a{i}", after(seconds=i)) for i in range(3)])
    await pond.settle()
    before = len(pond.decisions())
    first: Profile = pond.profiles()[0]
    pond.broker.append("koi.profiles", partition_of("甲", PARTITIONS), "甲".encode(), wire.PROFILES.encode(first))
    await pond.settle()
    assert len(pond.decisions()) == before
    assert pond.tiers() == {"甲": "核心"}


@pytest.mark.parametrize("topic", ["koi.orders", "koi.events", "koi.profiles", "koi.notifications"])
async def test_a_flood_stops_the_service_and_loses_nothing(rules: RulesProcessor, topic: str) -> None:
    """More garbage than the dead letter allows is not drained into it; with more allowance everything goes on from there."""
    pond = Pond(rules, now=after(1), burst=5)
    partition = partition_of("甲", PARTITIONS)
    for number in range(40):
        pond.broker.append(topic, partition, b"k", b"garbage %d" % number)
    pond.tell([GOOD])
    pond.burst = 0  # what a restarted process may still write
    with pytest.raises(Flooded, match="reached its limit"):
        await pond.settle()
    assert [letter.value for letter in pond.letters()] == [b"garbage %d" % n for n in range(5)]
    pond.burst = 1000
    for name in pond.readers:
        pond.restart(name)
    await pond.settle()
    assert {letter.value for letter in pond.letters()} == {b"garbage %d" % n for n in range(40)}
    assert pond.templates() == {"甲": ["欢迎光临"]}


async def test_the_poison_of_one_partition_is_not_that_of_another(rules: RulesProcessor) -> None:
    """Garbage in one partition of one topic; the other partitions and topics deliver as if nothing were."""
    pond, clean = Pond(rules, now=after(1)), Pond(rules, now=after(1))
    crowd = [paid(f"客{i}", f"o{i}", after()) for i in range(30)]
    for each in (pond, clean):
        if each is pond:
            for _ in range(50):
                each.broker.append("koi.orders", 0, None, b"\x80")
        each.tell(crowd)
        await each.settle()
    assert len(pond.letters()) == 50
    assert pond.templates() == clean.templates()
    assert outcome(pond).profiles == outcome(clean).profiles
