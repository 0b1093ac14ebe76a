"""From an event as a test writes it to the one that scoring folds, by the same checks that publishers meet."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from services.cli.rules.testing.deed import INTERACTION, Deed
from services.contracts.calendar import to_ms
from services.contracts.events import AnyEvent, Origin
from services.contracts.inbound import INBOUND
from services.ingest.canonical import canonical
from services.ingest.mapping import MODELS
from services.rules.language.features import known_kind, unknown_kind
from services.runtime.document import Block, Document, KeyPath, Listing
from services.runtime.problems import Problem, suggestion
from services.runtime.validation import problems_of

SOURCE = "test"
_MODELS: Mapping[str, type[BaseModel]] = {kind: model for kind, model in MODELS.items() if kind != "customer.merged"}
TYPES = tuple(_MODELS)
"""What may happen in a test. Of a merge there are two sides; a test has one customer."""
_ENVELOPE = frozenset({"at", "type", "id", "source"})
_OF_AN_ORDER = frozenset({"order.refunded", "order.cancelled", "order.amended"})
_MONEY = ("amount", "discount")


class Happenings:
    """Makes the events of one test, one after the other, and fills in what each leaves out.

    An order without a number gets one, and what is said of an order without its number is said of the last. Ids tell two
    events apart, so two that are written alike happened twice.
    """

    def __init__(self, customer_id: str, currency: str) -> None:
        self._customer = customer_id
        self._currency = currency
        self._made = 0
        self._order = "order-1"

    def message(self, deed: Deed, at: datetime) -> dict[str, Any]:
        """What a publisher would send."""
        self._made += 1
        said = deed.model_dump(exclude_unset=True, exclude={"at", *_MONEY})
        for name in _MONEY:
            amount = getattr(deed, name)
            if amount is not None:
                said |= {f"{name}_minor": amount.minor, "currency": deed.currency or amount.currency}
        message = {"id": f"event-{self._made}", "source": SOURCE, "customer_id": self._customer, **said}
        message |= {"occurred_at": at, "received_at": at}
        if deed.type == "order.paid":
            message.setdefault("order_id", f"order-{self._made}")
            self._order = message["order_id"]
        elif deed.type in _OF_AN_ORDER:
            message.setdefault("order_id", self._order)
        if deed.type in {"order.paid", "order.refunded"}:
            message.setdefault("currency", self._currency)
        if deed.type == "order.refunded":
            message.setdefault("refund_id", f"refund-{self._made}")
        elif deed.type == "order.amended":
            message.setdefault("rev", self._made)
        return message

    def make(self, deed: Deed, at: datetime) -> AnyEvent:
        """The event at that instant; `deed` has no `problems`."""
        return canonical(INBOUND.validate_python(self.message(deed, at)), Origin(SOURCE, 0, self._made, to_ms(at)))


def problems(deed: Deed, at: datetime, document: Document, path: KeyPath) -> Iterator[Problem]:
    """What is wrong with an event that stands at `path`."""
    model = _MODELS.get(deed.type)
    if model is None:
        known = ", ".join(_MODELS)
        said = f"in a test there is no event {deed.type}{suggestion(deed.type, _MODELS)}; write one of {known}"
        yield Problem(document.place((*path, "type")), "unknown_value", said)
        return
    if deed.kind is not None and deed.type == INTERACTION and not known_kind(deed.kind):
        yield Problem(document.place((*path, "kind")), "unknown_value", unknown_kind(deed.kind))
        return
    known_keys = set(model.model_fields)
    known_keys |= {name for name in _MONEY if f"{name}_minor" in known_keys}
    for key in sorted(deed.model_fields_set - known_keys - _ENVELOPE):
        yield Problem(document.key_place((*path, key)), "unknown_key", f"an event {deed.type} has no {key}")
    try:
        model.model_validate(Happenings("customer", "CNY").message(deed, at))
    except ValidationError as error:
        yield from map(_worded, problems_of(error, _part(document, path), model))


def _worded(problem: Problem) -> Problem:
    """A test writes amounts with their currency."""
    if problem.message == "amount_minor is missing":
        return problem._replace(message="amount is missing; write it such as 120 CNY")
    return problem


def _part(document: Document, path: KeyPath) -> Document:
    tree = document.root
    for key in path:
        if isinstance(tree, Block):
            tree = tree.entries[str(key)].value
        elif isinstance(tree, Listing):
            tree = tree.items[int(key)]
    return Document(tree)
