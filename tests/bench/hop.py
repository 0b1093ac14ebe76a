"""One hop of the floor, as a process: reads records and writes as many of the right size, and does nothing else.

    python -m tests.bench.hop '<Task as JSON>'

Prints `ready` when it has its partitions, and a `Done` as JSON when it has read what was expected.
"""

import gc
import sys
import time
from collections.abc import Iterable
from itertools import cycle, islice
from typing import Any

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

_BATCH_RECORDS = 2000
_BATCH_WAIT_MS = 20
_FETCH_WAIT_MS = 50
_COMMIT_SECONDS = 1.0


class Side(msgspec.Struct, frozen=True):
    """An output: over the whole run `records` of `size` bytes go to `topic`."""

    topic: str
    records: int
    size: int


class Task(msgspec.Struct, frozen=True):
    """`expect` records of all `inputs` together; every output is spread evenly over them, partition by partition."""

    kafka: str
    group: str
    inputs: list[str]
    partitions: int
    expect: int
    outputs: list[Side]
    idempotent: bool


class Done(msgspec.Struct, frozen=True):
    """`at`: when it had read everything (monotonic). `cpu_seconds`: of this process, since it began."""

    at: float
    cpu_seconds: float


async def run(task: Task) -> Done:
    consumer = AIOKafkaConsumer(
        *task.inputs,
        bootstrap_servers=task.kafka,
        group_id=task.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka,
        acks="all",
        enable_idempotence=task.idempotent,
        max_batch_size=256 * 1024,
        max_request_size=8 * 1024 * 1024,
    )
    await producer.start()
    await consumer.start()
    try:
        while len(consumer.assignment()) < task.partitions * len(task.inputs):
            await consumer.getmany(timeout_ms=_BATCH_WAIT_MS)
        print("ready", flush=True)  # noqa: T201 - the parent reads it
        return await _forward(task, consumer, producer)
    finally:
        await consumer.stop()
        await producer.stop()


async def _forward(task: Task, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> Done:
    taken = 0
    committed_at = time.monotonic()
    blanks = {output.topic: b"x" * output.size for output in task.outputs}
    while taken < task.expect:
        got = await consumer.getmany(timeout_ms=_BATCH_WAIT_MS, max_records=_BATCH_RECORDS)
        pending: list[Any] = []
        for place, records in got.items():
            for output in task.outputs:
                keys = [record.key for record in records]
                wanted = share(taken, len(records), output.records, task.expect)
                target = TopicPartition(output.topic, place.partition)
                pending += await _send(producer, target, islice(cycle(keys), wanted), blanks[output.topic])
            taken += len(records)
        for acknowledgement in pending:
            await acknowledgement
        if time.monotonic() - committed_at > _COMMIT_SECONDS:
            committed_at = time.monotonic()
            await consumer.commit()
    done = Done(time.monotonic(), time.process_time())
    await consumer.commit()
    return done


def share(taken: int, count: int, records: int, expect: int) -> int:
    """How many of `records` outputs fall to the next `count` of `expect` inputs when `taken` are done; exact in sum."""
    return (taken + count) * records // expect - taken * records // expect


async def _send(
    producer: AIOKafkaProducer, target: TopicPartition, keys: Iterable[bytes | None], value: bytes
) -> list[Any]:
    """One record for each key, in as few batches as they fit in; the futures end with the acknowledgement."""
    sent: list[Any] = []
    batch = producer.create_batch()
    for key in keys:
        if batch.append(key=key, value=value, timestamp=None) is None:
            batch.close()
            sent.append(await producer.send_batch(batch, target.topic, partition=target.partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    if batch.record_count():
        batch.close()
        sent.append(await producer.send_batch(batch, target.topic, partition=target.partition))
    return sent


def main() -> None:
    gc.set_threshold(100_000, 50, 50)  # as the services do
    task = msgspec.json.decode(sys.argv[1], type=Task)
    done = uvloop.run(run(task))
    print(msgspec.json.encode(done).decode(), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
