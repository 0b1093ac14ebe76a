"""`koi templates check`, `values` and `schema`: what a person who writes texts asks before they are used."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from services.cli.problems import say
from services.cli.terminal import OUT, many, put
from services.runtime.problems import FileError, Problem


def templates_check(
    path: Annotated[Path, typer.Argument(help="a template file, or a folder of them", exists=True)],
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="a rule set (several times: each by itself): do its messages find words?", exists=True),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON object per problem, and nothing else")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="end with 1 when there are warnings")] = False,
    no_warnings: Annotated[bool, typer.Option("--no-warnings", help="look for mistakes only")] = False,
) -> None:
    """Check templates and say everything that is wrong with them, with file, line and column.

    With --rules, also whether every message of these rules finds words for its channels, and these their values.
    """
    from services.cli.templates.usage import misuses, odd_uses  # noqa: PLC0415 - an image may lack what reads YAML
    from services.notifier.templates.checking import oddities  # noqa: PLC0415
    from services.notifier.templates.collection import Templates  # noqa: PLC0415
    from services.rules.book.compiler import compile_rulebook  # noqa: PLC0415
    from services.runtime.files import read_files  # noqa: PLC0415

    if strict and no_warnings:
        raise typer.BadParameter("--strict is about the warnings that --no-warnings leaves out")
    wrong: list[Problem] = []
    odd: list[Problem] = []
    templates = Templates()
    try:
        templates = Templates.load(path)
        odd += [problem for template in templates.by_name.values() for problem in oddities(template)]
        for book in [compile_rulebook(read_files(each)) for each in rules or ()]:
            wrong += misuses(book, templates)
            odd += odd_uses(book, templates)
    except FileError as error:
        wrong += error.problems
    say(sorted(dict.fromkeys(wrong)), "error", as_json=as_json)
    if not no_warnings:
        say(sorted(dict.fromkeys(odd)), "warning", as_json=as_json)
    if wrong:
        raise typer.Exit(1)
    if not as_json:
        count = len(templates.by_name)
        counted = f", {many(len(dict.fromkeys(odd)), 'warning')}" if odd and not no_warnings else ""
        OUT.print(f"{escape(str(path))}: {many(count, 'template')} {'is' if count == 1 else 'are'} fine{counted}")
    if odd and strict:
        raise typer.Exit(1)


def templates_values(
    markdown: Annotated[bool, typer.Option("--markdown", help="print the table of docs/templates.md")] = False,
) -> None:
    """List what a text can ask for, beside what the rule adds by its params."""
    from services.cli.templates.catalogue import COLUMNS, rows, values_table  # noqa: PLC0415

    if markdown:
        sys.stdout.write(values_table())
        return
    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    table.columns[2].overflow = "fold"  # Chinese has no blanks to break at
    for row in rows():
        table.add_row(*map(escape, row))
    OUT.print(table)


def templates_schema(
    write: Annotated[Path | None, typer.Option(help="write it into this file")] = None,
) -> None:
    """Print the JSON Schema of template files, for editors that complete and check while one writes."""
    from services.notifier.templates.schema import schema_text  # noqa: PLC0415

    put(schema_text(), write)
