"""`koi silence`: what a person types; the work is done in `running`, which is imported when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.silence.asking import Wish
from services.cli.terminal import errors_in_one_line

_CANNOT = "silences cannot be kept"

silence_app = typer.Typer(
    help="Silences: hold messages back for a while, and say why; the notifier heeds them within a second.",
    no_args_is_help=True,
)


@silence_app.command("add")
def add(
    *,
    rule: Annotated[str | None, typer.Option(help="messages of this rule", metavar="NAME")] = None,
    template: Annotated[str | None, typer.Option(help="messages of this template", metavar="NAME")] = None,
    category: Annotated[str | None, typer.Option(help="transactional, service or marketing", metavar="NAME")] = None,
    channel: Annotated[
        str | None, typer.Option(help="this channel only: messages may take another", metavar="NAME")
    ] = None,
    customer: Annotated[str | None, typer.Option(help="messages about this customer", metavar="ID")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="all messages")] = False,
    lasting: Annotated[str | None, typer.Option("--for", help="for how long, such as 2h", metavar="LENGTH")] = None,
    until: Annotated[
        str | None, typer.Option(help="until this instant, or the end of this business day", metavar="T")
    ] = None,
    comment: Annotated[str, typer.Option(help="why", metavar="TEXT")],
    by: Annotated[str, typer.Option(envvar="USER", help="who asks for it", metavar="NAME")] = "",
    rules: Annotated[
        Path | None, typer.Option(help="rule file or folder to check names by; else KOI_RULES", exists=True)
    ] = None,
) -> None:
    """Hold back the messages that fit all that is said, from now on, and print the id of the silence.

    What is held back is not sent later: it ends as suppressed, silenced.
    """
    with errors_in_one_line(_CANNOT):
        from services.cli.silence import running  # noqa: PLC0415

        wish = Wish(
            comment=comment,
            by=by,
            rule=rule,
            template=template,
            category=category,
            channel=channel,
            customer=customer,
            everything=everything,
            lasting=lasting,
            until=until,
        )
        running.add(wish, rules)


@silence_app.command("list")
def show(
    *,
    expired: Annotated[bool, typer.Option("--expired", help="those of the last 30 days that are over, too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")] = False,
) -> None:
    """List the silences that are up."""
    with errors_in_one_line(_CANNOT):
        from services.cli.silence import running  # noqa: PLC0415

        running.show(over=expired, json=as_json)


@silence_app.command("expire")
def expire(
    ids: Annotated[list[str], typer.Argument(help="ids, or as much of their beginning as is unique", metavar="ID…")],
) -> None:
    """End silences now. Those that are over stay in the list for 30 days."""
    with errors_in_one_line(_CANNOT):
        from services.cli.silence import running  # noqa: PLC0415

        running.expire(ids)
