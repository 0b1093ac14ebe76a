"""The charts of forecasts: JSON that ECharts draws."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.cli.report import charts
from services.cli.rules.forecasting.report import days_of
from tests.unit.cli.rules_simulate.test_forecast import heard, histories

names = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6, unique=True)


@given(names, names, st.data())
def test_a_sankey_has_every_flow_between_two_nodes(first: list[str], last: list[str], data: st.DataObject) -> None:
    """Whatever the names: those on the left are never those on the right."""
    flows = {(one, other): data.draw(st.integers(0, 9)) for one in first for other in last}
    series = charts.sankey(first, last, flows)["series"][0]
    nodes = {node["name"] for node in series["data"]}
    assert sum(link["value"] for link in series["links"]) == sum(flows.values())
    assert all({link["source"], link["target"]} <= nodes for link in series["links"])
    assert {node["name"] for node in series["data"] if node["depth"] == 0} <= set(first)
    assert not {link["source"] for link in series["links"]} & {link["target"] for link in series["links"]}


@given(histories())
def test_days_become_series_that_add_up(said: list[Any]) -> None:
    """Whatever is put together."""
    forecast = heard(said)
    slots, series = days_of(forecast.message_days, forecast.days)
    assert sum(map(sum, series.values())) == forecast.sent
    assert {len(values) for values in series.values()} <= {len(slots)}


def test_all_are_json() -> None:
    """Nothing but texts, numbers and truths."""
    rows = ["甲", "乙"]
    options = [
        charts.stacked_rows(rows, {"冷却": [1, 2]}),
        charts.pairs(rows, {"old": [1, 2], "new": [3, 4]}),
        charts.lines(rows, {"old": [1, 2], "new": [3, 4]}),
        charts.intervals({"唤醒": (40.0, 30.0, 52.5)}),
        charts.sankey(rows, rows, {("甲", "乙"): 3}),
    ]
    for option in options:
        assert json.loads(json.dumps(option, ensure_ascii=False, allow_nan=False)) == option
    assert all("stack" not in each for each in options[1]["series"])
