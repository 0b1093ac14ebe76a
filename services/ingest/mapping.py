"""Reads mapping files: YAML by which an upstream's messages are understood without changing the upstream.

    kind: mapping
    name: shop-orders
    topic: koi.orders
    source: shop                                     # or a field of its own
    when: {event: trade_paid, status: [PAID, DONE]}  # all must hold; {exists: true} asks for presence only
    type: order.paid                                 # or ignore: such messages are dropped on purpose
    fields:
      id: event_id                                   # a path: keys and list indexes, with dots between
      order_id: {join: [shop_id, trade.tid], with: "-"}
      amount_minor: {from: trade.payment, unit: major}
      discount_minor: {sum: [trade.coupon, trade.points], unit: major}
      currency: {value: CNY}
      occurred_at: {from: pay_time, format: "%Y-%m-%d %H:%M:%S", zone: Asia/Shanghai}
      channel: {from: channel, map: {小程序: mini_program}, default: other}

All faults of all files are reported together, each as `file:line:col: code: message`.
"""

import re
from collections.abc import Iterable
from pathlib import Path as FilePath

from pydantic import BaseModel

from services.contracts.inbound import (
    InboundCustomerDeleted,
    InboundCustomerMerged,
    InboundCustomerUpdated,
    InboundInteraction,
    InboundOrderAmended,
    InboundOrderCancelled,
    InboundOrderPaid,
    InboundOrderRefunded,
)
from services.contracts.topics import INBOUND
from services.ingest.mapping_field import Targets, field_of
from services.ingest.translation import Condition, Field, Mapping, Path, parse_path
from services.runtime.document import Block, Entry, Leaf, Listing, Tree, parse_one
from services.runtime.files import read_files
from services.runtime.problems import FileError, Place, Problem, suggestion

IGNORE = "ignore"
MODELS: dict[str, type[BaseModel]] = {
    "order.paid": InboundOrderPaid,
    "order.refunded": InboundOrderRefunded,
    "order.cancelled": InboundOrderCancelled,
    "order.amended": InboundOrderAmended,
    "interaction": InboundInteraction,
    "customer.updated": InboundCustomerUpdated,
    "customer.merged": InboundCustomerMerged,
    "customer.deleted": InboundCustomerDeleted,
}

_KEYS = ("kind", "name", "topic", "source", "when", "type", "fields")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TOPICS = tuple(topic.name for topic in INBOUND)


def load_mappings(place: FilePath) -> tuple[Mapping, ...]:
    """The mapping of a file, or of all `*.yaml` files of a folder.

    They are tried in the order of their file names. Raise `FileError`.
    """
    return load_all(read_files(place).items())


def load_all(files: Iterable[tuple[str, bytes | str]]) -> tuple[Mapping, ...]:
    """The mappings of these (name, content) files. Raise `FileError` with the problems of all of them."""
    mappings: list[Mapping] = []
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    for file, content in files:
        try:
            mapping = load(content, file)
        except FileError as error:
            problems += error.problems
            continue
        owner = owners.setdefault(mapping.name, file)
        if owner != file:
            said = f"name: {mapping.name} is already used by {owner}"
            problems.append(Problem(Place(file), "duplicate_name", said))
        mappings.append(mapping)
    if problems:
        raise FileError(problems)
    return tuple(mappings)


def load(content: bytes | str, file: str) -> Mapping:
    """The mapping of one file. Raise `FileError` with all of its problems, and nothing else."""
    document, faults = parse_one(file, content)
    mapping = None
    if document is not None and isinstance(document.root, Block):
        mapping = _mapping(document.root, faults)
    elif document is not None:
        said = "a mapping file is a list of keys and values; start with kind: mapping"
        faults.append(Problem(document.root.place, "wrong_type", said))
    elif not faults:
        faults.append(Problem(Place(file), "empty", "the file is empty; write kind: mapping"))
    if faults or mapping is None:
        raise FileError(faults)
    return mapping


def _mapping(block: Block, faults: list[Problem]) -> Mapping:
    for key, entry in block.entries.items():
        if key not in _KEYS:
            faults.append(
                Problem(entry.place, "unknown_key", f"{key} is not a key of a mapping{suggestion(key, _KEYS)}")
            )
    kind, name, topic, source, type_ = (
        _text(block, key, faults) for key in ("kind", "name", "topic", "source", "type")
    )
    _one_of(kind, "kind", ("mapping",), faults)
    _one_of(topic, "topic", _TOPICS, faults)
    _one_of(type_, "type", (*MODELS, IGNORE), faults)
    if name is not None and not _NAME.fullmatch(name.text):
        faults.append(
            Problem(name.place, "bad_value", f"name: {name.text} must be small letters, digits, - and _, at most 64")
        )
    fields: dict[str, Field] = {}
    body = block.entries.get("fields")
    if type_ is not None and type_.text == IGNORE:
        if body is not None:
            faults.append(
                Problem(body.place, "unknown_key", "fields has no use here, as type: ignore drops the message")
            )
    elif type_ is not None and type_.text in MODELS:
        fields = _fields(block, body, Targets(MODELS[type_.text]), source, faults)
    return Mapping(
        name=name.text if name else "",
        topic=topic.text if topic else "",
        when=_when(block, faults),
        type=type_.text if type_ and type_.text != IGNORE else None,
        source=source.text if source else None,
        fields=fields,
    )


def _text(block: Block, key: str, faults: list[Problem]) -> Leaf | None:
    entry = block.entries.get(key)
    if entry is None:
        if key != "source":
            faults.append(Problem(block.place, "missing_key", f"{key} is required"))
        return None
    if not isinstance(entry.value, Leaf) or not entry.value.text:
        faults.append(Problem(entry.value.place, "wrong_type", f"{key} must be text"))
        return None
    return entry.value


def _one_of(leaf: Leaf | None, key: str, known: tuple[str, ...], faults: list[Problem]) -> None:
    if leaf is not None and leaf.text not in known:
        said = f"{key}: {leaf.text} is unknown{suggestion(leaf.text, known)}; write {' or '.join(known)}"
        faults.append(Problem(leaf.place, "bad_value", said))


def _fields(
    block: Block, body: Entry | None, targets: Targets, source: Leaf | None, faults: list[Problem]
) -> dict[str, Field]:
    if body is None or not isinstance(body.value, Block):
        place = body.value.place if body else block.place
        faults.append(
            Problem(place, "missing_key", f"fields is required: a list of {', '.join(targets.required)} and more")
        )
        return {}
    fields: dict[str, Field] = {}
    for target, entry in body.value.entries.items():
        if not targets.known(target):
            said = f"{target} is not a field of {targets.type}{suggestion(target, targets.names)}"
            faults.append(Problem(entry.place, "unknown_field", said))
            continue
        field = field_of(target, entry.value, targets, has_currency="currency" in body.value.entries, faults=faults)
        if field is not None:
            fields[target] = field
    present = body.value.entries
    if source is not None:
        if "source" in present:
            faults.append(
                Problem(present["source"].place, "duplicate_key", f"source is already said in line {source.place.line}")
            )
        else:
            _check_source(source, targets, faults)
    faults += [
        Problem(body.place, "missing_field", f"{target} is required for {targets.type}")
        for target in targets.required
        if target not in present and not (target == "source" and source is not None)
    ]
    return fields


def _check_source(source: Leaf, targets: Targets, faults: list[Problem]) -> None:
    fault = targets.fault("source", source.text)
    if fault:
        faults.append(Problem(source.place, "bad_value", f"source: {fault}"))


def _when(block: Block, faults: list[Problem]) -> tuple[Condition, ...]:
    entry = block.entries.get("when")
    if entry is None or not isinstance(entry.value, Block) or not entry.value.entries:
        place = entry.value.place if entry else block.place
        faults.append(
            Problem(place, "missing_key", "when is required: which messages this covers, e.g. when: {event: paid}")
        )
        return ()
    conditions = []
    for key, (place, value) in entry.value.entries.items():
        path = parse_path(key)
        if path is None:
            faults.append(
                Problem(place, "bad_path", f"{key} is not a path; write keys with dots between, e.g. trade.items.0.sku")
            )
            continue
        condition = _condition(path, value)
        if condition is None:
            faults.append(
                Problem(value.place, "wrong_type", f"{key}: write a value, a list of values, or exists: true")
            )
        else:
            conditions.append(condition)
    return tuple(conditions)


def _condition(path: Path, value: Tree) -> Condition | None:
    if isinstance(value, Block):
        exists = value.entries.get("exists")
        if (
            len(value.entries) == 1
            and exists
            and isinstance(exists.value, Leaf)
            and isinstance(exists.value.value, bool)
        ):
            return Condition(path, None, exists.value.value)
        return None
    leaves = value.items if isinstance(value, Listing) else (value,)
    texts = [leaf.text for leaf in leaves if isinstance(leaf, Leaf) and leaf.value is not None]
    return Condition(path, frozenset(texts)) if texts and len(texts) == len(leaves) else None
