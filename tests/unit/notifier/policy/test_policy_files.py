"""Policy and staff files: what they mean, and what is said about mistakes in them."""

import re
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from services.contracts.channels import Category, ChannelName, Recipient
from services.notifier.policy.hours import Hours
from services.notifier.policy.models import Consent, Policy
from services.notifier.policy.reading import load, parse
from services.notifier.policy.schema import KINDS, schema, schema_text
from services.notifier.policy.staff import Staff
from services.runtime.document import parse_one
from services.runtime.problems import FileError

ROOT = Path(__file__).parents[4]
SHIPPED = {"policy": ROOT / "deploy/notifier/policy.yaml", "staff": ROOT / "deploy/notifier/staff.example.yaml"}


def mistakes(kind: type[Policy | Staff], content: str | bytes) -> str:
    with pytest.raises(FileError) as found:
        parse(kind, "f.yaml", content)
    return str(found.value)


def test_nothing_said_is_restraint() -> None:
    """The defaults: consent for marketing, a cap for each category, quiet nights, and no control group."""
    policy = Policy()
    needed = [
        policy.consent_for(category) for category in (Category.MARKETING, Category.SERVICE, Category.TRANSACTIONAL)
    ]
    assert needed == [Consent.REQUIRED, Consent.IMPLIED, Consent.IMPLIED]
    caps = [(cap.day, cap.week) for category in Category if (cap := policy.cap_for(category))]
    assert caps == [(3, 10), (1, 3)]
    for category in (Category.MARKETING, Category.SERVICE):
        for channel in ChannelName:
            assert policy.hours_for(category, channel, Recipient.CUSTOMER) == (Hours(21 * 60, 9 * 60),)
            assert policy.hours_for(category, channel, Recipient.OWNER) == ()
    assert policy.hours_for(Category.TRANSACTIONAL, "sms", Recipient.CUSTOMER) == ()
    assert policy.holdout is None
    assert policy.unknown_zone == "business"


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n"])
def test_an_empty_file_means_the_defaults(content: str) -> None:
    """As no file does."""
    assert parse(Policy, "f.yaml", content) == Policy()


def test_the_shipped_policy_holds_the_defaults() -> None:
    """Starting with the file or without it is the same."""
    assert load(Policy, SHIPPED["policy"]) == Policy()


def test_the_shipped_directory_is_an_example() -> None:
    """It shows every key, and its addresses lead nowhere."""
    staff = load(Staff, SHIPPED["staff"])
    text = SHIPPED["staff"].read_text(encoding="utf-8")
    assert all(re.search(rf"\b{key}:", text) for key in ("name", "contacts", "language", "timezone"))
    assert all(address.endswith(".example") for address in re.findall(r"\S+@([\w.]+)", text))
    assert any(colleague.contacts for colleague in staff.colleagues.values())


def test_a_part_may_be_said() -> None:
    """What is not said stays as it is unless said."""
    policy = parse(Policy, "f.yaml", "caps: {marketing: {day: 2}, service: {week: none}}")
    assert (policy.caps.marketing.day, policy.caps.marketing.week) == (2, 3)
    assert (policy.caps.service.day, policy.caps.service.week) == (3, None)


def test_quiet_hours_may_be_none_at_all() -> None:
    """An empty list, which has to be written."""
    assert parse(Policy, "f.yaml", "quiet_hours: []").hours_for(Category.MARKETING, "sms", Recipient.CUSTOMER) == ()


def test_times_need_no_quotes() -> None:
    """21:00 is a time, as in YAML 1.2, and not a number of seconds."""
    (quiet,) = parse(Policy, "f.yaml", "quiet_hours: [{from: 9:30, to: 24:00, channels: [sms]}]").quiet_hours
    assert quiet.hours == Hours(9 * 60 + 30, 24 * 60)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("consnt: {}", "1:1: unknown_key: there is no key consnt (did you mean consent?)"),
        ("- consent", "1:1: wrong_type: write a map that begins with consent:"),
        ("consent: required", "1:10: bad_value: consent is a map; write key: value"),
        (
            "consent: {marketing: ignore}",
            "1:22: bad_value: marketing is never ignore (did you mean ignored?); write 'required', 'implied' or 'ignored'",
        ),
        ("consent:\n  marketing:\n", "2:3: bad_value: marketing has no value; write one or remove the key"),
        (
            "caps: {transactional: {day: 1}}",
            "1:8: unknown_key: there is no key transactional; here stand marketing, service",
        ),
        (
            "caps: {marketing: {day: 0}}",
            "1:25: bad_value: 0 is no cap; write a whole number from 1 to 100, or none",
        ),
        (
            "caps: {marketing: {week: 101}}",
            "1:26: bad_value: 101 is no cap; write a whole number from 1 to 100, or none",
        ),
        (
            "caps: {marketing: {day: true}}",
            "1:25: bad_value: True is no cap; write a whole number from 1 to 100, or none",
        ),
        ("caps:\n  marketing:\n    day:\n", "3:5: bad_value: day has no value; write one or remove the key"),
        (
            "caps: {marketing: {day: 5}}",
            "1:19: bad_value: a day may not have more (5) than a week (3); write both",
        ),
        ("quiet_hours:", "1:1: bad_value: quiet_hours has no value; write one or remove the key"),
        ("quiet_hours: {from: 21:00}", "1:14: bad_value: quiet_hours is a list; write - before each, or [ ]"),
        (
            "quiet_hours: [21:00-09:00]",
            '1:15: bad_value: quiet hours are a map, such as - {from: "21:00", to: "09:00"}',
        ),
        (
            "quiet_hours: [{from: 24:00, to: 09:00}]",
            "1:22: bad_value: '24:00' is no time of the day; write it such as 21:00",
        ),
        (
            "quiet_hours: [{from: 21:00, to: 24:01}]",
            "1:33: bad_value: '24:01' is no time of the day; write it such as 09:00, at most 24:00",
        ),
        (
            "quiet_hours: [{from: 21, to: 09:00}]",
            "1:22: bad_value: 21 is no time of the day; write it such as 21:00",
        ),
        (
            "quiet_hours: [{from: 09:00, to: 09:00}]",
            "1:15: bad_value: they end when they begin; a whole day is from 00:00 to 24:00",
        ),
        ("quiet_hours: [{from: 21:00}]", "1:15: missing_key: to is missing"),
        (
            "quiet_hours: [{from: 21:00, to: 09:00, categories: []}]",
            "1:52: bad_value: at least one must stand here, or leave the key out",
        ),
        (
            "quiet_hours: [{from: 21:00, to: 09:00, channels: [smss]}]",
            "1:51: unknown_value: there is no channel smss (did you mean sms?)",
        ),
        (
            "quiet_hours: [{from: 21:00, to: 09:00, recipients: [owner, owner]}]",
            "1:52: bad_value: the same stands here twice",
        ),
        ("holdout: {share: 2%}", "1:10: missing_key: name is missing"),
        (
            "holdout: {share: 0.02, name: a}",
            "1:18: bad_value: 0.02 is no share; write a percentage such as 2%, more than 0% and less than 100%",
        ),
        (
            "holdout: {share: 100%, name: a}",
            "1:18: bad_value: '100%' is no share; write a percentage such as 2%, more than 0% and less than 100%",
        ),
        ("holdout: {share: 2%, name: 2026}", '1:28: bad_value: 2026 is a number; write "2026" to make it text'),
        (
            "holdout: {share: 2%, name: a, categories: [transactional]}",
            "1:44: bad_value: transactional messages are kept from nobody; write marketing or service",
        ),
        (
            "unknown_zone: Shanghai",
            "1:15: bad_value: unknown time zone 'Shanghai'; write a name such as Asia/Shanghai or UTC",
        ),
        ("unknown_zone: 8", "1:15: bad_value: 8 is no time zone; write a name such as Asia/Shanghai, or business"),
        ("{}\n---\n{}", "3:1: too_many: a second document; write it into a file of its own"),
    ],
)
def test_each_mistake_in_a_policy_has_its_place(content: str, said: str) -> None:
    """File, line and column, and what to write instead."""
    assert mistakes(Policy, content) == f"f.yaml:{said}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("staff: {}", "1:1: unknown_key: there is no key staff; here stand colleagues"),
        ("colleagues: {ann: zhang}", "1:19: bad_value: ann is a map; write key: value"),
        (
            "colleagues: {ann: {contacts: {sms: +8613800138000}}}",
            "1:36: bad_value: an address is text; write quotes around it, or its zeros and its + are lost",
        ),
        ("colleagues: {ann: {contacts: {sms: ' '}}}", "1:36: bad_value: an address is text, and not empty"),
        (
            f"colleagues: {{ann: {{contacts: {{sms: {'a' * 321}}}}}}}",
            "1:36: bad_value: an address has at most 320 characters",
        ),
        (
            "colleagues: {ann: {contacts: {smss: a}}}",
            "1:31: unknown_value: there is no channel smss (did you mean sms?)",
        ),
        (
            "colleagues: {ann: {contacts: {wecom_robot: a}}}",
            "1:31: bad_value: wecom_robot reaches whoever stands behind it, and takes no address",
        ),
        ("colleagues: {ann: {language: 中文}}", "1:30: bad_value: '中文' is no language; write it such as zh or en"),
        (
            "colleagues: {ann: {timezone: Mars}}",
            "1:30: bad_value: unknown time zone 'Mars'; write a name such as Asia/Shanghai or UTC",
        ),
    ],
)
def test_each_mistake_in_a_directory_has_its_place(content: str, said: str) -> None:
    """And no address is repeated in it."""
    assert mistakes(Staff, content) == f"f.yaml:{said}"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """No file, and a file that is no YAML."""
    with pytest.raises(FileError, match="no_file"):
        load(Policy, tmp_path / "none.yaml")
    assert "yaml: " in mistakes(Policy, "consent: [")
    assert "not_utf8" in mistakes(Policy, b"\xff\xfe")


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_nothing_in_a_file_breaks_the_reader(content: bytes | str) -> None:
    """Whatever stands there, it is a policy or a list of mistakes."""
    with suppress(FileError):
        assert isinstance(parse(Policy, "f.yaml", content), Policy)


def test_the_hash_is_of_what_a_file_means() -> None:
    """Another order, a comment or a default written out changes nothing; another meaning does."""
    one = parse(Policy, "f.yaml", "caps: {marketing: {day: 2}}\nunknown_zone: UTC")
    same = parse(Policy, "f.yaml", "# 克制\nunknown_zone: UTC\ncaps: {service: {day: 3}, marketing: {week: 3, day: 2}}")
    assert one.hash == same.hash
    assert re.fullmatch("[0-9a-f]{8}", one.hash)
    others = ["caps: {marketing: {day: none}}", "quiet_hours: []", "holdout: {share: 2%, name: a}", ""]
    hashes = {one.hash, *(parse(Policy, "f.yaml", other).hash for other in others)}
    assert len(hashes) == 5


def test_a_key_of_a_later_release_changes_no_hash() -> None:
    """Only what differs from the defaults counts, so a new optional key leaves the hash of every file as it is."""
    assert Policy().hash == blake2b(b"{}", digest_size=4).hexdigest()


def test_a_directory_shows_nobody() -> None:
    """No name, id or address stands in the repr."""
    staff = parse(Staff, "f.yaml", "colleagues: {ann: {name: Ann, contacts: {email: ann@shop.example}}}")
    assert repr(staff) == "Staff()"
    assert "nn" not in repr(staff.find("ann"))


@pytest.mark.parametrize(
    ("owner", "channel", "address"),
    [
        ("ann", "email", "ann@shop.example"),
        ("ann", "wecom_app", None),
        ("zhang", "wecom_app", "zhang"),
        ("zhang", "email", None),
        (None, "wecom_app", None),
    ],
)
def test_colleagues_are_reached_as_the_directory_says(owner: str | None, channel: str, address: str | None) -> None:
    """Whom it knows, over nothing else; whom it does not know, over WeCom by their id."""
    staff = parse(Staff, "f.yaml", "colleagues: {ann: {contacts: {email: ann@shop.example}}}")
    assert staff.address(owner, channel) == address


@pytest.mark.parametrize("name", KINDS)
def test_the_published_schema_is_that_of_the_models(name: str) -> None:
    """When this fails: koi schemas --write docs/contracts."""
    Draft202012Validator.check_schema(schema(name))
    assert (ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8") == schema_text(name)


@pytest.mark.parametrize("name", KINDS)
def test_the_schema_takes_the_shipped_file(name: str) -> None:
    """An editor has nothing to say about it, and every key there means something."""
    document, _ = parse_one(name, SHIPPED[name].read_bytes())
    assert document is not None
    Draft202012Validator(schema(name)).validate(document.data)
    parts = [schema(name), *schema(name)["$defs"].values()]
    properties = [value for part in parts for value in part.get("properties", {}).values()]
    assert properties
    assert all(value["description"] for value in properties)


@pytest.mark.parametrize(
    "content",
    [
        "consnt: {}",
        "consent: {marketing: yes}",
        "caps: {marketing: {day: 0}}",
        "caps: {marketing: {day: 101}}",
        "caps: {transactional: {day: 1}}",
        "quiet_hours: [{from: 24:00, to: 09:00}]",
        "quiet_hours: [{from: 21:00, to: 24:30}]",
        "quiet_hours: [{from: 21:00, to: 09:00, channels: [smss]}]",
        "quiet_hours: [{from: 21:00, to: 09:00, channels: []}]",
        "quiet_hours: [{from: 21:00, to: 09:00, recipients: [owner, owner]}]",
        "quiet_hours: null",
        "holdout: {share: 2%}",
        "holdout: {share: 0%, name: a}",
        "holdout: {share: 2%, name: a, categories: [transactional]}",
    ],
)
def test_an_editor_sees_what_the_reader_refuses(content: str) -> None:
    """What can be said in a schema is said."""
    mistakes(Policy, content)
    document, _ = parse_one("f.yaml", content)
    assert document is not None
    assert not Draft202012Validator(schema("policy")).is_valid(document.data)


@pytest.mark.parametrize(
    "content",
    [
        "caps: {marketing: {day: none, week: 9}}",
        "quiet_hours: []",
        "holdout: {share: .5 %, name: a}",
        "unknown_zone: UTC",
    ],
)
def test_an_editor_takes_what_the_reader_takes(content: str) -> None:
    """Nothing that means something is marked as wrong."""
    parse(Policy, "f.yaml", content)
    document, _ = parse_one("f.yaml", content)
    assert document is not None
    Draft202012Validator(schema("policy")).validate(document.data)
