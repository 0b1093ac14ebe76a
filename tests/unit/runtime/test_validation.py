"""What pydantic finds, as problems of a document."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.runtime.document import parse, parse_one
from services.runtime.validation import problems_of


class Fish(BaseModel):
    """What swims."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z]+$")]
    colour: Literal["red", "white"] = "red"


class Pond(BaseModel):
    """Where it swims."""

    model_config = ConfigDict(extra="forbid")
    elsewhere: ClassVar[Mapping[str, str]] = {"frogs": "frogs live on the shore"}

    depth: Annotated[int, Field(ge=1, strict=True)] = 1
    fish: Annotated[list[Fish] | None, Field(alias="carp")] = None
    plants: Annotated[dict[Annotated[str, Field(max_length=4)], str], Field(min_length=1, max_length=2)] = {"reed": ""}


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("depht: 3", ["f:1:1: unknown_key: there is no key depht (did you mean depth?)"]),
        ("q: 3", ["f:1:1: unknown_key: there is no key q; here stand depth, carp, plants"]),
        ("frogs: 3", ["f:1:1: not_supported: frogs live on the shore"]),
        ("depth: x\ncarp:\n  - {name: a, color: b}", ["f:1:8: bad_value: depth: input should be a valid integer",
                                                     "f:3:15: unknown_key: there is no key color (did you mean colour?)"]),
        ("carp: [{colour: rde}]", ["f:1:8: missing_key: name is missing",
                                   "f:1:17: bad_value: colour is never rde (did you mean red?); write 'red' or 'white'"]),
        ("carp: [{name: A}]", ["f:1:15: bad_value: 'A' is no name"]),
        ("depth:", ["f:1:1: bad_value: depth has no value; write one or remove the key"]),
        ("carp: [{name: ~}]", ["f:1:9: bad_value: name has no value; write one"]),
        ("carp: [~]", ["f:1:8: bad_value: an item of carp is a map; write key: value"]),
        ("plants: {papyrus: a}", ["f:1:10: bad_value: papyrus takes at most 4 characters"]),
        ("plants: {}", ["f:1:9: bad_value: plants needs at least one"]),
        ("plants: {a: b, c: d, e: f}", ["f:1:9: bad_value: plants takes at most 2"]),
        ("plants: [a]", ["f:1:9: bad_value: plants is a map; write key: value"]),
        ("plants: {a: 7}", ['f:1:13: bad_value: 7 is a number; write "7" to make it text']),
        ("plants: {a: false}", ['f:1:13: bad_value: false is no text; write "false" to make it text']),
        ("plants: {a: {}, b: []}", ["f:1:13: bad_value: a is text, not a map", "f:1:20: bad_value: b is text, not a list"]),
        ("carp: [1]", ["f:1:8: bad_value: an item of carp is a map; write key: value"]),
        ("- 1", ["f:1:1: bad_value: this file is a map; write key: value"]),
    ],
)  # fmt: skip
def test_each_mistake_has_its_place_and_the_word_that_was_meant(text: str, sentences: list[str]) -> None:
    """In nested models too; all at once."""
    document, _ = parse_one("f", text)
    assert document is not None
    with pytest.raises(ValidationError) as caught:
        Pond.model_validate(document.data)
    problems = problems_of(caught.value, document, Pond, {"string_pattern_mismatch": "{input} is no name"})
    assert list(map(str, sorted(problems))) == sentences


def test_what_the_reader_refuses_is_told_once() -> None:
    """A tag or an alias is a mistake of its own; what its value would be is not known."""
    document = parse("f", "depth: !!str 7\ncarp: !x [1]\nplants: *p")[0][0]
    with pytest.raises(ValidationError) as caught:
        Pond.model_validate(document.data)
    assert problems_of(caught.value, document, Pond) == []


def test_a_kind_of_file_may_word_what_is_wrong_with_a_key() -> None:
    """Or with the items of a list, or a kind of mistake; what a check of its own says stays."""
    document, _ = parse_one("f", "depth: x\ncarp: [1]")
    assert document is not None
    with pytest.raises(ValidationError) as caught:
        Pond.model_validate(document.data)
    sentences = {"depth": "{key} is 1 or more", "carp[]": "a carp is {{…}}, not {input}"}
    assert [problem.message for problem in problems_of(caught.value, document, Pond, sentences)] == [
        "depth is 1 or more",
        "a carp is {…}, not 1",
    ]
