"""Customers and clocks for the tests of the rules service."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.contracts import wire
from services.contracts.calendar import BusinessDays, to_ms
from services.contracts.command import Command, Recall
from services.contracts.decision import Decision
from services.contracts.profile import WINDOWS, Cause, Octant, Profile, RfSegment, Window, window_name
from services.contracts.topics import DECISIONS, NOTIFICATIONS
from services.rules.book.compiler import compile_rulebook
from services.rules.book.rulebook import Rulebook
from services.rules.engine.evaluation import SeatedCustomer
from services.rules.engine.state import RuleState
from services.rules.language.scene import Scene
from services.rules.language.terms import Vocabulary
from services.rules.processor import RuleMessage, RulesProcessor
from services.runtime.processor import Emit, Step
from services.runtime.record import Record
from tests.unit.rules.reference import Recalled, Told, recalled, told

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
"""Noon in Shanghai."""
TODAY = date(2026, 3, 2)
VOCABULARY = Vocabulary({"community": ("外围", "影响", "核心")})


def windows(**counts: int) -> dict[str, Window]:
    """Every window with these interactions."""
    return {window_name(days): Window(counts=counts) for days in WINDOWS}


def profile(**changes: Any) -> Profile:
    """An ordinary customer at noon, changed as said."""
    values: dict[str, Any] = {
        "customer_id": "客户-1",
        "version": 1,
        "as_of": NOON,
        "cause": Cause.OWN_EVENT,
        "cause_id": "e1",
        "occurred_at": NOON - timedelta(seconds=2),
        "zone": ZONE.key,
        "r": 3,
        "f": 3,
        "m": 3,
        "segment": Octant.KEEP,
        "rf_segment": RfSegment.NEED_ATTENTION,
        "super_user": False,
        "cutoffs": "",
        "window_days": 365,
        "orders": 4,
        "net_minor": 123_45,
        "average_order_minor": 30_86,
        "discount_share": 0.25,
        "refund_share": 0.0,
        "rhythm_days": 8.0,
        "windows": windows(),
        "lifetime": Window(orders=6, net_minor=200_00),
        "first_order_day": TODAY - timedelta(days=100),
        "last_order_day": TODAY - timedelta(days=10),
        "currency": "CNY",
        "activity": 16.0,
        "activity_at": NOON,
        "half_life_days": 30.0,
    }
    return Profile(**(values | changes))


def scene(now: datetime = NOON, tiers: dict[str, str] | None = None, **changes: Any) -> Scene:
    customer = profile(**changes)
    return Scene(customer, to_ms(now), BusinessDays(ZoneInfo(customer.zone)), tiers or {})


def book(text: str, **more: str) -> Rulebook:
    return compile_rulebook({"rules.yaml": text, **{f"{name}.yaml": other for name, other in more.items()}})


def campaign(*conditions: str, name: str = "c", **keys: Any) -> str:
    """The text of a campaign."""
    lines = [f"kind: campaign\nname: {name}\nwhen:", *(f"  - {condition}" for condition in conditions)]
    lines += [f"{key}: {value}" for key, value in keys.items()]
    lines.append("steps:\n  - notify: {template: t, channels: [console], category: marketing}\n")
    return "\n".join(lines)


def record(customer: Profile) -> Record:
    return Record("koi.profiles", 0, customer.version, 0, customer.customer_id.encode(), wire.PROFILES.encode(customer))


def decisions(outputs: Iterable[Emit]) -> list[Decision]:
    return [wire.DECISIONS.decode(emit.value or b"") for emit in outputs if emit.topic == DECISIONS.name]


def commands(outputs: Iterable[Emit]) -> list[Command]:
    messages = [wire.COMMANDS.decode(emit.value or b"") for emit in outputs if emit.topic == NOTIFICATIONS.name]
    return [message for message in messages if isinstance(message, Command)]


def recalls(outputs: Iterable[Emit]) -> list[Recall]:
    messages = [wire.COMMANDS.decode(emit.value or b"") for emit in outputs if emit.topic == NOTIFICATIONS.name]
    return [message for message in messages if isinstance(message, Recall)]


def told_of(outputs: Iterable[Emit]) -> list[Told | Recalled]:
    """The decisions and recalls, as the plain reading of rules tells them."""
    found: list[Told | Recalled] = []
    for emit in outputs:
        value = emit.value or b""
        if emit.topic == DECISIONS.name:
            found.append(told(wire.DECISIONS.decode(value)))
        elif isinstance(message := wire.COMMANDS.decode(value), Recall):
            found.append(recalled(message))
    return found


def unreviewed(_slot: str, _customer: str) -> bool | None:
    """No review of seats has been yet."""
    return None


class Life:
    """One customer on the event clock: every timer that is due comes before the next profile."""

    def __init__(self, rules: Rulebook, seated: SeatedCustomer = unreviewed) -> None:
        self.seated = seated
        self.processor = RulesProcessor(rules, seated)
        self.state: RuleState | None = None
        self.due: datetime | None = None
        self.outputs: list[Emit] = []
        self.wakes: list[datetime] = []

    def close(self) -> None:
        self.processor.close()

    def now(self, **changes: Any) -> list[Decision]:
        """A new profile, evaluated when it was made."""
        customer = profile(**changes)
        self.until(customer.as_of)
        return self._take(self.processor.apply(self.state, _told(customer), record(customer), customer.as_of))

    def until(self, end: datetime) -> list[Decision]:
        """Time passes; timers up to and including `end` ring."""
        made: list[Decision] = []
        while self.due is not None and self.due <= end and self.state is not None:
            self.wakes.append(self.due)
            # every state goes through its dump, as it does in production
            self.state = self.processor.load(self.processor.dump(self.state))
            made += self._take(self.processor.wake(self.state, self.due))
        return made

    def change_rules(self, rules: Rulebook) -> None:
        self.processor.close()
        self.processor = RulesProcessor(rules, self.seated)

    @property
    def decided(self) -> Sequence[Decision]:
        return decisions(self.outputs)

    @property
    def sent(self) -> Sequence[Command]:
        return commands(self.outputs)

    @property
    def recalled(self) -> Sequence[Recall]:
        return recalls(self.outputs)

    def _take(self, step: Step[RuleState] | None) -> list[Decision]:
        if step is None:
            return []
        self.state, self.due = step.state, step.due
        self.outputs += step.outputs
        return decisions(step.outputs)


def _told(customer: Profile) -> RuleMessage:
    message = wire.PROFILES.decode(wire.PROFILES.encode(customer))
    assert isinstance(message, Profile)
    return message
