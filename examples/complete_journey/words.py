"""The few words that the terminal and the report share."""

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

STAGES = {
    "koi.events": "canonical events, with ticks",
    "koi.transfers": "transfers between merged customers",
    "koi.profiles": "profiles, with ticks",
    "koi.decisions": "decisions",
    "koi.notifications": "commands, with ticks",
    "koi.contacts": "contacts and consent",
    "koi.feedback": "news from providers",
    "koi.receipts": "receipts, of what was put off two",
    "koi.deadletter": "dead letters",
}


def money(minor: int, currency: str) -> str:
    return f"{minor / 100:,.2f} {currency}"


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"
