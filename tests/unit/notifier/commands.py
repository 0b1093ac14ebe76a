"""Commands and channels for the notifier's tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.contracts.channels import Category, Delivery, Recipient
from services.contracts.command import Command
from services.notifier.channels.base import Accepted, SendResult
from services.notifier.message import Message
from services.runtime.record import Record

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
RECORD = Record("koi.notifications", 0, 7, 0, None, None)


def command(
    command_id: str = "c1",
    *,
    customer_id: str = "客户一",
    channels: tuple[str, ...] = ("console",),
    decided_at: datetime = NOON,
    expires_at: datetime = NOON + timedelta(days=1),
) -> Command:
    return Command(
        id=command_id,
        customer_id=customer_id,
        rule="win-back@1a2b3c",
        episode=1,
        step=0,
        template="we_miss_you",
        params={"name": "小鱼", "days": 45},
        channels=channels,
        category=Category.MARKETING,
        recipient=Recipient.CUSTOMER,
        decided_at=decided_at,
        expires_at=expires_at,
        occurred_at=decided_at,
    )


@dataclass
class ScriptedChannel:
    """Answers as told, one answer per send and the last one for ever; keeps what it was asked to send."""

    name: str
    answers: list[SendResult | Exception] = field(default_factory=lambda: [Accepted()])
    delivery: Delivery = Delivery.AT_LEAST_ONCE
    during: Callable[[], object] = lambda: None
    sent: list[str] = field(default_factory=list)

    async def send(self, message: Message) -> SendResult:
        self.sent.append(message.command_id)
        self.during()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
