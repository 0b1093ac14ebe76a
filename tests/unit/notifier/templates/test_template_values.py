"""Values in texts: whatever they hold, a text keeps its form, and shows no None."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from services.notifier.templates.values import MAX_VALUE, Form, Unknown, Unspeakable, known, markdown, one_line
from tests.unit.notifier.templates.texts import said

TRICKY = st.text(st.sampled_from("*_`[]()<>~|\\#-+=!&;:.1a客 \n\r\t\u2028\u202e\u200b/@\"'{}%$"), max_size=30)
ANYTHING = st.one_of(st.text(max_size=60), TRICKY)
MARKDOWN = MarkdownIt("commonmark").enable(["strikethrough", "table"])


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def kinds(source: str) -> list[str]:
    """What a Markdown parser sees, leaf by leaf."""
    tokens = MARKDOWN.parse(source)
    return [token.type for token in tokens if token.children is None] + [
        child.type for token in tokens for child in token.children or ()
    ]


@given(ANYTHING)
def test_a_value_is_one_line_of_what_can_be_seen(value: str) -> None:
    """No break of any kind, no control, no direction; and doing it twice changes nothing."""
    line = one_line(value)
    assert len(line.splitlines()) <= 1
    assert not set(line) & set("\u202e\u200b\u2028\x00\x1b")
    assert one_line(line) == line
    line.encode()


@given(ANYTHING)
def test_markdown_sees_plain_words_in_a_value(value: str) -> None:
    """At the beginning of a line, within it, and within bold."""
    words = markdown(one_line(value))
    for source in (words, f"前 {words} 后"):
        assert set(kinds(source)) <= {"paragraph_open", "paragraph_close", "text"}
    if words and not words[0].isspace():
        assert kinds(f"**客户**：{words}").count("strong_open") == 1


@given(ANYTHING)
def test_a_heading_before_a_value_stays_a_heading_and_no_more(value: str) -> None:
    """A value on the next line cannot make a title of the line above."""
    assert "heading_open" not in kinds(f"标题\n{markdown(one_line(value))}")


@given(ANYTHING)
def test_html_sees_the_very_value(value: str) -> None:
    """No tag comes of it, and nothing is lost."""
    parser = Tags()
    parser.feed(said("<p>{{ x }}</p>", Form.HTML, x=value))
    parser.close()
    assert parser.found == ["p"]
    assert parser.words == one_line(value)


@given(ANYTHING)
def test_plain_text_has_no_tag(value: str) -> None:
    """Feishu's text knows <at>, WeCom's <a>."""
    assert "<" not in said("。{{ x }}。", x=value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("client_42", "client_42"),
        ("_a_", "＿a＿"),
        ("**all**", "＊＊all＊＊"),
        ("[点我](http://x)", "［点我］(http://x)"),
        ('<at user_id="all"></at>', '＜at user_id="all"＞＜/at＞'),
        ("# 1", "＃ 1"),
        ("订单#5", "订单#5"),
        ("- a", "－ a"),
        ("-5", "-5"),
        ("1. a", "1． a"),
        ("---", "－－－"),
        ("a | b", "a ｜ b"),
        ("&lt;", "＆lt;"),
        ("R&D", "R＆D"),
        ("A & B", "A & B"),
    ],
)
def test_signs_that_mean_something_become_full_width(value: str, read: str) -> None:
    """And the others stay, so that an id can be copied."""
    assert markdown(value) == read


@given(st.one_of(st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(-1e9, 1e9), st.text(max_size=20)))
def test_nobody_reads_none(value: str | float | bool | None) -> None:
    """What is unknown, and what is neither words nor a number, is refused rather than shown."""
    try:
        words = said("您{{ x }}", x=value)
    except Unspeakable:
        assert value is None or isinstance(value, bool)
    else:
        assert words == "您" or value not in {"", None}
        assert "None" not in words or value == "None"


def test_a_number_is_read_as_it_is_written() -> None:
    """A whole one without a point."""
    assert said("{{ a }} {{ b }} {{ c }}", a=45, b=3.0, c=21.5) == "45 3 21.5"


@pytest.mark.parametrize("source", ["x == x", "x != 1", "x < 1", "x <= 1", "x > 1", "x >= 1", "1 < x", "'a' in x", "x"])
def test_unknown_compares_as_false(source: str) -> None:
    """As in rules."""
    assert said("{% if " + source + " %}yes{% else %}no{% endif %}", x=None) == "no"


def test_what_is_not_there_is_unknown() -> None:
    """And an error names it, and no value."""
    with pytest.raises(Unspeakable, match=r"^coupon is unknown; say what stands there instead: \| default\('…'\)$"):
        said("{{ coupon }}")


def test_a_value_has_an_end() -> None:
    """Nobody sends a book by mistake."""
    assert said("{{ x }}", x="字" * MAX_VALUE) == "字" * MAX_VALUE
    with pytest.raises(Unspeakable, match=r"^x is longer than 1,000 characters$"):
        said("{{ x }}", x="字" * (MAX_VALUE + 1))


def test_unknown_has_no_words_of_its_own() -> None:
    """None becomes a value that cannot be printed, whatever asks for it."""
    assert isinstance(known("x", None), Unknown)
    assert known("x", "a\nb") == "a b"
