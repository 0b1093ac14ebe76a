"""A page of sections, and how it becomes one HTML file."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.cli.report.blocks import Block, Cell

_HERE = Path(__file__).parent
_ECHARTS = _HERE / "vendor" / "echarts.min.js"

# Inside <script> an HTML parser looks for </script and <!-- whatever the script means; JSON may write them as escapes
_UNSAFE_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Section:
    """Blocks under a title, two in a row unless they are wide."""

    title: str
    blocks: Sequence[Block]
    lead: str = ""


@dataclass(frozen=True)
class Page:
    """Every text in it is plain text; whatever it contains, it is shown, never run."""

    title: str
    sections: Sequence[Section]
    subtitle: str = ""
    footer: str = ""

    def render(self) -> str:
        """The whole file: style, chart library and data inside, nothing fetched."""
        environment = Environment(
            loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        environment.filters.update(json=_json, cell=_cell, numeric_columns=_numeric_columns)
        return environment.get_template("page.html.j2").render(
            page=self, css=_ours("page.css"), js=_ours("page.js"), echarts=_ours(_ECHARTS)
        )

    def write(self, path: Path) -> None:
        """Write the file in one go: an interrupted run leaves the old one, or none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            draft.write_text(self.render(), encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _ours(path: str | Path) -> Markup:
    """A file of this package, to be inlined as it is."""
    return Markup((_HERE / path).read_text(encoding="utf-8"))  # noqa: S704 - shipped with the code, not data


def _json(value: Any) -> Markup:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    for character, escape in _UNSAFE_IN_SCRIPT.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - nothing in it can end the element


def _cell(value: Cell) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _numeric_columns(rows: Sequence[Sequence[Cell]]) -> set[int]:
    """Columns that hold numbers only."""
    return {
        at for at, column in enumerate(zip(*rows, strict=True)) if not any(isinstance(cell, str) for cell in column)
    }
