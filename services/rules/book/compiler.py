"""From rule files to a `Rulebook`, or to everything that is wrong with them."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.rules.book.facts import Facts
from services.rules.book.models import Action, Campaign, Capacity, Define, Ladder, Notify, Tier
from services.rules.book.notice import Notice, compile_notice
from services.rules.book.occasions import of_period, of_sequence, of_timing
from services.rules.book.reading import loose_conditions, loose_facts, loose_ladders, read_rule
from services.rules.book.rulebook import (
    CampaignRule,
    Clause,
    FactRule,
    GoalRule,
    LadderRule,
    Rulebook,
    SeatRule,
    StepRule,
    TierRule,
)
from services.rules.book.sequence import EventSequence, Link
from services.rules.book.source import parse_rules
from services.rules.language.condition import Predicate, parse_conditions
from services.rules.language.features import FEATURES
from services.rules.language.terms import Feature, Kind, Moves, Vocabulary
from services.runtime.document import Document, KeyPath
from services.runtime.files import read_files
from services.runtime.problems import FileError, Place, Problem, suggestion

LANGUAGE = 2
"""Raised when the same text comes to mean something else; part of every hash."""
_HASH_BYTES = 5
_MILLISECOND = timedelta(milliseconds=1)
_CAMPAIGN = "campaign"


def load_rulebook(path: Path) -> Rulebook:
    """All rules of a file, or of a folder and the folders below it. Raise `FileError` with every problem."""
    return compile_rulebook(read_files(path))


def compile_rulebook(texts: Mapping[str, str | bytes]) -> Rulebook:
    """The rulebook of texts by file name. Raise `FileError` with every problem."""
    problems: list[Problem] = []
    rules: list[tuple[Document, Ladder | Campaign]] = []
    facts = Facts()
    broken: list[Document] = []
    for file in sorted(texts):
        documents, found = parse_rules(file, texts[file])
        problems += found
        for document in documents:
            rule, found = read_rule(document)
            problems += found
            match rule:
                case None:
                    broken.append(document)
                    facts.expect(loose_facts(document))
                case Define():
                    problems += facts.add(document, rule)
                case _:
                    rules.append((document, rule))
    rules.sort(key=lambda pair: pair[1].name)
    problems += _duplicates(rules)
    if not rules and not problems:
        problems.append(Problem(Place(next(iter(sorted(texts)), "rules"), 1, 1), "no_rules", "no rule in these files"))
    ladders = {name: tiers for document in broken for name, tiers in loose_ladders(document).items()}
    ladders |= {rule.name: tuple(t.name for t in rule.tiers) for _, rule in rules if isinstance(rule, Ladder)}
    facts.ladders = ladders
    compiler = _Compiler(ladders, facts)
    for document, rule in rules:
        compiler.add(document, rule)
    problems += compiler.problems
    vocabulary = Vocabulary(ladders, facts)
    for document in broken:
        for path, items in loose_conditions(document):
            problems += parse_conditions(items, document, path, vocabulary)[1]
    problems += facts.resolve(ladders)
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
    """Adds rule after rule; `problems` are those of conditions and of what rules say of each other."""

    def __init__(self, ladders: Mapping[str, tuple[str, ...]], facts: Facts) -> None:
        self.problems: list[Problem] = []
        self._known = ladders
        self._facts = facts
        self._predicates: dict[tuple[str, str], tuple[int, Predicate]] = {}
        self._ladders: list[LadderRule] = []
        self._campaigns: list[CampaignRule] = []
        self._deductions: dict[int, FactRule] = {}
        self._sequences: list[EventSequence] = []
        self._documents: dict[str, Document] = {}
        self._document: Document
        self._stage = _CAMPAIGN
        self._vocabulary = Vocabulary(ladders, facts)

    def add(self, document: Document, rule: Ladder | Campaign) -> None:
        self._document = self._documents[rule.name] = document
        self._facts.used.clear()
        if isinstance(rule, Ladder):
            # of its own: `tier_days` means something else in every ladder
            self._stage, self._vocabulary = f"ladder/{rule.name}", Vocabulary(self._known, self._facts, rule.name)
            self._ladders.append(self._ladder(rule))
        else:
            self._stage, self._vocabulary = _CAMPAIGN, Vocabulary(self._known, self._facts)
            self._campaigns.append(self._campaign(rule))

    def rulebook(self) -> Rulebook:
        entries = self._predicates.items()
        predicates = tuple(predicate for _, (_, predicate) in entries)
        ids = sorted([*(ladder.id for ladder in self._ladders), *(campaign.id for campaign in self._campaigns)])
        return Rulebook(
            hash=_hash([LANGUAGE, ids]),
            ladders=tuple(self._ladders),
            campaigns=tuple(sorted(self._campaigns, key=lambda c: (-c.priority, c.name))),
            predicates=predicates,
            facts=tuple(self._deductions.values()),
            sequences=tuple(self._sequences),
            tier_mask=sum(1 << i for (stage, _), (i, predicate) in entries if stage == _CAMPAIGN and predicate.of_tier),
            pulse_mask=sum(1 << i for i, predicate in enumerate(predicates) if predicate.pulse),
            timed=frozenset(i for i, predicate in enumerate(predicates) if predicate.timed),
            documents=self._documents,
        )

    def _stamp(self, rule: Ladder | Campaign) -> str:
        # defaults left out, so that a new optional key changes no hash
        said = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        facts = self._facts.said(self._facts.used)
        content = [LANGUAGE, rule.kind, said, facts] if facts else [LANGUAGE, rule.kind, said]
        return f"{rule.name}@{_hash(content)}"

    # --- ladders

    def _ladder(self, rule: Ladder) -> LadderRule:
        names = [tier.name for tier in rule.tiers]
        tiers = tuple(self._tier(rule, i, tier, names[:i]) for i, tier in enumerate(rule.tiers))
        if rule.per is not None and all(tier.capacity is None for tier in rule.tiers):
            self._note(("per",), "unused", "per says how a capacity is counted; no tier has one")
        for i, jump in enumerate(rule.on_jump):
            for key, name in (("from", jump.from_), ("to", jump.to)):
                if name is not None and name not in names:
                    message = f"there is no tier {name}{suggestion(name, names)}"
                    self._note(("on_jump", i, key), "unknown_tier", message)
        notices = tuple(self._notice(jump.notify, ("on_jump", i, "notify")) for i, jump in enumerate(rule.on_jump))
        return LadderRule(self._stamp(rule), rule.name, tiers, tuple(rule.on_jump), notices, rule.mode, rule.per)

    def _tier(self, rule: Ladder, i: int, tier: Tier, above: Sequence[str]) -> TierRule:
        path: KeyPath = ("tiers", i)
        if tier.name in above:
            self._note((*path, "name"), "duplicate_name", f"a tier {tier.name} stands already above")
        if i == 0:
            for key in ("enter", "leave", "stay_at_least", "capacity"):
                if key in tier.model_fields_set:
                    self._note((*path, key), "bad_tier", f"the lowest tier takes everyone; remove {key}")
            return TierRule(tier.name, None, None, 0)
        if tier.enter is None:
            self._note(path, "missing_key", f"enter is missing; nobody could reach {tier.name}")
        slot = f"{rule.name}/{tier.name}"
        enter, leave = (
            None if items is None else self._clause(items, (*path, key), f"{slot}/{key}")
            for key, items in (("enter", tier.enter), ("leave", tier.leave))
        )
        if tier.capacity is not None and enter is not None and enter.mask & self._pulses():
            message = "a tier with a capacity is entered at its reviews; its enter cannot ask for an event"
            self._note((*path, "enter"), "bad_tier", message)
        seats = None if tier.capacity is None else self._seats(slot, tier.capacity, (*path, "capacity"))
        return TierRule(tier.name, enter, leave, tier.stay_at_least // _MILLISECOND, seats)

    def _seats(self, slot: str, capacity: Capacity, path: KeyPath) -> SeatRule | None:
        feature = FEATURES.get(capacity.rank_by)
        if feature is None or not _ranks(feature):
            hint = suggestion(capacity.rank_by, [name for name, feature in FEATURES.items() if _ranks(feature)])
            message = f"{capacity.rank_by} ranks nobody{hint}; write a number such as activity, m or net_minor"
            self._note((*path, "rank_by"), "unknown_value", message)
            return None
        return SeatRule(slot, capacity.max, feature, capacity.review)

    # --- campaigns

    def _campaign(self, rule: Campaign) -> CampaignRule:
        when = self._clause(rule.when, ("when",), rule.name) if rule.when is not None else Clause(rule.name, (), 0)
        active = None
        if rule.active is not None:
            active = self._register(of_period(rule.active))
            when = _with(when, active)
        if rule.schedule is not None:
            when = _with(when, self._register(of_timing(rule.schedule)))
        if rule.sequence is not None:
            links = tuple(Link(link.event, _ms(link.within)) for link in rule.sequence if link.event is not None)
            absent = next((Link(link.no, _ms(link.within)) for link in rule.sequence if link.no is not None), None)
            sequence = EventSequence(links, absent)
            self._sequences.append(sequence)
            when = _with(when, self._register(of_sequence(sequence)))
        until = None if rule.until is None else self._clause(rule.until, ("until",), f"{rule.name}/until")
        steps = tuple(self._steps(rule))
        return CampaignRule(
            id=self._stamp(rule),
            name=rule.name,
            when=when,
            steps=steps,
            cooldown_ms=_ms(rule.cooldown),
            priority=rule.priority,
            until=until,
            goal=None if rule.goal is None else GoalRule(rule.goal.event, _ms(rule.goal.within)),
            holdout=rule.holdout or 0.0,
            exclusive=rule.exclusive,
            mode=rule.mode,
            active=active,
        )

    def _steps(self, rule: Campaign) -> Iterator[StepRule]:
        for i, step in enumerate(rule.steps):
            yield self._step(rule, i, step)
        if rule.steps[-1].notify is None:
            self._note(("steps", len(rule.steps) - 1), "bad_step", "nothing comes after this step; end with a notify")

    def _step(self, rule: Campaign, i: int, step: Action) -> StepRule:
        when = None
        if step.when is not None:
            when = self._clause(step.when, ("steps", i, "when"), f"{rule.name}/steps/{i}")
        notice = None if step.notify is None else self._notice(step.notify, ("steps", i, "notify"))
        return StepRule(when, _ms(step.wait), notice)

    # --- messages and conditions

    def _notice(self, notify: Notify, path: KeyPath) -> Notice:
        notice, problems = compile_notice(notify, self._document, path, self._vocabulary)
        self.problems += problems
        return notice

    def _clause(self, items: Sequence[Any], path: KeyPath, clause_id: str) -> Clause:
        predicates, problems = parse_conditions(items, self._document, path, self._vocabulary)
        self.problems += problems
        indices = sorted({self._register(predicate) for predicate in predicates})
        return Clause(clause_id, tuple(indices), sum(1 << i for i in indices))

    def _register(self, predicate: Predicate) -> int:
        """The index of a predicate. One that asks for a tier sees it before its ladder has moved, or after all have."""
        key = (self._stage if predicate.of_tier else "", predicate.key)
        index, _ = self._predicates.setdefault(key, (len(self._predicates), predicate))
        if predicate.fact is not None and index not in self._deductions:
            # known before its own parts are, or facts that lead in a circle would never end
            self._deductions[index] = FactRule(predicate.fact, index, ())
            needs = tuple(
                sorted({self._register(part) for part in self._facts.parts(predicate.fact, self._vocabulary)})
            )
            self._deductions[index] = FactRule(predicate.fact, index, needs)
        return index

    def _pulses(self) -> int:
        return sum(1 << i for i, predicate in self._predicates.values() if predicate.pulse)

    def _note(self, path: KeyPath, code: str, message: str) -> None:
        self.problems.append(Problem(self._document.place(path), code, message))


def _with(clause: Clause, index: int) -> Clause:
    indices = tuple(sorted({*clause.predicates, index}))
    return Clause(clause.id, indices, clause.mask | 1 << index)


def _ranks(feature: Feature) -> bool:
    """Whether customers can be ranked by it: a number that stays as it is between two looks, or fades for all alike."""
    fades = feature.moves is Moves.STEADILY and feature.start is None
    return feature.kind is Kind.NUMBER and (fades or not feature.moves.ticking) and feature.moves is not Moves.PULSE


def _ms(length: timedelta | None) -> int:
    return 0 if length is None else length // _MILLISECOND


def _hash(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()
