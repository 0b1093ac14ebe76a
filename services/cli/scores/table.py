"""Tables as messages: each data row of a file with a header line becomes {column: text}, for a mapping to read."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from services.cli.scores.streams import WHITE_SPACE
from services.contracts.errors import InvalidMessage
from services.contracts.inbound import MAX_MESSAGE_BYTES
from services.runtime.problems import FileError, Place, Problem

ROW = "_row"
"""The number of the data row, from 1, as text. Rows that are refused count, blank lines do not."""
FILE = "_file"
"""The name of the file, without its folder."""

_LIKELY_DELIMITERS = ",;\t|"

Lines: TypeAlias = Iterator[tuple[int, bytes]]


class Row(NamedTuple):
    """A data row: the line it begins in, and its message or what is wrong with it."""

    line: int
    message: dict[str, str] | InvalidMessage


def rows(path: str, name: str, lines: Lines, delimiter: str) -> Iterator[Row]:
    """The data rows of a table. A cell without text is absent, and so is a column without a name.

    Quotes are as in RFC 4180 (not with `WHITE_SPACE`). A row that cannot be read costs no other row. Raise `FileError`
    when there is no header that can be used.
    """
    records = _records(lines, delimiter)
    columns = _columns(path, records)
    for number, (line, cells) in enumerate(records, start=1):
        if isinstance(cells, InvalidMessage):
            yield Row(line, cells)
        elif len(cells) != len(columns):
            said = f"the row has {len(cells)} cells, the header {len(columns)}; put a cell with a delimiter in it in quotes"
            yield Row(line, InvalidMessage("wrong_columns", said))
        else:
            message = {
                column: cell
                for column, cell in zip(columns, cells, strict=True)
                if cell and column and not cell.isspace()
            }
            message[ROW] = str(number)
            message[FILE] = name
            yield Row(line, message)


def _columns(path: str, records: Iterator[tuple[int, list[str] | InvalidMessage]]) -> list[str]:
    line, cells = next(records, (1, []))
    if isinstance(cells, InvalidMessage):
        raise FileError([Problem(Place(path, line), cells.reason, f"the header cannot be read: {cells.detail}")])
    columns = [cell.strip() for cell in cells]
    place = Place(path, line)
    if not any(columns):
        raise FileError([Problem(place, "no_header", "the file is empty; its first line must name the columns")])
    problems = [
        Problem(place, "duplicate_column", f"{column} names {columns.count(column)} columns; rename all but one")
        for column in dict.fromkeys(columns)
        if column and columns.count(column) > 1
    ]
    problems += [
        Problem(place, "reserved_column", f"{column} is given by us; rename the column")
        for column in (ROW, FILE)
        if column in columns
    ]
    found = [mark for mark in _LIKELY_DELIMITERS if mark in columns[0]]
    if len(columns) == 1 and found:
        problems.append(
            Problem(place, "one_column", f"the only column is {columns[0]!r}; is the delimiter {found[0]!r}? Say so")
        )
    if problems:
        raise FileError(problems)
    return columns


def _records(lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str] | InvalidMessage]]:
    """All records but blank lines, the header too, each with the line it begins in."""
    texts = _Texts(lines)
    parsed: Iterator[list[str]] = (
        map(str.split, texts) if delimiter == WHITE_SPACE else csv.reader(texts, delimiter=delimiter, strict=True)
    )
    while True:
        texts.begin()
        try:
            cells = next(parsed)
        except StopIteration:
            return
        except InvalidMessage as error:
            yield texts.give_back(), error
        except csv.Error as error:
            said = (
                f'the quotes of the row are wrong ({error}); a cell with quotes in it is written "so ""quoted"" here"'
            )
            yield texts.give_back(), InvalidMessage("wrong_quotes", said)
        else:
            if len(cells) > 1 or (cells and not cells[0].isspace()):
                yield texts.first_line, cells


class _Texts:
    """Lines as text, for a parser that may take several for one record. `first_line` is where the record begins."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._given_back: deque[tuple[int, bytes]] = deque()
        self._taken: list[tuple[int, bytes]] = []
        self._size = 0

    @property
    def first_line(self) -> int:
        return self._taken[0][0]

    def begin(self) -> None:
        """A new record begins."""
        self._taken.clear()
        self._size = 0

    def give_back(self) -> int:
        """All but the first line of the record shall be read again: a quote that never closes swallowed them."""
        self._given_back.extendleft(reversed(self._taken[1:]))
        return self.first_line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        taken = self._given_back.popleft() if self._given_back else next(self._lines)
        self._taken.append(taken)
        number, line = taken
        self._size += len(line)
        if self._size > MAX_MESSAGE_BYTES:
            said = f"the row has more than {MAX_MESSAGE_BYTES:,} bytes; is a quote opened that never closes?"
            raise InvalidMessage("too_large", said)
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            said = (
                f"byte {error.start} (0x{line[error.start]:02x}) of line {number} is not UTF-8; "
                "for a file from a Chinese Windows: iconv -f GB18030 -t UTF-8"
            )
            raise InvalidMessage("not_utf8", said) from None
