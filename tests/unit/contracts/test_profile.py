"""The eight octants."""

from itertools import product

import pytest

from services.contracts.profile import Octant


@pytest.mark.parametrize(
    ("digits", "name"),
    [
        ("111", "重要价值"),
        ("101", "重要发展"),
        ("011", "重要保持"),
        ("001", "重要挽留"),
        ("110", "一般价值"),
        ("100", "一般发展"),
        ("010", "一般保持"),
        ("000", "一般挽留"),
    ],
)
def test_an_octant_has_its_customary_name(digits: str, name: str) -> None:
    """R, F and M high or low name the octant as the practice does."""
    r, f, m = (digit == "1" for digit in digits)
    assert Octant.of(r_high=r, f_high=f, m_high=m).value == name


def test_every_combination_is_an_octant_of_its_own() -> None:
    """The eight combinations of high and low are the eight octants."""
    found = [Octant.of(r_high=r, f_high=f, m_high=m) for r, f, m in product((True, False), repeat=3)]
    assert set(found) == set(Octant)
    assert len(found) == len(set(found))


def test_importance_is_money() -> None:
    """An octant is called important exactly when M is high."""
    for r, f, m in product((True, False), repeat=3):
        assert Octant.of(r_high=r, f_high=f, m_high=m).value.startswith("重要") is m
