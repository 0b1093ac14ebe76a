"""What the demo says of what it leaves running."""

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from examples.complete_journey import demo


def test_what_is_left_running_says_who_can_use_it() -> None:
    """The sink takes POSTs only, and librdkafka clients are told beforehand that they cannot read the broker."""
    fleet: Any = SimpleNamespace(address=lambda name: f"http://{name}")
    stack: Any = SimpleNamespace(kafka_address="k:1", redis_url="redis://r:1/0")
    sink: Any = SimpleNamespace(url="http://s:1/messages")
    console = Console(file=io.StringIO(), width=200)
    demo._addresses(fleet, stack, sink, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "http://s:1/messages (POST only)" in text
    assert "kcat and other librdkafka clients cannot read the embedded broker" in text
    assert "http://scoring/healthz http://scoring/readyz http://scoring/metrics" in text
