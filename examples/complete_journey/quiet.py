"""When the pond has come to rest: every stage has done all there is, upstream first."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from aiokafka.errors import KafkaError

from examples.complete_journey.setting import DemoFailed

Reach: TypeAlias = Mapping[str, tuple[int, int]]
"""Service, upstream first -> records behind it, records there are for it as far as the broker tells."""

Report: TypeAlias = Callable[[Reach], None]

_LOOK_SECONDS = 0.25
_STALL_SECONDS = 90.0
_LONGEST_SECONDS = 900.0


class Backlog(Protocol):
    """Committed offsets and ends, see `deploy.embedded.backlog`."""

    async def measure(self) -> Reach: ...


class Reader(Protocol):
    """What is on the topics, see `reader`."""

    async def drain(self) -> Mapping[str, int]: ...


async def follow(backlog: Backlog, report: Report) -> None:
    """Report again and again, until cancelled."""
    while True:
        with contextlib.suppress(KafkaError):  # only for show
            report(await backlog.measure())
        await asyncio.sleep(2 * _LOOK_SECONDS)


async def until_quiet(backlog: Backlog, report: Report) -> None:
    """Return when no stage seems to be behind; raise `DemoFailed` when nothing moves or it takes too long."""
    started = moved = time.monotonic()
    before: Reach = {}
    while True:
        try:
            now = await backlog.measure()
        except KafkaError:  # a group is between two owners; look again
            now = before
        report(now)
        behind = {service: (done, total) for service, (done, total) in now.items() if done < total}
        if now and not behind:
            return
        if now != before:
            before, moved = now, time.monotonic()
        where = ", ".join(f"{service} {done:,} of {total:,}" for service, (done, total) in behind.items())
        if time.monotonic() - moved > _STALL_SECONDS:
            raise DemoFailed(f"nothing has moved for {_STALL_SECONDS:.0f} s: {where}")
        if time.monotonic() - started > _LONGEST_SECONDS:
            raise DemoFailed(f"not done after {_LONGEST_SECONDS:.0f} s: {where}")
        await asyncio.sleep(_LOOK_SECONDS)


async def until_settled(
    backlog: Backlog, reader: Reader, inputs: Mapping[str, tuple[str, ...]], report: Report
) -> None:
    """Return when the reader has everything, and every stage has committed everything the reader has.

    The embedded broker names as the end of a partition the second record of its last batch, so what it says about the
    end is only good enough to wait for. What a reader gets is the truth.
    """
    while True:
        await until_quiet(backlog, report)
        # measured before reading: what is committed now was published before
        reach = await backlog.measure()
        ends = await reader.drain()
        if all(reach[service][0] >= sum(ends[topic] for topic in topics) for service, topics in inputs.items()):
            return
        await asyncio.sleep(_LOOK_SECONDS)
