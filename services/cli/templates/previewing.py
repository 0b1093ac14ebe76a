"""`koi templates preview`: each channel's words as they would be sent."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from services.cli.terminal import OUT, errors_in_one_line
from services.contracts.channels import ChannelName
from services.runtime.problems import suggestion

if TYPE_CHECKING:
    from services.notifier.templates.reading import Template
    from services.notifier.templates.values import Value

WIDTH = 80
"""Columns at most: texts of this length are read on a telephone."""


class Language(StrEnum):
    """The languages that templates are written in."""

    ZH = "zh"
    EN = "en"


def templates_preview(
    template: Annotated[str, typer.Argument(help="the name of a template, or its file", metavar="TEMPLATE")],
    *,
    folder: Annotated[
        Path | None,
        typer.Option("--templates", envvar="KOI_TEMPLATES", help="where the templates lie", exists=True),
    ] = None,
    channel: Annotated[ChannelName | None, typer.Option(help="only what is said over this channel")] = None,
    lang: Annotated[Language | None, typer.Option(help="only in this language")] = None,
    customer: Annotated[
        str | None, typer.Option(help="with the values of this customer of the running pipeline", metavar="ID")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="with --customer: rule file or folder, for the ladders; else KOI_RULES", exists=True),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="with the values of a profile, as on koi.profiles", metavar="FILE.json", exists=True),
    ] = None,
) -> None:
    """Show what a template says, channel by channel, with its length and what is missing.

    The values are examples, unless you name a profile or a customer; what a rule adds by its params always is.
    """
    if customer is not None and profile is not None:
        raise typer.BadParameter("--customer or --profile, not both")
    with errors_in_one_line("templates cannot be shown"):
        from services.cli.templates.boxes import boxes, values  # noqa: PLC0415
        from services.cli.templates.people import of_file  # noqa: PLC0415
        from services.notifier.templates.examples import examples  # noqa: PLC0415
        from services.notifier.templates.models import LANGUAGES  # noqa: PLC0415

        chosen = _chosen(template, folder)
        variables = examples(chosen)
        if customer is not None or profile is not None:
            real = of_file(profile) if profile is not None else _live(str(customer), rules)
            variables = {name: variables[name] for name in chosen.params} | real
        languages = LANGUAGES if lang is None else (lang.value,)
        shown = list(boxes(chosen, variables, languages, channel))
        if not shown:
            where = f" for {channel}" if channel is not None else ""
            raise ValueError(f"{chosen.name} has no words{where}{f' in {lang}' if lang is not None else ''}")
        console = Console(width=min(OUT.width, WIDTH) if OUT.is_terminal else WIDTH, highlight=False)
        for box in shown:
            console.print(box)
        console.print(values(chosen, variables) or Text("it asks for no values", "dim"))


def _live(customer: str, rules: Path | None) -> "dict[str, Value]":
    from services.cli.templates.people import of_customer  # noqa: PLC0415
    from services.rules.app import RulesSettings  # noqa: PLC0415
    from services.rules.book.compiler import compile_rulebook  # noqa: PLC0415
    from services.runtime.files import read_files  # noqa: PLC0415

    settings = RulesSettings()
    return of_customer(customer, settings, compile_rulebook(read_files(rules or settings.rules)))


def _chosen(name: str, folder: Path | None) -> "Template":
    """The template in a file, or of a name in a folder. Raise `FileError` and `ValueError`."""
    from services.notifier.templates.collection import Templates  # noqa: PLC0415 - an image may lack what reads YAML

    file = Path(name)
    if file.suffix in {".yaml", ".yml"}:
        return next(iter(Templates.load(file).by_name.values()))
    if folder is None:
        raise ValueError("name the folder of the templates: --templates FOLDER, or KOI_TEMPLATES")
    known = Templates.load(folder).by_name
    if name not in known:
        raise ValueError(f"there is no template {name}{suggestion(name, known)}")
    return known[name]
