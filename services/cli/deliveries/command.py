"""`koi deliveries`: what a person types; the work is done in `running`, which is imported when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.terminal import errors_in_one_line

Words = list[str] | None


def deliveries(
    *,
    customer: Annotated[
        str | None, typer.Option(help="the messages about one customer, with their history", metavar="ID")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="messages of this rule", metavar="NAME")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="decided since: a length of time such as 7d, a date, or an instant", metavar="T"),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="decided until the end of this date, or this instant", metavar="T")
    ] = None,
    outcome: Annotated[
        Words,
        typer.Option(
            help="sent, suppressed, failed, deferred, pending; delivered, bounced, unsubscribed; several with commas",
            metavar="WORD",
        ),
    ] = None,
    reason: Annotated[Words, typer.Option(help="why: see docs/ledger.md; several with commas", metavar="WORD")] = None,
    channel: Annotated[Words, typer.Option(help="over this channel; several with commas", metavar="NAME")] = None,
    limit: Annotated[int, typer.Option(min=0, help="lines: the newest so many", metavar="N")] = 50,
    wide: Annotated[bool, typer.Option("--wide", help="a column for everything, however wide that is")] = False,
    csv: Annotated[Path | None, typer.Option(help="a table to write, CSV: all lines", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")] = False,
) -> None:
    """Say what became of every message: sent, held back (and why), failed (and why), waiting; from the ledger in Kafka.

    At the end stand the sums, and whether they add up.
    """
    with errors_in_one_line("deliveries cannot be read"):
        from services.cli.deliveries.asking import Question  # noqa: PLC0415
        from services.cli.deliveries.running import Form, answer  # noqa: PLC0415

        answer(
            Question(customer, rule, since, until, outcome or (), reason or (), channel or ()),
            Form(limit, as_json, wide, csv),
        )
