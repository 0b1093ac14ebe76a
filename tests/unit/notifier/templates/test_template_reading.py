"""Template files: every mistake with its place, in words that say what to write."""

from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import CHANNELS, ChannelName
from services.contracts.parameters import ParameterKind
from services.notifier.templates.models import Wordings
from tests.unit.notifier.templates.texts import template, wrong

TWO = "template: t\nzh: {any: {text: 好}}\n"
NAMED = "use letters, digits and _, and no word of the language"

BROKEN = {
    "": ["1:1: empty: this file is empty; begin with template: its name"],
    "- a": ["1:1: wrong_type: write a map that begins with template:"],
    "template: t": ["1:1: bad_value: there are no words in any language; write zh: {any: {text: …}}"],
    "zh: {any: {text: 好}}": ["1:1: missing_key: template is missing"],
    "template: a b\nzh: {any: {text: 好}}": [
        "1:11: bad_value: 'a b' is not a name here; use letters, digits, _ . and -, no blanks"
    ],
    "template: 7\nzh: {any: {text: 好}}": ['1:11: bad_value: 7 is a number; write "7" to make it text'],
    "template: t\nzh:": ["2:1: bad_value: zh has no value; write one or remove the key"],
    "template: t\nzh: {}": [
        (
            "2:5: bad_value: there are no words here; write any: {text: …} or console, webhook, wecom_robot, wecom_app, "
            "dingtalk_robot, feishu_robot, email, sms, apprise"
        )
    ],
    "template: t\nzh: {any: {text: }}": ["2:12: bad_value: text has no value; write one or remove the key"],
    "template: t\nzh: {any: {title: 好}}": ["2:11: bad_value: there is nothing to read here; write text or markdown"],
    "template: t\nzh: {wecom: {text: 好}}": ["2:6: unknown_key: there is no key wecom (did you mean wecom_app?)"],
    "template: t\nfr: {any: {text: 好}}": ["2:1: unknown_key: there is no key fr; here stand template, params, zh, en"],
    "template: t\nzh: {console: {markdown: 好}}": [
        "2:16: unknown_key: there is no key markdown; here stand text, title",
    ],
    "template: t\nzh: {wecom_robot: {text: 好, title: 好}}": [
        "2:29: unknown_key: there is no key title; here stand text, markdown"
    ],
    "template: t\nzh: {wecom_robot: {text: 好, markdown: 好}}": [
        "2:19: bad_value: one of text and markdown is sent; leave the other out"
    ],
    "template: t\nzh: {email: {text: 好}}": ["2:13: missing_key: title is missing"],
    "template: t\nzh: {any: {text: '{{ r }'}}": ["2:19: syntax: this {{ is never closed"],
    "template: t\nzh: {any: {text: 好}}\nparams: {r: {about: x, example: 1}}": [
        "3:10: bad_value: every message has its r already; choose another name, or leave it out here"
    ],
    "template: t\nzh: {any: {text: 好}}\nparams: {card: {about: x, example: 1}}": [
        "3:10: bad_value: every message has its card already; choose another name, or leave it out here"
    ],
    "template: t\nzh: {any: {text: 好}}\nparams: {_x: {about: x, example: 1}}": [
        f"3:10: bad_value: _x cannot name a parameter; {NAMED}"
    ],
    "template: t\nzh: {any: {text: 好}}\nparams: {if: {about: x, example: 1}}": [
        f"3:10: bad_value: if cannot name a parameter; {NAMED}"
    ],
    "template: t\nzh: {any: {text: 好}}\nparams: {x: {about: x}}": ["3:13: missing_key: example is missing"],
    "template: t\ntemplate: u\nzh: {any: {text: 好}}": ["2:1: duplicate_key: template is already written in line 1"],
    f"{TWO}---\n{TWO}": ["4:1: too_many: a second document; write it into a file of its own"],
    "template: t\nzh: {sms: {kind: advert, text: 好}}": [
        "2:18: bad_value: kind is never advert; write 'marketing' or 'notice'"
    ],
    "template: t\nzh: {sms: {kind: notice, code: 123, text: 好}}": [
        '2:32: bad_value: 123 is a number; write "123" to make it text'
    ],
    "template: t\nzh: {sms: {kind: notice, code: SMS_x, text: 好}}": [
        "2:32: bad_value: 'SMS_x' is no code of a text message; it looks like SMS_123456789"
    ],
    "template: t\nzh: {sms: {kind: notice, text: '好{{ r }}'}}": [
        "2:34: not_allowed: the wording is the provider's: write ${name}, and under fields what stands for it"
    ],
    "template: t\nzh: {sms: {kind: notice, text: '【店】好'}}": [
        "2:33: not_allowed: the signature 【…】 is added by the provider; leave it out"
    ],
    "template: t\nzh: {sms: {kind: notice, text: 好，拒收请回复R}}": [
        "2:34: not_allowed: a notice (短信通知) must not say how to refuse it; register it as kind: marketing"
    ],
    "template: t\nzh: {sms: {kind: notice, text: '好${day}', fields: {days: '{{ f }}'}}}": [
        "2:34: unknown_field: there is no field day (did you mean days?)",
        "2:52: unused_field: the text has no ${days}",
    ],
    "template: t\nzh: {sms: {kind: notice, text: '好${n}'}}": [
        "2:34: unknown_field: there is no field n; write fields: {n: '{{ … }}'}"
    ],
    "template: t\nzh: {any: {text: '{{ recency_day }}'}}": [
        "2:22: unknown_value: there is no value recency_day (did you mean recency_days?)"
    ],
    "template: t\nzh: {any: {text: '{{ cycler }}'}}": [
        "2:22: unknown_value: there is no value cycler; koi templates values lists what there is, params: adds to it"
    ],
    "template: t\nzh: {any: {text: '{{ net_minor }}'}}": [
        "2:22: raw_money: net_minor is in minor units; write {{ net_minor | money }}"
    ],
    "template: t\nparams: {gift_minor: {about: 红包, example: 2000}}\nzh: {any: {text: '{{ gift_minor }}'}}": [
        "3:22: raw_money: gift_minor is in minor units; write {{ gift_minor | money }}"
    ],
    "template: t\nzh: {any: {text: '{{ discount_share }}'}}": [
        "2:22: raw_share: discount_share is a share from 0 to 1; write {{ discount_share | percent }}"
    ],
    "template: t\nzh: {any: {text: '{{ super_user }}'}}": [
        "2:22: raw_flag: super_user is true or false; write {{ '…' if super_user else '…' }}"
    ],
    "template: t\nzh: {any: {text: '{{ segment | money }}'}}": [
        "2:19: cannot_fill: money takes a whole number of minor units"
    ],
    'template: t\nzh: {email: {title: "a\\nb", text: 好}}': ["2:6: does_not_fit: the title is more than one line"],
    "template: t\nzh: {email: {title: '{{ card }}', text: 好}}": ["2:6: does_not_fit: the title is more than one line"],
    "template: t\nzh: {wecom_robot: {text: '%s'}}" % ("好" * 683): [
        "2:6: does_not_fit: the text has 2,049 bytes, and wecom_robot takes 2,048 at most"
    ],
    "template: t\nzh: {any: {text: 好, html: '{{ segment | date }}', title: '{{ r | date }}'}}": [
        "2:28: cannot_fill: date takes a day such as 2026-11-11",
        "2:59: cannot_fill: date takes a day such as 2026-11-11",
    ],
    "template: t\nzh: {email: {title: ' ', text: 好}}": ["2:6: does_not_fit: email needs a title"],
    "template: t\nzh: {any: {text: '  '}}": ["2:6: does_not_fit: the text is empty"],
    "template: t\nzh: {any: {text: '{% if r > 9 %}好{% endif %}'}}": ["2:6: does_not_fit: the text is empty"],
}


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: content[:60].replace("\n", "⏎"))
def test_what_is_wrong_is_told_with_its_place(content: str) -> None:
    """Each of these cannot be used."""
    assert wrong(content) == BROKEN[content]


def test_a_file_and_a_text_have_an_end() -> None:
    """Neither is read to it."""
    assert wrong("template: t\nzh: {any: {text: '" + "好" * 400_000 + "'}}") == [
        "1:1: too_large: a file may have 256 KiB; split it"
    ]
    assert wrong("template: t\nzh: {any: {text: '" + "x" * 40_000 + "'}}") == [
        "2:18: bad_value: text takes at most 32768 characters"
    ]


def test_all_mistakes_of_a_file_at_once() -> None:
    """In a block of several lines, at their lines."""
    content = """\
    template: t
    zh:
      any:
        title: 你好 {{ net_minor }}
        text: |
          好久不见 {{ segmnt }}
          {% for x in y %}
      wecom_robot:
        markdown: |-

            **{{ lifetime_net_minor }}**
    en:
      sms:
        kind: notice
        text: "Hello"
        fields:
          a: "{{ b"
    """
    assert wrong(content) == [
        "7:10: not_allowed: {% for %} is not allowed here; a text knows if, elif, else and endif",
        "17:7: unused_field: the text has no ${a}",
        "17:11: syntax: this {{ is never closed",
    ]
    mended = content.replace("{% for x in y %}", "好").replace('"Hello"', '"Hello ${a}"').replace("{{ b", "{{ b }}")
    assert wrong(mended) == [
        "4:18: raw_money: net_minor is in minor units; write {{ net_minor | money }}",
        "6:15: unknown_value: there is no value segmnt (did you mean segment?)",
        "11:14: raw_money: lifetime_net_minor is in minor units; write {{ lifetime_net_minor | money }}",
        "17:14: unknown_value: there is no value b; koi templates values lists what there is, params: adds to it",
    ]


def test_where_lines_are_folded_the_beginning_is_told() -> None:
    """Of a text whose lines are not those of the file."""
    content = "template: t\nzh:\n  any:\n    text: >\n      好\n      {{ oops }}\n"
    (said,) = wrong(content)
    assert said.startswith("4:11: unknown_value: ")


@given(st.integers(0, 4), st.integers(0, 8), st.sampled_from(["|", "|-", "|+"]), st.integers(1, 4))
def test_a_slip_is_found_where_it_stands(rows: int, before: int, style: str, deep: int) -> None:
    """In any line and column of a block, however far it is indented."""
    text = "好\n" * rows + "客" * before + "{{ oops }}\n"
    content = f"template: t\nzh:\n  any:\n    text: {style}\n" + indent(text, " " * (4 + deep))
    (said,) = wrong(content)
    assert said.startswith(f"{5 + rows}:{4 + deep + before + 4}: unknown_value: ")


def test_what_a_rule_must_give_is_of_the_kind_of_its_example() -> None:
    """Whole numbers under a name of money are money."""
    found = template("""\
        template: t
        params:
          a: {about: x, example: text}
          b: {about: x, example: 7}
          c: {about: x, example: 7.5}
          d: {about: x, example: true}
          e_minor: {about: x, example: 7}
          g: {about: x, example: "7"}
        zh: {any: {text: "{{ a }}{{ b }}{{ c }}{{ e_minor | money }}{{ g }}{{ '是' if d else '否' }}"}}
    """)
    assert {name: parameter.kind for name, parameter in found.params.items()} == {
        "a": ParameterKind.TEXT,
        "b": ParameterKind.NUMBER,
        "c": ParameterKind.NUMBER,
        "d": ParameterKind.FLAG,
        "e_minor": ParameterKind.MONEY,
        "g": ParameterKind.TEXT,
    }


@pytest.mark.parametrize("channel", ChannelName)
def test_the_keys_of_a_channel_are_what_it_takes(channel: ChannelName) -> None:
    """By the facts of every channel: nothing can be written that it does not take, and nothing it takes is missing."""
    field = Wordings.model_fields[channel].annotation
    keys = set(next(part for part in field.__args__ if part is not type(None)).model_fields)  # type: ignore[union-attr]
    facts = CHANNELS[channel]
    taken = {form for form in ("text", "markdown", "title") if getattr(facts, form) is not None}
    assert keys - {"html", "code", "kind", "fields"} == taken
    assert ("html" in keys) is (channel is ChannelName.EMAIL)
