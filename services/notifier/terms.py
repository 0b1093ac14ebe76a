"""What every decision of the notifier goes by, beside the customer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.notifier.delivery.rounds import Rounds
from services.notifier.policy.models import Policy
from services.notifier.policy.silencing import Silences
from services.notifier.policy.staff import Staff


def _none(_now: datetime) -> Silences:
    return Silences()


@dataclass(frozen=True)
class Terms:
    """The same for all customers, as long as the process lives; only silences come and go.

    `channels`: those configured. `zone`: the business's. `partitions`: of every keyed topic. `silences`: those there are at
    an instant. `lease`: after how long a send of which nothing is heard is given up for lost; None in a replay, which
    waits for each.
    """

    channels: frozenset[str]
    zone: ZoneInfo
    partitions: int
    policy: Policy = field(default_factory=Policy)
    staff: Staff = field(default_factory=Staff)
    silences: Callable[[datetime], Silences] = _none
    rounds: Rounds = field(default_factory=Rounds)
    lease: timedelta | None = timedelta(minutes=2)
