"""Errands: what is done outside for customers, and what came of it.

On the wall clock they run beside the batches. An effect is begun once the state that says so is committed, so no crash
forgets that it may have happened. Its result is folded into the customer's state in a later round and kept here until that
round is committed. What was under way when a process died comes back through the customer's timer: a state with an effect
begun must have asked for one.

A replay on the event clock waits for them within the round, so that their results come in the same order whenever it is
run; a round that fails is done again, effects and all.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import structlog

from services.contracts.errors import Retryable
from services.runtime.fold import Effect, Return, Settle

S = TypeVar("S")

_KEPT = 20_000
"""Results of one partition that wait to be folded in; older ones are forgotten, as if the process had died."""

log = structlog.get_logger()


class Errands(Generic[S]):
    """The effects under way in this process, by partition.

    `perform` does one effect within bounds of its own, side by side with any number of others; what it raises counts as a
    crash in the middle of it. `stir` is called with the partition for which there is something to fold in.
    """

    def __init__(self, perform: Callable[[Any], Awaitable[Any]], settle: Settle[S]) -> None:
        self._perform = perform
        self.settle = settle
        self.stir: Callable[[int], None] = lambda _partition: None
        self._under_way: dict[int, set[asyncio.Task[None]]] = defaultdict(set)
        self._returned: dict[int, deque[Return]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._number = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [task for tasks in self._under_way.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, partition: int, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self._number += 1
            task = asyncio.create_task(self._run(partition, self._number, effect))
            self._under_way[partition].add(task)
            task.add_done_callback(self._under_way[partition].discard)

    async def finish(self, effects: Sequence[Effect]) -> list[Return]:
        """Do all of them now, and wait. Raise `Retryable` if one breaks off."""
        results = await asyncio.gather(*(self._perform(effect.what) for effect in effects), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise Retryable(f"an errand failed: {type(result).__name__}")
        return [
            Return(number, effect, result) for number, (effect, result) in enumerate(zip(effects, results, strict=True))
        ]

    def returned(self, partition: int) -> Sequence[Return]:
        """What came back and is not committed yet, oldest first."""
        return tuple(self._returned.get(partition, ()))

    def committed(self, partition: int, returns: Sequence[Return]) -> None:
        """These have been folded in for good."""
        done = {back.number for back in returns}
        waiting = self._returned[partition]
        while waiting and waiting[0].number in done:
            waiting.popleft()

    async def idle(self, partition: int, seconds: float | None = None) -> None:
        """Wait until nothing of the partition is under way, or for so long."""
        tasks = set(self._under_way.get(partition, ()))
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    async def _run(self, partition: int, number: int, effect: Effect) -> None:
        try:
            result = await self._perform(effect.what)
        except Exception as error:  # noqa: BLE001 - as if the process had died: the timer brings it again
            # no text and no trace: they may hold an address
            log.error("errand_failed", partition=partition, error=type(error).__name__)  # noqa: TRY400 - see above
            return
        self._returned[partition].append(Return(number, effect, result))
        self.stir(partition)
