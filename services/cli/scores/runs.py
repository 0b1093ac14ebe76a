"""Items put into the order of their keys, in bounded memory, by way of temporary files."""

from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

import msgspec

from services.cli.scores import frames

T = TypeVar("T")

MOST_BYTES = 16 * 1024 * 1024
"""Of the items that wait in memory for their run to be written."""
MOST_RUNS = 100
"""Runs, each of them one open file while they are merged; beyond these they become one."""
_OVERHEAD = 200
_ENCODER = msgspec.msgpack.Encoder()
_GLANCE = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])


class _Entry(NamedTuple):
    key: str
    record: bytes


class Runs(Generic[T]):
    """A context: the temporary folder (in `directory`, or the system's) is removed at its end, whatever happens.

    `kind` is the type of the items, any that msgspec can write. Read it as often as you like, but add nothing meanwhile.
    Raise `OSError` when the disk is full.
    """

    def __init__(
        self, kind: Any, directory: Path | None = None, *, most_bytes: int = MOST_BYTES, most_runs: int = MOST_RUNS
    ) -> None:
        self._decoder: msgspec.msgpack.Decoder[tuple[str, T]] = msgspec.msgpack.Decoder(tuple[str, kind])
        self._directory = directory
        self._most_bytes = most_bytes
        self._most_runs = most_runs
        self._waiting: list[_Entry] = []
        self._bytes = 0
        self._runs: list[Path] = []
        self._written = 0

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="koi-", dir=self._directory)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def add(self, key: str, item: T) -> None:
        entry = _Entry(key, _ENCODER.encode((key, item)))
        self._waiting.append(entry)
        self._bytes += len(entry.record) + _OVERHEAD
        if self._bytes > self._most_bytes:
            self._runs.append(self._write(self._sorted()))
            self._waiting.clear()
            self._bytes = 0
            if len(self._runs) >= self._most_runs:
                self._runs = [self._write(self._merged())]

    def __iter__(self) -> Iterator[T]:
        """All items by key, in the order of code points; those of one key in the order in which they were added."""
        return (self._decoder.decode(entry.record)[1] for entry in self._merged())

    def _sorted(self) -> list[_Entry]:
        return sorted(self._waiting, key=_key)

    def _merged(self) -> Iterator[_Entry]:
        return merge(*map(_read, self._runs), self._sorted(), key=_key)

    def _write(self, entries: Iterable[_Entry]) -> Path:
        path = Path(self._folder.name) / f"{self._written:06}"
        self._written += 1
        with frames.opened(path) as file:
            for entry in entries:
                frames.put(file, entry.record)
        return path


def _read(path: Path) -> Iterator[_Entry]:
    return (_Entry(_GLANCE.decode(record)[0], record) for record in frames.read(path))


def _key(entry: _Entry) -> str:
    return entry.key
