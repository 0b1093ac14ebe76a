"""Commands, receipts and decisions as the services write them, and topics in memory, for the tests of the ledger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from services.cli.partition import Progress, Take
from services.contracts import topics, wire
from services.contracts.calendar import to_ms
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome
from services.contracts.profile import Cause
from services.contracts.receipt import DeliveryOutcome, Reason, Receipt
from services.runtime.partitioning import partition_of

PARTITIONS = 4
NIGHT = datetime(2025, 3, 17, 14, 30, tzinfo=UTC)
"""Half past ten in the evening in Shanghai."""
RULE = "唤醒@9f31c2a7"


def command(number: int = 1, *, hours: float = 0, **changes: Any) -> Command:
    """The command `number`, decided so long after `NIGHT`."""
    at = NIGHT + timedelta(hours=hours)
    values: dict[str, Any] = {
        "id": f"c{number}",
        "customer_id": f"客户-{number}",
        "rule": RULE,
        "episode": 1,
        "step": 0,
        "template": "好久不见",
        "params": {},
        "channels": ("sms",),
        "category": Category.MARKETING,
        "recipient": Recipient.CUSTOMER,
        "decided_at": at,
        "expires_at": at + timedelta(days=3),
        "occurred_at": at,
    }
    return Command(**(values | changes))


def receipt(
    of: Command,
    outcome: DeliveryOutcome = DeliveryOutcome.SENT,
    reason: Reason = Reason.NONE,
    *,
    after: float = 0,
    **changes: Any,
) -> Receipt:
    """What became of a command so many hours after it was decided."""
    sent = outcome is DeliveryOutcome.SENT
    values: dict[str, Any] = {
        "command_id": of.id,
        "customer_id": of.customer_id,
        "rule": of.rule,
        "outcome": outcome,
        "reason": reason,
        "channel": "sms" if sent else None,
        "delivery": None,
        "attempts": int(sent),
        "at": of.decided_at + timedelta(hours=after),
        "template": of.template,
        "variant": of.variant,
        "category": of.category,
        "recipient": of.recipient,
        "episode": of.episode,
        "step": of.step,
        "decided_at": of.decided_at,
    }
    return Receipt(**(values | changes))


def news(of: Command, outcome: DeliveryOutcome, *, after: float = 0, detail: str = "") -> Receipt:
    """What a provider told later: it knows the command's id, and nothing of rules."""
    return Receipt(
        command_id=of.id,
        customer_id=of.customer_id,
        rule="",
        outcome=outcome,
        reason=Reason.NONE,
        channel="sms",
        delivery=None,
        attempts=0,
        at=of.decided_at + timedelta(hours=after),
        detail=detail,
    )


def decision(
    customer: str,
    outcome: Outcome,
    reason: DecisionReason | None = None,
    *,
    hours: float = 0,
    episode: int = 1,
    rule: str = RULE,
    step: int | None = None,
    commands: Sequence[Command] = (),
    mode: Mode = Mode.LIVE,
) -> Decision:
    return Decision(
        id=f"{rule}/{customer}/{episode}/{outcome}/{step}",
        customer_id=customer,
        rule=rule,
        outcome=outcome,
        decided_at=NIGHT + timedelta(hours=hours),
        episode=episode,
        cause=Cause.TIME,
        cause_id="",
        profile_version=1,
        verdicts=(),
        reason=reason,
        mode=mode,
        step=step,
        commands=tuple(each.id for each in commands),
        templates=tuple(each.template for each in commands),
    )


class Shelf:
    """Topics in memory, as `services.cli.partition.Topics` reads them. What is put there is appended at its own instant."""

    def __init__(self) -> None:
        self.records: dict[TopicPartition, list[ConsumerRecord]] = {}
        self.reads: list[TopicPartition] = []

    def put(self, *messages: Command | Receipt | Decision) -> None:
        for message in messages:
            match message:
                case Command():
                    self._put(topics.NOTIFICATIONS.name, message, message.decided_at, wire.COMMANDS.encode(message))
                case Receipt():
                    self._put(topics.RECEIPTS.name, message, message.at, wire.RECEIPTS.encode(message))
                case Decision():
                    self._put(topics.DECISIONS.name, message, message.decided_at, wire.DECISIONS.encode(message))

    def put_bytes(self, topic: str, customer_id: str, value: bytes | None, at: datetime = NIGHT) -> None:
        place = TopicPartition(topic, partition_of(customer_id, PARTITIONS))
        records = self.records.setdefault(place, [])
        key = customer_id.encode()
        records.append(
            ConsumerRecord(topic, place.partition, len(records), to_ms(at), 1, key, value, None, len(key), 0, ())
        )

    def partitions(self, topic: str) -> int:  # noqa: ARG002 - of the protocol
        return PARTITIONS

    def size(self, place: TopicPartition, since: datetime | None = None) -> int:
        return len(self._from(place, since))

    def read(
        self,
        place: TopicPartition,
        take: Take,
        progress: Progress = lambda _passed, _all: None,
        since: datetime | None = None,
    ) -> None:
        self.reads.append(place)
        records = self._from(place, since)
        take(records)
        progress(len(records), len(records))

    @contextmanager
    def opened(self, _bootstrap: str) -> Iterator["Shelf"]:
        """In the place of `services.cli.partition.topics`."""
        yield self

    def _put(self, topic: str, message: Command | Receipt | Decision, at: datetime, value: bytes) -> None:
        self.put_bytes(topic, message.customer_id, value, at)

    def _from(self, place: TopicPartition, since: datetime | None) -> list[ConsumerRecord]:
        records = self.records.get(place, [])
        return records if since is None else [record for record in records if record.timestamp >= to_ms(since)]
