"""What is wrong with contacts and consent is told with place and remedy, and never with an address."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import CHANNELS
from services.contracts.errors import InvalidMessage
from services.contracts.inbound import Contacts
from services.ingest.intake import Intake
from services.ingest.mapping import load
from services.runtime.problems import FileError
from services.runtime.record import Record

UPDATED = {
    "type": "customer.updated",
    "id": "e-1",
    "source": "crm",
    "customer_id": "客户-1",
    "occurred_at": "2026-01-31T08:00:00+08:00",
}
NUMBER, MAIL = "13912345678", "小明@例子.example"
CHANNELS_THERE = "console, webhook, wecom_robot, wecom_app, dingtalk_robot, feishu_robot, email, sms, apprise"
E164 = "must be a number with its country code and nothing but digits after the +, e.g. +8613800138000"


def refusal(fields: dict[str, Any], intake: Intake | None = None) -> str:
    value = json.dumps(UPDATED | fields).encode()
    with pytest.raises(InvalidMessage) as caught:
        (intake or Intake()).accept(Record("koi.interactions", 0, 0, 1769817600000, None, value))
    return caught.value.detail


def test_every_channel_with_an_address_takes_one() -> None:
    """The fields of `contacts` are those of the table of channels."""
    assert set(Contacts.__annotations__) == {name.value for name, facts in CHANNELS.items() if facts.addressed}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"contacts": {"sms": NUMBER}}, f"contacts.sms: {E164}"),
        ({"contacts": {"sms": "+86 139 1234 5678"}}, f"contacts.sms: {E164}"),
        ({"contacts": {"sms": "+0013912345678"}}, f"contacts.sms: {E164}"),
        ({"contacts": {"sms": int(NUMBER)}}, "contacts.sms: must be text, in quotes"),
        (
            {"contacts": {"email": f"{MAIL}, x@y"}},
            "contacts.email: must be one mail address: something@somewhere, without blanks",
        ),
        (
            {"contacts": {"email": "小明"}},
            "contacts.email: must be one mail address: something@somewhere, without blanks",
        ),
        ({"contacts": {"wecom_app": " "}}, "contacts.wecom_app: must not be empty"),
        ({"contacts": {"wecom_app": "x" * 513}}, "contacts.wecom_app: is longer than 512 characters"),
        (
            {"contacts": {"email": "a@b\r\nBcc: c@d"}},
            "contacts.email: control characters and lone surrogates are not allowed",
        ),
        ({"contacts": NUMBER}, "contacts: must be an object"),
        ({"contacts": [NUMBER]}, "contacts: must be an object"),
        ({"contacts": {"sms": [NUMBER]}}, "contacts.sms: must be text, in quotes"),
        ({"contacts": {"mail": MAIL}}, "contacts: mail is no channel with an address (did you mean email?)"),
        ({"contacts": {"wecom_robot": "x"}}, "contacts: wecom_robot needs no address of a customer"),
        (
            {"contacts": {NUMBER: "sms"}},
            "contacts: there is a name that is no channel with an address; write email, sms, wecom_app, apprise",
        ),
        ({"consent": {"emial": {"marketing": True}}}, "consent: emial is no channel (did you mean email?)"),
        (
            {"consent": {MAIL: {"marketing": True}}},
            f"consent: there is a name that is no channel; write all, {CHANNELS_THERE}",
        ),
        (
            {"consent": {"sms": {"markting": True}}},
            "consent.sms: markting is no category (did you mean marketing?)",
        ),
        (
            {"consent": {"sms": {NUMBER: True}}},
            "consent.sms: there is a name that is no category; write transactional, service, marketing",
        ),
        (
            {"consent": {"sms": {"marketing": "yes"}}},
            "consent.sms.marketing: must be true, false or null, not in quotes",
        ),
        ({"consent": {"sms": True}}, "consent.sms: must be an object"),
        ({"channels": ["sms", "emails"]}, "channels[1]: emails is no channel (did you mean email?)"),
        ({"channels": [NUMBER]}, f"channels[0]: there is a name that is no channel; write {CHANNELS_THERE}"),
        ({"channels": "sms"}, "channels: must be a list"),
        ({"language": "中文"}, 'language: must be a language such as zh, en or zh-CN (found "中文")'),
        ({"personalised": "no"}, 'personalised: must be true, false or null, not in quotes (found "no")'),
        (
            {"timezone": "Mars"},
            "timezone: unknown time zone 'Mars'; write a name such as Asia/Shanghai or UTC (found \"Mars\")",
        ),
        ({"owner": 7}, "owner: must be text, in quotes (found 7)"),
    ],
)
def test_a_refusal_says_where_and_what_to_write(fields: dict[str, Any], says: str) -> None:
    """One sentence for each, without what stands there where it may be an address."""
    assert refusal(fields) == says


_anything = st.recursive(
    st.just(NUMBER) | st.just(MAIL) | st.just(f" {NUMBER}\n") | st.just(f"{MAIL}@"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([NUMBER, MAIL, "sms", "email", "all", "marketing", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(["contacts", "consent", "channels"]), _anything)
def test_no_refusal_shows_an_address(field: str, value: Any) -> None:
    """Wherever a publisher puts one, as a name or as a value."""
    try:
        Intake().accept(
            Record("koi.interactions", 0, 0, 1769817600000, None, json.dumps(UPDATED | {field: value}).encode())
        )
    except InvalidMessage as error:
        assert NUMBER not in error.detail  # noqa: PT017 - what is right is accepted
        assert "例子" not in error.detail  # noqa: PT017 - the same


def mapping(*lines: str) -> str:
    fields = "\n".join(f"  {line}" for line in ("id: i", "customer_id: c", "occurred_at: t", *lines))
    head = (
        "kind: mapping\nname: crm\ntopic: koi.interactions\nsource: crm\nwhen: {kind: member}\ntype: customer.updated\n"
    )
    return f"{head}fields:\n{fields}\n"


MEMBER: dict[str, Any] = {"kind": "member", "i": "1", "c": "客户-1", "t": "2026-01-31T00:00:00Z", "type": "m"}


@pytest.mark.parametrize("found", [True, [NUMBER], {"n": NUMBER}, float(NUMBER), "139 1234 5678", "+0" + NUMBER])
def test_no_mapped_refusal_shows_an_address(found: Any) -> None:
    """What cannot be an address in a vendor's message is refused by its place alone."""
    gate = Intake([load(mapping("contacts.sms: {from: mobile, prefix: +86}"), "crm.yaml")])
    detail = refusal(MEMBER | {"mobile": found}, gate)
    assert detail.startswith("mapping crm: contacts.sms (from mobile): must be ")
    assert "1391234" not in detail
    assert "139 " not in detail


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "contacts.emial: m",
            "unknown_field: contacts.emial is not a field of customer.updated (did you mean contacts.email?)",
        ),
        ("contacts: m", "unknown_field: contacts is not a field of customer.updated (did you mean contacts.sms?)"),
        (
            "consent.sms.markting: m",
            "unknown_field: consent.sms.markting is not a field of customer.updated (did you mean consent.sms.marketing?)",
        ),
        ('contacts.sms: {from: m, map: {a: "+8613800138000"}}', "unknown_key: map has no use for contacts.sms here"),
        ('contacts.sms: {value: "138"}', f"bad_value: contacts.sms: {E164}"),
        (
            "consent.sms.marketing: {value: perhaps}",
            "bad_value: consent.sms.marketing: must be true, false or null, not in quotes",
        ),
        (
            "consent.sms.marketing: {from: m, map: {Y: yes}}",
            "bad_value: consent.sms.marketing: must be true, false or null, not in quotes",
        ),
        ("channels: {value: [smss]}", "bad_value: channels: smss is no channel (did you mean sms?)"),
    ],
)
def test_a_mapping_file_is_told_what_is_wrong(line: str, says: str) -> None:
    """With its place, before any message is read."""
    with pytest.raises(FileError) as caught:
        load(mapping(line), "crm.yaml")
    (problem,) = caught.value.problems
    assert f"{problem.code}: {problem.message}" == says
