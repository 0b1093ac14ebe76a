"""All four services' real stages on one broker in memory, and the pump that feeds them."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from services.contracts import topics, wire
from services.contracts.calendar import EPOCH, BusinessDays, from_ms
from services.contracts.channels import Delivery
from services.contracts.command import Command
from services.contracts.deadletter import DeadLetter
from services.contracts.decision import Decision, Outcome
from services.contracts.errors import KoipondError
from services.contracts.events import AnyEvent
from services.contracts.profile import Profile
from services.contracts.receipt import Receipt
from services.ingest.forward import Forwarder
from services.ingest.intake import Intake
from services.ingest.translation import Mapping
from services.notifier.channels.base import Accepted, SendResult
from services.notifier.delivery.courier import Courier
from services.notifier.delivery.metrics import ChannelMetrics
from services.notifier.delivery.quota import MemoryQuotas
from services.notifier.message import Content, Message, NoText, Parcel
from services.notifier.policy.models import Policy
from services.notifier.processor import NotifierProcessor
from services.notifier.terms import Terms
from services.rules.book.rulebook import Rulebook
from services.rules.processor import RulesProcessor
from services.rules.seats import board as rules_board
from services.rules.seats.claims import digest
from services.rules.seats.gate import SeatGate
from services.rules.seats.seating import Seating
from services.runtime.board import Board
from services.runtime.commit import PublishThenCommit
from services.runtime.dead_letter import Budget
from services.runtime.epochs import Epochs, Every
from services.runtime.errands import Errands
from services.runtime.partitioning import partition_of
from services.runtime.processor import Processor
from services.runtime.record import Record
from services.runtime.stage import Resume, Stage
from services.runtime.telemetry import Telemetry
from services.scoring import board as scoring_board
from services.scoring.config import ScoringConfig
from services.scoring.gate import EpochGate
from services.scoring.population import Population
from services.scoring.processor import ScoringProcessor
from tests.flow.broker import Broker, Misfortune, Outlet, Vault
from tests.flow.said import ZONE, encoded

PARTITIONS = 3
REPLAYED_AT = datetime(2026, 6, 1, tzinfo=UTC)
SERVICES = ("ingest", "scoring", "rules", "notifier")
INPUTS = {
    "ingest": (topics.ORDERS.name, topics.INTERACTIONS.name),
    "scoring": (topics.EVENTS.name, topics.TRANSFERS.name),
    "rules": (topics.PROFILES.name,),
    "notifier": (topics.NOTIFICATIONS.name, topics.CONTACTS.name, topics.FEEDBACK.name),
}
_SILENCE = timedelta(seconds=61)
_PATIENCE = 1e9
"""Nobody gives up on a partition here: what time brings would depend on how long the test takes. A tick at the end reaches all."""
_FAILURES = 300
OPEN = Policy.model_validate(
    {
        "consent": {"marketing": "ignored", "service": "ignored", "transactional": "ignored"},
        "caps": {"marketing": {"day": "none", "week": "none"}, "service": {"day": "none", "week": "none"}},
        "quiet_hours": [],
    }
)
"""Without any restraint: what rules decide is sent."""


class RecordingChannel:
    """Takes every message and remembers it."""

    name = "webhook"
    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, parcel: Parcel) -> SendResult:
        self.sent.append(parcel.message)
        return Accepted()


class NoTexts:
    """The webhook passes data on."""

    def content(self, template: str, channel: str, languages: Sequence[str], variables: Any) -> Content:  # noqa: ARG002
        raise NoText(f"there is no template {template}")


@dataclass
class Reader:
    """One service: its stage, and where its consumer stands. `committed` is what Kafka knows of it."""

    stage: Stage
    topics: tuple[str, ...]
    held: set[int] = field(default_factory=set)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    committed: dict[tuple[str, int], int] = field(default_factory=dict)


class Desk:
    """The board of one process, which has read all of it before it takes anything over."""

    def __init__(self, board: Board[Any, Any], broker: Broker) -> None:
        self._board = board
        self._broker = broker
        # versions first, as they may come: nobody is to settle again what was settled
        self._read = dict.fromkeys(reversed(board.agenda.topics), 0)
        for topic in self._read:
            for record in self._news(topic):
                board._read(record)

    async def hear(self) -> bool:
        """Read to the process what is new; whether anything came of it."""
        heard = False
        for topic in self._read:
            read, news = self._read[topic], self._news(topic)
            try:
                await self._board.take(news)
            except KoipondError:
                self._read[topic] = read
                raise
            heard = heard or bool(news)
        return await self._board.lead() or heard

    def _news(self, topic: str) -> list[Record]:
        news = self._broker.read(topic, 0, self._read[topic], 1000)
        self._read[topic] += len(news)
        return news


class Clockwork(NamedTuple):
    """How batches are cut: `seed` decides where, and whose turn it is; no batch has more than `largest` of a topic."""

    seed: int = 0
    largest: int = 40


class Pond:
    """The pipeline. On the wall clock, now is `now` and moves only by hand; on the event clock `now` is the broker's.

    `rules` decide, and nobody has a seat; of a rule set, the processor is the pond's own, and seats are given.
    """

    def __init__(
        self,
        rules: RulesProcessor | Rulebook,
        *,
        event_clock: bool = False,
        now: datetime = REPLAYED_AT,
        clockwork: Clockwork | None = None,
        misfortune: Misfortune | None = None,
        scoring: ScoringConfig | None = None,
        mappings: Sequence[Mapping] = (),
        policy: Policy = OPEN,
        burst: int = 100_000,
    ) -> None:
        self.broker = Broker(now)
        self.channel = RecordingChannel()
        self.failures: list[KoipondError] = []
        self.burst = burst
        self._event_clock = event_clock
        clockwork = clockwork or Clockwork()
        self._rng = random.Random(clockwork.seed)  # noqa: S311
        self._largest = clockwork.largest
        self._misfortune = misfortune or Misfortune()
        self._intake = Intake(mappings)
        # epochs enough to meet, and not so many that everything else drowns in them
        self._scoring = scoring or ScoringConfig(epoch=Every.MONTHLY)
        self._epochs = Epochs(self._scoring.epoch, BusinessDays(ZONE))
        self.rulebook = rules if isinstance(rules, Rulebook) else rules._evaluator._book
        self.rules = rules if isinstance(rules, RulesProcessor) else RulesProcessor(rules, self._seated)
        lease = None if event_clock else timedelta(minutes=2)
        terms = Terms(frozenset({self.channel.name}), ZONE, PARTITIONS, policy=policy, lease=lease)
        self.notifier = NotifierProcessor(terms)
        self._processors: dict[str, Processor[Any, Any]] = {"rules": self.rules, "notifier": self.notifier}
        self._desks: dict[str, Desk] = {}
        self.stores = {name: Vault(name, self._misfortune) for name in ("scoring", *self._processors)}
        self.readers = {name: Reader(self.make_stage(name), INPUTS[name]) for name in SERVICES}

    # --- what upstream does

    def publish(self, topic: str, *messages: dict[str, Any]) -> None:
        """Canonical messages, keyed by customer; a tick goes to every partition of both inbound topics."""
        for message in messages:
            if message["type"] == "clock.tick":
                for inbound in topics.INBOUND:
                    for partition in range(PARTITIONS):
                        self.broker.append(inbound.name, partition, b"clock.tick", encoded(message))
            else:
                customer = message["customer_id"]
                self.broker.append(topic, partition_of(customer, PARTITIONS), customer.encode(), encoded(message))

    def tell(self, messages: Iterable[dict[str, Any]]) -> None:
        """Publish each message to the topic where it belongs."""
        for message in messages:
            of_orders = message["type"].startswith("order.")
            self.publish(topics.ORDERS.name if of_orders else topics.INTERACTIONS.name, message)

    # --- what the services do

    def make_stage(self, name: str) -> Stage:
        """A service as it is when its process starts: only what is stored is known."""
        outlet = Outlet(self.broker, name, self._misfortune, self._rng)
        budget = Budget(self.burst, 1e-9)
        telemetry = Telemetry(name, "test")
        if name == "ingest":
            return Forwarder(
                self._intake, outlet, budget, telemetry, partitions=PARTITIONS, event_clock=self._event_clock
            )
        if name == "scoring":
            return self._make_scoring(outlet, budget, telemetry)
        if name == "rules":
            return self._make_rules(outlet, budget, telemetry)
        return self._make_notifier(outlet, budget, telemetry)

    def _make_notifier(self, outlet: Outlet, budget: Budget, telemetry: Telemetry) -> Stage:
        courier = Courier(
            [self.channel],
            texts=NoTexts(),
            opener=None,
            quotas=MemoryQuotas(self._clock),
            metrics=ChannelMetrics(telemetry.registry, [self.channel.name]),
            now=lambda: self.broker.now if not self._event_clock else EPOCH,
        )
        self.errands = Errands(courier.perform, self.notifier.settle)
        return PublishThenCommit(
            self.notifier,
            self.stores["notifier"],
            outlet,
            budget,
            telemetry,
            service="notifier",
            event_clock=self._event_clock,
            errands=self.errands,
        )

    def _make_scoring(self, outlet: Outlet, budget: Budget, telemetry: Telemetry) -> Stage:
        population = Population(self._scoring, ZONE, PARTITIONS)
        processor, gate = ScoringProcessor(self._scoring, ZONE, PARTITIONS, population), EpochGate(population)
        board = Board(scoring_board.AGENDA, population, gate, outlet, _PATIENCE, clock=self._clock)
        self._desks["scoring"] = Desk(board, self.broker)
        return PublishThenCommit(
            processor,
            self.stores["scoring"],
            outlet,
            budget,
            telemetry,
            service="scoring",
            event_clock=self._event_clock,
            digest=processor.digest,
            gate=gate,
        )

    def _make_rules(self, outlet: Outlet, budget: Budget, telemetry: Telemetry) -> Stage:
        self.seating = Seating(self.rulebook, ZONE, PARTITIONS)
        gate = SeatGate(self.seating)
        board = Board(rules_board.AGENDA, self.seating, gate, outlet, _PATIENCE, clock=self._clock)
        self._desks["rules"] = Desk(board, self.broker)
        return PublishThenCommit(
            self.rules,
            self.stores["rules"],
            outlet,
            budget,
            telemetry,
            service="rules",
            event_clock=self._event_clock,
            digest=digest,
            gate=gate,
        )

    def _seated(self, slot: str, customer_id: str) -> bool | None:
        return self.seating.seated(slot, customer_id)

    def _clock(self) -> float:
        return self.broker.now.timestamp()

    async def _hear(self) -> bool:
        """Read to the processes what is new on their boards; whether anything came of it."""
        heard = False
        for desk in self._desks.values():
            try:
                heard = await desk.hear() or heard
            except KoipondError as error:
                self.failures.append(error)
                heard = True
        return heard

    def restart(self, name: str) -> None:
        """The process is gone without a farewell, and another one starts."""
        reader = self.readers[name]
        reader.stage = self.make_stage(name)
        reader.held.clear()

    async def settle(self) -> None:
        """Feed every stage until nothing moves any more. A failing one is tried again, as a new process every other time."""
        while True:
            while await self._round():
                pass
            # on the event clock ingest waits for a topic that is silent, but not for ever
            if self._event_clock:
                self.broker.now += _SILENCE
            moved = await self._wake_all()
            if not (await self._hear() or moved):
                return

    async def live_until(self, instant: datetime) -> None:
        """On the wall clock: let time pass, and every timer fire at its own instant, down the stream last."""
        while True:
            await self.settle()
            due = [at_ms for store in self.stores.values() if (at_ms := store.next_due()) is not None]
            second = int(self.broker.now.timestamp())
            epochs = filter(None, (self._epochs, self.seating.epochs))
            due += [1000 * each.following(each.latest(second)) for each in epochs]
            if from_ms(min(due)) > instant:
                break
            self.broker.now = max(self.broker.now, from_ms(min(due)))
            # as on the event clock: a timer comes before a record of the same instant
            for name in ("notifier", "rules", "scoring"):
                for partition in range(PARTITIONS):
                    await self._wake(name, partition)
        self.broker.now = max(self.broker.now, instant)

    async def _round(self) -> bool:
        """One batch for everyone who has something to read, in any order; whether there was anything."""
        turns = [(name, partition) for name in SERVICES for partition in range(PARTITIONS)]
        self._rng.shuffle(turns)
        moved = any([await self._turn(name, partition) for name, partition in turns])
        return await self._hear() or moved

    async def _turn(self, name: str, partition: int) -> bool:
        reader = self.readers[name]
        await self._claim(reader, partition)
        batch: list[Record] = []
        for topic in self._rng.sample(reader.topics, len(reader.topics)):
            if topic not in reader.stage.saturated(partition):
                at = reader.positions[topic, partition]
                found = self.broker.read(topic, partition, at, self._rng.randint(1, self._largest))
                reader.positions[topic, partition] = at + len(found)
                batch += found
        if batch:
            try:
                await reader.stage.handle(partition, batch, self.broker.now)
            except KoipondError as error:
                self._fail(name, partition, error)
            else:
                self._remember(reader, partition)
        return bool(batch)

    async def _claim(self, reader: Reader, partition: int) -> None:
        if partition in reader.held:
            return
        start = await reader.stage.claim(partition)
        for topic in reader.topics:
            fallback = reader.committed.get((topic, partition), 0) if reader.stage.resume is Resume.COMMITTED else 0
            reader.positions[topic, partition] = start.get(topic, fallback)
        reader.held.add(partition)

    def _remember(self, reader: Reader, partition: int) -> None:
        """Kafka is told now and then: what was read may be read again."""
        if self._rng.random() < 1 / 3:
            for topic, position in reader.stage.positions(partition).items():
                reader.committed[topic, partition] = position

    def _fail(self, name: str, partition: int, error: KoipondError) -> None:
        self.failures.append(error)
        if len(self.failures) > _FAILURES:
            raise error
        if len(self.failures) % 2:
            self.restart(name)
        else:
            self.readers[name].stage.drop(partition)
            self.readers[name].held.discard(partition)

    async def _wake_all(self) -> bool:
        """Whether anything came of it."""
        before = self._ends()
        for name in SERVICES:
            for partition in range(PARTITIONS):
                await self._wake(name, partition)
        return self._ends() != before or any(self.readers[name].held != set(range(PARTITIONS)) for name in SERVICES)

    async def _wake(self, name: str, partition: int) -> None:
        reader = self.readers[name]
        await self._claim(reader, partition)
        await self.errands.idle(partition)
        try:
            await reader.stage.wake(partition, self.broker.now, ())
        except KoipondError as error:
            self._fail(name, partition, error)

    def _ends(self) -> dict[str, int]:
        return {topic.name: len(self.broker.records(topic.name)) for topic in topics.TOPICS}

    # --- what came of it

    def _accepted(self, topic: str) -> list[Record]:
        """All of a topic but what was refused."""
        refused = {(x.topic, x.partition, x.offset) for x in self.letters()}
        return [r for r in self.broker.records(topic) if (r.topic, r.partition, r.offset) not in refused]

    def events(self) -> list[AnyEvent]:
        return [wire.EVENTS.decode(r.value or b"") for r in self._accepted(topics.EVENTS.name)]

    def profiles(self) -> list[Profile]:
        found = [wire.PROFILES.decode(r.value) for r in self._accepted(topics.PROFILES.name) if r.value is not None]
        return [profile for profile in found if isinstance(profile, Profile)]

    def last_profiles(self) -> dict[str, Profile]:
        """The newest snapshot of every customer."""
        newest: dict[str, Profile] = {}
        for profile in sorted(self.profiles(), key=lambda p: (p.version, p.as_of)):
            newest[profile.customer_id] = profile
        return newest

    def decisions(self) -> list[Decision]:
        return [wire.DECISIONS.decode(r.value or b"") for r in self._accepted(topics.DECISIONS.name)]

    def commands(self) -> list[Command]:
        found = [wire.COMMANDS.decode(r.value or b"") for r in self._accepted(topics.NOTIFICATIONS.name)]
        return [command for command in found if isinstance(command, Command)]

    def receipts(self) -> list[Receipt]:
        return [wire.RECEIPTS.decode(r.value or b"") for r in self._accepted(topics.RECEIPTS.name)]

    def letters(self) -> list[DeadLetter]:
        return [wire.DEAD_LETTERS.decode(r.value or b"") for r in self.broker.records(topics.DEAD_LETTER.name)]

    def tiers(self, ladder: str = "社群") -> dict[str, str]:
        """Where everybody who ever moved stands, by the decisions."""
        where: dict[str, str] = {}
        moved = (Outcome.PROMOTED, Outcome.DEMOTED)
        moves = [d for d in self.decisions() if d.outcome in moved and d.rule.startswith(f"{ladder}@")]
        for move in sorted(moves, key=lambda d: d.episode):
            where[move.customer_id] = move.to_tier or ""
        return where

    def templates(self) -> dict[str, list[str]]:
        """Customer → templates sent, repeats of one command left out, in the order of sending."""
        sent: dict[str, dict[str, str]] = defaultdict(dict)
        for message in self.channel.sent:
            sent[message.customer_id].setdefault(message.command_id, message.template)
        return {customer: list(by_id.values()) for customer, by_id in sent.items()}
