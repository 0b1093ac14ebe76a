"""What a condition is once it has been read: a small tree, sound in its types."""

from dataclasses import dataclass
from typing import TypeAlias

from services.rules.language.terms import Feature, Kind


@dataclass(frozen=True)
class Constant:
    value: str | int | float | bool | None
    kind: Kind


@dataclass(frozen=True)
class Money:
    """An amount: known only where customers pay in its currency."""

    minor: int
    currency: str


@dataclass(frozen=True)
class Read:
    feature: Feature


@dataclass(frozen=True)
class Arithmetic:
    """`operator` is one of + - * /."""

    operator: str
    left: "Tree"
    right: "Tree"


@dataclass(frozen=True)
class Comparison:
    """`first op tree op tree …`, each operator with its right-hand side."""

    first: "Tree"
    rest: tuple[tuple[str, "Tree"], ...]


@dataclass(frozen=True)
class Membership:
    item: "Tree"
    options: tuple["Tree", ...]
    negated: bool


@dataclass(frozen=True)
class Logic:
    """All (`and`) or any (`or`) of the operands."""

    every: bool
    operands: tuple["Tree", ...]


@dataclass(frozen=True)
class Not:
    operand: "Tree"


Tree: TypeAlias = Constant | Money | Read | Arithmetic | Comparison | Membership | Logic | Not


def kind_of(tree: Tree) -> Kind:
    match tree:
        case Constant(_, kind):
            return kind
        case Read(feature):
            return feature.kind
        case Money() | Arithmetic():
            return Kind.NUMBER
        case _:
            return Kind.BOOL


def features_of(tree: Tree) -> list[Feature]:
    """Every feature a tree reads, in the order of writing, each once."""
    if isinstance(tree, Read):
        return [tree.feature]
    parts = parts_of(tree)
    return list({f.name: f for part in parts for f in features_of(part)}.values())


def parts_of(tree: Tree) -> tuple[Tree, ...]:
    """What a tree is directly made of."""
    match tree:
        case Constant() | Money() | Read():
            return ()
        case Arithmetic(_, left, right):
            return left, right
        case Comparison(first, rest):
            return (first, *(right for _, right in rest))
        case Membership(item, options, _):
            return (item, *options)
        case Logic(_, operands):
            return operands
        case Not(operand):
            return (operand,)


def is_larger(tree: Tree, most: int) -> bool:
    """Whether a tree has more than `most` nodes; asking takes no longer than that."""
    rest, count = [tree], 0
    while rest and count <= most:
        rest += parts_of(rest.pop())
        count += 1
    return bool(rest)
