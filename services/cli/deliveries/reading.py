"""The ledger from Kafka: receipts and commands, one partition after the other."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from aiokafka import ConsumerRecord, TopicPartition

from services.cli.deliveries.ledger import Ledger, Scope
from services.cli.partition import Progress, Take, decoded, values
from services.contracts import wire
from services.contracts.command import Command
from services.contracts.errors import Retryable
from services.contracts.topics import NOTIFICATIONS, RECEIPTS
from services.runtime.partitioning import partition_of


class Shelf(Protocol):
    """Where topics are read, see `services.cli.partition.Topics`."""

    def partitions(self, topic: str) -> int: ...
    def size(self, place: TopicPartition, since: datetime | None = None) -> int: ...
    def read(
        self, place: TopicPartition, take: Take, progress: Progress = ..., since: datetime | None = None
    ) -> None: ...


class Part(NamedTuple):
    """The ledger of the customers of one partition. `first_ms`: when the first command that was read was appended."""

    ledger: Ledger
    first_ms: int | None


class Reading:
    """How far a reading of several topics has come, told as one."""

    def __init__(self, shelf: Shelf, since: datetime | None, progress: Progress) -> None:
        self._shelf = shelf
        self._since = since
        self._progress = progress
        self._passed = 0
        self._all = 0

    def plan(self, topics: Sequence[str], partitions: Sequence[int]) -> None:
        """What is going to be read."""
        places = [TopicPartition(topic, number) for topic in topics for number in partitions]
        self._all = sum(self._shelf.size(place, self._since) for place in places)

    def read(self, topic: str, partition: int, take: Take) -> None:
        """Raise `Retryable` when Kafka cannot be read."""
        passed = self._passed

        def progress(done: int, _all: int) -> None:
            self._passed = passed + done
            # more may have come since it was planned
            self._progress(self._passed, max(self._all, self._passed))

        self._shelf.read(TopicPartition(topic, partition), take, progress, self._since)


def partitions_of(shelf: Shelf, topics: Sequence[str], customer: str | None, partitions: int) -> list[int]:
    """Those to read for one customer, or for all. Raise `Retryable` where the deployment has another number of them."""
    for topic in topics:
        there = shelf.partitions(topic)
        if there != partitions:
            raise Retryable(f"{topic} has {there} partitions, and KOI_PARTITIONS is {partitions}; they must agree")
    return list(range(partitions)) if customer is None else [partition_of(customer, partitions)]


def parts(reading: Reading, partitions: Sequence[int], scope: Scope, customer: str | None = None) -> Iterator[Part]:
    """Of each partition its ledger. A customer has one partition, so every command is whole in its part."""
    reading.plan((RECEIPTS.name, NOTIFICATIONS.name), partitions)
    for partition in partitions:
        yield part(reading, partition, scope, customer)


def part(reading: Reading, partition: int, scope: Scope, customer: str | None = None) -> Part:
    """Receipts first, and commands to an end that lies after theirs: no receipt is without its command by chance."""
    ledger = Ledger(scope)
    key = None if customer is None else customer.encode()
    firsts: list[int] = []

    def receipts(records: Sequence[ConsumerRecord]) -> None:
        for receipt in decoded(values(records, key), wire.RECEIPTS.decode):
            ledger.receipt(receipt)

    def commands(records: Sequence[ConsumerRecord]) -> None:
        if records and not firsts:
            firsts.append(records[0].timestamp)
        for message in decoded(values(records, key), wire.COMMANDS.decode):
            if isinstance(message, Command):
                ledger.command(message)

    reading.read(RECEIPTS.name, partition, receipts)
    reading.read(NOTIFICATIONS.name, partition, commands)
    return Part(ledger, firsts[0] if firsts else None)
