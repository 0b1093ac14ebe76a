"""What is said of a command: receipts, and dead letters of what could not be brought to anybody."""

from datetime import datetime

from services.contracts import topics, wire
from services.contracts.command import Command
from services.contracts.deadletter import DeadLetter
from services.contracts.feedback import Feedback
from services.contracts.receipt import DeliveryOutcome, Reason, Receipt
from services.notifier.effects import Delivered
from services.runtime.partitioning import partition_of
from services.runtime.processor import Address, Emit

SERVICE = "notifier"
_UNKNOWN_OFFSET = -1


def receipt(command: Command, told: Delivered, at: datetime, until: datetime | None = None) -> Emit:
    """`until`: of what is deferred, when it is looked at again."""
    return _emit(
        Receipt(
            command_id=command.id,
            customer_id=command.customer_id,
            rule=command.rule,
            outcome=told.outcome,
            reason=told.reason,
            channel=told.channel,
            delivery=told.delivery,
            attempts=told.attempts,
            at=at,
            detail=told.detail,
            template=command.template,
            variant=command.variant,
            category=command.category,
            recipient=command.recipient,
            episode=command.episode,
            step=command.step,
            decided_at=command.decided_at,
            until=until,
        )
    )


def news(feedback: Feedback, at: datetime) -> Emit:
    """What a provider told later. Which rule it was is found by the command's id."""
    return _emit(
        Receipt(
            command_id=feedback.command_id,
            customer_id=feedback.customer_id,
            rule="",
            outcome=DeliveryOutcome(feedback.news.value),
            reason=Reason.NONE,
            channel=feedback.channel,
            delivery=None,
            attempts=0,
            at=at,
            detail=feedback.detail,
            category=feedback.category,
        )
    )


def letter(command: Command, told: Delivered, partition: int, at: datetime) -> Emit:
    """The command as a dead letter. Its offset is not known any more: it may have waited for days."""
    value = wire.COMMANDS.encode(command)
    key = command.customer_id.encode()
    dead = DeadLetter(
        service=SERVICE,
        reason=told.reason.value,
        detail=told.detail,
        topic=topics.NOTIFICATIONS.name,
        partition=partition,
        offset=_UNKNOWN_OFFSET,
        failed_at=at,
        key=key,
        value=value,
        headers=(),
        size=len(value),
    )
    lane = partition_of(command.customer_id, topics.DEAD_LETTER_PARTITIONS)
    return Emit(topics.DEAD_LETTER.name, wire.DEAD_LETTERS.encode(dead), Address(lane, key))


def _emit(said: Receipt) -> Emit:
    return Emit(topics.RECEIPTS.name, wire.RECEIPTS.encode(said))
