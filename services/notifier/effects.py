"""What the pure core asks of the outside, and what it hears back."""

from dataclasses import dataclass

from services.contracts.command import Command
from services.contracts.receipt import Delivery, DeliveryOutcome, Reason


@dataclass(slots=True, frozen=True)
class Send:
    """Deliver this command over the first of its channels that takes it."""

    command: Command


@dataclass(slots=True, frozen=True)
class Delivered:
    """How a `Send` ended: sent or failed, never suppressed.

    `channel` is the one that accepted, else the last one tried; None if none was. `attempts` counts the sends over all
    channels. `detail` says, in order, what each channel answered that did not accept.
    """

    outcome: DeliveryOutcome
    reason: Reason
    channel: str | None = None
    delivery: Delivery | None = None
    attempts: int = 0
    detail: str = ""
