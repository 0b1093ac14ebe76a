"""docs/scoring.md says what is so: its table of points, its limits and its octants are those of the code."""

import re
from pathlib import Path

from services.contracts.events import STANDARD_KINDS
from services.contracts.profile import Octant
from services.scoring.config import DEFAULT_WEIGHTS, ScoringConfig
from services.scoring.daylog import MAX_KINDS
from services.scoring.repeats import CAPACITY

TEXT = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text(encoding="utf-8")
BEGIN, END = "<!-- points: generated from services/scoring/config.py -->\n", "<!-- /points -->"


def points_table() -> str:
    """Kinds by their points, the most first."""
    by_points: dict[float, list[str]] = {}
    for kind, points in DEFAULT_WEIGHTS.items():
        by_points.setdefault(points, []).append(kind)
    rows = (
        f"| {points:g} | {', '.join(f'`{kind}`' for kind in kinds)} |\n"
        for points, kinds in sorted(by_points.items(), reverse=True)
    )
    return "| points | kinds |\n|---|---|\n" + "".join(rows)


def test_the_points_are_those_of_the_code() -> None:
    """Copy `points_table()` between the marks when this fails."""
    assert set(DEFAULT_WEIGHTS) - {"custom:*"} == STANDARD_KINDS
    assert TEXT.partition(BEGIN)[2].partition(END)[0] == points_table()


def test_the_defaults_are_those_of_the_code() -> None:
    """The limits of r, f and m, and the other numbers in the text."""
    config = ScoringConfig()
    for name, limits in config.thresholds:
        assert re.search(rf"^\| `{name}` .* \| {', '.join(map(str, limits))} \|", TEXT, re.MULTILINE)
    assert (config.high.r, config.high.f, config.high.m) == (4, 4, 4)
    assert f"({config.window_days} unless configured" in TEXT
    assert f"({config.half_life.days} days unless configured)" in TEXT
    assert f"`lateness` ({config.lateness.total_seconds() / 3600:g} hours)" in TEXT
    assert f"{config.currency} unless configured" in TEXT
    assert f"At most {MAX_KINDS} kinds" in TEXT
    assert f"{CAPACITY:,} others" in TEXT


def test_the_octants_are_those_of_the_code() -> None:
    """All eight, each with the combination that leads to it."""
    rows = re.findall(r"^\| (yes|no) \| (yes|no) \| (yes|no) \| (\S+) \|$", TEXT, re.MULTILINE)
    assert len(rows) == len(Octant)
    for r, f, m, segment in rows:
        assert Octant.of(r_high=r == "yes", f_high=f == "yes", m_high=m == "yes") == segment
