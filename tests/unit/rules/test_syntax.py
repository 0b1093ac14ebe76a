"""Reading a condition: whatever is written, it is a tree or a sentence about what is wrong with it, and where."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.rules.language.condition import make_predicate
from services.rules.language.currencies import CURRENCIES
from services.rules.language.lexer import NotAWordError, Sort, Word, words
from services.rules.language.syntax import MAX_LENGTH, parse_expression
from services.rules.language.terms import Vocabulary
from services.rules.language.tree import Comparison, Money, Tree
from services.runtime.problems import Place, Problem
from tests.unit.rules.customers import scene
from tests.unit.rules.generated import event_terms, formulas, plain_terms, tier_terms, timed_terms

VOCABULARY = Vocabulary({"l0": ("t0", "t1"), "社区": ("外围", "核心")})
valid = formulas(st.one_of(plain_terms, timed_terms, event_terms, *tier_terms([("l0", ("t0", "t1"))])), 4)
NASTY = [
    "\u0000", "\ud800", "\udfff", "\u2028", "\u2029", "\x85", "\r", "\n", "\t", "\u3000", "\ufeff", "\u200b", "\U0001f600", "\u202e",
    "（", "）", "＝", "，", "“", "”", "「", "≥", "≠", "¥", "￥", "。", "％", "＜", "。", "、", "０", "１", "٣", "½", "²", "Ⅷ", "ſ", "ﬁ", "é", "e\u0301",
    '"', "'", "\\", "\\n", "\\x", "&&", "||", "!", "=", "==", "!=", "=>", "=<", "<>", "**", "//", "%", "@", ":=", "->", "...", ".", "..",
    "1e999", "1e-999", "1e9999999999999999999999", "9" * 40, "0x10", "1_0", "1__0", "_1", "1.2.3", ".5", "5.", "1e", "45d", "45D", "45x", "36h30m",
    "500 CNY", "500CNY", "500 cny", "500 XYZ", "1e99 CNY", "1e99999999999999999999 CNY", "1e9999999999999999999999%", "0.001 CNY", "5元", "100000000000000000000元", "99999999999d", "1e5d", "1.5h", "30%%",
    "AND", "and", "or", "not", "not not", "in", "not in", "is", "None", "null", "true", "lambda", "event", "event.", "event.x", "event.kind.x",
    "(", ")", "[", "]", "()", "[]", "((((", "))))", ",", "segment", "tagged(", 'tagged("a"', 'tagged("a",)', 'count("view",', "tier_days", "since()", 'since("view")',
]  # fmt: skip


def parsed(text: str, vocabulary: Vocabulary = VOCABULARY) -> tuple[Tree, list[Problem]]:
    return parse_expression(text, Place("规则.yaml", 7, 5), vocabulary)


def check(text: str) -> None:
    """A tree that can be asked, or problems that lie within the text and can be printed."""
    tree, problems = parsed(text)
    if not problems:
        predicate = make_predicate(text, text, tree)
        assert predicate.test(scene()) in {True, False}
        predicate.flip(scene())
        return
    for problem in problems:
        assert problem.place.line == 7
        assert 5 <= problem.place.column <= 5 + len(text)
        assert problem.code
        assert problem.message.isprintable() or not text.isprintable()


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet=st.characters(), max_size=40) | st.text(string.printable, max_size=80))
@example("r > 1e9999999999999999999999%")
@example("net_minor > 1e9999999999999999999999 CNY")
@example("net_minor > 1e-9999999999999999999999 CNY")
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but problems comes of it, each within the text."""
    check(text)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(NASTY) | st.sampled_from([" ", "r", "f > 1", "3", '"重要保持"']), max_size=14),
    st.sampled_from(["", " "]),
)
def test_any_row_of_odd_words_is_read_or_refused(parts: list[str], between: str) -> None:
    """Full width, surrogates, NUL, huge numbers, words that nearly mean something."""
    check(between.join(parts))


@settings(max_examples=400, deadline=None)
@given(valid, st.data())
def test_a_sound_condition_with_a_slip_is_read_or_refused(text: str, data: st.DataObject) -> None:
    """A piece taken out, put in or doubled, anywhere."""
    at, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    piece = data.draw(st.sampled_from(["", text[at:end], text[at:end] * 2, *NASTY]))
    check(text[:at] + piece + text[end:])


@settings(max_examples=200, deadline=None)
@given(valid)
def test_what_is_generated_is_sound(text: str) -> None:
    """The strategy of all other tests makes conditions without a problem, and the same tree each time."""
    tree, problems = parsed(text)
    assert problems == []
    assert str(parsed(f"  {text}  ")[0]).count("Comparison(") == str(tree).count("Comparison(")


@pytest.mark.parametrize(
    "text",
    [
        "r " * 250, "(" * 250 + ")" * 250, "not " * 125, "-" * 499 + "1", "[" * 500, '"' * 500, "\\" * 500, "r > 1 and " * 50, "r<" * 250,
        "1" * 500, "1e" * 250, ("9" * 99 + " ") * 5, "a" * 500, "." * 500, "'" + "\\'" * 249, "重" * 500, "1_" * 250, "count(" * 83,
        "r + " * 123 + "r > 1", "r in [" + "1, " * 160 + "1]", "r not in [" * 50, "event." * 83, "not r > 1 or " * 38 + "r > 1",
    ],
)  # fmt: skip
def test_long_and_deep_conditions_are_no_burden(text: str) -> None:
    """Up to the longest text that is read at all, and whatever stands in it."""
    assert len(text) <= MAX_LENGTH
    check(text)


@pytest.mark.parametrize("text", ["r > 1 and " * 10**6, "(" * 10**6, "\u0000" * 10**6, " " * 10**6, "\n" * 10**6])
def test_what_is_too_long_is_not_even_looked_at(text: str) -> None:
    """One sentence, whatever it is."""
    assert [problem.code for problem in parsed(text)[1]] == ["too_long"]


@pytest.mark.parametrize(
    ("text", "column", "code"),
    [
        ('segment == "重要保持" and 重要', 27, "unknown_name"),
        ('attr("城市") == "上海" 或 r > 1', 24, "syntax"),
        ('segment in ["重要保持", "重要保"]', 25, "unknown_value"),
        ('tier("社区") == "核"', 19, "unknown_value"),
        ('tagged("羊毛党") and r > "高"', 27, "type"),
        ("r ＞ 1", 7, "syntax"),
        ('tagged("重要") and（r > 1）', 21, "syntax"),
        ("  r > segmet", 11, "unknown_name"),
        ("net_minor > 5 元 and f > x", 29, "unknown_name"),
        ('tagged("重要', 12, "syntax"),
        ("r >", 8, "syntax"),
        ("\u3000r > q", 10, "unknown_name"),
    ],
)
def test_a_place_points_at_the_very_character(text: str, column: int, code: str) -> None:
    """Columns count characters, Chinese ones too, from where the condition begins."""
    (problem, *_) = parsed(text)[1]
    assert (problem.place.column, problem.code) == (column, code)


@pytest.mark.parametrize("text", ["r >\n 1 and\n q", "r > 1\r\nand q", "r > 1 and \u2028 q"])
def test_a_condition_of_several_lines_is_read_as_one(text: str) -> None:
    """Its mistakes are told where it begins, for its columns are lost."""
    (problem,) = parsed(text)[1]
    assert problem.message == "there is no feature q"
    assert problem.place.column == (5 if "\n" in text else 5 + text.index("q"))
    assert parsed("r >\n 1\n and f < 3")[1] == []


def all_words(text: str) -> list[Word]:
    return list(words(text))


@settings(max_examples=200, deadline=None)
@given(valid | st.text(max_size=60))
def test_words_are_slices_of_the_text(text: str) -> None:
    """In order, without overlap, each as written; between them is nothing but blanks."""
    found, wrong = list[Word](), -1
    try:
        for word in words(text):
            found.append(word)
    except NotAWordError as error:
        wrong = error.start
    at = 0
    for word in found:
        assert word.start >= at
        assert text[at : word.start].isspace() or at == word.start
        assert text[word.start : word.end] == word.text
        at = word.end
    assert (wrong == -1) is (bool(found) and found[-1].sort is Sort.END)
    assert at <= wrong <= len(text) or at == len(text)


@pytest.mark.parametrize(
    ("text", "sort", "value"),
    [
        ("45d", Sort.LENGTH, 45 * 86_400_000),
        ("36h", Sort.LENGTH, 36 * 3_600_000),
        ("2w", Sort.LENGTH, 14 * 86_400_000),
        ("90s", Sort.LENGTH, 90_000),
        ("30%", Sort.NUMBER, 0.3),
        ("0.7%", Sort.NUMBER, 0.007),
        ("29%", Sort.NUMBER, 0.29),
        ("57%", Sort.NUMBER, 0.57),
        ("1_000", Sort.NUMBER, 1000),
        (".5", Sort.NUMBER, 0.5),
        ("1e3", Sort.NUMBER, 1000.0),
        ("500 CNY", Sort.MONEY, 50_000),
        ("500CNY", Sort.MONEY, 50_000),
        ("500元", Sort.MONEY, 50_000),
        ("500 元", Sort.MONEY, 50_000),
        ("0.1 CNY", Sort.MONEY, 10),
        ("500 JPY", Sort.MONEY, 500),
        ("1.234 KWD", Sort.MONEY, 1234),
        ('"a\\"b\\\\\\n"', Sort.TEXT, 'a"b\\\n'),
        ("'\"重\"'", Sort.TEXT, '"重"'),
    ],
)
def test_numbers_have_units(text: str, sort: Sort, value: object) -> None:
    """Exactly what the same number means without floats in between."""
    word, end = all_words(text)
    assert (word.sort, word.value, end.sort) == (sort, value, Sort.END)
    assert type(word.value) is type(value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0.001 CNY", "CNY"),
        ("0.5 JPY", "JPY"),
        ("1e99999999999999999999 CNY", ""),
        ("1e99999999999999999999%", ""),
        ("1.5d", "not a duration"),
        ("99999999d", "too long"),
        ("45days", "45days is no number"),
        ("45D", "45D is no number"),
        ("5 XYZ", "no currency XYZ"),
    ],
)
def test_units_that_do_not_fit_are_refused(text: str, sentence: str) -> None:
    """With what is wrong, and never otherwise."""
    problems = parsed(f"net_minor > {text}")[1]
    assert len(problems) == 1
    assert sentence in problems[0].message


@given(st.sampled_from(sorted(CURRENCIES)), st.integers(0, 10**6))
def test_money_is_exact_in_every_currency(currency: str, amount: int) -> None:
    """As many minor units as the currency has of them."""
    tree, problems = parsed(f"net_minor >= {amount} {currency}")
    assert problems == []
    assert isinstance(tree, Comparison)
    (_, money) = tree.rest[0]
    assert isinstance(money, Money)
    assert money.currency == currency
    assert money.minor in {amount, amount * 100, amount * 1000, amount * 10_000}


def test_a_word_in_capitals_is_told_as_such() -> None:
    """AND behind a number is no currency."""
    for word in ("AND", "OR", "NOT"):
        (problem,) = (p for p in parsed(f"r > 3 {word} f > 1")[1] if p.code == "syntax")
        assert problem.message == f"this is not a condition: {word} does not fit here; write {word.lower()}"
        assert problem.place.column == 11
