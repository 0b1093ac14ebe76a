"""Files from a disk: which are read, in which order, and what is said of those that cannot be."""

from pathlib import Path

import pytest

from services.runtime.document import MAX_FILE_BYTES, parse
from services.runtime.files import MAX_FILES, read_file, read_files
from services.runtime.problems import FileError, Place, Problem, suggestion


def test_a_folder_is_read_whole_in_order_without_its_tests(tmp_path: Path) -> None:
    """Sub-folders too; hidden files and `*_test.yaml` are left out."""
    (tmp_path / "b").mkdir()
    for name in ("z.yaml", "a.yml", "b/x.yaml", "a_test.yaml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text("k: 1")
    files = read_files(tmp_path)
    assert [Path(file).relative_to(tmp_path).as_posix() for file in files] == ["a.yml", "b/x.yaml", "z.yaml"]
    assert read_files(tmp_path / "notes.txt") == {str(tmp_path / "notes.txt"): b"k: 1"}


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A missing path, an empty folder, a folder for a file, and too many of them."""
    with pytest.raises(FileError, match="gone:1:1: no_file: there is no such file or folder"):
        read_files(tmp_path / "gone")
    with pytest.raises(FileError, match="gone:1:1: no_file: there is no such file or folder"):
        read_file(tmp_path / "gone")
    with pytest.raises(FileError, match=r"no_file: no \*.yaml file in this folder"):
        read_files(tmp_path)
    with pytest.raises(FileError, match="unreadable: Is a directory"):
        read_file(tmp_path)
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number}.yaml").touch()
    with pytest.raises(FileError, match="too_large: 2001 files; at most 2000 are read"):
        read_files(tmp_path)


def test_unreadable_files_are_named_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to mend them one at a time."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).touch()

    def deny(_: Path, mode: str) -> None:
        raise PermissionError(13, f"not in {mode}")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(FileError) as caught:
        read_files(tmp_path)
    assert str(caught.value).splitlines() == [f"{tmp_path}/{n}.yaml:1:1: unreadable: not in rb" for n in "ab"]


def test_a_large_file_is_read_only_so_far_that_it_is_refused(tmp_path: Path) -> None:
    """However large it is."""
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_FILE_BYTES * 3))
    ((file, content),) = read_files(tmp_path).items()
    assert len(content) == MAX_FILE_BYTES + 1
    assert parse(file, content)[1][0].code == "too_large"


def test_problems_are_told_once_in_the_order_of_the_files() -> None:
    """Those of one place in the order in which they were found."""
    late, early = Problem(Place("b", 1, 1), "x", "late"), Problem(Place("a", 10, 2), "y", "early")
    other = Problem(Place("a", 10, 2), "x", "other")
    assert str(FileError([late, early, other, late])) == "a:10:2: y: early\na:10:2: x: other\nb:1:1: x: late"


@pytest.mark.parametrize(
    ("word", "hint"),
    [("order.payed", " (did you mean order.paid?)"), ("zzz", ""), (7, ""), ("x" * 10**6, "")],
)
def test_the_nearest_word_is_suggested(word: object, hint: str) -> None:
    """Or none, and that quickly."""
    assert suggestion(word, ["order.refunded", "order.paid"]) == hint
