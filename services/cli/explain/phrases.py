"""Words for instants, values, decisions and messages: one line each, in the business time zone."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from services.cli.explain.account import Message
from services.contracts.calendar import from_ms
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome
from services.contracts.profile import Cause, Profile
from services.contracts.receipt import DeliveryOutcome, Receipt
from services.rules.language.terms import Value
from services.rules.story.findings import Findings
from services.rules.story.wording import money_text, value_text

MOST_NEEDS = 2
REASONS = {
    DecisionReason.COOLDOWN: "its last message lies too short a time back",
    DecisionReason.HOLDOUT: "the customer is in the control group",
    DecisionReason.EXCLUSIVE: "another campaign of the group has the customer's attention",
    DecisionReason.RUNNING: "its last episode is not over",
    DecisionReason.CONDITION: "the step's own when does not hold",
    DecisionReason.CAPACITY: "the tier is full, and others rank higher",
    DecisionReason.UNTIL: "its until holds",
    DecisionReason.GOAL: "the goal is reached",
    DecisionReason.INACTIVE: "its time is over",
    DecisionReason.WITHDRAWN: "the rule is not there any more",
}
CAUSES = {
    Cause.OWN_EVENT: "own event",
    Cause.REFUND: "refund",
    Cause.TIME: "time",
    Cause.DRIFT: "the population moved",
    Cause.CONFIG: "new scoring configuration",
    Cause.MERGED: "merged",
}
_ISO_LENGTH = len("2026-11-25T10:00:00")


class Phrases:
    """Instants are written in `zone`, amounts in minor units with `currency`. `fresh` is until when the scores stay as they are."""

    def __init__(self, zone: ZoneInfo, currency: str = "", fresh: datetime | None = None) -> None:
        self.zone = zone
        self.currency = currency
        self._fresh = fresh

    def at(self, instant: datetime | int) -> str:
        """A local time to the minute; Unix ms or an aware instant."""
        at = from_ms(instant) if isinstance(instant, int) else instant
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def values(self, actual: Mapping[str, Value]) -> str:
        """`f = 3, m = 4`; what the reader sees anyhow is left out."""
        return ", ".join(f"{name} = {self._value(name, value)}" for name, value in actual.items() if name != "now")

    def _value(self, name: str, value: Value) -> str:
        if isinstance(value, str) and len(value) > _ISO_LENGTH and value[10] == "T":
            try:
                return self.at(datetime.fromisoformat(value))
            except ValueError:
                return value
        return value_text(name, value, self.currency)

    def needs(self, found: Findings) -> str:
        """What is missing: the first of it, and how much more."""
        missing = [finding.needs or finding.text for finding in found.missing]
        more = len(missing) - MOST_NEEDS
        return "; ".join([*missing[:MOST_NEEDS], *([f"{more} more"] if more > 0 else [])])

    def turn(self, found: Findings) -> str:
        """When time alone will change what is said of a list, as far as one can tell; to be put behind a sentence."""
        if found.turn_ms is None:
            return ""
        surely = self._fresh is None or from_ms(found.turn_ms) < self._fresh
        return f"; will flip on {self.at(found.turn_ms)}{'' if surely else ', as scores are now'}"

    def profile(self, profile: Profile, recency_days: int | None, activity: float) -> str:
        """Who this is: segment, scores, last order, activity, tags."""
        last = "no order" if recency_days is None else f"last order {days(recency_days)}"
        parts = [
            f"{profile.segment.value} (r {profile.r} f {profile.f} m {profile.m})",
            last,
            f"activity {activity:.1f}",
        ]
        if profile.super_user:
            parts.append("super user")
        if profile.tags:
            parts.append(f"tags {', '.join(profile.tags)}")
        return " · ".join(parts)

    def trade(self, profile: Profile) -> str:
        """What was bought, in the window and ever."""
        ever = profile.lifetime
        parts = [f"{orders(ever.orders)}, {money_text(ever.net_minor, profile.currency)}"]
        if profile.window_days is not None:
            window = f"{orders(profile.orders)}, {money_text(profile.net_minor, profile.currency)}"
            parts.append(f"in {profile.window_days} days: {window}")
        if profile.rhythm_days is not None:
            parts.append(f"buys every {profile.rhythm_days:.1f} days")
        return " · ".join(parts)

    def decision(self, decision: Decision) -> str:
        """`2026-09-01 00:00 fired (time)`."""
        said = f"{self.at(decision.decided_at)} {_what(decision)} ({CAUSES[decision.cause]})"
        return said if decision.mode is Mode.LIVE else f"{said}, in shadow mode"

    def message(self, message: Message, decision: Decision, *, known: bool) -> str:
        """`we_miss_you, sent over webhook`; `known` says whether there is a ledger of receipts."""
        if decision.mode is Mode.SHADOW:
            return f"would be {message.template}"
        if message.receipt is None:
            return f"{message.template}, no receipt yet" if known else message.template
        return f"{message.template}, {self.receipt(message.receipt)}"

    def receipt(self, receipt: Receipt) -> str:
        outcome, reason = receipt.outcome, receipt.reason.value.replace("_", " ")
        match outcome:
            case DeliveryOutcome.SENT:
                tries = "" if receipt.attempts <= 1 else f" at attempt {receipt.attempts}"
                return f"sent over {receipt.channel}{tries}"
            case DeliveryOutcome.DELIVERED | DeliveryOutcome.BOUNCED | DeliveryOutcome.UNSUBSCRIBED:
                return f"{outcome.value} over {receipt.channel}"
            case DeliveryOutcome.DEFERRED if receipt.until is not None:
                return f"waits until {self.at(receipt.until)}: {reason}"
            case _:
                return f"{outcome.value}: {reason}"


def days(count: int) -> str:
    """How long ago that is."""
    return {0: "today", 1: "yesterday"}.get(count, f"{count} days ago")


def orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _what(decision: Decision) -> str:
    why = None if decision.reason is None else decision.reason.value
    match decision.outcome:
        case Outcome.PROMOTED | Outcome.DEMOTED:
            sign = "▲" if decision.outcome is Outcome.PROMOTED else "▼"
            said = f"{sign} {decision.from_tier} → {decision.to_tier}"
        case Outcome.CONTINUED:
            said = f"step {(decision.step or 0) + 1}"
        case Outcome.REACHED:
            said = "goal reached"
        case _ if decision.step is not None:
            said = f"{decision.outcome.value} at step {decision.step + 1}"
        case _:
            said = decision.outcome.value
    return said if why is None else f"{said}: {why}"
