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
        "legend": {"top": 0, "left": 0, "itemWidth": 14, "itemHeight": 10, "textStyle": {"color": _INK}},
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
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 8},
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


def _value_axis(formatter: str) -> Option:
    return {
        "type": "value",
        "axisLabel": {"color": _MUTED, "formatter": formatter},
        "splitLine": {"lineStyle": {"color": _LINE}},
    }
