"""`koi notify`: what a person types; the work is done in `running`, which is imported when it is needed."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from services.cli.terminal import OUT, errors_in_one_line
from services.contracts.channels import ChannelName

notify_app = typer.Typer(help="Messages sent by hand.", no_args_is_help=True)


@notify_app.callback()
def _notify() -> None:
    """Keep `test` a command of its own."""


@notify_app.command("test")
def notify_test(
    *,
    channel: Annotated[ChannelName, typer.Option(help="over this channel, with the settings of the notifier")],
    to: Annotated[str | None, typer.Option(help="address of the recipient", metavar="ADDRESS")] = None,
    text: Annotated[str | None, typer.Option(help="what it says", metavar="TEXT")] = None,
    title: Annotated[str | None, typer.Option(help="its title, where there is one", metavar="TEXT")] = None,
    template: Annotated[str | None, typer.Option(help="or the words of this template", metavar="NAME")] = None,
    templates: Annotated[
        Path | None, typer.Option(envvar="KOI_TEMPLATES", help="where the templates lie", exists=True)
    ] = None,
    lang: Annotated[str, typer.Option(help="in this language")] = "zh",
    param: Annotated[
        list[str] | None, typer.Option(help="a value of the template; else an example", metavar="NAME=VALUE")
    ] = None,
    code: Annotated[str | None, typer.Option(help="sms: the template at the provider", metavar="CODE")] = None,
    field: Annotated[list[str] | None, typer.Option(help="sms: a value of that", metavar="NAME=VALUE")] = None,
) -> None:
    """Send one message, really, and show what the provider answers.

    Neither consent nor quiet hours nor silences are asked. Ends with 1 unless the message was accepted.
    """
    with errors_in_one_line("messages cannot be sent"):
        from services.cli.notify import running  # noqa: PLC0415
        from services.cli.notify.trial import intention, outcome  # noqa: PLC0415
        from services.notifier.channels.base import Accepted  # noqa: PLC0415

        wish = running.Wish(
            channel, to, text, title, template, templates, lang, tuple(param or ()), code, tuple(field or ())
        )
        parcel = running.prepare(wish)
        made = running.build(channel)
        OUT.print(escape(intention(channel, parcel)), soft_wrap=True)
        result, seconds = asyncio.run(running.send(made, parcel))
    OUT.print(escape(outcome(channel, result, seconds)), soft_wrap=True)
    if not isinstance(result, Accepted):
        raise typer.Exit(1)
