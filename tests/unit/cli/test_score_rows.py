"""The CSV file: every cell as it was, and the whole file or none."""

import csv
import io
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.scores.rows import Cell, write_rows

# ids have no control characters: the edge refuses them
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('=+-@,"\n 客户'), max_size=12)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2)))
def test_texts_come_back_unchanged(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """Whatever a customer's id begins with, it is written as it is."""
    path = tmp_path_factory.mktemp("rows") / "scores.csv"
    assert write_rows(path, ["customer_id", "x"], rows) == len(rows)
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["customer_id", "x"], *rows]


def test_cells_of_all_kinds(tmp_path: Path) -> None:
    """Nothing is an empty cell, numbers have all their digits, and no formula is touched."""
    rows: list[list[Cell]] = [["=1+1", 3, 0.1 + 0.2, None, True], ["客户,1", -(10**12), 1e-9, "", False]]
    path = tmp_path / "new" / "scores.csv"
    write_rows(path, ["a", "b", "c", "d", "e"], rows)
    assert path.read_bytes().decode() == (
        'a,b,c,d,e\n=1+1,3,0.30000000000000004,,true\n"客户,1",-1000000000000,1e-09,,false\n'
    )
    assert list(path.parent.iterdir()) == [path]


def test_a_mark_goes_first_if_it_is_wanted(tmp_path: Path) -> None:
    """With it Excel reads Chinese as Chinese."""
    path = tmp_path / "scores.csv"
    write_rows(path, ["分"], [], marked=True)
    assert path.read_bytes() == "\ufeff分\n".encode()


def test_an_interrupted_run_leaves_the_old_file(tmp_path: Path) -> None:
    """What raises while rows are made leaves no draft and no half of a file."""
    path = tmp_path / "scores.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_rows(path, ["a"], ([1 // at] for at in (1, 0)))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_standard_output_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash means standard output, in UTF-8 whatever the terminal thinks, and it can be written to afterwards."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    print("before")  # noqa: T201 - it is standard output that is tested
    assert write_rows("-", ["分"], [["客户"]]) == 1
    print("after", flush=True)  # noqa: T201
    assert raw.getvalue() == "before\n分\n客户\nafter\n".encode()


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """What is no plain file keeps being what it is."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    write_rows(path, ["a"], [[1]])
    reader.join(timeout=10)
    assert got == ["a\n1\n"]
    assert path.is_fifo()
