"""Fake providers for processes: each serves from a loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

P = TypeVar("P", bound=AbstractAsyncContextManager[Any])
_BOUND_SECONDS = 10.0


@contextmanager
def serving(provider: P) -> Iterator[P]:
    """The provider, reachable as long as the block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(step: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(step, loop).result(_BOUND_SECONDS)

    try:
        run(provider.__aenter__())
        try:
            yield provider
        finally:
            run(provider.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_BOUND_SECONDS)
        loop.close()
