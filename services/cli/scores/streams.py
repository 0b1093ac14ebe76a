"""Event files as lines of bytes: what kind a file is, decompression, progress, and no line without an end."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast

from services.contracts.inbound import MAX_MESSAGE_BYTES

OnBytes: TypeAlias = Callable[[int], None]
"""Told how many more bytes of the file, as it lies on the disk, were read."""

DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What reading a file raises that cannot be read to its end."""

WHITE_SPACE = " "
"""As a delimiter: runs of blanks and tabs, and nothing is quoted."""

_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": WHITE_SPACE}
_JSON = frozenset({".jsonl", ".ndjson", ".json"})
_OPEN: dict[str, Callable[[BinaryIO], Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_BUFFER = 256 * 1024
_LIMIT = MAX_MESSAGE_BYTES + 1
_BOM = b"\xef\xbb\xbf"

KNOWN = f"{', '.join(sorted(_JSON))} (JSON lines) or {', '.join(_DELIMITERS)} (tables), also with {', '.join(_OPEN)}"


class Form(NamedTuple):
    """How a file is to be read. `delimiter` None means JSON lines, otherwise it is a table."""

    delimiter: str | None
    compression: str


def form_of(path: Path) -> Form | None:
    """By the endings of its name; None if they say nothing."""
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    compression = endings.pop() if endings and endings[-1] in _OPEN else ""
    ending = endings[-1] if endings else ""
    if ending in _JSON:
        return Form(None, compression)
    return Form(_DELIMITERS[ending], compression) if ending in _DELIMITERS else None


@contextmanager
def opened(path: Path, compression: str, on_bytes: OnBytes) -> Iterator[BinaryIO]:
    """The content of a file, decompressed. Opening and reading raise one of `DAMAGED`."""
    with ExitStack() as stack:
        raw = stack.enter_context(_Counted(path, on_bytes))
        stream = stack.enter_context(io.BufferedReader(raw, _BUFFER))
        if compression:
            plain = stack.enter_context(_OPEN[compression](stream))
            # its own readline is slower
            stream = stack.enter_context(io.BufferedReader(plain, _BUFFER))
        yield cast(BinaryIO, stream)


def numbered(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each line with its number from 1 and its end, less the file's byte order mark.

    Of one that is longer than a message may be, there is only so much as shows that, and the rest is skipped.
    """
    number = 0
    while line := stream.readline(_LIMIT):
        number += 1
        yield number, line if number > 1 else line.removeprefix(_BOM)
        while len(line) == _LIMIT and not line.endswith(b"\n"):
            line = stream.readline(_LIMIT)


class _Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        self._file = path.open("rb", buffering=0)
        self._on_bytes = on_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._file.readinto(buffer)
        if count:
            self._on_bytes(count)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
