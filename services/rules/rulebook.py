"""A rule set, compiled: what `load_rulebook` makes of files and everything else works with.

Independent of the order of files and documents. Each rule is stamped `name@hash`, the hash being of its content; the whole
set has a hash too.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.contracts.decision import Verdict
from services.rules.condition import Predicate, parse_conditions
from services.rules.functions import FUNCTIONS
from services.rules.models import Campaign, Jump, Ladder, Notify
from services.rules.reading import loose_conditions, loose_ladders, read_rule
from services.rules.scene import Scene
from services.rules.source import parse_rules
from services.rules.terms import Vocabulary
from services.runtime.document import Document, KeyPath
from services.runtime.files import read_files
from services.runtime.problems import FileError, Place, Problem, suggestion

LANGUAGE = 2
"""Raised when the same text comes to mean something else; part of every hash."""
_HASH_BYTES = 5


@dataclass(frozen=True)
class Clause:
    """A list of conditions that must all hold. `predicates` are indices into `Rulebook.predicates`, `mask` their bits."""

    id: str
    predicates: tuple[int, ...]
    mask: int


@dataclass(frozen=True)
class TierRule:
    """One tier; the bottom one has neither `enter` nor `leave`, any other may lack `leave`."""

    name: str
    enter: Clause | None
    leave: Clause | None
    stay_ms: int


@dataclass(frozen=True)
class LadderRule:
    """Tiers lowest first. `id` is `name@hash`."""

    id: str
    name: str
    tiers: tuple[TierRule, ...]
    on_jump: tuple[Jump, ...]

    def level(self, tier: str) -> int:
        """Index of a tier; 0 for one that is no longer there."""
        return next((i for i, t in enumerate(self.tiers) if t.name == tier), 0)


@dataclass(frozen=True)
class CampaignRule:
    """`id` is `name@hash`."""

    id: str
    name: str
    when: Clause
    cooldown_ms: int
    priority: int
    notify: Notify


@dataclass(frozen=True)
class Rulebook:
    """All rules: ladders by name; campaigns highest priority first, then by name.

    A predicate that several rules share stands once. `tier_mask` marks those that ask for a tier: they are decided after
    the ladders have moved.
    """

    hash: str
    ladders: tuple[LadderRule, ...]
    campaigns: tuple[CampaignRule, ...]
    predicates: tuple[Predicate, ...]
    tier_mask: int = 0
    timed: frozenset[int] = field(default_factory=frozenset)

    def verdicts(self, clause: Clause, scene: Scene) -> tuple[Verdict, ...]:
        """Every condition of a clause with what it saw."""
        return tuple(self.predicates[i].verdict(scene) for i in clause.predicates)


def load_rulebook(path: Path) -> Rulebook:
    """All rules of a file, or of a folder and the folders below it. Raise `FileError` with every problem."""
    return compile_rulebook(read_files(path))


def compile_rulebook(texts: Mapping[str, str | bytes]) -> Rulebook:
    """The rulebook of texts by file name. Raise `FileError` with every problem."""
    problems: list[Problem] = []
    rules: list[tuple[Document, Ladder | Campaign]] = []
    broken: list[Document] = []
    for file in sorted(texts):
        documents, found = parse_rules(file, texts[file])
        problems += found
        for document in documents:
            rule, found = read_rule(document)
            problems += found
            if rule is None:
                broken.append(document)
            else:
                rules.append((document, rule))
    rules.sort(key=lambda pair: pair[1].name)
    problems += _duplicates(rules)
    if not rules and not problems:
        problems.append(Problem(Place(next(iter(sorted(texts)), "rules"), 1, 1), "no_rules", "no rule in these files"))
    ladders = {name: tiers for document in broken for name, tiers in loose_ladders(document).items()}
    ladders |= {rule.name: tuple(t.name for t in rule.tiers) for _, rule in rules if isinstance(rule, Ladder)}
    compiler = _Compiler(Vocabulary(ladders))
    for document, rule in rules:
        compiler.add(document, rule)
    problems += compiler.problems
    for document in broken:
        for path, items in loose_conditions(document):
            problems += parse_conditions(items, document, path, compiler.vocabulary)[1]
    if problems:
        raise FileError(problems)
    return compiler.rulebook()


def _duplicates(rules: list[tuple[Document, Ladder | Campaign]]) -> Iterable[Problem]:
    first: dict[str, Place] = {}
    for document, rule in rules:
        place = document.place(("name",))
        earlier = first.setdefault(rule.name, place)
        if earlier is not place:
            message = f"a rule named {rule.name} stands already in {earlier.file}, line {earlier.line}"
            yield Problem(place, "duplicate_name", message)


class _Compiler:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self.problems: list[Problem] = []
        self.vocabulary = vocabulary
        self._predicates: dict[str, tuple[int, Predicate]] = {}
        self._ladders: list[LadderRule] = []
        self._campaigns: list[CampaignRule] = []
        self._ids: list[str] = []

    def add(self, document: Document, rule: Ladder | Campaign) -> None:
        stamp = f"{rule.name}@{_content_hash(rule)}"
        self._ids.append(stamp)
        if isinstance(rule, Ladder):
            self._ladders.append(self._ladder(document, rule, stamp))
        else:
            when = self._clause(rule.when, document, ("when",), rule.name)
            cooldown_ms = int(rule.cooldown.total_seconds() * 1000) if rule.cooldown else 0
            notify = rule.steps[0].notify
            self._campaigns.append(CampaignRule(stamp, rule.name, when, cooldown_ms, rule.priority, notify))

    def rulebook(self) -> Rulebook:
        predicates = tuple(predicate for _, predicate in self._predicates.values())
        tier_mask = sum(1 << i for i, predicate in enumerate(predicates) if _asks_tier(predicate))
        return Rulebook(
            hash=_hash([LANGUAGE, sorted(self._ids)]),
            ladders=tuple(self._ladders),
            campaigns=tuple(sorted(self._campaigns, key=lambda c: (-c.priority, c.name))),
            predicates=predicates,
            tier_mask=tier_mask,
            timed=frozenset(i for i, predicate in enumerate(predicates) if predicate.timed),
        )

    def _ladder(self, document: Document, rule: Ladder, stamp: str) -> LadderRule:
        names = [tier.name for tier in rule.tiers]
        tiers = []
        for i, tier in enumerate(rule.tiers):
            path: KeyPath = ("tiers", i)
            if tier.name in names[:i]:
                self._note(document, (*path, "name"), "duplicate_name", f"a tier {tier.name} stands already above")
            if i == 0:
                for key in ("enter", "leave", "stay_at_least"):
                    if key in tier.model_fields_set:
                        self._note(document, (*path, key), "bad_tier", f"the lowest tier takes everyone; remove {key}")
            elif tier.enter is None:
                self._note(document, path, "missing_key", f"enter is missing; nobody could reach {tier.name}")
            enter, leave = (
                None
                if items is None or i == 0
                else self._clause(items, document, (*path, key), f"{rule.name}/{tier.name}/{key}")
                for key, items in (("enter", tier.enter), ("leave", tier.leave))
            )
            tiers.append(TierRule(tier.name, enter, leave, int(tier.stay_at_least.total_seconds() * 1000)))
        for i, jump in enumerate(rule.on_jump):
            for key, name in (("from", jump.from_), ("to", jump.to)):
                if name is not None and name not in names:
                    message = f"there is no tier {name}{suggestion(name, names)}"
                    self._note(document, ("on_jump", i, key), "unknown_tier", message)
        return LadderRule(stamp, rule.name, tuple(tiers), tuple(rule.on_jump))

    def _clause(self, items: list[object], document: Document, path: KeyPath, clause_id: str) -> Clause:
        predicates, problems = parse_conditions(items, document, path, self.vocabulary)
        if path[0] == "tiers" and any(_asks_tier(predicate) for predicate in predicates):
            self._note(document, path, "not_allowed", "a ladder cannot ask for a tier; only campaigns can")
        self.problems += problems
        indices = []
        for predicate in predicates:
            index, _ = self._predicates.setdefault(predicate.key, (len(self._predicates), predicate))
            indices.append(index)
        unique = tuple(sorted(set(indices)))
        return Clause(clause_id, unique, sum(1 << i for i in unique))

    def _note(self, document: Document, path: KeyPath, code: str, message: str) -> None:
        self.problems.append(Problem(document.place(path), code, message))


def _asks_tier(predicate: Predicate) -> bool:
    start = FUNCTIONS["tier"].name + "("
    return any(feature.name.startswith(start) for feature in predicate.features)


def _content_hash(rule: Ladder | Campaign) -> str:
    # defaults left out, so that a new optional key changes no hash
    return _hash([LANGUAGE, rule.kind, rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)])


def _hash(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()
