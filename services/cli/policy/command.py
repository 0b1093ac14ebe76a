"""`koi policy check` and `schema`."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from services.cli.problems import say
from services.cli.terminal import OUT, many, put
from services.runtime.problems import FileError, Problem

policy_app = typer.Typer(no_args_is_help=True, help="Policy files: consent, caps, quiet hours; the staff directory.")


@policy_app.command("check")
def policy_check(
    path: Annotated[
        Path | None, typer.Argument(help="a policy file; without one, what holds by default", exists=True)
    ] = None,
    staff: Annotated[Path | None, typer.Option(help="a staff directory", exists=True)] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON object per problem, and nothing else")
    ] = False,
) -> None:
    """Check a policy, and a staff directory, and say in words what they mean, defaults included."""
    from services.cli.policy.words import lines  # noqa: PLC0415 - an image may lack what reads YAML
    from services.notifier.policy.models import Policy  # noqa: PLC0415
    from services.notifier.policy.reading import load  # noqa: PLC0415
    from services.notifier.policy.staff import Staff  # noqa: PLC0415

    wrong: list[Problem] = []
    policy, colleagues = Policy(), Staff()
    try:
        policy = policy if path is None else load(Policy, path)
    except FileError as error:
        wrong += error.problems
    try:
        colleagues = colleagues if staff is None else load(Staff, staff)
    except FileError as error:
        wrong += error.problems
    say(wrong, "error", as_json=as_json)
    if wrong:
        raise typer.Exit(1)
    if as_json:
        return
    for line in lines(policy):
        OUT.print(escape(line), highlight=False)
    if staff is not None:
        OUT.print(f"{escape(str(staff))}: {many(len(colleagues.colleagues), 'colleague')}", soft_wrap=True)


@policy_app.command("schema")
def policy_schema(
    of: Annotated[Literal["policy", "staff"], typer.Argument(help="of which file")] = "policy",
    write: Annotated[Path | None, typer.Option(help="write it into this file")] = None,
) -> None:
    """Print the JSON Schema of policy files, or of staff directories, for editors that complete and check while one writes."""
    from services.notifier.policy.schema import schema_text  # noqa: PLC0415

    put(schema_text(of), write)
