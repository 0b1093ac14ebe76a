"""What a provider can do to a message."""

from enum import Enum, auto


class Fault(Enum):
    """Said of one request. What a provider answers of its own accord, such as to a wrong signature, is no fault of it."""

    REFUSE = auto()
    """In its own words: it never takes this message."""
    LIMIT = auto()
    """In its own words: too many."""
    REJECT = auto()
    """HTTP 400, and not in its own words."""
    REDIRECT = auto()
    """HTTP 302 to where clouds keep their secrets."""
    TOO_MANY = auto()
    """HTTP 429, and to come back in 7 seconds."""
    FAIL = auto()
    """HTTP 500."""
    GATEWAY = auto()
    """HTTP 502: somebody in between had no answer."""
    BUSY = auto()
    """HTTP 503."""
    SLOW = auto()
    """It takes the message, and is silent."""
    CUT_AT_ONCE = auto()
    """It hangs up before it has read the whole request."""
    CUT_BEFORE_ANSWER = auto()
    """It takes the message, and hangs up."""
    CUT_IN_ANSWER = auto()
    """It takes the message, and hangs up in the middle of its answer."""
    EMPTY = auto()
    """HTTP 204."""
    MALFORMED = auto()
    """HTTP 200 with JSON that breaks off."""
    FOREIGN = auto()
    """HTTP 200 with JSON that is not in its own words."""
    HTML = auto()
    """HTTP 200 with a page, as from a proxy that asks for a password."""
    HUGE = auto()
    """HTTP 200 with an answer that does not end."""
    NONSENSE = auto()
    """An answer that is not in the protocol."""
    AWAY = auto()
    """Nobody listens."""


NOT_TAKEN = frozenset(
    {
        *(Fault.REFUSE, Fault.LIMIT, Fault.REJECT, Fault.REDIRECT, Fault.TOO_MANY, Fault.FAIL, Fault.GATEWAY),
        *(Fault.BUSY, Fault.CUT_AT_ONCE, Fault.AWAY),
    }
)
"""Faults after which nobody gets the message; after every other, it has been taken."""
