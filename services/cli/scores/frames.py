"""Files of records: each with its length before it."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

_PREFIX = 4
_BUFFER = 64 * 1024


def put(file: BinaryIO, record: bytes) -> None:
    """Append one record."""
    file.write(len(record).to_bytes(_PREFIX) + record)


def opened(path: Path) -> BinaryIO:
    """A file to append records to."""
    return path.open("ab", _BUFFER)


def read(path: Path) -> Iterator[bytes]:
    """All records, in the order in which they were put."""
    with path.open("rb", _BUFFER) as file:
        while prefix := file.read(_PREFIX):
            yield file.read(int.from_bytes(prefix))


def append(source: Path, target: Path) -> None:
    """Append all records of one file to another."""
    with source.open("rb") as file, target.open("ab") as end:
        copyfileobj(file, end)
