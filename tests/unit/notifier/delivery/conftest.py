"""Retries are not told, as in the notifier: a line for each would drown everything else."""

from collections.abc import Iterator

import pytest
from stamina.instrumentation import set_on_retry_hooks


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> Iterator[None]:
    set_on_retry_hooks([])
    yield
    set_on_retry_hooks(None)
