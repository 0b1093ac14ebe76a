"""What every command says something with: two consoles, and the one way to give up."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from services.contracts.errors import KoipondError

OUT = Console()
ERR = Console(stderr=True, soft_wrap=True)


def fail(lines: str) -> NoReturn:
    """Say what is wrong on standard error, and end with 1."""
    ERR.print(lines, markup=False, highlight=False)
    raise typer.Exit(1) from None


def put(text: str, path: Path | None) -> None:
    """Write a text into a file and say so, or on standard output."""
    if path is None:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")
    OUT.print(f"written to {path}", markup=False, highlight=False, soft_wrap=True)


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


@contextmanager
def errors_in_one_line(cannot: str) -> Iterator[None]:
    """What a person can mend is told without a trace. `cannot` is the beginning of the sentence where a part is not installed."""
    try:
        yield
    except ValidationError as error:
        bad_settings(error)
    except ModuleNotFoundError as error:
        fail(f"{cannot} here: {error.name} is not installed")
    except BrokenPipeError:
        # whoever read our output wants no more of it; nor should Python complain of that at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise typer.Exit(0) from None
    except OSError as error:
        fail(f"{error.filename or 'the disk'}: {error.strerror or error}")
    except (ValueError, KoipondError) as error:
        # a FileError is one, too
        fail(str(error))
