"""Event files: what is read from them, what is refused and where, and how far the reading is."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.scores import table
from services.cli.scores.files import EventFiles, delimiter_of
from services.cli.scores.refusals import Refusals
from services.cli.scores.streams import form_of
from services.contracts.errors import InvalidMessage
from services.contracts.events import AnyEvent, CustomerMerged, OrderPaid, Origin
from services.contracts.inbound import MAX_MESSAGE_BYTES
from services.ingest.intake import Intake
from services.ingest.mapping import load
from services.ingest.translation import Mapping
from services.runtime.problems import FileError
from services.runtime.record import Record

ARRIVED = datetime(2026, 2, 1, tzinfo=UTC)
ARRIVED_MS = int(ARRIVED.timestamp() * 1000)
ORDER: dict[str, Any] = {
    "id": "m-1", "source": "shop", "type": "order.paid", "customer_id": "客户-1", "order_id": "o-1",
    "occurred_at": "2026-01-31T08:00:00+08:00", "amount_minor": 1990, "currency": "CNY",
}  # fmt: skip
MAPPING = """\
kind: mapping
name: orders
topic: koi.interactions
source: shop
when: {号码: {exists: true}}
type: order.paid
fields:
  id: {join: [_file, _row]}
  customer_id: 客户
  order_id: 号码
  amount_minor: {from: 金额, unit: major, currency: CNY}
  currency: {value: CNY}
  occurred_at: {from: 时间, zone: Asia/Shanghai}
  channel: {from: 渠道, default: 其他}
"""
HEADER = "号码,客户,金额,时间,渠道"
ROW = "7,客户-1,19.90,2026-01-31 08:00:00,门店"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress,
}  # fmt: skip


def mappings(*texts: str) -> list[Mapping]:
    return [load(text, "m.yaml") for text in texts or (MAPPING,)]


def line(**changes: Any) -> str:
    return json.dumps({**ORDER, **changes}, ensure_ascii=False)


def read(
    path: Path, content: str | bytes, mapped: Sequence[Mapping] = (), **options: Any
) -> tuple[list[AnyEvent], Refusals, EventFiles]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    refusals = Refusals()
    files = EventFiles([path], mapped, arrived_ms=ARRIVED_MS, refusals=refusals, **options)
    return list(files), refusals, files


def ids(events: Sequence[AnyEvent]) -> list[str]:
    return [event.id for event in events]


def refused(refusals: Refusals, path: Path) -> list[tuple[str, str]]:
    """Lines and reasons."""
    return [(refusal.place.removeprefix(f"{path}:"), refusal.reason) for refusal in refusals.first]


def problem(paths: Sequence[Path], mapped: Sequence[Mapping] = (), **options: Any) -> list[str]:
    """What cannot be read at all, each as line, code and sentence without the folder."""
    with pytest.raises(FileError) as caught:
        list(EventFiles(paths, mapped, arrived_ms=ARRIVED_MS, refusals=Refusals(), **options))
    return str(caught.value).replace(f"{paths[0].parent}/", "").splitlines()


def test_a_line_is_the_record_that_ingest_would_have_taken(tmp_path: Path) -> None:
    """The event is the one of a record that arrived then, in a partition named by the file, at the line's number."""
    path = tmp_path / "events.jsonl"
    future = line(id="m-2", occurred_at="2026-03-01T00:00:00Z")
    events, refusals, files = read(path, f"{line()}\n\n  \n{future}\n")
    record = Record("koi.orders", 0, 4, ARRIVED_MS, None, future.encode())
    assert events[1:] == list(Intake().accept(record))
    assert events[1].flags == ("clamped_future",)
    assert events[0].received_at == events[1].occurred_at == ARRIVED
    assert [event.origin for event in events] == [Origin("koi.orders", 0, at, ARRIVED_MS) for at in (1, 4)]
    assert (files.lines, refusals.total) == (2, 0)


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".json", ".JSONL"])
@pytest.mark.parametrize("compression", COMPRESS)
def test_json_lines_have_several_names_and_may_be_compressed(tmp_path: Path, ending: str, compression: str) -> None:
    """The last line needs no end, and lines may end as on Windows."""
    content = COMPRESS[compression](f"{line()}\r\n{line(id='m-2')}".encode())
    events, _, _ = read(tmp_path / f"2026.01{ending}{compression}", content)
    assert ids(events) == ["m-1", "m-2"]


@pytest.mark.parametrize(
    ("ending", "delimiter", "option"),
    [(".csv", ",", None), (".tsv", "\t", None), (".txt", "\t ", None), (".csv", ";", ";"), (".txt", "|", "pipe")],
)
@pytest.mark.parametrize("compression", COMPRESS)
def test_a_table_becomes_messages_for_its_mapping(
    tmp_path: Path, ending: str, delimiter: str, option: str | None, compression: str
) -> None:
    """Whatever topic the mapping names; row and file are columns too; a byte order mark and CRLF do no harm."""
    row = ROW.replace(" ", "T")
    content = f"\ufeff{HEADER}\r\n{row}\r\n\r\n{row}\r\n".replace(",", delimiter).encode()
    path = tmp_path / f"o{ending}{compression}"
    chosen = delimiter_of(option) if option else None
    events, refusals, files = read(path, COMPRESS[compression](content), mappings(), delimiter=chosen)
    assert ids(events) == [f"{path.name}-1", f"{path.name}-2"]
    first = events[0]
    assert isinstance(first, OrderPaid)
    assert (first.customer_id, first.order_id, first.amount_minor, first.channel) == ("客户-1", "7", 1990, "门店")
    assert first.occurred_at == datetime(2026, 1, 31, tzinfo=UTC)
    assert [files.place(event.origin) for event in events if event.origin] == [f"{path}:2", f"{path}:4"]
    assert (files.lines, refusals.total) == (2, 0)


def test_an_empty_cell_is_absent(tmp_path: Path) -> None:
    """A default stands in for it, and what is required is missed; a column without a name is not looked at."""
    content = f"{HEADER},,\n{ROW.replace('门店', ' ')},x,y\n{ROW.replace('客户-1', '')},x,y\n"
    events, refusals, _ = read(tmp_path / "o.csv", content, mappings())
    assert isinstance(events[0], OrderPaid)
    assert events[0].channel == "其他"
    assert refusals.first[0].detail == "mapping orders: customer_id (from 客户): is required"


def test_a_mapping_reads_json_lines_too(tmp_path: Path) -> None:
    """What no mapping covers must be canonical, and what is ignored is counted."""
    gone = "kind: mapping\nname: gone\ntopic: koi.orders\nwhen: {test: true}\ntype: ignore\n"
    shop = MAPPING.replace("{join: [_file, _row]}", "号码")
    theirs = {"号码": "7", "客户": "c", "金额": 0.5, "时间": "2026-01-31 08:00:00"}
    lines = [json.dumps(theirs), line(), '{"test": true}', '{"a": 1}']
    path = tmp_path / "e.jsonl"
    events, refusals, files = read(path, "\n".join(lines), mappings(gone, shop))
    assert ids(events) == ["7", "m-1"]
    assert (files.lines, files.ignored) == (4, 1)
    assert refusals.told() == [
        f"{path}:4: no_mapping: no mapping matches (tried gone, orders), nor is it canonical: type: is required"
    ]


def test_a_merge_lies_with_the_customer_who_ends(tmp_path: Path) -> None:
    """A table of merges is in canonical form afterwards."""
    text = """\
kind: mapping
name: merges
topic: koi.interactions
source: crm
when: {_row: {exists: true}}
type: customer.merged
fields: {id: {from: _row, prefix: "合并-"}, customer_id: keep, from_id: drop, occurred_at: at}
"""
    events, _, _ = read(tmp_path / "m.csv", "keep,drop,at\na,b,2026-01-31T00:00:00Z\n", mappings(text))
    (merged,) = events
    assert isinstance(merged, CustomerMerged)
    assert (merged.id, merged.customer_id, merged.into_id) == ("合并-1", "b", "a")


def test_lines_that_cannot_be_used_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    """Each refusal has the file, the line, the reason and the sentence of ingest."""
    path = tmp_path / "e.jsonl"
    long = line(note="x" * 2 * MAX_MESSAGE_BYTES)
    content = "\n".join([line(), "{", line(amount_minor="1"), long, "深" * 90_000, line(id="m-6")]).encode()
    events, refusals, _ = read(path, content + b"\n\xff\n")
    assert ids(events) == ["m-1", "m-6"]
    assert refused(refusals, path) == [
        ("2", "not_json"), ("3", "invalid_field"), ("4", "too_large"), ("5", "too_large"), ("7", "not_utf8"),
    ]  # fmt: skip
    assert refusals.first[2].detail == "the line has more than 262,144 bytes; write one event a line"


def test_rows_that_cannot_be_used_cost_no_other_row(tmp_path: Path) -> None:
    """Too few cells, too many, a stray quote, another encoding, an endless cell: each is one refusal, with its line."""
    path = tmp_path / "o.csv"
    lines: list[str | bytes] = [
        HEADER, ROW, "7,客户-1", f"{ROW},x", f'"{ROW}', ROW, ROW.encode("gb18030"), f'"7"7,{ROW}', ROW,
        f'"{"x" * 140_000}",客户', '"open', ROW,
    ]  # fmt: skip
    content = b"\n".join(text if isinstance(text, bytes) else text.encode() for text in lines)
    events, refusals, files = read(path, content, mappings())
    assert ids(events) == ["o.csv-1", "o.csv-5", "o.csv-8", "o.csv-11"]
    assert refused(refusals, path) == [
        ("3", "wrong_columns"), ("4", "wrong_columns"), ("5", "not_utf8"), ("7", "not_utf8"), ("8", "wrong_quotes"),
        ("10", "wrong_quotes"), ("11", "wrong_quotes"),
    ]  # fmt: skip
    assert files.lines == 11
    assert refusals.first[0].detail == (
        "the row has 2 cells, the header 5; put a cell with a delimiter in it in quotes"
    )
    assert (
        refusals.first[2].detail
        == refusals.first[3].detail
        == ("byte 2 (0xbf) of line 7 is not UTF-8; for a file from a Chinese Windows: iconv -f GB18030 -t UTF-8")
    )


def test_a_row_without_an_end_is_cut(tmp_path: Path) -> None:
    """Cells may hold line ends, but a row no more than a message; its other lines are read as rows of their own."""
    endless = ",".join(['"x\n' + "y" * 100_000 + '"'] * 4)
    path = tmp_path / "o.csv"
    _, refusals, _ = read(path, f"{HEADER}\n{endless}\n{ROW}\n", mappings())
    assert refused(refusals, path)[0] == ("2", "too_large")
    assert refusals.total < 10


@given(st.data())
def test_a_table_gives_back_what_a_spreadsheet_writes(data: st.DataObject) -> None:
    """Whatever the cells are, quotes, delimiters and line ends included, each message has them unchanged."""
    delimiter = data.draw(st.sampled_from(",;\t|"))
    cell = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('",;\n\r\t客'), max_size=8)
    rows = data.draw(st.lists(st.lists(cell, min_size=3, max_size=3), max_size=6))
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *rows])
    raw = io.BytesIO(file.getvalue().encode())
    lines = enumerate(iter(raw.readline, b""), start=1)
    read_back = [row.message for row in table.rows("t.csv", "t.csv", lines, delimiter)]
    assert read_back == [
        {name: cell for name, cell in zip("abc", row, strict=True) if cell.strip()}
        | {"_row": str(number), "_file": "t.csv"}
        for number, row in enumerate(rows, start=1)
    ]


@given(st.lists(st.sampled_from(["a,b", '"a', 'b"', '"a""', '"', "", "a", '"a\nb"', "\udcff", "客,户"]), max_size=30))
def test_any_table_is_answered(parts: list[str]) -> None:
    """Lines of any kind become rows or refusals, in the order of their lines, and no line is told twice."""
    content = "\n".join(["x,y", *parts]).encode("utf-8", "surrogateescape")
    lines = enumerate(iter(io.BytesIO(content).readline, b""), start=1)
    found = list(table.rows("t.csv", "t.csv", lines, ","))
    places = [row.line for row in found]
    assert places == sorted(set(places))
    assert all(isinstance(row.message, dict | InvalidMessage) for row in found)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("o.csv", b"", "o.csv:1:1: no_header: the file is empty; its first line must name the columns"),
        ("o.csv", b"\n,,\n1,2,3\n", "o.csv:2:1: no_header: the file is empty; its first line must name the columns"),
        ("o.csv", b"a,b,a\n", "o.csv:1:1: duplicate_column: a names 2 columns; rename all but one"),
        ("o.csv", b"a,_row\n", "o.csv:1:1: reserved_column: _row is given by us; rename the column"),
        (
            "o.csv",
            b"a;b\n",
            "o.csv:1:1: one_column: the only column is 'a;b'; is the delimiter ';'? Say so",
        ),
        (
            "o.csv",
            "号码,客户\n".encode("gb18030"),
            (
                "o.csv:1:1: not_utf8: the header cannot be read: byte 0 (0xba) of line 1 is not UTF-8; "
                "for a file from a Chinese Windows: iconv -f GB18030 -t UTF-8"
            ),
        ),
        (
            "o.json",
            b"[\n{}\n]\n",
            "o.json:1:1: not_lines: this is one long list; write one object a line, for example with jq -c '.[]'",
        ),
        (
            "o.csv.gz",
            b"a,b\n",
            "o.csv.gz:1:1: damaged: the file cannot be read beyond this line: Not a gzipped file (b'a,')",
        ),
        (
            "o.csv.xz",
            lzma.compress(b"a,b\n1,2\n")[:-9],
            (
                "o.csv.xz:1:1: damaged: the file cannot be read beyond this line: "
                "Compressed file ended before the end-of-stream marker was reached"
            ),
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """One line with file, line, code and what to do."""
    path = tmp_path / name
    path.write_bytes(content)
    assert problem([path], mappings()) == [said]


def test_a_damaged_file_is_told_at_the_line_behind_the_last(tmp_path: Path) -> None:
    """What came before the damage was read."""
    path = tmp_path / "e.jsonl.gz"
    whole = gzip.compress("\n".join(line(id=f"m-{at}") for at in range(20_000)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    files = EventFiles([path], arrived_ms=ARRIVED_MS, refusals=Refusals())
    with pytest.raises(FileError, match=r"e\.jsonl\.gz:\d+:1: damaged: ") as caught:
        list(files)
    assert caught.value.problems[0].place.line == files.lines + 1 > 1000


def test_everything_that_can_be_told_before_reading_is(tmp_path: Path) -> None:
    """Files that are not there, folders, unknown kinds, and tables for which there is no mapping."""
    (tmp_path / "folder.csv").mkdir()
    for name in ("o.csv", "o.xlsx", "o.gz"):
        (tmp_path / name).touch()
    paths = [tmp_path / name for name in ("no.jsonl", "folder.csv", "o.csv", "o.xlsx", "o.gz")]
    told = problem(paths)
    assert [text.split(": ")[:2] for text in told] == [
        ["folder.csv:1:1", "is_folder"], ["no.jsonl:1:1", "no_file"], ["o.csv:1:1", "no_mapping"],
        ["o.gz:1:1", "unknown_kind"], ["o.xlsx:1:1", "unknown_kind"],
    ]  # fmt: skip
    assert "--mapping" in told[2]
    assert ".json, .jsonl, .ndjson (JSON lines) or .csv, .tsv, .txt (tables), also with .gz, .xz, .bz2" in told[3]


@pytest.mark.parametrize("name", ["a", "csv", "a.gz", "a.csv.zip", ".csv.d"])
def test_a_name_that_says_nothing_has_no_form(name: str) -> None:
    """Only known endings, at the end."""
    assert form_of(Path(name)) is None


@pytest.mark.parametrize("word", ["", "a", "7", '"', "\n", ",,", "komma"])
def test_a_delimiter_must_be_one(word: str) -> None:
    """One character that no cell would begin with."""
    with pytest.raises(ValueError, match="is no delimiter; write one character, or comma, semicolon, tab, pipe, space"):
        delimiter_of(word)


def test_progress_is_told_in_bytes_of_the_disk(tmp_path: Path) -> None:
    """Of all files together, rising, and in the end all of it; a second reading tells it again."""
    first, second = tmp_path / "a.jsonl.xz", tmp_path / "b.jsonl"
    first.write_bytes(lzma.compress((line() + "\n").encode() * 5000))
    second.write_bytes((line() + "\n").encode() * 5000)
    told: list[tuple[int, int]] = []
    files = EventFiles(
        [first, second], arrived_ms=ARRIVED_MS, refusals=Refusals(), progress=lambda *at: told.append(at)
    )
    size = first.stat().st_size + second.stat().st_size
    for _ in range(2):
        told.clear()
        assert len(list(files)) == files.lines == 10_000
        assert [at for at, _ in told] == sorted(at for at, _ in told)
        assert told[-1] == (size, size)


def test_files_are_told_apart(tmp_path: Path) -> None:
    """Two equal lines of two files have two origins, and each leads back to its place."""
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        path.write_text(line())
    files = EventFiles(paths, arrived_ms=ARRIVED_MS, refusals=Refusals())
    assert [files.place(event.origin) for event in files if event.origin] == [f"{path}:1" for path in paths]


def test_refusals_are_counted_and_the_first_are_kept() -> None:
    """However many there are, few are held; the last line counts all by reason."""
    refusals = Refusals()
    for at in range(1000):
        refusals.add(f"f:{at}", "odd" if at % 4 else "even", "because")
    assert (refusals.total, len(refusals.first)) == (1000, 20)
    assert refusals.told(2) == [
        "f:0: even: because", "f:1: odd: because", "… and 998 more; all in all odd 750, even 250",
    ]  # fmt: skip
    assert Refusals().told() == []


def test_a_mistake_of_ours_stops_no_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ingest, an error in one line is told as that line's."""
    monkeypatch.setattr(Intake, "accept", Mock(side_effect=ZeroDivisionError("oh")))
    path = tmp_path / "e.jsonl"
    _, refusals, _ = read(path, line())
    assert refusals.told() == [f"{path}:1: internal_error: ZeroDivisionError: oh"]
