"""ECharts options as plain dicts. No functions inside, so they are JSON; a formatter is named by `@…` (see `page.js`)."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Option: TypeAlias = dict[str, Any]

WATER = "#1c7c8c"
DEEP = "#0f4c5c"
KOI = "#e4572e"
GOLD = "#e9a23b"
REED = "#6a994e"
STONE = "#9aa8ab"
PALETTE = (WATER, KOI, GOLD, REED, DEEP, "#8d6a9f", STONE, "#c98a6b")

_SHALLOW = "#eef5f5"
_LINE = "#d9e2e3"
_INK = "#23393d"
_MUTED = "#5e7479"


def bars(values: Mapping[str, float], *, colours: Sequence[str] = ()) -> Option:
    """One horizontal bar per name, the first on top, each with its number. `colours`: one per bar, by default all alike."""
    return {
        **_base(),
        "grid": {"left": 8, "right": 56, "top": 8, "bottom": 8},
        "tooltip": {"trigger": "item", "valueFormatter": "@number"},
        "xAxis": {"type": "value", "show": False},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": list(values),
            "axisLine": {"show": False},
            "axisTick": {"show": False},
            "axisLabel": {"color": _INK, "fontSize": 13, "interval": 0},
        },
        "series": [
            {
                "type": "bar",
                "barMaxWidth": 26,
                "data": [
                    {"value": value, "itemStyle": {"color": colours[at % len(colours)] if colours else WATER}}
                    for at, value in enumerate(values.values())
                ],
                "itemStyle": {"borderRadius": [0, 4, 4, 0]},
                "label": {"show": True, "position": "right", "color": _INK, "formatter": "@number"},
            }
        ],
    }


def stacked_bars(categories: Sequence[str], series: Mapping[str, Sequence[float]]) -> Option:
    """Vertical bars; the parts of each are stacked. Negative values hang below the axis and are shown without their sign."""
    return {
        **_base(),
        "grid": {"left": 8, "right": 16, "top": 40, "bottom": 8},
        "legend": _legend(),
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "valueFormatter": "@unsigned"},
        "xAxis": {
            "type": "category",
            "data": list(categories),
            "axisTick": {"show": False},
            "axisLine": {"onZero": False, "lineStyle": {"color": _LINE}},
            "axisLabel": {"color": _MUTED},
        },
        "yAxis": _value_axis("@unsigned"),
        "series": [
            {"name": name, "type": "bar", "stack": "all", "barMaxWidth": 42, "data": list(values)}
            for name, values in series.items()
        ],
    }


def stacked_rows(rows: Sequence[str], series: Mapping[str, Sequence[float]], *, unsigned: bool = False) -> Option:
    """Horizontal bars, the first row on top; the parts of each are stacked. `unsigned`: negative values lie to the left."""
    formatter = "@unsigned" if unsigned else "@number"
    return {
        **_base(),
        "grid": {"left": 8, "right": 24, "top": 40, "bottom": 8},
        "legend": _legend(),
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "valueFormatter": formatter},
        "xAxis": _value_axis(formatter),
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": list(rows),
            "axisTick": {"show": False},
            "axisLine": {"onZero": False, "lineStyle": {"color": _LINE}},
            "axisLabel": {"color": _INK, "fontSize": 13, "interval": 0},
        },
        "series": [
            {"name": name, "type": "bar", "stack": "all", "barMaxWidth": 26, "data": list(values)}
            for name, values in series.items()
        ],
    }


def pairs(rows: Sequence[str], series: Mapping[str, Sequence[float]]) -> Option:
    """Horizontal bars side by side for each row, the first row on top, each with its number."""
    option = stacked_rows(rows, series)
    bars = [
        {
            **{key: value for key, value in each.items() if key != "stack"},
            "itemStyle": {"borderRadius": [0, 4, 4, 0]},
            "label": {"show": True, "position": "right", "color": _INK, "formatter": "@number"},
        }
        for each in option["series"]
    ]
    return {**option, "color": [STONE, WATER, *PALETTE[1:]], "grid": {**option["grid"], "right": 56}, "series": bars}


def lines(categories: Sequence[str], series: Mapping[str, Sequence[float]]) -> Option:
    """Lines over the same categories."""
    option = stacked_bars(categories, series)
    drawn = [
        {"name": name, "type": "line", "showSymbol": False, "lineStyle": {"width": 2}, "data": list(values)}
        for name, values in series.items()
    ]
    return {
        **option,
        "color": [STONE, WATER, *PALETTE[1:]],
        "tooltip": {"trigger": "axis", "valueFormatter": "@number"},
        "series": drawn,
    }


def sankey(first: Sequence[str], last: Sequence[str], flows: Mapping[tuple[str, str], float]) -> Option:
    """How many go from where on the left to where on the right, each side from top to bottom. A side's names are distinct."""
    colours = {name: PALETTE[at % len(PALETTE)] for at, name in enumerate(dict.fromkeys([*first, *last]))}
    # a node is known by its name alone: those on the right differ by what nobody sees
    right = {name: f"{name}\u200b" for name in last}
    shown = {(origin, target): value for (origin, target), value in flows.items() if value}
    used = {origin for origin, _ in shown} | {right[target] for _, target in shown}
    nodes = [(name, colours[name], "left", 0) for name in first] + [(right[n], colours[n], "right", 1) for n in last]
    return {
        **_base(),
        "tooltip": {"trigger": "item", "valueFormatter": "@number"},
        "series": [
            {
                "type": "sankey",
                "left": 8,
                "right": 8,
                "top": 12,
                "bottom": 12,
                "nodeWidth": 14,
                "nodeGap": 14,
                "layoutIterations": 0,
                "draggable": False,
                "emphasis": {"focus": "adjacency"},
                "lineStyle": {"color": "source", "opacity": 0.32, "curveness": 0.5},
                "label": {"color": _INK, "fontSize": 13, "formatter": "{b}  {c}"},
                "data": [
                    {
                        "name": name,
                        "depth": depth,
                        "itemStyle": {"color": colour},
                        # within the picture, on either side
                        "label": {"position": "right" if side == "left" else "left"},
                    }
                    for name, colour, side, depth in nodes
                    if name in used
                ],
                "links": [
                    {"source": origin, "target": right[target], "value": value}
                    for (origin, target), value in shown.items()
                ],
            }
        ],
    }


def intervals(rows: Mapping[str, tuple[float, float, float]], *, colours: Sequence[str] = ()) -> Option:
    """A dot per name with the interval around it, in percent: (value, low, high). The first on top. `colours`: one per row."""
    names = list(rows)
    series: list[Option] = []
    for at, (name, (value, low, high)) in enumerate(rows.items()):
        colour = colours[at % len(colours)] if colours else WATER
        series += [
            {
                "type": "line",
                "silent": True,
                "showSymbol": False,
                "lineStyle": {"width": 5, "color": colour, "opacity": 0.35, "cap": "round"},
                "data": [[low, name], [high, name]],
            },
            {
                "name": name,
                "type": "scatter",
                "symbolSize": 13,
                "itemStyle": {"color": colour},
                "label": {"show": True, "position": "top", "distance": 4, "color": _INK, "formatter": "{@[0]} %"},
                "data": [[value, name]],
            },
        ]
    return {
        **_base(),
        "grid": {"left": 8, "right": 28, "top": 16, "bottom": 8},
        "tooltip": {"trigger": "item"},
        "xAxis": {**_value_axis("{value} %"), "scale": True},
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": names,
            "axisTick": {"show": False},
            "axisLine": {"show": False},
            "splitLine": {"show": True, "lineStyle": {"color": _LINE}},
            "axisLabel": {"color": _INK, "fontSize": 13, "interval": 0},
        },
        "series": series,
    }


def up_and_down(
    categories: Sequence[str], up: Mapping[str, Sequence[float]], down: Mapping[str, Sequence[float]]
) -> Option:
    """Bars above the axis for `up`, below it for `down`; both given as positive numbers."""
    below = {name: [-value for value in values] for name, values in down.items()}
    return {**stacked_bars(categories, {**up, **below}), "color": [WATER, KOI, GOLD, REED]}


def share_curve(shares: Sequence[float], *, mark: int, mark_label: str) -> Option:
    """A Pareto curve: `shares[i]` is what the best i % hold, 0..1. The point at `mark` % is marked and labelled."""
    percent = [[at, round(share * 100, 2)] for at, share in enumerate(shares)]
    axis = {"type": "value", "min": 0, "max": 100}
    return {
        **_base(),
        "grid": {"left": 8, "right": 24, "top": 24, "bottom": 30},
        "tooltip": {"trigger": "axis", "valueFormatter": "@percent"},
        "xAxis": {
            **axis,
            "name": "customers, best first",
            "nameLocation": "middle",
            "nameGap": 28,
            "nameTextStyle": {"color": _MUTED},
            "axisLabel": {"color": _MUTED, "formatter": "{value} %"},
            "splitLine": {"show": False},
            "axisLine": {"lineStyle": {"color": _LINE}},
        },
        "yAxis": {**_value_axis("{value} %"), **axis},
        "series": [
            {
                "name": "share of the whole",
                "type": "line",
                "showSymbol": False,
                "lineStyle": {"width": 3, "color": WATER},
                "itemStyle": {"color": WATER},
                "areaStyle": {"color": WATER, "opacity": 0.12},
                "data": percent,
                "markPoint": {
                    "symbol": "circle",
                    "symbolSize": 12,
                    "itemStyle": {"color": KOI},
                    "label": {
                        "position": "right",
                        "distance": 10,
                        "color": _INK,
                        "fontSize": 14,
                        "fontWeight": "bold",
                        "formatter": "@name",
                    },
                    "data": [{"coord": percent[mark], "name": mark_label}] if mark < len(percent) else [],
                },
                "markLine": {
                    "symbol": "none",
                    "silent": True,
                    "label": {"show": False},
                    "lineStyle": {"color": KOI, "type": "dashed"},
                    "data": [{"xAxis": mark}],
                },
            }
        ],
    }


def heat_map(
    columns: Sequence[str], rows: Sequence[str], values: Sequence[Sequence[float | None]], *, name: str
) -> Option:
    """`values[row][column]`, the first row on top; darker is more, None is left blank."""
    cells = [
        [column, row, value]
        for row, line in enumerate(values)
        for column, value in enumerate(line)
        if value is not None
    ]
    highest = max((value for *_, value in cells), default=0)
    axis = {
        "type": "category",
        "axisLine": {"show": False},
        "axisTick": {"show": False},
        "axisLabel": {"color": _INK},
    }
    return {
        **_base(),
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 14},
        "tooltip": {"trigger": "item", "valueFormatter": "@number"},
        "xAxis": {**axis, "data": list(columns), "position": "bottom"},
        "yAxis": {**axis, "data": list(rows), "inverse": True},
        "visualMap": {
            "show": False,
            "min": 0,
            "max": max(highest, 1),
            "inRange": {"color": [_SHALLOW, "#a9d0d4", "#4fa3ae", WATER, DEEP]},
        },
        "series": [
            {
                "name": name,
                "type": "heatmap",
                "data": [
                    {"value": cell, "label": {"color": "#ffffff" if cell[2] > highest * 0.4 else _INK}}
                    for cell in cells
                ],
                "label": {"show": True, "formatter": "@cell", "fontSize": 14},
                "itemStyle": {"borderColor": "#ffffff", "borderWidth": 3, "borderRadius": 6},
            }
        ],
    }


def _base() -> Option:
    return {"animation": False, "color": list(PALETTE), "aria": {"enabled": True}}


def _legend() -> Option:
    # more names than fit into one line can be leafed through, and lie on nothing
    return {"type": "scroll", "top": 0, "left": 0, "itemWidth": 14, "itemHeight": 10, "textStyle": {"color": _INK}}


def _value_axis(formatter: str) -> Option:
    return {
        "type": "value",
        "axisLabel": {"color": _MUTED, "formatter": formatter},
        "splitLine": {"lineStyle": {"color": _LINE}},
    }
