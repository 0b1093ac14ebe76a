"""All templates together, as the courier asks for them."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import CHANNELS, Category, ChannelName, Recipient
from services.notifier.channels.fitting import fits
from services.notifier.delivery.texts import Texts
from services.notifier.message import Content, Message, NoText
from services.notifier.templates.collection import Templates, variables_of, words_for
from services.notifier.templates.examples import examples
from services.notifier.templates.values import Value
from services.runtime.problems import FileError
from tests.unit.notifier.commands import command

FULL = dedent("""\
    template: full
    params: {coupon: {about: 券码, example: WB20}}
    zh:
      any:
        title: 好久不见
        text: 好久不见，{{ coupon }}
        markdown: "**好久不见** {{ coupon }}"
        html: <b>{{ coupon }}</b>
      wecom_robot: {text: "{{ card }}"}
      sms: {code: SMS_1, kind: notice, text: "券${c}，${d}天，${c}", fields: {c: "{{ coupon }}", d: "{{ orders }}"}}
    en:
      any: {text: "Hello {{ coupon }}"}
      apprise: {title: Hello, text: "Apprise {{ coupon }}"}
""")
LATE = "template: late\nzh: {sms: {kind: notice, text: 好}}\nen: {wecom_app: {markdown: '# Hi'}}"
TEMPLATES = Templates.of({"full.yaml": FULL, "late.yaml": LATE})
VALUES: Mapping[str, Value] = {"coupon": "A*B", "orders": 3, "currency": "CNY", "customer_id": "客户-42"}


def content(channel: str, *languages: str, **values: Value) -> Content:
    return TEMPLATES.content("full", channel, languages, {**VALUES, **values})


def test_it_is_what_the_courier_asks() -> None:
    """By type, too."""
    texts: Texts = TEMPLATES
    assert texts.content("full", "apprise", ["en"], VALUES) == Content("en", "Apprise A*B", title="Hello")


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("console", Content("zh", "好久不见，A*B", title="好久不见")),
        ("webhook", Content("zh", "好久不见，A*B", title="好久不见")),
        ("apprise", Content("zh", "好久不见，A*B", title="好久不见")),
        ("email", Content("zh", "好久不见，A*B", title="好久不见", html="<b>A*B</b>")),
        ("wecom_app", Content("zh", "**好久不见** A＊B", markdown=True)),
        ("dingtalk_robot", Content("zh", "**好久不见** A＊B", markdown=True, title="好久不见")),
        ("feishu_robot", Content("zh", "**好久不见** A＊B", markdown=True, title="好久不见")),
        ("wecom_robot", Content("zh", "客户：客户-42")),
        ("sms", Content("zh", "券A*B，3天，A*B", code="SMS_1", fields={"c": "A*B", "d": "3"})),
    ],
)
def test_each_channel_gets_the_best_it_can_show(channel: str, said: Content) -> None:
    """Its own words, else those for any in the form that it shows."""
    assert content(channel, "zh") == said


@pytest.mark.parametrize("channel", ChannelName)
def test_what_is_made_fits(channel: ChannelName) -> None:
    """As the channel itself sees it."""
    assert fits(CHANNELS[channel], content(channel)) is None


@pytest.mark.parametrize(
    ("languages", "language"),
    [((), "zh"), (("en",), "en"), (("fr", "en"), "en"), (("zh-CN", "en"), "zh"), (("EN-gb",), "en"), (("fr",), "zh")],
)
def test_the_readers_language_comes_first(languages: tuple[str, ...], language: str) -> None:
    """If there is none of theirs, another one is better than nothing."""
    assert content("console", *languages).language == language


def test_words_in_another_language_before_none_at_all() -> None:
    """Of a channel that has words in one language only."""
    assert content("sms", "en").language == "zh"
    assert words_for(TEMPLATES.by_name["late"], "email") is None


@pytest.mark.parametrize(
    ("template", "channel", "values", "why"),
    [
        ("nope", "console", {}, "there is no template nope"),
        ("late", "email", {}, "template late has no words for email"),
        ("full", "fax", {}, "there is no channel fax"),
        ("late", "sms", {}, "template late (zh, sms): it has no code, for it is not registered with the provider yet"),
        (
            "full",
            "console",
            {"coupon": None},
            "template full (zh, console): coupon is unknown; say what stands there instead: | default('…')",
        ),
        (
            "full",
            "sms",
            {"coupon": " "},
            "template full (zh, sms): the field c is empty, which the provider refuses",
        ),
        (
            "full",
            "sms",
            {"category": "marketing"},
            "template full (zh, sms): it is registered as a notice, and must not carry marketing",
        ),
        (
            "full",
            "wecom_robot",
            {"customer_id": None},
            "template full (zh, wecom_robot): card is unknown; say what stands there instead: | default('…')",
        ),
        (
            "full",
            "wecom_app",
            {"coupon": "字" * 700},
            "template full (zh, wecom_app): the text has 2,117 bytes, and wecom_app takes 2,048 at most",
        ),
    ],
)
def test_why_there_is_no_text(template: str, channel: str, values: dict[str, Value], why: str) -> None:
    """In one sentence for the receipt, without a value."""
    with pytest.raises(NoText) as error:
        TEMPLATES.content(template, channel, ["zh"], {**VALUES, **values})
    assert str(error.value) == why


def test_words_in_markdown_alone_are_for_those_who_show_it() -> None:
    """And an e-mail needs a subject."""
    templates = Templates.of({"m.yaml": "template: m\nzh: {any: {markdown: '**好**'}}"})
    assert templates.content("m", "wecom_robot", [], {}).markdown
    with pytest.raises(NoText, match="it is in Markdown, and console shows plain text only"):
        templates.content("m", "console", [], {})
    templates = Templates.of({"m.yaml": "template: m\nzh: {any: {text: 好}}"})
    with pytest.raises(NoText, match="email needs a title"):
        templates.content("m", "email", [], {})


@given(
    st.dictionaries(
        st.sampled_from([*VALUES, "category"]), st.one_of(st.none(), st.text(), st.integers(), st.booleans())
    )
)
def test_whatever_the_values_there_is_a_text_or_a_reason(values: dict[str, Value]) -> None:
    """Nothing else is raised, and what is made can be sent."""
    for channel in ChannelName:
        try:
            made = TEMPLATES.content("full", channel, ["zh"], values)
        except NoText:
            continue
        assert fits(CHANNELS[channel], made) is None
        assert "None" not in made.text or "None" in str(values)
        made.text.encode()


def test_only_a_clerk_reads_who_it_is_about() -> None:
    """The variables of a message to the customer hold no id, so there is no card; a rule cannot smuggle one in."""
    smuggled = msgspec.structs.replace(
        command(), params={"coupon": "A", "customer_id": "x", "card": "x", "category": "x"}
    )
    assert variables_of(smuggled) == {"coupon": "A", "category": "marketing"}
    to_owner = msgspec.structs.replace(smuggled, recipient=Recipient.OWNER)
    assert variables_of(Message.of(to_owner)) == {"coupon": "A", "category": "marketing", "customer_id": "客户一"}


def test_names_are_used_once() -> None:
    """Of two files, the later one is told, and where the other is."""
    with pytest.raises(FileError) as error:
        Templates.of({"b.yaml": "template: t\nzh: {any: {text: 好}}", "a.yaml": "template: t\nen: {any: {text: Hi}}"})
    assert str(error.value) == "b.yaml:1:1: duplicate: there is a template t already, in a.yaml:1"


def test_all_files_are_told_at_once() -> None:
    """Each with what is wrong with it, in the order of the files."""
    with pytest.raises(FileError) as error:
        Templates.of({"b.yaml": "", "a.yaml": "template: t\nzh: {any: {text: '{{ x }}'}}", "c.yaml": FULL})
    assert [problem.code for problem in error.value.problems] == ["unknown_value", "empty"]


def test_the_hash_is_of_what_is_said() -> None:
    """Neither of the names of files, nor of how they are written."""
    other = Templates.of(
        {
            "x.yaml": LATE + "\n# a comment",
            "y.yaml": FULL.replace("好久不见，{{", '"好久不见，{{', 1).replace("coupon }}\n", 'coupon }}"\n', 1),
        }
    )
    assert other.hash == TEMPLATES.hash
    assert other == TEMPLATES
    assert Templates.of({"x.yaml": LATE}).hash != TEMPLATES.hash


def test_no_folder_is_no_templates(tmp_path: Path) -> None:
    """A folder that is named must have some."""
    assert Templates.load(None) == Templates()
    with pytest.raises(NoText, match="there is no template full"):
        Templates().content("full", "console", [], {})
    with pytest.raises(FileError, match=r"no_file: no \*\.yaml file in this folder"):
        Templates.load(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "full.yml").write_text(FULL, encoding="utf-8")
    assert set(Templates.load(tmp_path).by_name) == {"full"}


def test_templates_do_not_change() -> None:
    """To change them, load them anew."""
    with pytest.raises(FrozenInstanceError):
        TEMPLATES.hash = ""  # type: ignore[misc]
    assert replace(TEMPLATES, hash="x") != TEMPLATES


def test_examples_are_enough_for_every_channel() -> None:
    """A preview has a value for each name."""
    full = TEMPLATES.by_name["full"]
    for channel in ChannelName:
        assert TEMPLATES.content("full", channel, [], {**examples(full), "category": Category.SERVICE}).text
