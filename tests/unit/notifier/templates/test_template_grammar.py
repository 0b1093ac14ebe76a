"""What a text may hold: values, filters, ifs, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.templates.grammar import _environment, _strangers, compiled
from services.notifier.templates.tokens import MAX_NESTING, MAX_SOURCE
from services.notifier.templates.values import Form, Unspeakable, Value
from tests.unit.notifier.templates.texts import said, slips, text

NO_SUMS = "a text shows values and does not calculate; let the rule's params do it"
BLOCK = "is not allowed here; a text knows if, elif, else and endif"
LONG = "this expression is too long; let the rule's params do the work"

HOSTILE = {
    "{{ ().__class__ }}": ["1:7: not_allowed: __class__ is not for texts: no name in them begins with _"],
    "{{ ''.__class__.__mro__[1] }}": [
        "1:7: not_allowed: __class__ is not for texts: no name in them begins with _",
        "1:17: not_allowed: __mro__ is not for texts: no name in them begins with _",
    ],
    "{{ r['__class__'] }}": ["1:1: not_allowed: no name in a text begins with _"],
    "{{ r | attr('__class__') }}": [
        "1:8: unknown_filter: there is no filter attr; there are money, number, percent, date, default"
    ],
    "{{ r|map('upper') }}": [
        "1:6: unknown_filter: there is no filter map; there are money, number, percent, date, default"
    ],
    "{{ [1]|sum }}": ["1:8: unknown_filter: there is no filter sum; there are money, number, percent, date, default"],
    "{% for i in range(9) %}{% endfor %}": [
        f"1:4: not_allowed: {{% for %}} {BLOCK}",
        "1:13: not_allowed: range( ) is a call; a text calls nothing",
        "1:27: not_allowed: {% endfor %} is not allowed here (did you mean endif?)",
    ],
    "{% set x = 1 %}": [
        f"1:4: not_allowed: {{% set %}} {BLOCK}",
        f"1:10: not_allowed: = is not allowed here; {NO_SUMS}",
    ],
    "{% macro m() %}{% endmacro %}": [
        f"1:4: not_allowed: {{% macro %}} {BLOCK}",
        "1:10: not_allowed: m( ) is a call; a text calls nothing",
        f"1:19: not_allowed: {{% endmacro %}} {BLOCK}",
    ],
    "{% include 'x' %}": [f"1:4: not_allowed: {{% include %}} {BLOCK}"],
    "{% import 'x' as y %}": [f"1:4: not_allowed: {{% import %}} {BLOCK}"],
    "{% from 'x' import y %}": [f"1:4: not_allowed: {{% from %}} {BLOCK}"],
    "{% extends 'x' %}": [f"1:4: not_allowed: {{% extends %}} {BLOCK}"],
    "{% block x %}{% endblock %}": [
        f"1:4: not_allowed: {{% block %}} {BLOCK}",
        f"1:17: not_allowed: {{% endblock %}} {BLOCK}",
    ],
    "{% call x() %}{% endcall %}": [
        f"1:4: not_allowed: {{% call %}} {BLOCK}",
        "1:9: not_allowed: x( ) is a call; a text calls nothing",
        f"1:18: not_allowed: {{% endcall %}} {BLOCK}",
    ],
    "{% with a=1 %}{% endwith %}": [
        f"1:4: not_allowed: {{% with %}} {BLOCK}",
        f"1:10: not_allowed: = is not allowed here; {NO_SUMS}",
        f"1:18: not_allowed: {{% endwith %}} {BLOCK}",
    ],
    "{% autoescape false %}{% endautoescape %}": [
        f"1:4: not_allowed: {{% autoescape %}} {BLOCK}",
        f"1:26: not_allowed: {{% endautoescape %}} {BLOCK}",
    ],
    "{% do x %}": [f"1:4: not_allowed: {{% do %}} {BLOCK}"],
    "{% debug %}": [f"1:4: not_allowed: {{% debug %}} {BLOCK}"],
    "{% iff r %}": ["1:4: not_allowed: {% iff %} is not allowed here (did you mean if?)"],
    "{{ lipsum() }}": ["1:4: not_allowed: lipsum( ) is a call; a text calls nothing"],
    "{{ range(10**9) }}": [
        "1:4: not_allowed: range( ) is a call; a text calls nothing",
        f"1:12: not_allowed: ** is not allowed here; {NO_SUMS}",
    ],
    "{{ self.x() }}": ["1:9: not_allowed: x( ) is a call; a text calls nothing"],
    "{{ (r)() }}": ["1:1: not_allowed: Call is not allowed in a text"],
    "{{ r['x']() }}": ["1:1: not_allowed: Call is not allowed in a text"],
    "{{ 'a' * 1000000000 }}": [f"1:8: not_allowed: * is not allowed here; {NO_SUMS}"],
    "{{ 9 ** 9 }}": [f"1:6: not_allowed: ** is not allowed here; {NO_SUMS}"],
    "{{ 'a' + 'b' }}": [f"1:8: not_allowed: + is not allowed here; {NO_SUMS}"],
    "{{ 'a' ~ 'b' }}": [f"1:8: not_allowed: ~ is not allowed here; {NO_SUMS}"],
    "{{ '%999999999s' % r }}": [f"1:18: not_allowed: % is not allowed here; {NO_SUMS}"],
    "{{ r // 0 }}": [f"1:6: not_allowed: // is not allowed here; {NO_SUMS}"],
    "{{ -r }}": [f"1:4: not_allowed: - is not allowed here; {NO_SUMS}"],
    "{{ {'a': 1} }}": [
        f"1:4: not_allowed: {{ is not allowed here; {NO_SUMS}",
        f"1:8: not_allowed: : is not allowed here; {NO_SUMS}",
        f"1:11: not_allowed: }} is not allowed here; {NO_SUMS}",
    ],
    "{{ [1, 2] }}": ["1:1: not_allowed: List is not allowed in a text"],
    "{{ (1, 2) }}": ["1:1: not_allowed: Tuple is not allowed in a text"],
    "{{ 'abc'[0:2] }}": [f"1:11: not_allowed: : is not allowed here; {NO_SUMS}"],
    "{{ 'abc'[0] }}": ["1:1: not_allowed: only a value of the catalogue has parts, such as tier.community"],
    "{{ r[f] }}": ["1:1: not_allowed: only a value of the catalogue has parts, such as tier.community"],
    "{{ (r if f else m).x }}": ["1:1: not_allowed: only a value of the catalogue has parts, such as tier.community"],
    "{{ 'x'.format }}": ["1:1: not_allowed: only a value of the catalogue has parts, such as tier.community"],
    "{{ r | default(value=1) }}": [f"1:21: not_allowed: = is not allowed here; {NO_SUMS}"],
    "{{ r | default(*f) }}": [f"1:16: not_allowed: * is not allowed here; {NO_SUMS}"],
    "{{ r is sameas(f) }}": ["1:9: unknown_test: nothing can be asked by is sameas; there are known, unknown"],
    "{{ r is not callable }}": ["1:13: unknown_test: nothing can be asked by is callable; there are known, unknown"],
    "{% raw %}{{ r }}{% endraw %}": [
        "1:1: not_allowed: {% raw %} is not allowed here",
        "1:15: stray: }} would be sent as it stands; write {{ name }}",
    ],
    "{{ _language }}": ["1:4: not_allowed: _language is not for texts: no name in them begins with _"],
    "a\u202eb": ["1:2: invisible: an invisible character (U+202E) stands here; delete it"],
    "好\n\u200b。": ["2:1: invisible: an invisible character (U+200B) stands here; delete it"],
    "{{ r }}\u2066": ["1:8: invisible: an invisible character (U+2066) stands here; delete it"],
    "{{ " + "(" * 99 + "r" + ")" * 99 + " }}": [f"1:{4 + MAX_NESTING}: too_long: {LONG}"],
    "{{ " + "not " * 999 + "r }}": [f"1:236: too_long: {LONG}"],
    "{{ r" + "|default(1)" * 99 + " }}": [f"1:134: too_long: {LONG}"],
    "{{ r" + ".a" * 99 + " }}": [f"1:62: too_long: {LONG}"],
    "{% if r %}" * 99 + "{% endif %}" * 99: ["1:64: too_long: more than 6 ifs within each other"],
    "x" * (MAX_SOURCE + 1): ["1:1: too_long: a text may have 32,768 characters"],
    "{{ " + "9" * 9999 + " }}": ["1:1: syntax: it cannot be read (ValueError)"],
}
SLIPS = {
    "{{ r": ["1:1: syntax: this {{ is never closed"],
    "好 {{ 'abc }}": ["1:3: syntax: this {{ is never closed"],
    "{% if r %}好": ["1:4: syntax: this if never ends; write {% endif %} behind what it is about"],
    "好{% endif %}": ["1:5: syntax: there is no {% if %} before this endif"],
    "{% else %}": ["1:4: syntax: there is no {% if %} before this else"],
    "{{ recency days }}": ["1:12: syntax: days does not belong here; one {{ }} holds one value"],
    "{{ }}": ["1:1: syntax: something is missing here; write {{ name }}"],
    "{% if %}好{% endif %}": ["1:1: syntax: something is missing here; write {{ name }}"],
    "好\n{{ r. }}": ["2:1: syntax: expected name or number"],
    "${days}天": ["1:1: stray: ${ would be sent as it stands; write {{ name }}"],
    "好\n您｛｛ r ｝｝": ["2:2: stray: ｛｛ would be sent as it stands; write {{ name }}"],
    "{ r }}": ["1:5: stray: }} would be sent as it stands; write {{ name }}"],
    "{{ tier.coupon-hunters }}": [
        "1:15: not_allowed: a name with a - in it stands in brackets, such as tier['coupon-hunters']"
    ],
    "{{ net_minor | mony }}": ["1:16: unknown_filter: there is no filter mony (did you mean money?)"],
}


@pytest.mark.parametrize("source", HOSTILE, ids=lambda source: source[:40])
def test_what_could_do_harm_is_refused_with_its_place(source: str) -> None:
    """Before anything of it is run."""
    assert sorted(slips(source)) == sorted(HOSTILE[source])


@pytest.mark.parametrize("source", SLIPS)
def test_slips_are_told_where_they_were_made(source: str) -> None:
    """In words that say what to write."""
    assert slips(source) == SLIPS[source]


@pytest.mark.parametrize(
    "source",
    [
        "{{ r() }}",
        "{{ r.x() }}",
        "{{ (r)() }}",
        "{% for i in r %}{% endfor %}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% block x %}{% endblock %}",
        "{{ 9 ** 9 }}",
        "{{ 'a' * 9 }}",
        "{{ 'a' ~ 'b' }}",
        "{{ -r }}",
        "{{ '%9s' % r }}",
        "{{ [1] }}",
        "{{ {} }}",
        "{{ ''.x }}",
        "{{ r['__class__'] }}",
        "{{ r.__class__ }}",
        "{{ r[f] }}",
        "{{ 'abc'[0:2] }}",
        "{% call r() %}{% endcall %}",
        "{% filter upper %}{% endfilter %}",
    ],
)
def test_the_second_fence_holds_by_itself(source: str) -> None:
    """A tree is refused for what its nodes are, whatever the look at the words had let through."""
    assert list(_strangers(_environment(Form.PLAIN).parse(source), []))


@pytest.mark.parametrize("source", ["{{ r | default(*f) }}", "{{ r | default(**f) }}", "{{ r | default(x=1) }}"])
def test_filters_take_what_stands_between_commas(source: str) -> None:
    """No more than that, by the tree alone."""
    assert list(_strangers(_environment(Form.PLAIN).parse(source), []))


@pytest.mark.parametrize("name", ["cycler", "joiner", "namespace", "lipsum", "range", "dict", "self", "loop", "caller"])
def test_the_names_that_jinja_knows_are_no_values(name: str) -> None:
    """They are as unknown as any other word."""
    with pytest.raises(Unspeakable, match=f"^{name} is unknown"):
        said("{{ " + name + " }}")


def test_a_text_chooses() -> None:
    """By if, by a comparison, by what is known; a line with nothing but an if leaves no line."""
    source = "您好\n{% if recency_days > 30 and not vip %}\n好久不见\n{% elif vip %}\n老朋友\n{% endif %}\n再见"
    assert said(source, recency_days=45, vip=False) == "您好\n好久不见\n再见"
    assert said(source, recency_days=45, vip=True) == "您好\n老朋友\n再见"
    assert said(source, recency_days=None, vip=False) == "您好\n再见"
    assert said("{{ '是' if vip else '否' }}", vip=True) == "是"
    assert said("{{ (a or b) | default('c') }}", a=None, b=None) == "c"


def test_dotted_names_are_values_of_their_own() -> None:
    """`tier` of a jump, and `tier.…` of a campaign, in any script, in brackets where need be."""
    values: dict[str, Value] = {"tier": "核心", "tier.coupon-hunters": "普通", "tier.社群": "影响"}
    source = "{{ tier }} {{ tier['coupon-hunters'] }} {{ tier.社群 }}"
    assert text(source).render(values, "zh") == "核心 普通 影响"
    assert text("{{ tier.社群 }}{{ tier['a-b'] | default('c') }}").names == {"tier.社群", "tier.a-b"}


def test_what_is_shown_as_it_is_told_from_what_is_shaped() -> None:
    """Through ifs, ors and defaults."""
    source = "{{ a }}{{ b | money }}{{ c if d else e | default(f) }}{{ g or h }}{% if i %}{% endif %}"
    assert text(source).names == set("abcdefghi")
    assert text(source).shown == {"a", "c", "e", "f", "g", "h"}


def test_where_a_value_is_named_first_is_known() -> None:
    """The place is that of the name, not of its part, its filter, or a text that looks like it."""
    found = text("a {{ 'a' }}\n  {{ b | default(a) }}{% if a is known %}{{ tier.a }}{% endif %}").first
    assert {name: (token.line, token.column) for name, token in found.items()} == {
        "b": (2, 6),
        "a": (2, 18),
        "tier.a": (2, 45),
    }


def test_comments_are_not_sent() -> None:
    """Neither Jinja's nor the blanks around."""
    assert said("\n{# to be translated #}\n好\n\n") == "好"


def test_values_that_do_not_go_together_are_told_without_them() -> None:
    """The message may go into a ledger."""
    with pytest.raises(Unspeakable, match=r"^its values do not go together \(TypeError\)$"):
        said("{% if x > 3 %}好{% endif %}", x="13800000000")


def test_what_is_filled_in_has_an_end() -> None:
    """However often a long value is named."""
    with pytest.raises(Unspeakable, match=r"^it is longer than 65,536 characters$"):
        said("{{ x }}" * 100, x="字" * 1000)


def test_braces_of_a_style_sheet_are_no_slip_in_html() -> None:
    """They are in the text of an e-mail."""
    source = "<style>@media print{p{color:red}}</style><p>{{ x }}</p>"
    assert said(source, Form.HTML, x="好").endswith("<p>好</p>")


WORDS = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "if",
        "elif",
        "else",
        "endif",
        "for",
        "raw",
        "endraw",
        "set",
        "a",
        "tier",
        ".",
        "|",
        "money",
        "default",
        "(",
        ")",
        "[",
        "]",
        "'x'",
        "1",
        "2.5",
        "and",
        "not",
        "is",
        "known",
        "==",
        ">",
        "in",
        "_x",
        "*",
        ",",
        "好",
        '"',
        "'",
        "-",
        "none",
        "true",
        "\\",
        "$",
        "{",
        "}",
    ]
) | st.sampled_from([" ", "\n", "\r\n"])


@settings(max_examples=500)
@given(st.lists(WORDS, max_size=25).map("".join), st.sampled_from(Form))
def test_no_source_makes_a_crash(source: str, form: Form) -> None:
    """It is refused with a place within it, or can be filled in, or says why not."""
    found, wrong = compiled(source, form)
    assert (found is None) is bool(wrong)
    rows = source.split("\n")
    for line, column, code, message in wrong:
        assert 1 <= line <= len(rows)
        assert 1 <= column <= len(rows[line - 1]) + 1
        assert code
        assert message
    if found is not None:
        try:
            assert isinstance(found.render({"a": 1, "tier": "核心"}, "zh"), str)
        except Unspeakable:
            return


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="{}%#$｛｝\r\x85\u2028\u2029"), max_size=50))
def test_words_without_a_brace_are_sent_as_they_stand(source: str) -> None:
    """But for the blanks around them."""
    assert said(source) == source.strip()
