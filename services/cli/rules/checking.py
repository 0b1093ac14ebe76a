"""`koi rules check` and `koi rules schema`: what a person who writes rules asks before they run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from services.cli.problems import say
from services.cli.terminal import OUT, fail, many, put
from services.runtime.problems import FileError


def rules_check(
    path: Annotated[Path, typer.Argument(help="a rule file, or a folder of them", exists=True)],
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON object per problem, and nothing else")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="end with 1 when there are warnings")] = False,
    no_warnings: Annotated[bool, typer.Option("--no-warnings", help="look for mistakes only")] = False,
) -> None:
    """Check rule files and say everything that is wrong with them, with file, line and column.

    Rules that will work get a second look: a warning stands wherever they cannot do what they seem to say.
    """
    from services.rules.book.compiler import compile_rulebook  # noqa: PLC0415
    from services.rules.review import definitions, fact_names, warnings  # noqa: PLC0415
    from services.runtime.files import TEST_SUFFIXES, read_files  # noqa: PLC0415 - an image may lack what reads YAML

    if strict and no_warnings:
        raise typer.BadParameter("--strict is about the warnings that --no-warnings leaves out")
    if path.is_file() and path.name.endswith(TEST_SUFFIXES):
        fail(f"{path} is a test file; play it with koi rules test {path}")
    try:
        texts = read_files(path)
        book = compile_rulebook(texts)
    except FileError as error:
        say(error.problems, "error", as_json=as_json)
        raise typer.Exit(1) from None
    facts = definitions(texts)
    odd = [] if no_warnings else warnings(book, facts)
    say(odd, "warning", as_json=as_json)
    if not as_json:
        found = [many(len(book.ladders), "ladder"), many(len(book.campaigns), "campaign")]
        found += [many(len(names), "fact")] if (names := fact_names(facts)) else []
        counted = f", {many(len(odd), 'warning')}" if odd else ""
        OUT.print(f"{escape(str(path))}: {_listed(found)} are fine{counted}", soft_wrap=True)
    if odd and strict:
        raise typer.Exit(1)


def rules_schema(
    write: Annotated[Path | None, typer.Option(help="write it into this file")] = None,
) -> None:
    """Print the JSON Schema of rule files, for editors that complete and check while one writes."""
    from services.rules.book.schema import schema_text  # noqa: PLC0415

    put(schema_text(), write)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
