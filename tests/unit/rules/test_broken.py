"""Whoever writes a rule and slips is told what, where, and what was probably meant."""

from pathlib import Path

import pytest

from services.rules.book.compiler import compile_rulebook
from services.runtime.document import MAX_FILE_BYTES
from services.runtime.problems import FileError
from tests.unit.rules.broken_files import FILES, expected, said_about


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_is_said_about_a_broken_file(file: Path) -> None:
    """Every line, with its place, and no other."""
    assert said_about(file) == expected().get(file.name, ["nothing is expected of it"])


def test_every_expectation_has_its_file() -> None:
    """None is left over from a file that is gone, and there are many."""
    assert set(expected()) == {file.name for file in FILES}
    assert len(FILES) >= 60


def test_a_file_that_is_too_large_is_not_read() -> None:
    """Neither one that is a little too large, nor one that would grow while it is read."""
    with pytest.raises(FileError, match=r"large\.yaml:1:1: too_large: a file may have 256 KiB; split it"):
        compile_rulebook({"large.yaml": "#" * (MAX_FILE_BYTES + 1)})
