"""`koi explain`: what a person types; the work is done in `running`, which is imported when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.terminal import errors_in_one_line

Files = Annotated[
    list[Path] | None,
    typer.Option("--events", help="event files to replay instead of asking the live pipeline", metavar="FILE"),
]


def explain(
    customer: Annotated[str, typer.Argument(help="the id of one customer", metavar="CUSTOMER")],
    *,
    rule: Annotated[str | None, typer.Option(help="only this rule, and everything about it", metavar="NAME")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="a date (the end of that business day) or an instant, past or future", metavar="T"),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="rule file or folder; else KOI_RULES", metavar="PATH", exists=True)
    ] = None,
    events: Files = None,
    mapping: Annotated[
        list[Path] | None, typer.Option(help="mapping file or folder that says which column is what", metavar="FILE")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="of tables: comma, semicolon, tab, pipe, space or one character")
    ] = None,
    scoring: Annotated[
        Path | None, typer.Option(help="scoring file (docs/scoring.md) to replay with; else that in KOI_SCORING")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="business time zone to replay with; else KOI_ZONE, else Asia/Shanghai")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="decisions of each rule's history", min=1, metavar="N")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of a tree")] = False,
) -> None:
    """Say why rules do, or do not, speak to one customer: conditions with their values, history, and what comes next.

    Live: the state in Redis and the ledgers in Kafka. With --events: a replay of files, exact for any instant.
    """
    with errors_in_one_line("rules cannot be explained"):
        from services.cli.explain.running import Question, answer  # noqa: PLC0415

        if not events and (mapping or delimiter or scoring or zone):
            raise ValueError(
                "--mapping, --delimiter, --scoring and --zone are for a replay; name its files with --events"
            )
        answer(
            Question(customer, rule, at, rules, events or (), mapping or (), delimiter, scoring, zone),
            limit,
            as_json=as_json,
        )
