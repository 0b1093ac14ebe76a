"""What is odd about a template that can be used."""

from textwrap import dedent

import pytest

from services.contracts.channels import CHANNELS
from services.contracts.parameters import PARAMETERS
from services.notifier.templates.checking import oddities
from services.notifier.templates.examples import examples, long
from services.notifier.templates.wording import channels_of
from tests.unit.notifier.templates.texts import FILE, template

BOTH = "template: t\nzh: {any: {text: 好}}\nen: {any: {text: %s}}\n"
UNKNOWN = "may be unknown, and then this is not sent; write | default('…'), or ask"


def odd(content: str) -> list[str]:
    return [str(problem).removeprefix(f"{FILE}:") for problem in oddities(template(content))]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOTH % "Hello", []),
        (
            "template: t\nzh: {any: {text: 好}}",
            ["1:1: no_language: there are no words in en; whoever reads it gets zh"],
        ),
        (
            "template: t\nen: {any: {text: Hello}}",
            ["1:1: no_language: there are no words in zh; whoever reads it gets en"],
        ),
        (
            BOTH % "Hello" + "params: {coupon: {about: x, example: A}}",
            ["4:10: unused: no text asks for coupon"],
        ),
        (
            BOTH % "'{{ recency_days }} days'",
            [f"3:22: may_be_unknown: recency_days {UNKNOWN} {{% if recency_days is known %}}"],
        ),
        (BOTH % "'{{ recency_days | default(1) }} days'", []),
        (BOTH % "'Hello{% if recency_days > 3 %}, {{ recency_days }} days{% endif %}'", []),
        (
            BOTH % "'{% if recency_days is known %}{{ recency_days }} {{ owner }}{% else %}Hello{% endif %}'",
            [f"3:71: may_be_unknown: owner {UNKNOWN} {{% if owner is known %}}"],
        ),
        (BOTH % "'{{ card }} {{ customer_id }} {{ segment }} {{ tier.x }}'", []),
        (
            BOTH % ("x" * 2049),
            [
                f"3:6: may_not_fit: the text has 2,049 bytes, and {channel} takes 2,048 at most"
                for channel in ("wecom_robot", "wecom_app")
            ],
        ),
        (
            "template: t\nzh: {any: {text: 好}, wecom_robot: {text: '%s{{ segment }}'}}\nen: {any: {text: Hi}}"
            % ("好" * 670),
            ["2:22: may_not_fit: with long values, the text has 2,202 bytes, and wecom_robot takes 2,048 at most"],
        ),
    ],
)
def test_what_may_not_do_what_it_seems_to(content: str, said: list[str]) -> None:
    """With its place, and how to mend it."""
    assert odd(content) == said


@pytest.mark.parametrize(
    ("sms", "said"),
    [
        ("{kind: marketing, text: '好，拒收请回复R'}", []),
        ("{kind: marketing, text: '好，退订回T'}", []),
        ("{kind: notice, text: '好'}", []),
        (
            "{kind: marketing, text: '好'}",
            ["no_way_out: marketing by text message says how to refuse it: end with 拒收请回复R"],
        ),
        (
            "{kind: notice, text: '好${sum}', fields: {sum: '{{ net_minor | money }}'}}",
            ["odd_sign: providers refuse ¥ in a text message; write it in words"],
        ),
        ("{kind: notice, text: '★→'}", ["odd_sign: providers refuse → ★ in a text message; write it in words"]),
    ],
)
def test_text_messages_obey_those_who_deliver_them(sms: str, said: list[str]) -> None:
    """The wording, and what fills it."""
    content = f"template: t\nen: {{any: {{text: Hi}}}}\nzh: {{any: {{text: 好}}, sms: {sms}}}"
    assert [line.partition(": ")[2] for line in odd(content)] == said


def test_the_values_to_try_with_are_all_there_are() -> None:
    """Ordinary and long; what a rule gives is as its example."""
    found = template(
        dedent("""\
            template: t
            params: {coupon: {about: x, example: A}}
            zh: {any: {text: "{{ coupon }}{{ tier.clients }}"}}
        """)
    )
    usual = examples(found, ["community"])
    assert set(usual) == {*PARAMETERS, "coupon", "tier", "ladder", "from_tier", "customer_id"} | {
        "tier.clients",
        "tier.community",
    }
    assert None not in usual.values()
    assert long(found)["coupon"] == "A"
    assert long(found)["currency"] == "CNY"
    assert len(str(long(found)["segment"])) > len(str(usual["segment"]))


def test_words_for_any_are_for_all_but_text_messages() -> None:
    """Whose words have to be registered."""
    assert {facts.name for facts in channels_of("any")} == set(CHANNELS) - {"sms"}
    assert [facts.name for facts in channels_of("sms")] == ["sms"]
