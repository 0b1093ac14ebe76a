"""Stored states: what comes back, and what is refused."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.blob import Blobs, UnreadableState


class Pond(msgspec.Struct, array_like=True):
    """A state of schema 3."""

    schema: int = 3
    fish: dict[str, int] = {}


BLOBS = Blobs(Pond, 3, "pond", if_older="dig it anew")


@given(st.builds(Pond, fish=st.dictionaries(st.text(max_size=5), st.integers(0, 2**40), max_size=5)))
def test_load_undoes_dump(pond: Pond) -> None:
    """Any state comes back equal."""
    assert BLOBS.load(BLOBS.dump(pond)) == pond


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([4, {}], "a stored pond has schema 4, this release reads 3: run the newer release that wrote it"),
        ([4, "quite different"], "a stored pond has schema 4, this release reads 3: run the newer release that wrote it"),
        ([2, {}], "a stored pond has schema 2, this release reads 3: dig it anew"),
        ([3, 7], "a stored pond is damaged: Expected `object`, got `int`"),
        (["x"], "a stored pond is damaged: Expected `int`, got `str`"),
    ],
)  # fmt: skip
def test_another_schema_and_damage_are_told_apart(content: list[object], sentence: str) -> None:
    """Also where all other fields are unknown to this release."""
    with pytest.raises(UnreadableState) as caught:
        BLOBS.load(msgspec.msgpack.encode(content))
    assert str(caught.value).startswith(sentence)


@given(blob=st.binary(max_size=40))
def test_damaged_bytes_are_refused(blob: bytes) -> None:
    """Never with another exception."""
    with suppress(UnreadableState):
        BLOBS.load(blob)
