"""The rule set of the flow tests, compiled once."""

from collections.abc import Iterator

import pytest

from services.rules.book.compiler import compile_rulebook
from services.rules.processor import RulesProcessor
from tests.flow.said import RULES


@pytest.fixture(scope="module")
def rules() -> Iterator[RulesProcessor]:
    """It keeps nothing of any customer, so every pond may use the same one."""
    processor = RulesProcessor(compile_rulebook({"规则.yaml": RULES}))
    yield processor
    processor.close()
