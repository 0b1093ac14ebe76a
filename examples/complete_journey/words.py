"""The few words that the terminal and the report share."""

from examples.complete_journey.summary import Notifications
from services.contracts.profile import Octant

OCTANTS = {
    Octant.CHAMPION: "R↑ F↑ M↑ the best",
    Octant.DEVELOP: "R↑ F↓ M↑ big, rare baskets",
    Octant.KEEP: "R↓ F↑ M↑ best, now silent",
    Octant.RETAIN: "R↓ F↓ M↑ about to be lost",
    Octant.GENERAL_VALUE: "R↑ F↑ M↓ often, small",
    Octant.GENERAL_DEVELOP: "R↑ F↓ M↓ new",
    Octant.GENERAL_KEEP: "R↓ F↑ M↓ small, now silent",
    Octant.GENERAL_RETAIN: "R↓ F↓ M↓ hardly there",
}
"""What the eight value segments mean."""

AT_ONCE, LATER = "sent at once", "put off, then sent"

STAGES = {
    "koi.events": "canonical events, with ticks",
    "koi.transfers": "transfers between merged customers",
    "koi.profiles": "profiles, with ticks",
    "koi.decisions": "decisions",
    "koi.notifications": "commands and recalls, with ticks",
    "koi.contacts": "contacts and consent",
    "koi.feedback": "news from providers",
    "koi.receipts": "receipts, of what was put off two",
    "koi.deadletter": "dead letters",
}


def fates(told: Notifications) -> dict[str, int]:
    """What became of every message that a rule asked for, together as many as there were commands."""
    ends = {
        f"{outcome}: {spoken(reason)}": count
        for outcome, reasons in told.reasons.items()
        for reason, count in reasons.items()
    }
    found = {
        AT_ONCE: told.sent - told.sent_later,
        LATER: told.sent_later,
        **ends,
        "put off, and still waiting": told.waiting,
    }
    return {fate: count for fate, count in found.items() if count}


def spoken(reason: str) -> str:
    return reason.replace("_", " ")


def money(minor: int, currency: str) -> str:
    return f"{minor / 100:,.2f} {currency}"


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"
