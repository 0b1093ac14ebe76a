"""docs/scoring.md says what is so: its tables and numbers are those of the code, and its worked example is worked."""

import csv
import re
import shlex
from collections.abc import Sequence
from math import log2
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.scores.columns import Columns
from services.cli.scores.instants import read_instant
from services.cli.scores.streams import form_of
from services.contracts.events import STANDARD_KINDS
from services.contracts.population import Limits
from services.contracts.profile import WINDOWS, Cause, Octant, Profile, RfSegment
from services.runtime.epochs import Every
from services.scoring import archive, census, repeats
from services.scoring.batch import Batch
from services.scoring.census import Counts
from services.scoring.config import DEFAULT_WEIGHTS, HighBy, Method, ScoringConfig, Ties
from services.scoring.daylog import MAX_KINDS
from services.scoring.registers import CAPACITY
from services.scoring.rfm import Measures
from services.scoring.settings import ScoringSettings

TEXT = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text(encoding="utf-8")
WORDS = " ".join(TEXT.split())
BEGIN, END = "<!-- points: generated from services/scoring/config.py -->\n", "<!-- /points -->"
FILES = dict(re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
"""What the page shows as the content of a file."""
SCORE = [line for line in TEXT.splitlines() if line.startswith("koi score ")]


def section(title: str) -> str:
    """What stands under a heading, up to the next of its rank."""
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, heads too, without the rules below them."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|-")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in cells]


def named(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def points_table() -> str:
    """Kinds by their points, the most first."""
    by_points: dict[float, list[str]] = {}
    for kind, points in DEFAULT_WEIGHTS.items():
        by_points.setdefault(points, []).append(kind)
    lines = (
        f"| {points:g} | {', '.join(f'`{kind}`' for kind in kinds)} |\n"
        for points, kinds in sorted(by_points.items(), reverse=True)
    )
    return "| points | kinds |\n|---|---|\n" + "".join(lines)


def test_the_points_are_those_of_the_code() -> None:
    """Copy `points_table()` between the marks when this fails."""
    assert set(DEFAULT_WEIGHTS) - {"custom:*"} == STANDARD_KINDS
    assert TEXT.partition(BEGIN)[2].partition(END)[0] == points_table()


def test_every_field_of_a_profile_is_described() -> None:
    """Each once, and no other."""
    described = [name for row in rows(section("What is in a profile")) for name in named(row[0])]
    assert sorted(described) == sorted(Profile.__struct_fields__)


def test_every_cause_is_described() -> None:
    """By the word that a profile has for it."""
    described = [name for row in rows(section("Why a profile is published"))[1:] for name in named(row[0])]
    assert described == list(Cause)


def test_the_defaults_are_those_of_the_code() -> None:
    """The limits of r, f and m, and the other numbers in the text."""
    config = ScoringConfig()
    for name, limits in config.thresholds:
        assert re.search(rf"^\| `{name}` .* \| {', '.join(map(str, limits))} \|", TEXT, re.MULTILINE)
    assert config.super_user is not None
    patience = ScoringSettings.model_fields["census_patience"].default
    for words in (
        f"({config.window_days} days unless configured, `window_days`",
        f"`method: {config.method}`, the default",
        f"**`hysteresis`** ({config.quantile.hysteresis:.0%}".replace("%", " %") + " unless configured, at most 9 %)",
        f"from score {config.high.r} on (`high.r`, 1 to 6",
        f"`enter` is {config.super_user.enter * 100:g} %, `leave` {config.super_user.leave * 100:g} %",
        f"`prior` ({config.rhythm.prior.days} days unless configured)",
        f"as much as `weight` gaps ({config.rhythm.weight:g})",
        f"({config.half_life.days} days unless configured)",
        f"`lateness` ({config.lateness.total_seconds() / 3600:g} hours)",
        f"`{config.epoch}` unless configured",
        f"`KOI_CENSUS_PATIENCE` seconds ({patience:g})",
        f"{config.currency} unless configured",
    ):
        assert words in WORDS, words
    assert (config.high.f, config.high.m, config.high.by) == (config.high.r, config.high.r, HighBy.SCORE)
    assert (config.quantile.ties, config.free_orders) == (Ties.SHARE, "ignore")


def test_the_limits_are_those_of_the_code() -> None:
    """How much is kept, and how exactly."""
    packed = archive.with_orders(archive.EMPTY, [archive.Packed(1, 2, 3, 4)])
    windows = ", ".join(map(str, WINDOWS[:-1]))
    for words in (
        f"windows of {windows} and {WINDOWS[-1]} days",
        f"At most {MAX_KINDS} kinds",
        f"no more than {repeats.KEPT} others",
        f"more than {repeats.CAPACITY:,} others",
        f"**packed** into {len(packed)} bytes",
        f"at most {CAPACITY} each",
        f"Up to {census.MOST_VALUES:,} distinct values",
        f"the {census.GRAIN} leading binary digits",
        f"less than {2 ** (1 - census.GRAIN) * 100:.1f} % of itself",
    ):
        assert words in WORDS, words


def test_the_octants_are_those_of_the_code() -> None:
    """All eight, each with the combination that leads to it."""
    found = re.findall(r"^\| (yes|no) \| (yes|no) \| (yes|no) \| (\S+) \|$", TEXT, re.MULTILINE)
    assert len(found) == len(Octant)
    for r, f, m, segment in found:
        assert Octant.of(r_high=r == "yes", f_high=f == "yes", m_high=m == "yes") == segment


def test_the_map_is_that_of_the_code() -> None:
    """Every pair of scores."""
    found = re.findall(r"^\| \*\*r (\d)\*\* \|(.*)\|$", TEXT, re.MULTILINE)
    assert [int(r) for r, _ in found] == [5, 4, 3, 2, 1]
    for r, cells in found:
        assert named(cells) == [RfSegment.of(int(r), f) for f in range(1, 6)]


def test_every_way_to_be_high_is_described() -> None:
    """And no other."""
    described = [name for row in rows(section("Segments"))[1:] for name in named(row[0])]
    assert described == list(HighBy)


def test_the_example_of_the_scoring_file_has_every_line() -> None:
    """Each says something of its own, but for the currency, and the words for each choice are there."""
    (text,) = re.findall(r"^```yaml\n(currency.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    config, unsaid = ScoringConfig.parse("docs/scoring.md", text), ScoringConfig()
    assert sorted(re.findall(r"^(\w+):", text, re.MULTILINE)) == sorted(ScoringConfig.model_fields)
    same = [name for name in ScoringConfig.model_fields if getattr(config, name) == getattr(unsaid, name)]
    assert same == ["currency"]
    for words in (Method, Ties, HighBy, Every):
        assert all(word in text for word in words)


def test_when_a_change_holds_is_said_of_every_line() -> None:
    """In the table below the example, each once."""
    (table,) = re.findall(r"^\| what was changed .*?\n\n", TEXT + "\n", re.MULTILINE | re.DOTALL)
    said = [name for row in rows(table)[1:] for name in named(row[0])]
    assert sorted(said) == sorted([*ScoringConfig.model_fields, "KOI_ZONE"])


def test_every_option_and_every_ending_is_described() -> None:
    """Those of `koi score`."""
    text = section("Scores from files")
    options = {name for row in rows(text) for name in named(row[0]) if name.startswith("--")}
    shown = CliRunner().invoke(app, ["score", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    told = {name for name in re.findall(r"--[a-z-]+", shown) if name != "--help"}
    assert {*options, "--delimiter"} == told
    for row in rows(text):
        for ending in (name for name in named(row[0]) if name.startswith(".")):
            assert form_of(Path(f"events.jsonl{ending}")) or form_of(Path(f"events{ending}")), ending


def test_the_columns_are_those_of_the_code() -> None:
    """In their order; what stands for several windows is named by the first."""
    text = section("Scores from files")
    table = text[text.index("| columns |") :]
    described = [name for row in rows(table[: table.index("\n\n")])[1:] for name in named(row[0])]
    header = list(Columns(["<kind>"]).header)
    windows = [f"_{width}d" for width in WINDOWS] + ["_lifetime"]
    places = [header.index(name) for name in described if name not in windows and "<" not in name]
    assert places == sorted(places)
    unsaid = [name for name in header if name not in described and not name.endswith(tuple(windows))]
    assert unsaid == []


@pytest.fixture
def worked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page, in which everything the page types was typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KOI_ZONE", raising=False)
    for name, body in FILES.items():
        (tmp_path / name).write_text(body, encoding="utf-8")
    for line in SCORE:
        result = CliRunner().invoke(app, [*shlex.split(line)[1:], "--strict"])
        assert result.exit_code == 0, f"{line}\n{result.output}"
        told = result.output.strip().splitlines()[-1]
        if "--as-of" in line:
            assert told in TEXT.splitlines(), told
    return tmp_path


def test_the_worked_example_is_what_one_gets(worked: Path) -> None:
    """The table is that of the command, and every file that is asked for is there."""
    with (worked / "scores.csv").open(encoding="utf-8", newline="") as file:
        got = [list(column) for column in zip(*csv.reader(file), strict=True)]
    shown = rows(TEXT.partition("<!-- scores.csv, turned on its side -->\n")[2].partition("<!-- /scores.csv -->")[0])
    assert [[row[0].strip("`"), *row[1:]] for row in shown] == got
    assert "<html" in (worked / "report.html").read_text(encoding="utf-8")


def test_the_cut_offs_shown_are_those_of_the_code(worked: Path) -> None:
    """The values, the four quantiles, the mean, and the limit of super users."""
    with (worked / "scores.csv").open(encoding="utf-8", newline="") as file:
        measured = [
            Measures(int(row["recency_days"]), int(row["frequency"]), int(row["monetary_minor"]))
            for row in csv.DictReader(file)
            if row["recency_days"]
        ]
    config = ScoringConfig.parse("scoring.yaml", FILES["scoring.yaml"])
    zone = ZoneInfo("Asia/Shanghai")
    counts = Counts()
    for measures in measured:
        counts.add(measures)
    version = Batch(config, zone, read_instant("2026-03-31", zone)).cutoffs(counts)
    shown = {row[0]: row[1:] for row in rows(section("A worked example")) if row[0] in {"days", "orders", "money"}}
    for at, (name, limits) in enumerate(
        {"days": version.recency, "orders": version.frequency, "money": version.money}.items()
    ):
        assert shown[name] == _row(sorted(m[at] or 0 for m in measured), limits)
    assert f"(90000 − 80000) = {version.super_user_enter:g}." in WORDS


def _row(values: Sequence[int], limits: Limits) -> list[str]:
    return [", ".join(map(str, values)), *(f"{cut:g}" for cut in limits.cuts), f"{limits.mean:g}"]


def test_the_arithmetic_is_right_and_that_of_the_table(worked: Path) -> None:
    """Each line of it, for two customers."""
    with (worked / "scores.csv").open(encoding="utf-8", newline="") as file:
        got = {row["customer_id"]: row for row in csv.DictReader(file)}
    blocks = re.findall(r"^<!-- arithmetic: (\S+) -->\n```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == len(("王芳", "李娜"))
    for customer, block in blocks:
        for line in block.splitlines():
            column, sum_, result = re.fullmatch(r"(\w+)\s+(\S.*?) = (\S+)(?: {2,}.*)?", line).groups()  # type: ignore[union-attr]
            assert round(_reckoned(sum_), 6) == float(result), line
            assert float(got[customer][column]) == float(result), line
    assert _reckoned("14 · log₂(4 / 1)") == 28


def _reckoned(sum_: str) -> float:
    """The value of a sum as people write it."""
    assert re.fullmatch(r"[0-9 ()+−·/^.]+|[0-9 ·]+log₂\([0-9 /]+\)", sum_), sum_
    for written, meant in {"−": "-", "·": "*", "^": "**", "log₂": "log2"}.items():
        sum_ = sum_.replace(written, meant)
    return float(eval(sum_, {"log2": log2}))  # noqa: S307 - nothing but digits and operators
