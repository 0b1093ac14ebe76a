"""Running test files: each test in turn, with the time it took."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

from services.cli.rules.testing import junit
from services.cli.rules.testing.coverage import Coverage
from services.cli.rules.testing.playing import play
from services.cli.rules.testing.reading import TestFile, read
from services.cli.rules.testing.result import Result
from services.cli.rules.testing.sets import RuleSets
from services.runtime.problems import FileError, Problem


class Run:
    """A context: the tests of these files that have `text` in their name, in capitals or not.

    `problems` are the mistakes of all files; where there is one, nothing is played: a test file that is left out by mistake
    must not look as if it had passed.
    """

    def __init__(self, paths: Sequence[Path], text: str = "") -> None:
        self.played: list[Result] = []
        self.coverage = Coverage()
        self._wanted = text.casefold()
        self._sets = RuleSets()
        self._broken: dict[Path, Sequence[Problem]] = {}
        self._files: list[TestFile] = []
        for path in paths:
            try:
                file = read(path, self._sets)
            except FileError as error:
                self._broken[path] = error.problems
            else:
                self._files += [] if file is None else [file]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sets.close()

    @property
    def problems(self) -> list[Problem]:
        return [problem for problems in self._broken.values() for problem in problems]

    @property
    def tests(self) -> int:
        """Of all files, whatever their names."""
        return sum(len(file.sheet.tests) for file in self._files)

    @property
    def failed(self) -> bool:
        return any(not result.played.passed for result in self.played)

    def results(self) -> Iterator[Result]:
        """Play one test after the other."""
        for file in () if self._broken else self._files:
            self.coverage.expect(file.world.rules)
            first = True
            for index, case in enumerate(file.sheet.tests):
                if self._wanted not in case.name.casefold():
                    continue
                began = perf_counter()
                played = play(case, file.world)
                result = Result(file, index, played, perf_counter() - began, first=first)
                self.coverage.add(played, file.world.rules)
                self.played.append(result)
                first = False
                yield result

    def junit(self) -> bytes:
        """What came of it, as JUnit XML."""
        return junit.document(self.played, self._broken)
