"""Reports: one file, nothing fetched, nothing run that came as data."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from services.cli.report import Chart, Check, Figure, Figures, Page, Section, Stories, Story, StoryStep, Table, charts

EVIL = "</script><script>alert(1)</script><!-- <b>&\"'\u2028"


class Reader(HTMLParser):
    """What a browser would make of the page: texts, the scripts' contents, and everything that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.fetched: list[str] = []
        self.text = ""
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}={value}" for name, value in attrs if name in {"src", "href", "data", "action"}]
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)
        else:
            self.text += data


def read(page: Page) -> Reader:
    reader = Reader()
    reader.feed(page.render())
    return reader


def full_page(text: str) -> Page:
    """Every kind of block, with the same text wherever a text can stand."""
    story = Story(text, text, text, [StoryStep(text, text, "good", [Check(text, text, holds=False)], [text])], text)
    return Page(
        text,
        [
            Section(
                text,
                [
                    Figures([Figure(text, text, text)], text),
                    Table(text, [text, "n"], [[text, 1234567], [text, 2]]),
                    Chart(text, charts.bars({text: 3}), text, numbers=Table(text, [text], [[text]])),
                    Stories([story], text, text),
                ],
                text,
            )
        ],
        text,
        text,
    )


def options(reader: Reader) -> list[dict[str, Any]]:
    return [json.loads(body) for attributes, body in reader.scripts if attributes.get("type") == "application/json"]


def test_data_is_shown_and_never_run() -> None:
    """A text that looks like markup appears as that text, in HTML and in the charts' JSON."""
    reader = read(full_page(EVIL))
    assert len(reader.scripts) == 3  # one chart, the library, our own
    assert options(reader)[0]["yAxis"]["data"] == [EVIL]
    assert reader.text.count("alert(1)") >= 15
    assert "<b>" in reader.text


def test_the_page_is_one_file() -> None:
    """No address is fetched; the chart library is inside; the browser is told to fetch nothing."""
    html = full_page("酋长").render()
    reader = read(full_page("酋长"))
    assert reader.fetched == []
    assert "default-src 'none'" in html
    assert "url(" not in html.partition("<script>")[0]
    assert any(len(body) > 1_000_000 for _, body in reader.scripts)


def test_chinese_labels_have_fonts() -> None:
    """Labels stay readable on Linux, macOS and Windows."""
    html = full_page("重要价值").render()
    assert "重要价值" in html
    for font in ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei"):
        assert font in html


def test_numbers_are_grouped_and_set_right() -> None:
    """A column of numbers only is a column of numbers."""
    html = full_page("x").render()
    assert '<td class="right">1,234,567</td>' in html
    assert '<th class="right">n</th>' in html
    assert "<td>x</td>" in html


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    """The folder is made, and no draft stays behind."""
    path = tmp_path / "new" / "report.html"
    full_page("x").write(path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(path.parent.iterdir()) == [path]


def test_a_page_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """A value JSON cannot hold is an error, and the earlier report survives it."""
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(ValueError, match="JSON"):
        Page("x", [Section("", [Chart("x", {"value": float("nan")})])]).write(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def every_chart() -> dict[str, charts.Option]:
    return {
        "bars": charts.bars({"a": 1, "b": 2}, colours=[charts.KOI]),
        "bars of nothing": charts.bars({}),
        "stacked": charts.stacked_bars(["x", "y"], {"a": [1, 2], "b": [3, 4]}),
        "up and down": charts.up_and_down(["x"], {"up": [3]}, {"down": [2]}),
        "share": charts.share_curve([0, 0.7, 1], mark=1, mark_label="top"),
        "share of nothing": charts.share_curve([], mark=20, mark_label="top"),
        "heat": charts.heat_map(["c1", "c2"], ["r1"], [[0, 9]], name="n"),
        "heat with a gap": charts.heat_map(["c1"], ["r1", "r2"], [[None], [9]], name="n"),
        "heat of nothing": charts.heat_map([], [], [], name="n"),
    }


@pytest.mark.parametrize("name", every_chart())
def test_every_option_is_json_and_names_known_formatters(name: str) -> None:
    """Options survive JSON, and each formatter in them is one the page resolves."""
    option = every_chart()[name]
    assert json.loads(json.dumps(option)) == option
    page = read(Page("x", [Section("", [Chart("x", option)])]))
    known = set(re.findall(r'"(@\w+)":', page.scripts[-1][1]))
    assert set(re.findall(r'"(@\w+)"', json.dumps(option))) <= known


def test_demotions_hang_below_the_axis() -> None:
    """Both are given as counts; the second goes down."""
    option = charts.up_and_down(["x"], {"up": [3]}, {"down": [2]})
    assert [series["data"] for series in option["series"]] == [[3], [-2]]


def test_the_marked_point_lies_on_the_curve() -> None:
    """At mark % of the people stands the share they hold."""
    option = charts.share_curve([0, 0.7, 1], mark=1, mark_label="top")
    assert option["series"][0]["markPoint"]["data"][0]["coord"] == [1, 70]


def test_a_gap_in_a_heat_map_stays_blank() -> None:
    """Where there is nothing to show, there is no cell, and the others keep their places."""
    option = charts.heat_map(["c1", "c2"], ["r1", "r2"], [[None, 1], [2, None]], name="n")
    assert [cell["value"] for cell in option["series"][0]["data"]] == [[1, 0, 1], [0, 1, 2]]
