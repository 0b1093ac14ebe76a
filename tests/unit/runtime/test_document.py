"""YAML files as documents: places, bounds, refusals."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.document import MAX_FILE_BYTES, Document, parse, parse_one

texts = st.text("{}[]:,&*!|>'\"%@`#-?~ \n\tab0x1.~é", max_size=60) | st.text(max_size=100)


def said(content: bytes | str) -> list[str]:
    return [str(problem) for problem in parse("f.yaml", content)[1]]


def only(text: str) -> Document:
    document, problems = parse_one("f", text)
    assert not problems
    assert document is not None
    return document


def test_scalars_are_those_of_yaml_1_2() -> None:
    """`no` and `12:30` are text, `012` is twelve, quoted numbers are text, whatever version a file claims."""
    text = 'a: [no, 12:30, 012, 0x1f, 0o17, 1.5, 1e3, True, ~, "7", 2026-01-01, 1_0, .inf, <<]'
    expected = ["no", "12:30", 12, 31, 15, 1.5, 1000.0, True, None, "7", "2026-01-01", "1_0", ".inf", "<<"]
    assert only(text).data == only("%YAML 1.1\n---\n" + text).data == {"a": expected}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "名", "c d"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(json_values, min_size=1, max_size=3))
def test_json_is_read_as_itself(value: list[object]) -> None:
    """YAML 1.2 is a superset of it."""
    text = json.dumps(value, ensure_ascii=False)
    document, problems = parse_one("f", text)
    assert not problems or "too_deep" in str(problems)
    assert document is None or document.data == value


def test_a_file_may_hold_several_documents() -> None:
    """Empty ones do not count; where only one is asked for, a second is refused."""
    documents, problems = parse("f", "---\n---\na: 1\n---\n~\n---\nb: 2\n")
    assert ([document.data for document in documents], problems) == ([{"a": 1}, {"b": 2}], [])
    assert list(map(str, parse_one("f", "a: 1\n---\nb: 2")[1])) == [
        "f:3:1: too_many: a second document; write it into a file of its own"
    ]
    assert parse_one("f", "# nothing") == (None, [])


def test_every_value_and_key_knows_its_place() -> None:
    """Lines and columns count from 1, in characters; what is missing lies where its parent is."""
    document = only("名: 值\nb:\n  - x\n  - 'y'\n")
    assert document.place(("名",))[1:] == (1, 4)
    assert document.key_place(("b",))[1:] == (2, 1)
    assert document.place(("b", 1))[1:] == document.key_place(("b", 1))[1:] == (4, 5)
    assert document.text_place(("b", 1))[1:] == (4, 6)
    assert document.text_place(("b",))[1:] == document.place(("b", 7))[1:] == document.place(("b", "x"))[1:] == (3, 3)
    assert document.place(("c",))[1:] == document.key_place(("c",))[1:] == document.key_place(())[1:] == (1, 1)


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        ("a: 1\nA: 1\na: 2", ["f.yaml:3:1: duplicate_key: a is already written in line 1"]),
        ("{1: a, 01: b}", ["f.yaml:1:8: duplicate_key: 1 is already written in line 1"]),
        ("a: &x 1\nb: *x", ["f.yaml:1:4: not_allowed: anchors and aliases (& and *) are not read; write the value out",
                            "f.yaml:2:4: not_allowed: anchors and aliases (& and *) are not read; write the value out"]),
        ("a: !!python/name:os.system 1", ["f.yaml:1:4: not_allowed: the tag tag:yaml.org,2002:python/name:os.system is not read; write plain text"]),
        ("a: !x {b: c}", ["f.yaml:1:4: not_allowed: the tag !x is not read; write plain text"]),
        ("? [a]\n: 1", ["f.yaml:1:3: not_allowed: a key must be text"]),
        ("a: b: c", ["f.yaml:1:5: yaml: quote the whole text: it has a colon and a blank in it"]),
        ("a: [", ["f.yaml:1:5: yaml: expected the node content, but found '<stream end>'"]),
        ("a: \x00", ["f.yaml:1:4: yaml: unacceptable character #x0000: special characters are not allowed"]),
        (b"a: b\nc: \xff", ["f.yaml:2:1: not_utf8: byte 8 is not UTF-8; save the file as UTF-8"]),
        ("#" * (MAX_FILE_BYTES + 1), ["f.yaml:1:1: too_large: a file may have 256 KiB; split it"]),
        ("[" * 5000, ["f.yaml:1:14: too_deep: more than 12 levels"]),
        ("{a: " * 5000, ["f.yaml:1:50: too_deep: more than 12 levels"]),
    ],
)  # fmt: skip
def test_what_json_cannot_say_is_refused(content: bytes | str, sentences: list[str]) -> None:
    """Each refusal names its place and what to do."""
    assert said(content) == sentences


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('a: b\nc: "d\ne: f', "2:4: yaml: the quote is never closed"),
        ("a: 'b\n---\nc: d", "1:4: yaml: the quote is never closed"),
        ("a: [b\nc: d", "1:4: yaml: this [ is never closed"),
        ('a: ["b"\nc: d', "1:4: yaml: this [ is never closed"),
        ("a: [b,\nc: d", "1:4: yaml: this [ is never closed"),
        ("a: {b: [c}", "1:8: yaml: this [ is never closed"),
        ("a: {b: c\nd: e", "1:4: yaml: this { is never closed"),
        ('a: ["b" "c"]', "1:9: yaml: expected ',' or ']', but got '<scalar>'"),
        ("a: b\n名： c\nd: e", "2:2: yaml: ： is full width; write : and a blank"),
        ("a: b\n  c：\n    d: e", "2:4: yaml: ： is full width; write : and a blank"),
        ("a: b\nc\nd: e", "2:1: yaml: there is no colon in this line; write key: value"),
        ("a:\n    - b\n  - c", "3:3: yaml: this line is indented otherwise than those above it"),
        ("a:\n  b: 1\n c: 2", "3:2: yaml: this line is indented otherwise than those above it"),
        ("a: 1\n  b: 2", "2:3: yaml: this line is indented otherwise than those above it"),
        ("  - x\na: 1", "2:1: yaml: this line is indented otherwise than those above it"),
        ("a: 1\n- b", "2:1: yaml: expected <block end>, but found '-'"),
        ('a: "b" c', "1:8: yaml: what begins with a quote must be quoted as a whole"),
        ("a: - b", "1:4: yaml: a - begins a line of its own"),
        ("a:\n\tb: 1", "2:1: yaml: this is a tab; write blanks"),
        ("a: @b", "1:4: yaml: no text begins with @; quote it"),
        ('a: "\\d"', "1:6: yaml: found unknown escape character 'd'"),
        ("a: b\nc: 名\x07", "2:5: yaml: unacceptable character #x0007: special characters are not allowed"),
        ("a: 1".encode("utf-16"), "1:1: not_utf8: this is UTF-16; save it as UTF-8"),
    ],
)
def test_a_slip_is_told_where_it_was_made(content: bytes | str, sentence: str) -> None:
    """Which is not always where YAML stumbles over it."""
    assert said(content) == [f"f.yaml:{sentence}"]


def test_a_byte_order_mark_is_passed_over() -> None:
    """Some editors write one."""
    assert only("\ufeffa: 1").data == parse("f", "\ufeffa: 1".encode())[0][0].data == {"a": 1}


@given(texts)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail otherwise; as bytes it is the same."""
    documents, problems = parse("f", text)
    assert all(problem.place.line >= 1 for problem in problems)
    if text.isprintable():
        again = parse("f", text.encode())
        assert ([d.data for d in again[0]], again[1]) == ([d.data for d in documents], problems)


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Text or not."""
    parse("f", content)
