"""The files that people write, from a disk."""

from collections.abc import Iterator
from pathlib import Path

from services.runtime.document import MAX_FILE_BYTES
from services.runtime.problems import FileError, Place, Problem

MAX_FILES = 2000
TEST_SUFFIXES = ("_test.yaml", "_test.yml")


def read_files(path: Path) -> dict[str, bytes]:
    """Contents by file name: `path` itself, or all `*.yaml` and `*.yml` below it in sorted order.

    Hidden files and tests (`*_test.yaml`, `*_test.yml`) are left out. Raise `FileError` when one cannot be read, or there is none.
    """
    if not path.exists():
        raise _missing(path)
    files = [path] if path.is_file() else sorted(_files_below(path))
    if not files:
        raise FileError([Problem(Place(str(path)), "no_file", "no *.yaml file in this folder")])
    if len(files) > MAX_FILES:
        raise FileError([Problem(Place(str(path)), "too_large", f"{len(files)} files; at most {MAX_FILES} are read")])
    contents: dict[str, bytes] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            contents[str(file)] = read_file(file)
        except FileError as error:
            problems += error.problems
    if problems:
        raise FileError(problems)
    return contents


def read_file(path: Path) -> bytes:
    """What stands in one file; what is too large is cut off where `parse` refuses it. Raise `FileError`."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        raise FileError([Problem(Place(str(path)), "unreadable", error.strerror or str(error))]) from error


def _missing(path: Path) -> FileError:
    return FileError([Problem(Place(str(path)), "no_file", "there is no such file or folder")])


def _files_below(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix in {".yaml", ".yml"} and not hidden and not file.name.endswith(TEST_SUFFIXES) and file.is_file():
            yield file
