"""JUnit XML, as build servers read it: a test suite for every file."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from services.cli.rules.testing.report import failure
from services.cli.rules.testing.result import Result
from services.runtime.problems import Problem

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def document(results: Sequence[Result], problems: Mapping[Path, Sequence[Problem]]) -> bytes:
    """The whole file. A test file with mistakes is a suite with one error."""
    root = ET.Element("testsuites", name="koi rules test")
    suites: dict[Path, list[Result]] = {}
    for result in results:
        suites.setdefault(result.file.path, []).append(result)
    for file, mistakes in problems.items():
        _broken(root, file, mistakes)
    for file, played in suites.items():
        _suite(root, file, played)
    _count(root, [case for suite in root for case in suite])
    root.set("time", f"{sum(result.seconds for result in results):.3f}")
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _suite(root: ET.Element, file: Path, results: Sequence[Result]) -> None:
    suite = ET.SubElement(root, "testsuite", name=_legal(str(file)))
    for result in results:
        case = _case(suite, file, result.played.case.name, result.seconds)
        if not result.played.passed:
            lines = [text.line for text in failure(result)]
            said = f"{file}:{result.line}"
            ET.SubElement(case, "failure", message=_legal(said), type="decisions").text = _legal("\n".join(lines))
    _count(suite, list(suite))
    suite.set("time", f"{sum(result.seconds for result in results):.3f}")


def _broken(root: ET.Element, file: Path, mistakes: Sequence[Problem]) -> None:
    suite = ET.SubElement(root, "testsuite", name=_legal(str(file)))
    case = _case(suite, file, "the file can be read", 0)
    said = _legal("\n".join(map(str, mistakes)))
    ET.SubElement(case, "error", message=_legal(str(mistakes[0])), type=mistakes[0].code).text = said
    _count(suite, [case])
    suite.set("time", "0.000")


def _case(suite: ET.Element, file: Path, name: str, seconds: float) -> ET.Element:
    classname = ".".join(file.with_suffix("").parts).lstrip("/.")
    return ET.SubElement(suite, "testcase", classname=_legal(classname), name=_legal(name), time=f"{seconds:.6f}")


def _count(element: ET.Element, cases: Sequence[ET.Element]) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    element.set("skipped", "0")


def _legal(text: str) -> str:
    return _ILLEGAL.sub("�", text)
