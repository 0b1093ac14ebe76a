"""How many messages a text is paid for as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels.segments import segments

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@pytest.mark.parametrize(
    ("text", "at_home", "abroad"),
    [
        ("", 0, 0),
        ("鱼", 1, 1),
        ("鱼" * 70, 1, 1),
        ("鱼" * 71, 2, 2),
        ("鱼" * 134, 2, 2),
        ("鱼" * 135, 3, 3),
        ("鱼" * 160, 3, 3),  # the example of the documentation: 67, 67 and 26
        ("x" * 70, 1, 1),
        ("x" * 71, 2, 1),
        ("x" * 160, 3, 1),
        ("x" * 161, 3, 2),
        ("x" * 350, 6, 3),  # the example of the documentation: 153, 153 and 44
        ("€" * 80, 2, 1),
        ("€" * 81, 2, 2),
        ("x" * 152 + "€" + "x" * 6, 3, 1),
        ("x" * 152 + "€" + "x" * 152, 5, 3),  # what takes two places begins a new part
        ("x" * 159 + "鱼", 3, 3),
        ("🐟" * 35, 1, 1),
        ("🐟" * 36, 2, 2),
        ("🐟" * 66, 2, 2),
        ("🐟" * 67, 3, 3),  # 33 to a part: none is split
    ],
)
def test_texts_are_counted_in_messages(text: str, at_home: int, abroad: int) -> None:
    """70 or 67 places each; abroad 160 or 153, if it is all of the GSM alphabet."""
    assert (segments(text), segments(text, abroad=True)) == (at_home, abroad)


@given(text=anything)
def test_abroad_is_never_dearer(text: str) -> None:
    """More fits into a message there, or as much."""
    assert segments(text, abroad=True) <= segments(text)


@given(text=anything, more=anything)
def test_more_text_is_never_cheaper(text: str, more: str) -> None:
    """And two texts in one cost at most one message more than each on its own."""
    whole = segments(text + more)
    assert whole >= max(segments(text), segments(more))
    assert whole <= segments(text) + segments(more) + 1


@given(text=anything)
def test_all_places_are_there(text: str) -> None:
    """Enough messages for all units of UTF-16, and not one more than the splitting of pairs can cost."""
    units = len(text.encode("utf-16-le")) // 2
    assert units <= 70 or segments(text) * 67 >= units
    assert (segments(text) - 1) * 66 < max(units, 1)
