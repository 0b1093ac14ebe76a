"""Plain words for what becomes of a command."""

from datetime import datetime
from zoneinfo import ZoneInfo

from services.cli.deliveries.ledger import Line, Stage, Standing
from services.contracts.calendar import from_ms
from services.contracts.receipt import DeliveryOutcome, Reason

REASONS = {
    Reason.NONE: "",
    Reason.ERASED: "the customer was erased, or merged into another, after it was decided",
    Reason.EXPIRED: "it was too late for it",
    Reason.SILENCED: "a silence was up",
    Reason.NO_CONSENT: "the customer does not want it",
    Reason.HOLDOUT: "the customer is in the policy's control group",
    Reason.NO_CONTACT: "none of the channels reaches the addressee",
    Reason.CAPPED: "the customer has had enough for now",
    Reason.QUIET_HOURS: "the addressee is at rest",
    Reason.QUOTA: "the provider takes no more for now",
    Reason.GOAL_REACHED: "what the campaign was for has happened",
    Reason.ENDED: "the episode ended before it could be sent",
    Reason.NO_CHANNEL: "none of the rule's channels is configured and may carry it",
    Reason.NO_TEXT: "there is no template for it, or it cannot be filled in",
    Reason.CHANNEL_BUSY: "more waited for the channel than it works on, or it rested after failures",
    Reason.CHANNEL_REFUSED: "the provider said no, for good",
    Reason.CHANNEL_UNAVAILABLE: "the provider could not be reached, or had no time",
    Reason.AMBIGUOUS: "it may have arrived or not, and the channel must not repeat",
}


STANDINGS = {
    Standing.PENDING: "nothing was heard of it yet",
    Standing.DEFERRED: "it waits",
    Standing.SENT: "a provider took it",
    Standing.SUPPRESSED: "it was held back for good",
    Standing.FAILED: "it was tried in vain",
}


class Words:
    """Instants in `zone`; `now` tells what is overdue."""

    def __init__(self, zone: ZoneInfo, now: datetime) -> None:
        self.zone = zone
        self._now = now

    def at(self, at_ms: int) -> str:
        """A local time to the minute."""
        return f"{from_ms(at_ms).astimezone(self.zone):%Y-%m-%d %H:%M}"

    def short(self, at_ms: int) -> str:
        """The same, without the year if it is this one."""
        at = from_ms(at_ms).astimezone(self.zone)
        return f"{at:%m-%d %H:%M}" if at.year == self._now.astimezone(self.zone).year else f"{at:%Y-%m-%d %H:%M}"

    def clock(self, at_ms: int, beside_ms: int) -> str:
        """The same, without the day if it is that of the other instant."""
        at = from_ms(at_ms).astimezone(self.zone)
        same = at.date() == from_ms(beside_ms).astimezone(self.zone).date()
        return f"{at:%H:%M}" if same else f"{at:%Y-%m-%d %H:%M}"

    def line(self, line: Line) -> str:
        """Where it is and what was heard later: `sent over sms → delivered 09:01`."""
        if line.last is None:
            return Standing.PENDING.value
        said = self.stage(line.last)
        later = [f"{kind.value} {self.clock(stage.at_ms, line.last.at_ms)}" for kind, stage in line.news.items()]
        return " → ".join([said, *later])

    def stage(self, stage: Stage) -> str:
        """`deferred: quiet_hours until 09:00`, `sent over sms at attempt 2`, `delivered`."""
        match stage.outcome:
            case DeliveryOutcome.SENT:
                tries = "" if stage.attempts <= 1 else f" at attempt {stage.attempts}"
                return f"sent over {stage.channel}{tries}"
            case DeliveryOutcome.DEFERRED if stage.until_ms >= 0:
                return f"deferred: {stage.reason.value} until {self.clock(stage.until_ms, stage.at_ms)}"
            case outcome if stage.reason is Reason.NONE:
                return outcome.value
            case outcome:
                return f"{outcome.value}: {stage.reason.value}"

    def why(self, line: Line) -> str:
        """The notifier's own words, or else what the reason means; of what is overdue, that it is."""
        if line.last is None:
            if 0 <= line.expires_ms < self._now.timestamp() * 1000:
                return f"it expired at {self.at(line.expires_ms)} and nothing was heard of it: is the notifier running?"
            return STANDINGS[Standing.PENDING]
        bad = [stage.detail for stage in line.news.values() if stage.detail]
        return "; ".join([*filter(None, [self.detail(line.last)]), *bad])

    def detail(self, stage: Stage) -> str:
        return stage.detail or REASONS[stage.reason]
