"""What the pure core asks of the outside, and what it hears back."""

from dataclasses import dataclass, field

from services.contracts.channels import Delivery
from services.contracts.command import Command
from services.contracts.receipt import DeliveryOutcome, Reason


@dataclass(slots=True, frozen=True)
class Route:
    """A channel that may carry a message now, and where it leads: a sealed address, a plain one, or none at all."""

    channel: str
    address: str | None = field(default=None, repr=False)
    sealed: bool = False


@dataclass(slots=True, frozen=True)
class Send:
    """Deliver this command over the first of `routes` that takes it.

    `languages`: those to look for a text in, dearest first. `tried`: it was begun before, over these channels, and nobody
    knows what became of it; if one of them is `at_most_once`, it must not be tried again.
    """

    command: Command
    routes: tuple[Route, ...] = ()
    languages: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Delivered:
    """How a `Send` ended: sent, failed for good, or deferred.

    `channel` is the one that accepted, else the last one tried; None if none was. `attempts` counts the sends over all
    channels. `detail` says, in order, what each channel answered that did not accept. `retry_in_s`: of what is deferred,
    the seconds after which it makes sense to try again, where somebody knows.
    """

    outcome: DeliveryOutcome
    reason: Reason
    channel: str | None = None
    delivery: Delivery | None = None
    attempts: int = 0
    detail: str = ""
    retry_in_s: float | None = None
