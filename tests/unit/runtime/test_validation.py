"""What pydantic finds, as problems of a document."""

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.runtime.document import parse_one
from services.runtime.validation import problems_of


class Fish(BaseModel):
    """What swims."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z]+$")]
    colour: Literal["red", "white"] = "red"


class Pond(BaseModel):
    """Where it swims."""

    model_config = ConfigDict(extra="forbid")
    planned: ClassVar[frozenset[str]] = frozenset({"frogs"})

    depth: Annotated[int, Field(ge=1, strict=True)] = 1
    fish: Annotated[list[Fish] | None, Field(alias="carp")] = None


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("depht: 3", ["f:1:1: unknown_key: there is no key depht (did you mean depth?)"]),
        ("q: 3", ["f:1:1: unknown_key: there is no key q; here stand depth, carp"]),
        ("frogs: 3", ["f:1:1: not_supported: frogs is not supported yet"]),
        ("depth: x\ncarp:\n  - {name: a, color: b}", ["f:1:8: bad_value: depth: input should be a valid integer",
                                                     "f:3:15: unknown_key: there is no key color (did you mean colour?)"]),
        ("carp: [{colour: rde}]", ["f:1:8: missing_key: name is missing",
                                   "f:1:17: bad_value: colour is never rde (did you mean red?); write 'red' or 'white'"]),
        ("carp: [{name: A}]", ["f:1:15: bad_value: 'A' is no name"]),
        ("carp: [1]", ["f:1:8: bad_value: carp: input should be a valid dictionary or instance of Fish"]),
        ("- 1", ["f:1:1: bad_value: input should be a valid dictionary or instance of Pond"]),
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
