"""The table of what a text can ask for, for the terminal and for docs/templates.md. Pure."""

from collections.abc import Iterator

from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS, Parameter, tier_parameter
from services.notifier.templates.examples import ABOUT_THE_CUSTOMER

COLUMNS = ("name", "type", "meaning", "example", "there")


def rows() -> Iterator[tuple[str, ...]]:
    """Name, type, meaning in both languages, an example, and in which messages there is such a value."""
    for parameter in PARAMETERS.values():
        yield _row(parameter, "if known" if parameter.optional else "always")
    yield _row(tier_parameter("community"), "campaigns")
    for parameter in JUMP_PARAMETERS.values():
        yield _row(parameter, "on_jump")
    for parameter in ABOUT_THE_CUSTOMER.values():
        yield _row(parameter, "to: owner")


def values_table() -> str:
    """The same in Markdown."""
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    lines += [(f"`{name}`", *rest) for name, *rest in rows()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(parameter: Parameter, where: str) -> tuple[str, ...]:
    kind = f"{parameter.kind}, {parameter.unit}" if parameter.unit else str(parameter.kind)
    example = {True: "true", False: "false"}.get(parameter.example) if isinstance(parameter.example, bool) else None
    return parameter.name, kind, f"{parameter.zh} · {parameter.en}", example or str(parameter.example), where
