"""What is said of a run: a line for every test, and for every failure what was expected, what came, and why."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.cli.rules.testing.coverage import Coverage
from services.cli.rules.testing.playing import Part
from services.cli.rules.testing.result import Result
from services.cli.rules.testing.wording import act_line, clock, decided_line, expected_line, verdict_line
from services.cli.terminal import many

_MOST_HISTORY = 5
"""Decisions before the test began that are shown."""


class Text(NamedTuple):
    """A line, and the style it is shown in."""

    line: str
    style: str = ""


def of_test(result: Result, *, verbose: bool) -> Iterator[Text]:
    """A test: one line, and what is to be said of a failure."""
    name = result.played.case.name
    if result.played.passed:
        yield Text(f"  ✓ {name}", "green")
        if verbose:
            for part in result.played.parts:
                yield from _part(result, part)
        return
    yield Text(f"  ✗ {name}  {result.file.path}:{result.line}", "bold red")
    yield from failure(result, verbose=verbose)


def failure(result: Result, *, verbose: bool = False) -> Iterator[Text]:
    """Why a test failed. The parts before the one that went wrong are shown with `verbose`."""
    played, zone = result.played, result.file.world.zone
    shown: Sequence[Part] = played.parts if verbose else played.parts[-1:] if played.refused is None else ()
    for part in shown:
        yield from _part(result, part)
    if played.refused is not None:
        yield Text(f"      the event cannot be folded: {played.refused}", "red")
    about = [each for each in played.history if played.case.rule in {None, each.rule}]
    if about:
        yield Text("      before the test began:", "dim")
        for each in about[-_MOST_HISTORY:]:
            yield Text(f"          {decided_line(each, zone)}", "dim")


def of_coverage(coverage: Coverage) -> Iterator[Text]:
    """What no test shows."""
    lacks = coverage.lacks()
    if lacks:
        yield Text("not covered:", "yellow")
        width = max(len(lack.rule) for lack in lacks)
        for lack in lacks:
            yield Text(f"  {lack.rule:<{width}}  no test in which {lack.what}", "yellow")


def summary(results: Sequence[Result], coverage: Coverage | None) -> Text:
    """`12 tests, 11 passed, 1 failed; 3 of 4 rules have a firing and a non-firing case`."""
    passed = sum(result.played.passed for result in results)
    failed = len(results) - passed
    said = f"{many(len(results), 'test')}, {passed:,} passed, {failed:,} failed"
    if coverage is not None:
        have = "has" if coverage.rules == 1 else "have"
        said += f"; {coverage.covered} of {many(coverage.rules, 'rule')} {have} a firing and a non-firing case"
    return Text(said, "bold red" if failed else "bold green")


def _part(result: Result, part: Part) -> Iterator[Text]:
    case, zone = result.played.case, result.file.world.zone
    line = result.line_of(*(() if case.script is None else ("script", part.act)))
    yield Text(f"      line {line}: {act_line(case, part.act, zone)}; it is {clock(part.now, zone)}", "dim")
    if not part.rows:
        yield Text("          nothing decided, as expected" if part.agreed else "", "dim")
    for row in part.rows:
        if row.decided is None:
            assert row.expected is not None  # noqa: S101 - a row has one side at least
            yield Text(f"        - {expected_line(row.expected, zone)}", "red")
        elif row.expected is None:
            yield Text(f"        + {decided_line(row.decided, zone)}", "green")
            for verdict in row.decided.decision.verdicts:
                yield Text(f"              {verdict_line(verdict)}", "dim")
        else:
            yield Text(f"          {decided_line(row.decided, zone)}")
    for why in part.reasons:
        yield Text(f"        {why.sentence}")
        for verdict in why.verdicts:
            yield Text(f"          {verdict_line(verdict)}", "" if verdict.holds else "red")
