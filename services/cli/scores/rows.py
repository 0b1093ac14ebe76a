"""Rows as a CSV file: UTF-8, commas, a header line, LF. Every text is data and is written as it is, `=1+1` too."""

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeAlias

Cell: TypeAlias = str | int | float | bool | None
"""None is written as an empty cell, a truth as `true` or `false`, a number in full."""

STANDARD_OUTPUT = "-"
_MARK = "\ufeff"


def write_rows(
    place: str | Path, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, marked: bool = False
) -> int:
    """Write a file in one go, or to standard output (`-`), and say how many rows there were.

    When `rows` raises, or the disk is full, an earlier file stays as it was. `marked` puts a byte order mark first, without
    which Excel takes the file for another encoding.
    """
    with _opened(place) as file:
        if marked:
            file.write(_MARK)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        count = 0
        for row in rows:
            writer.writerow([_written(cell) for cell in row])
            count += 1
    return count


def _written(cell: Cell) -> Cell:
    return ("true" if cell else "false") if isinstance(cell, bool) else cell


@contextmanager
def _opened(place: str | Path) -> Iterator[TextIO]:
    if str(place) == STANDARD_OUTPUT:
        sys.stdout.flush()
        file = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        try:
            yield file
            file.flush()
        finally:
            # it is not ours to close
            file.detach()
        return
    path = Path(place)
    if path.exists() and not path.is_file():
        # a pipe or a device is written to, not replaced
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
