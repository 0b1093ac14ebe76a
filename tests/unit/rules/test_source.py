"""Rule files as text: places, bounds, refusals."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.problems import RuleError
from services.rules.source import MAX_FILE_BYTES, parse, read_sources


def said(text: str) -> list[str]:
    return [str(problem) for problem in parse("f.yaml", text)[1]]


def test_scalars_are_those_of_yaml_1_2() -> None:
    """`no` and `12:30` are text, `012` is twelve, quoted numbers are text."""
    documents, problems = parse("f", 'a: [no, 12:30, 012, 0x1f, 0o17, 1.5, 1e3, true, ~, "7", 2026-01-01, 1_0, .inf]')
    assert not problems
    assert documents[0].data == {
        "a": ["no", "12:30", 12, 31, 15, 1.5, 1000.0, True, None, "7", "2026-01-01", "1_0", ".inf"]
    }


def test_every_value_knows_its_place() -> None:
    """Lines and columns count from 1, in characters; a quoted text begins after its quote."""
    documents, _ = parse("f", "名: 值\nb:\n  - x\n  - 'y'\n---\nc: 1\n")
    first, second = documents
    assert first.place(("名",))[1:] == (1, 4)
    assert first.place(("b", 1))[1:] == (4, 6)
    assert first.place(("b", 7))[1:] == (3, 3)
    assert second.place(("c",))[1:] == (6, 4)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\na: 2", "f.yaml:2:1: duplicate-key: the key a stands here a second time"),
        (
            "a: &x 1\nb: *x",
            "f.yaml:1:4: not-allowed: anchors and aliases (& and *) are not read; write the value out",
        ),
        (
            "a: !!python/name:os.system 1",
            "f.yaml:1:4: not-allowed: the tag tag:yaml.org,2002:python/name:os.system is not read",
        ),
        ("? [a]\n: 1", "f.yaml:1:3: not-allowed: a key must be text"),
        (
            'when: [count("view", "365d") > 1]',
            (
                "f.yaml:1:28: yaml: expected ',' or ']', but got '<scalar>'; "
                "a condition with a comma does not fit into [ ], write the list with one - item a line"
            ),
        ),
        ("a: b: c", "f.yaml:1:5: yaml: mapping values are not allowed here"),
    ],
)
def test_what_json_cannot_say_is_refused(text: str, sentence: str) -> None:
    """Each refusal names its place and what to do."""
    assert sentence in said(text)


def test_size_and_depth_are_bounded() -> None:
    """A huge file and a deep one are refused, not swallowed."""
    assert said("#" * (MAX_FILE_BYTES + 1)) == ["f.yaml:1:1: too-large: a rule file may have 256 KiB; split it"]
    assert any("too-deep: more than 12 levels" in line for line in said("[" * 20 + "]" * 20))
    assert any("too-deep" in line for line in said("[" * 5000))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail otherwise."""
    parse("f", text)


def test_a_folder_is_read_whole_in_order_without_its_tests(tmp_path: Path) -> None:
    """Sub-folders too; hidden files and `*_test.yaml` are left out."""
    (tmp_path / "b").mkdir()
    for name in ("z.yaml", "a.yml", "b/x.yaml", "a_test.yaml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text("k: 1")
    assert [Path(f).relative_to(tmp_path).as_posix() for f in read_sources(tmp_path)] == ["a.yml", "b/x.yaml", "z.yaml"]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A missing path, an empty folder, bytes that are no text, and too many of them."""
    with pytest.raises(RuleError, match="there is no such file or folder"):
        read_sources(tmp_path / "gone")
    with pytest.raises(RuleError, match=r"no \*.yaml file in this folder"):
        read_sources(tmp_path)
    (tmp_path / "bad.yaml").write_bytes(b"a: \xff")
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(RuleError) as caught:
        read_sources(tmp_path)
    assert [problem.message for problem in caught.value.problems] == [
        "not UTF-8 text (byte 3)",
        "a rule file may have 256 KiB; split it",
    ]
