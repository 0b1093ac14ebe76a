"""The pure core of the notifier: a command comes in, one receipt goes out, with at most one send between."""

from collections.abc import Sequence
from datetime import datetime

from services.contracts import topics, wire
from services.contracts.command import Command, CommandMessage
from services.contracts.errors import InvalidMessage
from services.contracts.events import ClockTick
from services.contracts.receipt import DeliveryOutcome, Receipt
from services.notifier.effects import Delivered, Send
from services.notifier.policy import Action, Verdict, decide
from services.notifier.state import BLOBS, NotifierState
from services.runtime.processor import Emit, Inbox, Step
from services.runtime.record import Record


class NotifierProcessor:
    """Implements `Processor[NotifierState, CommandMessage]`. No timers yet: nothing is deferred."""

    def decode(self, record: Record) -> Inbox[CommandMessage]:
        """Raise `InvalidMessage` (`malformed`) for what is no command or tick, or one without ids or UTC offsets."""
        message = wire.COMMANDS.decode(record.value or b"")
        if isinstance(message, ClockTick):
            return Inbox("", message.occurred_at, message)
        for name in ("id", "customer_id"):
            if not getattr(message, name):
                raise InvalidMessage("malformed", f"the command's {name} is empty")
        return Inbox(message.customer_id, message.decided_at, message, occurred_at=message.occurred_at)

    def load(self, blob: bytes) -> NotifierState:
        return BLOBS.load(blob)

    def dump(self, state: NotifierState) -> bytes:
        return BLOBS.dump(state)

    def apply(
        self,
        state: NotifierState | None,
        message: CommandMessage,
        record: Record,  # noqa: ARG002 - of the protocol
        now: datetime,
    ) -> Step[NotifierState] | None:
        """Decide one command. Whatever is decided is remembered at once: a repeat may follow in the same batch."""
        if isinstance(message, ClockTick):
            return None
        known = state or NotifierState()
        verdict = decide(message, known, now)
        if verdict.action is Action.IGNORE:
            return None
        after = known.remember(message, now)
        if verdict.action is Action.SUPPRESS:
            return Step(after, outputs=(_emit(_suppressed(message, verdict, now)),))
        return Step(after, effects=(Send(message),))

    def wake(self, state: NotifierState, now: datetime) -> Step[NotifierState] | None:  # noqa: ARG002 - of the protocol
        return None

    def tick(self, message: CommandMessage) -> Sequence[Emit]:  # noqa: ARG002 - of the protocol
        """Nothing: receipts have no clock to move."""
        return ()


def settle(state: NotifierState | None, effect: Send, result: Delivered, now: datetime) -> Step[NotifierState]:
    """The receipt of a command that was handed to the courier; the pure half of the notifier's `Effector`."""
    command = effect.command
    receipt = Receipt(
        command_id=command.id,
        customer_id=command.customer_id,
        rule=command.rule,
        outcome=result.outcome,
        reason=result.reason,
        channel=result.channel,
        delivery=result.delivery,
        attempts=result.attempts,
        at=now,
        detail=result.detail,
    )
    return Step((state or NotifierState()).remember(command, now), outputs=(_emit(receipt),))


def _suppressed(command: Command, verdict: Verdict, now: datetime) -> Receipt:
    return Receipt(
        command_id=command.id,
        customer_id=command.customer_id,
        rule=command.rule,
        outcome=DeliveryOutcome.SUPPRESSED,
        reason=verdict.reason,
        channel=None,
        delivery=None,
        attempts=0,
        at=now,
        detail=verdict.detail,
    )


def _emit(receipt: Receipt) -> Emit:
    return Emit(topics.RECEIPTS.name, wire.RECEIPTS.encode(receipt))
