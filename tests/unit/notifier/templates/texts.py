"""Short ways to a text, a file, a template."""

from textwrap import dedent

from services.notifier.templates.collection import Templates
from services.notifier.templates.grammar import Text, compiled
from services.notifier.templates.reading import Template
from services.notifier.templates.values import Form, Value
from services.runtime.problems import FileError

FILE = "t.yaml"


def text(source: str, form: Form = Form.PLAIN) -> Text:
    found, slips = compiled(source, form)
    assert found is not None, slips
    return found


def said(source: str, form: Form = Form.PLAIN, language: str = "zh", **values: Value) -> str:
    """The text filled in."""
    return text(source, form).render({"currency": "CNY", **values}, language)


def slips(source: str, form: Form = Form.PLAIN) -> list[str]:
    """What is wrong with it: `line:column: code: message`."""
    _, found = compiled(source, form)
    return [f"{line}:{column}: {code}: {message}" for line, column, code, message in found]


def template(content: str) -> Template:
    (found,) = Templates.of({FILE: dedent(content)}).by_name.values()
    return found


def wrong(content: str) -> list[str]:
    """All that is said about a file that cannot be used, without the name of the file."""
    try:
        Templates.of({FILE: dedent(content)})
    except FileError as error:
        return [str(problem).removeprefix(f"{FILE}:") for problem in error.problems]
    return []
