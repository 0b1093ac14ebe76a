"""Rule files in YAML: hints for what conditions make hard to write."""

import pytest

from services.rules.book.source import parse_rules


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            'when: [count("view", "365d") > 1]',
            "f.yaml:1:28: yaml: a condition with a comma does not fit into [ ]; write the list with one - item a line",
        ),
        (
            'when:\n  - "重要" == segment',
            "f.yaml:2:10: yaml: what begins with a quote must be quoted as a whole",
        ),
        (b"a: b: c", "f.yaml:1:5: yaml: quote the whole text: it has a colon and a blank in it"),
        (
            "when: [segment in [1, 2]]",
            "f.yaml:1:19: yaml: a condition with [ ] does not fit into [ ]; write the list with one - item a line",
        ),
        ("- {not: r in [1, 2]}", "f.yaml:1:14: yaml: a condition with [ ] does not fit into { }; quote it"),
        (
            '- {not: count("view", "30d") > 1}',
            "f.yaml:1:28: yaml: a condition with a comma does not fit into { }; quote it",
        ),
        (
            'when: ["重要" == segment]',
            "f.yaml:1:13: yaml: a condition that begins with a quote must be quoted as a whole",
        ),
        ('when: ["a" "b"]', "f.yaml:1:12: yaml: expected ',' or ']', but got '<scalar>'"),
        ("a: 1\na: (", "f.yaml:2:1: duplicate_key: a is already written in line 1"),
        (b"[(: \xff", "f.yaml:1:1: not_utf8: byte 4 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_conditions_that_yaml_cannot_read_get_a_hint(content: str | bytes, sentence: str) -> None:
    """Where a line looks like one of the usual slips; any other mistake is told as it is."""
    assert [str(problem) for problem in parse_rules("f.yaml", content)[1]] == [sentence]
