"""Two thousand campaigns and three hundred ladders: nothing is missed, and memory stays where it is."""

import resource
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from services.contracts.calendar import to_ms
from services.contracts.profile import Profile
from services.rules.book.compiler import compile_rulebook
from services.rules.engine.state import RuleState
from services.rules.processor import RulesProcessor
from tests.unit.rules.at_scale import customers, rule_files
from tests.unit.rules.customers import decisions, record
from tests.unit.rules.reference import Reference, Told, lived, told

CUSTOMERS = 500
SAMPLE = 100
"""Every so many customers one is asked in the plain way, too."""
LEFT = timedelta(days=2)
MOST_WAKES = 5


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return rule_files(2000, 300)


@pytest.fixture(scope="module")
def processor(files: dict[str, str]) -> Iterator[RulesProcessor]:
    processor = RulesProcessor(compile_rulebook(files))
    yield processor
    processor.close()


def live(processor: RulesProcessor, one: Profile, wakes: int) -> tuple[list[Told], datetime, list[int]]:
    """A profile, and so many timers after it at most; until when all is decided, and when timers rang."""
    step = processor.apply(None, one, record(one), one.as_of)
    assert step is not None
    said, rang = [told(decision) for decision in decisions(step.outputs)], list[int]()
    end = one.as_of + LEFT
    while step.due is not None and step.due <= end:
        if len(rang) == wakes:
            return said, step.due - timedelta(milliseconds=1), rang
        state: RuleState | None = step.state
        assert state is not None
        rang.append(to_ms(step.due))
        step = processor.wake(processor.load(processor.dump(state)), step.due)
        assert step is not None
        said += [told(decision) for decision in decisions(step.outputs)]
    return said, end, rang


def test_nothing_is_missed_of_two_thousand_rules(processor: RulesProcessor, files: dict[str, str]) -> None:
    """Five hundred customers are looked at; of some, every decision of the next days is compared with the plain reading."""
    made, high_water = defaultdict[str, int](int), 0
    for i, one in enumerate(customers(CUSTOMERS)):
        sampled = i % SAMPLE == 0
        said, end, rang = live(processor, one, MOST_WAKES if sampled else i % 5 == 0)
        for each in said:
            made[each.outcome] += 1
        if sampled:
            extra = {at + aside for at in rang for aside in (-1, 0, 1)}
            assert said == lived(Reference(*files.values()), [one], end, extra, hours=24)
        if i == CUSTOMERS // 2:
            high_water = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert min(made["fired"], made["promoted"]) > CUSTOMERS // 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - high_water < 64 * 1024
