"""What came of one test, and where it stands."""

from dataclasses import dataclass

from services.cli.rules.testing.playing import Played
from services.cli.rules.testing.reading import TestFile


@dataclass(frozen=True)
class Result:
    """A test, by its index in its file, what became of it, and the seconds it took. `first`: of its file."""

    file: TestFile
    index: int
    played: Played
    seconds: float
    first: bool = False

    @property
    def line(self) -> int:
        """Where it went wrong; where the test begins if it did not."""
        act, case = self.played.failed_act, self.played.case
        if act is None:
            return self.line_of()
        if case.script is None:
            return self.line_of("expect")
        return self.line_of("script", act, "event" if self.played.refused is not None else "expect")

    def line_of(self, *path: str | int) -> int:
        """The line of a part of the test, or of the test itself."""
        return self.file.document.place(("tests", self.index, *path)).line
