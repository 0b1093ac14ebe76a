"""Broken rule files and what is said about each of them, word for word.

`broken/messages.txt` has the lines of all files. After a change of words, write it anew and read what has changed:

    python -m tests.unit.rules.broken_files
"""

from pathlib import Path

from services.rules.book.compiler import compile_rulebook
from services.runtime.problems import FileError

FOLDER = Path(__file__).parent / "broken"
MESSAGES = FOLDER / "messages.txt"
FILES = sorted(FOLDER.glob("*.yaml"))


def said_about(file: Path) -> list[str]:
    """Every line about one file, which is a rule set of its own; none if it is sound."""
    try:
        compile_rulebook({file.name: file.read_bytes()})
    except FileError as error:
        return str(error).splitlines()
    return []


def expected() -> dict[str, list[str]]:
    """The lines by file name."""
    lines: dict[str, list[str]] = {}
    for line in MESSAGES.read_text(encoding="utf-8").splitlines():
        lines.setdefault(line.partition(":")[0], []).append(line)
    return lines


if __name__ == "__main__":
    MESSAGES.write_text("".join(f"{line}\n" for file in FILES for line in said_about(file)), encoding="utf-8")
