"""What anyone finds on the topics afterwards, repeats removed."""

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from services.contracts import topics, wire
from services.contracts.command import Command
from services.contracts.deadletter import DeadLetter
from services.contracts.decision import Decision
from services.contracts.profile import Cause, Profile, ProfileMessage
from services.contracts.receipt import FINAL, DeliveryOutcome, Receipt

TOLD = (
    topics.EVENTS,
    topics.TRANSFERS,
    topics.PROFILES,
    topics.DECISIONS,
    topics.NOTIFICATIONS,
    topics.CONTACTS,
    topics.FEEDBACK,
    topics.RECEIPTS,
    topics.DEAD_LETTER,
)
"""The topics that tell the story, in the direction of the flow."""


@dataclass
class Pond:
    """Filled record by record with `take`; records of one partition must come in their order.

    A stage repeats outputs after a crash. Repeats carry the same identity, so the first of each is kept: the newest
    (version, tick) of a customer, decisions and commands by id, receipts by command, dead letters by place. `receipts` are
    the ends of commands, `deferred` what was said when one was put off for the first time; `contradicted` are commands of
    which two ends were told that differ.
    """

    profiles: dict[str, Profile] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    deferred: dict[str, Receipt] = field(default_factory=dict)
    contradicted: set[str] = field(default_factory=set)
    dead_letters: dict[tuple[str, str, int, int], DeadLetter] = field(default_factory=dict)
    bought: "defaultdict[str, array[int]]" = field(default_factory=lambda: defaultdict(lambda: array("q")))
    """When each customer placed an order that counted, in Unix seconds: the events after which there was one more."""
    records: Counter[str] = field(default_factory=Counter)
    """Records read per topic, repeats and ticks included."""

    def take(self, topic: str, value: bytes) -> None:
        """Raise `InvalidMessage` for a record that is not what the topic carries, `KeyError` for another topic."""
        self.records[topic] += 1
        match topic:
            case (
                topics.ORDERS.name
                | topics.INTERACTIONS.name
                | topics.EVENTS.name
                | topics.TRANSFERS.name
                | topics.CONTACTS.name
                | topics.FEEDBACK.name
            ):
                pass  # only counted: what became of them is on the others
            case topics.PROFILES.name:
                self._profile(wire.PROFILES.decode(value))
            case topics.DECISIONS.name:
                decision = wire.DECISIONS.decode(value)
                self.decisions.setdefault(decision.id, decision)
            case topics.NOTIFICATIONS.name:
                command = wire.COMMANDS.decode(value)
                if isinstance(command, Command):
                    self.commands.setdefault(command.id, command)
            case topics.RECEIPTS.name:
                self._receipt(wire.RECEIPTS.decode(value))
            case topics.DEAD_LETTER.name:
                letter = wire.DEAD_LETTERS.decode(value)
                self.dead_letters.setdefault((letter.service, letter.topic, letter.partition, letter.offset), letter)
            case _:
                raise KeyError(topic)

    def _receipt(self, receipt: Receipt) -> None:
        if receipt.outcome in FINAL:
            told = self.receipts.setdefault(receipt.command_id, receipt)
            if (told.outcome, told.reason) != (receipt.outcome, receipt.reason):
                self.contradicted.add(receipt.command_id)
        elif receipt.outcome is DeliveryOutcome.DEFERRED:
            self.deferred.setdefault(receipt.command_id, receipt)

    def _profile(self, message: ProfileMessage) -> None:
        if not isinstance(message, Profile):
            return
        known = self.profiles.get(message.customer_id)
        if known is None or (message.version, message.as_of) > (known.version, known.as_of):
            self.profiles[message.customer_id] = message
            before = known.lifetime.orders if known else 0
            if message.cause is Cause.OWN_EVENT and message.lifetime.orders > before:
                self.bought[message.customer_id].append(int(message.occurred_at.timestamp()))
