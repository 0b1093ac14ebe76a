"""Buckets: all events of a customer brought together in bounded memory, by way of temporary files.

Events are spilled into files by a hash of their customer; then each file is read back alone. A file that is too large to
be held in memory is spilled again by further digits of the hash. Customers who were merged into each other share a bucket.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import BinaryIO, Self
from zlib import crc32

import msgspec

from services.cli.scores import frames
from services.cli.scores.groups import Groups
from services.contracts.events import AnyEvent, ClockTick, CustomerMerged

WIDTH = 64
"""Files that events are spilled into, and each too large one again."""
MOST_BYTES = 32 * 1024 * 1024
"""Of one file that is read into memory, where it takes about three times as much."""

# customer, order of reading, event
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[str, int, AnyEvent])
_GLANCE = msgspec.msgpack.Decoder(tuple[str, int, msgspec.Raw])


class Buckets:
    """A context: the temporary folder (in `directory`, or the system's) is removed at its end, whatever happens.

    `add` all events, then `read` once. Raise `OSError` when the disk is full.
    """

    def __init__(self, directory: Path | None = None, *, width: int = WIDTH, most_bytes: int = MOST_BYTES) -> None:
        self._directory = directory
        self._width = width
        self._most_bytes = most_bytes
        self._groups = Groups()
        self._count = 0

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="koi-", dir=self._directory)
        self._shelf = _Shelf(Path(self._folder.name) / "events", self._width, 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._shelf.close()
        finally:
            self._folder.cleanup()

    def add(self, event: AnyEvent) -> None:
        """Spill one event; a tick belongs to nobody and is left out."""
        if isinstance(event, ClockTick):
            return
        if isinstance(event, CustomerMerged):
            self._groups.join(event.customer_id, event.into_id)
        self._shelf.put(event.customer_id, _ENCODER.encode((event.customer_id, self._count, event)))
        self._count += 1

    def read(self) -> Iterator[list[AnyEvent]]:
        """Buckets, none of them empty, each with all events of its customers by (occurred_at, order of adding).

        Who was merged with whom, by whatever detours, is in one bucket. Every bucket's file is gone once it was read.
        """
        self._shelf.close()
        self._regroup()
        for path in self._shelf.paths:
            yield from self._bucket(path, 1)

    def _regroup(self) -> None:
        """Move the events of grouped customers to where their group belongs."""
        shelf, groups = self._shelf, self._groups
        away = {customer for customer in groups.members if shelf.slot(customer) != shelf.slot(groups.name(customer))}
        if not away:
            return
        moved = _Shelf(shelf.folder / "moved", self._width, 0)
        for path in {shelf.path(customer) for customer in away}:
            if path.exists():
                _sift(path, away, groups, moved)
        moved.close()
        for source, target in zip(moved.paths, shelf.paths, strict=True):
            if source.exists():
                frames.append(source, target)

    def _bucket(self, path: Path, level: int) -> Iterator[list[AnyEvent]]:
        size = path.stat().st_size if path.exists() else 0
        if not size:
            return
        if size > self._most_bytes:
            shelf = self._split(path, level)
            paths = [part for part in shelf.paths if part.exists()]
            if len(paths) > 1:
                for part in paths:
                    yield from self._bucket(part, level + 1)
                return
            # one customer alone, or a group: it cannot be divided
            path = paths[0]
        entries = [_DECODER.decode(record)[1:] for record in frames.read(path)]
        path.unlink()
        entries.sort(key=lambda entry: (entry[1].occurred_at, entry[0]))
        yield [event for _, event in entries]

    def _split(self, path: Path, level: int) -> "_Shelf":
        shelf = _Shelf(path.with_suffix(".parts"), self._width, level)
        for record in frames.read(path):
            shelf.put(self._groups.name(_GLANCE.decode(record)[0]), record)
        shelf.close()
        path.unlink()
        return shelf


def _sift(path: Path, away: set[str], groups: Groups, moved: "_Shelf") -> None:
    """Take the records of those who belong elsewhere out of a file."""
    staying = path.with_suffix(".staying")
    with frames.opened(staying) as file:
        for record in frames.read(path):
            customer = _GLANCE.decode(record)[0]
            if customer in away:
                moved.put(groups.name(customer), record)
            else:
                frames.put(file, record)
    staying.replace(path)


class _Shelf:
    """A folder of files, one of them for each value of one digit of a customer's hash."""

    def __init__(self, folder: Path, width: int, level: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.paths = [folder / f"{slot:04}" for slot in range(width)]
        self._width = width
        self._below: int = width**level
        self._files: dict[int, BinaryIO] = {}

    def slot(self, customer: str) -> int:
        return crc32(customer.encode()) // self._below % self._width

    def path(self, customer: str) -> Path:
        return self.paths[self.slot(customer)]

    def put(self, customer: str, record: bytes) -> None:
        slot = self.slot(customer)
        file = self._files.get(slot)
        if file is None:
            file = self._files[slot] = frames.opened(self.paths[slot])
        frames.put(file, record)

    def close(self) -> None:
        """Everything is in the files now."""
        with ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)
        self._files.clear()
