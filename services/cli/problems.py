"""How a command says what is wrong with the files that it was given: one line each, for a person or for a machine."""

import json
import sys
from collections.abc import Sequence

from rich.text import Text

from services.cli.terminal import ERR
from services.runtime.problems import Problem


def say(problems: Sequence[Problem], severity: str, *, as_json: bool) -> None:
    """`severity` is error or warning. For a machine, one JSON object per problem on standard output."""
    for problem in problems:
        if as_json:
            sys.stdout.write(json.dumps(_object(problem, severity), ensure_ascii=False) + "\n")
        else:
            ERR.print(_line(problem, severity), highlight=False)


def _object(problem: Problem, severity: str) -> dict[str, str | int]:
    place = problem.place._asdict()
    return {**place, "severity": severity, "code": problem.code, "message": problem.message}


def _line(problem: Problem, severity: str) -> Text:
    file, line, column = problem.place
    code = f"warning: {problem.code}" if severity == "warning" else problem.code
    style = "yellow" if severity == "warning" else "red"
    return Text.assemble((f"{file}:{line}:{column}: ", "bold"), (code, style), f": {problem.message}")
