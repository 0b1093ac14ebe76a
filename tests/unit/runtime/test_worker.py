"""The worker's traps, each with a stage and a consumer in memory; `tests/system` has those that need real servers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import patch

import pytest
from aiokafka import TopicPartition

from services.contracts.errors import Retryable
from services.runtime import trouble
from services.runtime import worker as module
from services.runtime.dead_letter import Flooded
from services.runtime.stage import Resume
from services.runtime.store import Fenced, StoreUnavailable
from services.runtime.telemetry import Telemetry
from services.runtime.worker import Worker
from tests.unit.runtime.fakes import TOPIC, FakeConsumer, FakeStage, tp

BOUND = 10.0


class Desk:
    """A worker with its stage and consumer, and its maintenance running."""

    def __init__(self, logs: dict[int, int], *, fence_seconds: float = 0.01) -> None:
        self.stage = FakeStage()
        self.consumer = FakeConsumer(logs)
        self.telemetry = Telemetry("toy", "0")
        self.worker = Worker(self.stage, self.telemetry, fence_seconds=fence_seconds)
        self.worker.attach(self.consumer)

    async def assign(self, *partitions: int) -> None:
        await self.worker.on_partitions_assigned(self.consumer.assign(partitions))

    async def poll(self) -> None:
        if batch := self.consumer.fetch():
            await self.worker.on_batch(batch)
        await asyncio.sleep(0)

    async def until(self, true: Callable[[], object], what: str, *, poll: bool = True) -> None:
        """Poll until it is true; fail with `what` when that takes too long."""
        try:
            async with asyncio.timeout(BOUND):
                while not true():
                    if poll:
                        await self.poll()
                    await asyncio.sleep(0.001)
        except TimeoutError:
            pytest.fail(f"{what} within {BOUND} s; not ready because: {self.worker.not_ready()}")

    async def held(self) -> None:
        await self.until(lambda: self.worker.not_ready() is None, "the worker is not ready", poll=False)

    def failures(self, why: str) -> float:
        labels = {"service": "toy", "why": why}
        return self.telemetry.registry.get_sample_value("koi_failures_total", labels) or 0.0


@contextlib.asynccontextmanager
async def desk(logs: dict[int, int], **more: Any) -> AsyncIterator[Desk]:
    short = patch.multiple(
        module, _MAINTAIN_SECONDS=0.001, _WAKE_SECONDS=0.001, _COMMIT_SECONDS=0.001, _LOOK_SECONDS=0.001
    )
    with short, patch.object(trouble, "LONGEST_BACKOFF", 0.002):
        it = Desk(logs, **more)
        maintenance = asyncio.create_task(it.worker.maintain())
        try:
            yield it
            assert not maintenance.done(), "maintenance has ended by itself"
        finally:
            maintenance.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await maintenance


async def test_all_records_are_handled_in_order() -> None:
    """Nothing goes wrong: every record once, in order, and the offsets are committed."""
    async with desk({0: 10, 1: 7}) as it:
        await it.assign(0, 1)
        await it.until(lambda: it.stage.stored == {0: 10, 1: 7}, "not all is handled")
        assert it.stage.handled == {0: list(range(10)), 1: list(range(7))}
        await it.until(lambda: it.consumer.committed_offsets == {tp(0): 10, tp(1): 7}, "not all is committed")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (RuntimeError("a bug"), "internal"),
        (Retryable("Kafka"), "retryable"),
        (StoreUnavailable("Redis"), "store"),
        (Flooded("too many"), "flooded"),
        (Fenced("another owner"), "fenced"),
    ],
)
async def test_a_batch_that_fails_is_not_lost(error: Exception, why: str) -> None:
    """After any exception the records are read again from their position: nothing lost, nothing out of order."""
    async with desk({0: 9}) as it:
        it.stage.failures = [error, error]
        await it.assign(0)
        await it.until(lambda: it.stage.stored == {0: 9}, "not all is handled")
        assert it.stage.handled == {0: list(range(9))}
        assert it.failures(why) == 2
        assert it.stage.claims == 3


async def test_a_failure_in_one_partition_leaves_the_others_alone() -> None:
    """Partitions fail one by one."""
    async with desk({0: 6, 1: 6}) as it:
        it.stage.failures = [Retryable("once")]
        await it.assign(0, 1)
        await it.until(lambda: it.stage.stored == {0: 6, 1: 6}, "not all is handled")
        assert it.stage.handled == {0: list(range(6)), 1: list(range(6))}


async def test_a_batch_that_runs_after_its_revoke_is_dropped() -> None:
    """Records fetched while a partition was ours are not handled once it is not."""
    async with desk({0: 6, 1: 6}) as it:
        await it.assign(0, 1)
        await it.held()
        await it.until(lambda: it.stage.handled.keys() == {0, 1}, "nothing is handled")
        late = it.consumer.fetch()
        await it.worker.on_partitions_revoked({tp(0), tp(1)})
        await it.assign(1)
        before = dict(it.stage.stored)
        await it.worker.on_batch(late)
        assert it.stage.stored == before
        await it.until(lambda: it.stage.stored[1] == 6, "the partition that is left is not handled")
        assert it.stage.stored[0] == before[0]


async def test_a_revoke_waits_for_the_batch_in_hand() -> None:
    """A partition is not taken away under a running batch; its end is committed first."""
    async with desk({0: 3}) as it:
        await it.assign(0)
        await it.held()
        await it.worker.on_batch([])
        it.stage.gate.clear()
        batch = asyncio.create_task(it.worker.on_batch(it.consumer.fetch()))
        await asyncio.wait_for(it.stage.entered.wait(), BOUND)
        revoke = asyncio.create_task(it.worker.on_partitions_revoked({tp(0)}))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not revoke.done()
        assert it.stage.claimed == {0}
        it.stage.gate.set()
        await asyncio.wait_for(asyncio.gather(batch, revoke), BOUND)
        assert it.consumer.committed_offsets == {tp(0): 3}
        assert it.stage.claimed == set()


@pytest.mark.parametrize("stopping", [False, True])
async def test_who_gives_partitions_up_lets_what_is_under_way_outside_end(stopping: bool) -> None:
    """All of them side by side, before their positions are told to Kafka; one that fails keeps no other from it."""
    async with desk({0: 3, 1: 3}) as it:
        await it.assign(0, 1)
        await it.until(lambda: it.stage.stored == {0: 3, 1: 3}, "not all is handled")
        it.consumer.committed_offsets.clear()
        it.worker._committed.clear()
        it.stage.under_way.clear()
        it.stage.finish_failures = [Retryable("away")]
        worker = it.worker
        going = asyncio.create_task(worker.finish() if stopping else worker.on_partitions_revoked({tp(0), tp(1)}))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (sorted(it.stage.finished), going.done()) == ([0, 1], False)
        it.stage.under_way.set()
        await asyncio.wait_for(going, BOUND)
        assert it.consumer.committed_offsets == {tp(0): 3, tp(1): 3}


async def test_a_batch_fetched_before_the_claims_seek_leaves_no_gap() -> None:
    """Records fetched from another place than the claim's are dropped, and read again from where the claim stands."""
    async with desk({0: 9}) as it:
        it.stage.stored = {0: 2}
        it.consumer.assign([0])
        it.consumer.seek(tp(0), 5)
        early = it.consumer.fetch()
        await it.worker.on_partitions_assigned({tp(0)})
        await it.held()
        await it.worker.on_batch(early)
        assert 0 not in it.stage.handled
        await it.until(lambda: it.stage.stored == {0: 9}, "not all is handled")
        assert it.stage.handled == {0: list(range(2, 9))}


async def test_records_before_the_consumer_is_known_are_not_lost() -> None:
    """FastStream polls before the worker knows the consumer; what comes then is read again after the claim."""
    async with desk({0: 6}) as it:
        it.worker._consumer = None
        await it.assign(0)
        await it.poll()
        assert it.stage.handled == {}
        it.worker.attach(it.consumer)
        await it.until(lambda: it.stage.stored == {0: 6}, "not all is handled")


async def test_a_claim_that_fails_is_tried_until_it_works() -> None:
    """No error of a claim leaves a partition silently unclaimed: the worker is not ready, says why, and goes on trying."""
    async with desk({0: 6, 1: 6}) as it:
        it.stage.claim_failures = [StoreUnavailable("Redis is away"), RuntimeError("odd")] * 3
        reasons: list[str | None] = []

        def done() -> bool:
            reasons.append(it.worker.not_ready())
            return it.stage.stored == {0: 6, 1: 6}

        await it.assign(0, 1)
        await it.until(done, "not all is handled")
        assert any("Redis is away" in (reason or "") for reason in reasons)
        assert it.worker.not_ready() is None


async def test_one_partition_that_cannot_be_claimed_does_not_hold_up_the_others() -> None:
    """A stored position beyond the topic's end is not skipped or reset: that partition waits, the others work."""
    async with desk({0: 3, 1: 6}) as it:
        it.stage.stored = {0: 99}
        await it.assign(0, 1)
        await it.until(lambda: it.stage.stored == {0: 99, 1: 6}, "the healthy partition is not handled")
        await it.until(lambda: "lies beyond its end" in (it.worker.not_ready() or ""), "nobody complains")
        assert it.stage.handled.get(0, []) == []


async def test_a_failed_timer_drops_and_claims_again() -> None:
    """What fails between batches is treated as a failed batch is."""
    async with desk({0: 6}) as it:
        it.stage.wake_failures = [StoreUnavailable("away"), RuntimeError("bug")]
        await it.assign(0)
        await it.until(lambda: it.stage.stored == {0: 6} and not it.stage.wake_failures, "not all is handled")
        await it.held()
        assert (it.failures("store"), it.failures("internal")) == (1, 1)


async def test_one_batch_of_a_partition_at_a_time() -> None:
    """While a batch is in hand, another waits; nothing of one partition runs side by side."""
    async with desk({0: 9}) as it:
        await it.assign(0)
        await it.held()
        await it.worker.on_batch([])
        it.stage.gate.clear()
        batches = [asyncio.create_task(it.worker.on_batch(it.consumer.fetch())) for _ in range(3)]
        await asyncio.wait_for(it.stage.entered.wait(), BOUND)
        for _ in range(20):
            await asyncio.sleep(0)
        assert it.stage.running == 1
        it.stage.gate.set()
        await asyncio.wait_for(asyncio.gather(*batches), BOUND)
        assert it.stage.most_running == 1
        assert it.stage.handled == {0: list(range(9))}


async def test_finish_lets_the_batch_in_hand_end_and_commits_it() -> None:
    """A graceful stop completes what has begun, tells Kafka, and takes nothing more."""
    async with desk({0: 6}) as it:
        await it.assign(0)
        await it.held()
        await it.worker.on_batch([])
        it.stage.gate.clear()
        batch = asyncio.create_task(it.worker.on_batch(it.consumer.fetch()))
        await asyncio.wait_for(it.stage.entered.wait(), BOUND)
        finish = asyncio.create_task(it.worker.finish())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not finish.done()
        it.stage.gate.set()
        await asyncio.wait_for(asyncio.gather(batch, finish), BOUND)
        assert it.consumer.committed_offsets == {tp(0): 3}
        await it.poll()
        assert it.stage.handled == {0: [0, 1, 2]}
        assert it.worker.not_ready() == "stopping"


@pytest.mark.parametrize("away", [False, True])
async def test_finish_does_not_wait_for_ever(away: bool) -> None:
    """A batch that hangs does not hang the stop, least of all while Kafka is away; it is done again after the start."""
    async with desk({0: 6}) as it:
        await it.assign(0)
        await it.held()
        await it.worker.on_batch([])
        it.stage.gate.clear()
        batch = asyncio.create_task(it.worker.on_batch(it.consumer.fetch()))
        await asyncio.wait_for(it.stage.entered.wait(), BOUND)
        it.consumer.away = away
        with patch.object(module, "_FINISH_SECONDS", 2 * BOUND if away else 0.01):
            await asyncio.wait_for(it.worker.finish(), BOUND)
        assert it.consumer.committed_offsets == {}
        batch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await batch


async def test_a_batch_that_hangs_is_not_ready_and_not_silent() -> None:
    """Waiting for a server is told by readiness; it is no reason to kill the process."""
    async with desk({0: 3}) as it:
        await it.assign(0)
        await it.held()
        await it.worker.on_batch([])
        it.stage.gate.clear()
        batch = asyncio.create_task(it.worker.on_batch(it.consumer.fetch()))
        await asyncio.wait_for(it.stage.entered.wait(), BOUND)
        with patch.object(module, "_STUCK_SECONDS", 0.0):
            assert "the batch in hand has been waiting" in (it.worker.not_ready() or "")
        assert it.worker.silent_seconds() == 0.0
        it.stage.gate.set()
        await asyncio.wait_for(batch, BOUND)
        assert it.worker.not_ready() is None


async def test_kafka_away_is_not_ready_though_nothing_is_to_do() -> None:
    """An idle worker notices that Kafka is gone, and that it is back."""
    async with desk({0: 3}) as it:
        await it.assign(0)
        await it.until(lambda: it.stage.stored == {0: 3}, "not all is handled")
        it.consumer.away = True
        await it.until(lambda: "Kafka does not answer" in (it.worker.not_ready() or ""), "it is still ready")
        it.consumer.away = False
        await it.held()


async def test_maintenance_survives_what_nobody_expected() -> None:
    """An error outside of any partition's work does not end the task that claims partitions."""
    async with desk({0: 6}) as it:
        with patch.object(it.consumer, "commit", side_effect=RuntimeError("odd")):
            await it.assign(0)
            await it.until(lambda: it.failures("internal") > 0, "nothing failed")
        await it.until(lambda: it.stage.stored == {0: 6}, "not all is handled")
        await it.held()


async def test_a_fenced_partition_waits_for_the_group() -> None:
    """The new owner is right: a worker that was fenced does not claim at once, or two would take turns for ever."""
    async with desk({0: 6}, fence_seconds=3600.0) as it:
        it.stage.failures = [Fenced("another owner")]
        await it.assign(0)
        await it.until(lambda: it.failures("fenced") == 1, "it was not fenced")
        for _ in range(50):
            await it.poll()
            await asyncio.sleep(0.001)
        assert (it.stage.claims, it.stage.stored) == (1, {})
        assert "another owner" in (it.worker.not_ready() or "")


async def test_a_rebalance_ends_the_wait_of_a_fenced_partition() -> None:
    """When the group assigns the partition anew, it is claimed at once."""
    async with desk({0: 6}, fence_seconds=3600.0) as it:
        it.stage.failures = [Fenced("another owner")]
        await it.assign(0)
        await it.until(lambda: it.failures("fenced") == 1, "it was not fenced")
        await it.worker.on_partitions_revoked({tp(0)})
        await it.assign(0)
        await it.until(lambda: it.stage.stored == {0: 6}, "not all is handled")


async def test_before_the_group_is_joined_the_worker_is_not_ready() -> None:
    """A worker without an assignment says so; one that was assigned nothing is ready to stand by."""
    async with desk({0: 1}) as it:
        assert it.worker.not_ready() == "waiting for the consumer group"
        await it.assign()
        await it.held()


async def test_the_lag_of_a_partition_given_away_is_forgotten() -> None:
    """Only the owner reports a partition's lag."""
    async with desk({0: 6}) as it:

        def lag() -> float | None:
            return it.telemetry.registry.get_sample_value(
                "koi_consumer_lag_messages", {"topic": TOPIC, "partition": "0"}
            )

        await it.assign(0)
        await it.until(lambda: lag() == 0, "no lag is reported")
        await it.worker.on_partitions_revoked({tp(0)})
        assert lag() is None


async def test_a_stage_without_a_store_resumes_at_the_committed_offset() -> None:
    """Where a stage keeps no position, Kafka's committed offset is the start, and the beginning without one."""
    async with desk({0: 6, 1: 4}) as it:
        it.stage.resume = Resume.COMMITTED
        it.consumer.committed_offsets = {TopicPartition(TOPIC, 0): 4}
        seeks: dict[TopicPartition, int] = {}
        with patch.object(it.consumer, "seek", side_effect=seeks.__setitem__):
            await it.assign(0, 1)
            await it.held()
        assert seeks == {tp(0): 4, tp(1): 0}


async def test_a_topic_counts_as_behind_until_the_broker_denies_it() -> None:
    """Only a fresh answer that names the position reached as the end will do."""
    async with desk({0: 2}) as it:
        await it.assign(0)
        await it.until(lambda: it.stage.stored == {0: 2}, "not all is handled")
        await it.until(lambda: it.stage.behind == [TOPIC], "an old answer is believed")
        it.consumer.answered_ms = int(time.time() * 1000) + 60_000
        await it.until(lambda: it.stage.behind == [], "a fresh answer is not believed")
        it.consumer.logs[0] = 3
        it.consumer.stopped.add(tp(0))
        await it.until(lambda: it.stage.behind == [TOPIC], "what has not arrived is not missed")


async def test_a_stir_looks_only_where_there_is_something_to_see() -> None:
    """Of many partitions that one is woken for which news has come, and all of them if nobody says for which."""
    async with desk({0: 1, 1: 1, 2: 1}) as it:
        await it.assign(0, 1, 2)
        await it.until(lambda: it.stage.stored == {0: 1, 1: 1, 2: 1}, "not all is handled")
        with patch.object(module, "_WAKE_SECONDS", 1000.0):
            it.stage.woken.clear()
            it.worker.stir(1)
            await it.until(lambda: it.stage.woken == [1], "the one is not woken, or not alone")
            it.worker.stir()
            await it.until(lambda: sorted(it.stage.woken) == [0, 1, 1, 2], "not all are woken")


async def test_a_stir_before_there_is_anything_to_do_does_not_hold_the_process() -> None:
    """News may come before the worker has a consumer; the loop must still let others run."""
    worker = Worker(FakeStage(), Telemetry("toy", "0"), fence_seconds=1)
    worker.stir()
    task = asyncio.create_task(worker.maintain())
    async with asyncio.timeout(10):
        for _ in range(50):
            await asyncio.sleep(0)
    task.cancel()
