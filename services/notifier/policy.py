"""Whether a command is sent, and if not, why. Pure; time comes in as an argument."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.contracts.command import Command
from services.contracts.receipt import Reason
from services.notifier.state import NotifierState


class Action(Enum):
    """What to do with a command. `IGNORE`: it has its receipt already, so nothing is sent and nothing said."""

    SEND = "send"
    SUPPRESS = "suppress"
    IGNORE = "ignore"


@dataclass(slots=True, frozen=True)
class Verdict:
    """`reason` and `detail` say why a command is suppressed; else they are `NONE` and empty."""

    action: Action
    reason: Reason = Reason.NONE
    detail: str = ""


_SEND = Verdict(Action.SEND)
_IGNORE = Verdict(Action.IGNORE)


def decide(command: Command, state: NotifierState, now: datetime) -> Verdict:
    """The first rule that applies decides; their order is part of the contract.

    1. Dealt with before: ignore. 2. `now` at or after `expires_at`: suppress, `EXPIRED`. Otherwise send.
    """
    if state.knows(command):
        return _IGNORE
    if now >= command.expires_at:
        return Verdict(Action.SUPPRESS, Reason.EXPIRED, f"expired at {command.expires_at.isoformat()}")
    return _SEND
