"""`koi rules test`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from services.cli.terminal import OUT, fail
from services.runtime.problems import FileError


def rules_test(
    path: Annotated[Path, typer.Argument(help="a test file, or a folder of *_test.yaml", exists=True)],
    junit: Annotated[Path | None, typer.Option(help="write the results into this file, as JUnit XML")] = None,
    text: Annotated[str, typer.Option("--filter", help="only tests with this in their name")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="show what every test decided")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="fail if a rule is not covered, too")] = False,
) -> None:
    """Play tests of rules: who a customer is, what happens, and what is to be decided.

    Ends with 1 if a test fails, a file has mistakes, or there is nothing to be tested.
    """
    from services.cli.rules.testing.reading import find, no_tests  # noqa: PLC0415 - inference is slow to import
    from services.cli.rules.testing.report import of_coverage, of_test, summary  # noqa: PLC0415
    from services.cli.rules.testing.running import Run  # noqa: PLC0415

    with Run(find(path), text) as run:
        for result in run.results():
            if result.first:
                _say([(str(result.file.path), "bold")])
            _say(of_test(result, verbose=verbose))
        if junit is not None:
            _write(junit, run.junit())
        if run.problems:
            fail(str(FileError(run.problems)))
        if not run.played:
            fail(str(no_tests(path, run.tests, text)))
        # some of the tests say nothing of what all of them cover
        coverage = None if text else run.coverage
        _say(() if coverage is None else of_coverage(coverage))
        _say([summary(run.played, coverage)])
        if run.failed or (strict and coverage is not None and coverage.lacks()):
            raise typer.Exit(1)


def _say(lines: Iterable[tuple[str, str]]) -> None:
    for line, style in lines:
        OUT.print(Text(line, style), soft_wrap=True)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")
