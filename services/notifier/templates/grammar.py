"""From a text as it is written to one that can be filled in, or to everything that is wrong with it.

Jinja2's sandbox is the last fence, not the first. A tree is taken only if every node of it is of a short list; then each
named value, with its dots, is replaced by a plain variable, so that no attribute is ever read of anything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from services.notifier.templates import tokens as words
from services.notifier.templates.filters import CURRENCY, FILTERS, LANGUAGE, TESTS
from services.notifier.templates.tokens import MAX_SOURCE, Slip, Token
from services.notifier.templates.values import Form, Unspeakable, Value, known, spoken

MAX_RENDERED = 65_536
"""Characters of one text that is filled in."""

_ALLOWED = frozenset(
    {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If}
    | {nodes.Name, nodes.Const, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not}
    | {nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem}
)


@dataclass(frozen=True)
class Text:
    """A text that can be filled in.

    `names` are the values it asks for, `shown` those it prints without a filter that shapes them; `first` says where each
    is named.
    """

    form: Form
    source: str
    names: frozenset[str]
    shown: frozenset[str]
    first: Mapping[str, Token] = field(repr=False, compare=False)
    _template: Template = field(repr=False, compare=False)
    _slots: Mapping[str, str] = field(repr=False, compare=False)

    def render(self, variables: Mapping[str, Value], language: str) -> str:
        """The text with its values, without blanks around it; a name that is not among `variables` is unknown.

        Raise `Unspeakable`.
        """
        context: dict[str, Any] = {slot: known(name, variables.get(name)) for name, slot in self._slots.items()}
        context |= {LANGUAGE: language, CURRENCY: variables.get("currency")}
        try:
            return _bounded(self._template.generate(context)).strip()
        except Unspeakable:
            raise
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            # what it says may hold a value
            raise Unspeakable(f"its values do not go together ({type(error).__name__})") from None


def compiled(source: str, form: Form) -> tuple[Text | None, list[Slip]]:
    """A text, or all that is wrong with it; of what cannot be a tree, as much as its words tell."""
    if len(source) > MAX_SOURCE:
        return None, [Slip(1, 1, "too_long", f"a text may have {MAX_SOURCE:,} characters")]
    slips = list(words.unseen(source))
    if slips:
        return None, slips
    found, slips = words.tokens(_environment(form), source)
    slips = [*slips, *words.strays(found, form), *words.forbidden(found)]
    if slips:
        return None, slips
    return _of_tree(source, form, found)


def _of_tree(source: str, form: Form, found: Sequence[Token]) -> tuple[Text | None, list[Slip]]:
    environment = _environment(form)
    try:
        tree = environment.parse(source)
        slips = list(_strangers(tree, found))
        if slips:
            return None, slips
        rewriting = _Flat()
        shown = frozenset(_shown(tree))
        rewriting.visit(tree)
        template = environment.from_string(tree)
    except TemplateSyntaxError as error:
        return None, [_misread(error, found)]
    except (TemplateError, RecursionError, MemoryError, SyntaxError, ValueError, OverflowError) as error:
        return None, [Slip(1, 1, "syntax", f"it cannot be read ({type(error).__name__})")]
    return Text(form, source, frozenset(rewriting.slots), shown, words.names(found), template, rewriting.slots), []


def _bounded(parts: Iterable[str]) -> str:
    found: list[str] = []
    length = 0
    for part in parts:
        length += len(part)
        if length > MAX_RENDERED:
            raise Unspeakable(f"it is longer than {MAX_RENDERED:,} characters")
        found.append(part)
    # joined, for + would escape what stands beside a Markup
    return "".join(found)


@cache
def _environment(form: Form) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=form is Form.HTML,
        finalize=spoken(form),
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=(),
        cache_size=0,
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    environment.filters.update(FILTERS)
    environment.tests.update(TESTS)
    return environment


def _strangers(tree: nodes.Node, found: Sequence[Token]) -> Iterator[Slip]:
    for node in (tree, *tree.find_all(nodes.Node)):
        kind = type(node).__name__
        if type(node) not in _ALLOWED:
            yield Slip(node.lineno, _begin(found, node.lineno), "not_allowed", f"{kind} is not allowed in a text")
        elif isinstance(node, nodes.Getattr | nodes.Getitem) and _dotted(node) is None:
            yield Slip(
                node.lineno,
                _begin(found, node.lineno),
                "not_allowed",
                "only a value of the catalogue has parts, such as tier.community",
            )
        elif isinstance(node, nodes.Getattr | nodes.Getitem) and "._" in str(_dotted(node)):
            yield Slip(node.lineno, _begin(found, node.lineno), "not_allowed", "no name in a text begins with _")
        elif isinstance(node, nodes.Filter | nodes.Test) and (node.kwargs or node.dyn_args or node.dyn_kwargs):
            yield Slip(node.lineno, _begin(found, node.lineno), "not_allowed", f"{node.name} takes no named values")


def _dotted(node: nodes.Node) -> str | None:
    """`tier.community` of a name with its parts; None if it is something else."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            part: Any = node.attr
        case nodes.Getitem(arg=nodes.Const(value=str())):
            part = node.arg.value  # type: ignore[attr-defined]
        case _:
            return None
    whole = _dotted(node.node)
    return None if whole is None else f"{whole}.{part}"


def _shown(node: nodes.Node) -> Iterator[str]:
    """The values that an output prints as they are."""
    for output in node.find_all(nodes.Output):
        for part in output.nodes:
            yield from _printed(part)


def _printed(node: nodes.Node | None) -> Iterator[str]:
    match node:
        case nodes.Name() | nodes.Getattr() | nodes.Getitem():
            yield _dotted(node) or ""
        case nodes.CondExpr():
            yield from _printed(node.expr1)
            yield from _printed(node.expr2)
        case nodes.And() | nodes.Or():
            yield from _printed(node.left)
            yield from _printed(node.right)
        case nodes.Filter(name="default"):
            yield from _printed(node.node)
            for argument in node.args:
                yield from _printed(argument)


class _Flat(NodeTransformer):
    """Replaces every named value by a variable without dots; `slots` maps the name to the variable."""

    def __init__(self) -> None:
        self.slots: dict[str, str] = {}

    def _replace(self, node: nodes.Expr) -> nodes.Name:
        name = _dotted(node)
        assert name is not None  # noqa: S101 - anything else was refused
        slot = self.slots.setdefault(name, f"v{len(self.slots)}")
        return nodes.Name(slot, "load", lineno=node.lineno)

    visit_Name = visit_Getattr = visit_Getitem = _replace  # noqa: N815 - what the visitor calls them


def _misread(error: TemplateSyntaxError, found: Sequence[Token]) -> Slip:
    """What Jinja2 could not read, at the place of the word that it names."""
    said = error.message or "it cannot be read"
    stumbled = said.rpartition("got ")[2].strip("'")
    for token in found:
        if token.line == error.lineno and token.text == stumbled and token.kind != "data":
            return token.slip("syntax", f"{stumbled} does not belong here; one {{{{ }}}} holds one value")
    if said.startswith("Expected an expression"):
        said = "something is missing here; write {{ name }}"
    return Slip(error.lineno, _begin(found, error.lineno), "syntax", said[:1].lower() + said[1:])


def _begin(found: Sequence[Token], line: int) -> int:
    """The column of the first expression in a line: a tree knows no more than the line."""
    return next((token.column for token in found if token.line == line and token.kind.endswith("_begin")), 1)
