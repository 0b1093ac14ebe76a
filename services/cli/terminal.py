"""What every command says something with: two consoles, and the one way to give up."""

from typing import NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

OUT = Console()
ERR = Console(stderr=True, soft_wrap=True)


def fail(lines: str) -> NoReturn:
    """Say what is wrong on standard error, and end with 1."""
    ERR.print(lines, markup=False, highlight=False)
    raise typer.Exit(1) from None


def many(count: int, noun: str) -> str:
    """`1 ladder`, `2 ladders`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def bad_settings(error: ValidationError) -> NoReturn:
    """Say which settings are wrong, and end with 2."""
    # never the value itself: it may be a secret
    for problem in error.errors(include_input=False):
        name = "".join(f"KOI_{part}: ".upper() for part in problem["loc"][:1])
        ERR.print(name + problem["msg"].removeprefix("Value error, "), markup=False, highlight=False)
    raise typer.Exit(2) from None
