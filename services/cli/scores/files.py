"""Event files as canonical events, one line at a time, by the same gate as ingest."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

from services.cli.scores import table
from services.cli.scores.refusals import Refusals
from services.cli.scores.streams import DAMAGED, KNOWN, WHITE_SPACE, Form, form_of, numbered, opened
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, Origin
from services.contracts.inbound import MAX_MESSAGE_BYTES
from services.contracts.topics import ORDERS
from services.ingest.intake import Intake
from services.ingest.translation import Mapping
from services.runtime.problems import FileError, Place, Problem
from services.runtime.record import Record

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many bytes were read, and of how many: of all files together, as they lie on the disk."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": WHITE_SPACE}
"""Names of the delimiters of tables; `space` means runs of white space."""

_TOPIC = ORDERS.name


def delimiter_of(word: str) -> str:
    """The delimiter that a person names, or writes. Raise `ValueError`."""
    delimiter = DELIMITERS.get(word, word)
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n':
        raise ValueError(f"{word!r} is no delimiter; write one character, or {', '.join(DELIMITERS)}")
    return delimiter


class EventFiles:
    """All events of some files, in the order of files and lines.

    JSON lines are inbound messages as on `koi.orders`, taken to have arrived at `arrived_ms` (Unix milliseconds); the rows
    of a table are messages for `mappings`, of which the first that covers one decides, whatever topic it names. Lines that
    cannot be used go to `refusals`. `lines` counts what was read (blank lines are not), `ignored` what a mapping drops on
    purpose. An event's origin has the number of its file, from 0, as partition and its line as offset.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        mappings: Sequence[Mapping] = (),
        *,
        arrived_ms: int,
        refusals: Refusals,
        delimiter: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`delimiter` holds for all tables, instead of the one that a file's ending says.

        Raise `FileError` with everything that can be told before reading: files that are not there, or of no known kind.
        """
        self.lines = 0
        self.ignored = 0
        self._paths = tuple(paths)
        self._forms = _forms(self._paths, mapped=bool(mappings))
        self._intake = Intake([replace(mapping, topic=_TOPIC) for mapping in mappings])
        self._arrived_ms = arrived_ms
        self._refusals = refusals
        self._delimiter = delimiter
        self._progress = progress
        self._read = 0
        self._size = sum(path.stat().st_size for path in self._paths)

    def __iter__(self) -> Iterator[AnyEvent]:
        """Read everything, from the beginning. Raise `FileError` for a file that is damaged, or has no usable header."""
        self.lines = self.ignored = self._read = 0
        for number, (path, form) in enumerate(zip(self._paths, self._forms, strict=True)):
            line = 0
            try:
                with opened(path, form.compression, self._count) as stream:
                    for line, message in _messages(
                        path, form.delimiter and (self._delimiter or form.delimiter), stream
                    ):
                        yield from self._events(message, Origin(_TOPIC, number, line, self._arrived_ms))
            except DAMAGED as error:
                said = f"the file cannot be read beyond this line: {getattr(error, 'strerror', None) or error}"
                raise FileError([Problem(Place(str(path), line + 1), "damaged", said)]) from error

    def place(self, origin: Origin) -> str:
        """`file:line` of an event read here."""
        return f"{self._paths[origin.partition]}:{origin.offset}"

    def _count(self, count: int) -> None:
        self._read += count
        if self._progress is not None:
            self._progress(self._read, self._size)

    def _events(self, message: bytes | dict[str, str] | InvalidMessage, origin: Origin) -> tuple[AnyEvent, ...]:
        self.lines += 1
        try:
            events = self._answer(message, origin)
        except InvalidMessage as error:
            self._refusals.add(self.place(origin), error.reason, error.detail)
            return ()
        except Exception as error:  # noqa: BLE001 - one line must not end the reading, as in ingest
            self._refusals.add(self.place(origin), "internal_error", f"{type(error).__name__}: {error}")
            return ()
        self.ignored += not events
        return events

    def _answer(self, message: bytes | dict[str, str] | InvalidMessage, origin: Origin) -> tuple[AnyEvent, ...]:
        if isinstance(message, InvalidMessage):
            raise message
        if isinstance(message, bytes):
            record = Record(origin.topic, origin.partition, origin.offset, origin.timestamp_ms, None, message)
            return self._intake.accept(record)
        return self._intake.translate(message, origin)


def _forms(paths: Sequence[Path], *, mapped: bool) -> list[Form]:
    problems: list[Problem] = []
    forms: list[Form] = []
    for path in paths:
        place = Place(str(path))
        form = form_of(path)
        if not path.exists():
            problems.append(Problem(place, "no_file", "there is no such file"))
        elif path.is_dir():
            problems.append(Problem(place, "is_folder", f"this is a folder; name its files: {path}/*"))
        elif form is None:
            problems.append(Problem(place, "unknown_kind", f"the name does not say what it is; known are {KNOWN}"))
        elif form.delimiter is not None and not mapped:
            said = (
                "a table needs a mapping file that says which column is what; "
                "write one (docs/publishing.md#mapping-files) and name it with --mapping"
            )
            problems.append(Problem(place, "no_mapping", said))
        else:
            forms.append(form)
    if problems:
        raise FileError(problems)
    return forms


def _messages(
    path: Path, delimiter: str | None, stream: BinaryIO
) -> Iterator[tuple[int, bytes | dict[str, str] | InvalidMessage]]:
    lines = numbered(stream)
    return _json_lines(path, lines) if delimiter is None else table.rows(str(path), path.name, lines, delimiter)


def _json_lines(path: Path, lines: table.Lines) -> Iterator[tuple[int, bytes | InvalidMessage]]:
    for number, line in lines:
        if line.isspace() or not line:
            continue
        if number == 1 and line.strip() == b"[":
            said = "this is one long list; write one object a line, for example with jq -c '.[]'"
            raise FileError([Problem(Place(str(path)), "not_lines", said)])
        if len(line) > MAX_MESSAGE_BYTES:
            said = f"the line has more than {MAX_MESSAGE_BYTES:,} bytes; write one event a line"
            yield number, InvalidMessage("too_large", said)
        else:
            yield number, line
