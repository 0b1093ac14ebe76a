"""The rule sets that test files are about: each read and compiled once."""

import os
from collections.abc import Sequence
from functools import cached_property
from itertools import count
from pathlib import Path

from services.rules.book.compiler import compile_rulebook
from services.rules.book.rulebook import CampaignRule, LadderRule, Rulebook
from services.rules.engine.campaign import held_out
from services.rules.processor import RulesProcessor
from services.runtime.files import read_files
from services.runtime.problems import FileError

TEST_ENDINGS = ("_test.yaml", "_test.yml")
_MOST_DRAWS = 10_000


class RuleSet:
    """Compiled rules at work. Nobody but the customer of a test is there, so a tier with seats always has one."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.processor = RulesProcessor(book, lambda _slot, _customer: True)
        self.ladders = {ladder.name: ladder for ladder in book.ladders}
        self.campaigns = {campaign.name: campaign for campaign in book.campaigns}

    @property
    def rules(self) -> dict[str, LadderRule | CampaignRule]:
        return {**self.ladders, **self.campaigns}

    @cached_property
    def templates(self) -> dict[str, frozenset[str]]:
        """What each rule may say."""
        said: dict[str, set[str]] = {name: set() for name in self.rules}
        for name, notice in self.book.notices():
            said[name].update(notice.notify.templates)
        return {name: frozenset(templates) for name, templates in said.items()}

    @cached_property
    def variants(self) -> dict[str, frozenset[str]]:
        """By rule, the names of the wordings that it draws among."""
        said: dict[str, set[str]] = {name: set() for name in self.rules}
        for name, notice in self.book.notices():
            said[name].update(variant.name for variant in notice.notify.variants or ())
        return {name: frozenset(names) for name, names in said.items()}

    @cached_property
    def customer(self) -> str:
        """A customer who is of no control group."""
        names = (f"customer-{n}" for n in count(1))
        drawn = (next(names) for _ in range(_MOST_DRAWS))
        held = [campaign for campaign in self.book.campaigns if campaign.holdout]
        return next((name for name in drawn if not any(held_out(campaign, name) for campaign in held)), "customer-1")


class RuleSets:
    """Compiles each rule set once. `close` gives the memory of all back."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], RuleSet | FileError] = {}

    def close(self) -> None:
        for known in self._known.values():
            if isinstance(known, RuleSet):
                known.processor.close()

    def get(self, paths: Sequence[Path]) -> RuleSet:
        """The rule set of these files and folders. Raise `FileError` with every problem."""
        key = tuple(sorted(str(path) for path in paths))
        if key not in self._known:
            self._known[key] = _load(paths)
        known = self._known[key]
        if isinstance(known, FileError):
            raise known
        return known


def rule_paths(test_file: Path, said: Sequence[str] | None) -> list[Path]:
    """What a test file is about: what it says, or the file of its name without `_test`, or all rules of its folder."""
    folder = test_file.parent
    if said is not None:
        return [Path(os.path.normpath(folder / path)) for path in said]
    for ending in TEST_ENDINGS:
        if test_file.name.endswith(ending):
            stem = test_file.name.removesuffix(ending)
            beside = [folder / f"{stem}{suffix}" for suffix in (".yaml", ".yml")]
            return [path for path in beside if path.is_file()][:1] or [folder]
    return [folder]


def is_test(name: str) -> bool:
    """Whether a file has the name of a test file."""
    return name.endswith(TEST_ENDINGS)


def _load(paths: Sequence[Path]) -> RuleSet | FileError:
    texts: dict[str, bytes] = {}
    try:
        for path in paths:
            texts |= {name: text for name, text in read_files(path).items() if path.is_file() or not is_test(name)}
        return RuleSet(compile_rulebook(texts))
    except FileError as error:
        return error
