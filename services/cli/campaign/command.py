"""`koi campaign`: what a person types; the work is done in `running`, which is imported when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.terminal import errors_in_one_line

campaign_app = typer.Typer(help="Campaigns: whom they reached, and whether they work.", no_args_is_help=True)


@campaign_app.callback()
def _campaign() -> None:
    """Keep `report` a word of its own."""


@campaign_app.command("report")
def report(
    name: Annotated[str, typer.Argument(help="the campaign's name", metavar="NAME")],
    *,
    since: Annotated[
        str | None,
        typer.Option(
            help="episodes that began since: a length of time such as 30d, a date, or an instant", metavar="T"
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="as of the end of this date, or this instant; else of now", metavar="T")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="rule file or folder that says what the goal is; else KOI_RULES", metavar="PATH", exists=True
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--report", help="a page with pictures to write, HTML", metavar="FILE")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="a table to write, CSV: messages by step, outcome and reason", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of tables")] = False,
) -> None:
    """Say what became of a campaign: sent, held back and why, and how often its goal is reached against the control group."""
    with errors_in_one_line("campaigns cannot be reported"):
        from services.cli.campaign.running import Form, Question, answer  # noqa: PLC0415

        answer(Question(name, since, until, rules), Form(as_json, page, csv))
