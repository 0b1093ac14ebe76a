"""The four services as processes on the session's Kafka and Redis, a receiver for their messages, and eyes on all of it."""

import asyncio
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from standardwebhooks import Webhook, WebhookVerificationError

from deploy.embedded.backlog import Backlog
from deploy.embedded.ports import HOST, PortTaken, free_ports, require_free
from deploy.embedded.services import SERVICES, Services
from services.cli.topics import create_topics
from services.contracts import wire
from services.contracts.command import Command
from services.contracts.deadletter import DeadLetter
from services.contracts.decision import Decision
from services.contracts.profile import Profile
from services.contracts.receipt import FINAL, Receipt
from services.contracts.topics import TOPICS
from services.runtime.settings import Settings
from tests.servers.server import Server
from tests.servers.wipe import wipe_kafka, wipe_redis

PARTITIONS = 4
_OPEN_POLICY = Path(__file__).parents[1] / "open-policy.yaml"
_SECRET = "whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="  # noqa: S105 - a test's own
_PAUSE_SECONDS = 0.05
_REST_SECONDS = 60.0


class Fact(NamedTuple):
    """One record to publish. Without a partition, the client chooses by key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


class Sink:
    """The receiver of webhooks on loopback: it checks every signature and counts every idempotency key."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.bodies: dict[str, set[bytes]] = {}
        self.forged = 0
        self._lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed in the middle of it
                    self.close_connection = True
                    return
                status = sink.take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self._server = Server((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_address[1]}/messages"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        try:
            Webhook(_SECRET).verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
            return 400
        with self._lock:
            key = unquote(headers["webhook-id"])
            self.taken[key] += 1
            self.bodies.setdefault(key, set()).add(body)
        return 204

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)


@dataclass
class Seen:
    """All that the pipeline has written, in the order of each partition."""

    profiles: list[Profile] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)

    @property
    def ends(self) -> list[Receipt]:
        """What became of commands in the end; one that was put off has a receipt before."""
        return [receipt for receipt in self.receipts if receipt.outcome in FINAL]

    def of(self, prefix: str) -> "Seen":
        """The part about customers whose id starts so. Letters are kept."""

        def mine(things: list[Any]) -> list[Any]:
            return [thing for thing in things if thing.customer_id.startswith(prefix)]

        return Seen(
            mine(self.profiles), mine(self.decisions), mine(self.commands), mine(self.receipts), list(self.letters)
        )

    def last_profiles(self) -> dict[str, Profile]:
        newest: dict[str, Profile] = {}
        for profile in sorted(self.profiles, key=lambda p: (p.version, p.as_of)):
            newest[profile.customer_id] = profile
        return newest

    def tiers(self) -> dict[str, str | None]:
        moves = sorted((d for d in self.decisions if d.to_tier is not None), key=lambda d: d.episode)
        return {move.customer_id: move.to_tier for move in moves}


class Pipeline:
    """A running pipeline. Whatever waits is bounded, and says with the services' last words why it gave up."""

    def __init__(self, kafka: str, services: Services, sink: Sink) -> None:
        self.kafka = kafka
        self.services = services
        self.sink = sink

    def publish(self, facts: Sequence[Fact]) -> None:
        asyncio.run(_publish(self.kafka, facts))

    def seen(self) -> Seen:
        return asyncio.run(_read(self.kafka))

    def count(self, topic: str) -> int:
        """Records in a topic."""
        return asyncio.run(_count(self.kafka, topic))

    def rest(self) -> None:
        """Wait until every service has read all there is, from the first to the last, and every command has its end."""
        asyncio.run(self._rest())

    async def _rest(self) -> None:
        deadline = time.monotonic() + _REST_SECONDS
        async with Backlog(self.kafka, PARTITIONS) as backlog:
            while True:
                stages = await backlog.measure()
                # what was begun is committed before it ends, so that offsets alone say nothing of receipts
                if all(done >= end for done, end in stages.values()) and await _all_ended(self.kafka):
                    return
                if time.monotonic() > deadline or not self.alive():
                    raise AssertionError(f"no rest within {_REST_SECONDS:g} s: {dict(stages)}\n{self.last_words()}")
                await asyncio.sleep(_PAUSE_SECONDS * 4)

    def until(self, what: str, holds: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline or not self.alive():
                raise AssertionError(f"not within {seconds:g} s: {what}\n{self.last_words()}")
            time.sleep(_PAUSE_SECONDS)

    def alive(self) -> bool:
        """Whether all processes run."""
        return all(self.services.process(name).alive for name in SERVICES)

    def last_words(self) -> str:
        """The end of every service's log."""
        return "\n".join(f"--- {name}\n{self.services.process(name).tail(8)}" for name in SERVICES)

    def get(self, service: str, path: str) -> tuple[int, str]:
        """Status and text of a page of the service."""
        return page(f"{self.services.address(service)}{path}")

    def metric(self, service: str, name: str, /, **labels: str) -> float:
        """Sum of a metric's samples that carry these labels."""
        _, text = self.get(service, "/metrics")
        return sampled(text, name, labels)

    def ready(self) -> None:
        for name in SERVICES:
            self.until(f"{name} is ready", lambda name=name: self.services.ready(name))  # type: ignore[misc]


def page(url: str) -> tuple[int, str]:
    """Status and text."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sampled(metrics: str, name: str, labels: Mapping[str, str]) -> float:
    """Sum of a metric's samples that carry these labels, on a page of metrics."""
    total = 0.0
    for line in metrics.splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and all(f'{label}="{value}"' in (found[1] or "") for label, value in labels.items()):
            total += float(found[2])
    return total


@contextmanager
def pipeline(
    server: Server, redis: str, directory: Path, env: Mapping[str, str], facts: Sequence[Fact] = ()
) -> Iterator[Pipeline]:
    """A pipeline on an emptied Kafka and Redis. `facts` are there before the services start."""
    asyncio.run(wipe_kafka(server.address))
    asyncio.run(wipe_redis(redis))
    asyncio.run(create_topics(Settings(kafka=server.address, partitions=PARTITIONS)))
    asyncio.run(_publish(server.address, facts))
    sink = Sink()
    settings = {
        "KOI_KAFKA": server.address,
        "KOI_REDIS": redis,
        "KOI_PARTITIONS": str(PARTITIONS),
        "KOI_IDEMPOTENT_PRODUCER": "true" if server.durable else "false",
        "KOI_SESSION_TIMEOUT_MS": "2000",
        "KOI_POLICY": str(_OPEN_POLICY),
        "KOI_CHANNELS": "webhook",
        "KOI_WEBHOOK_URL": sink.url,
        "KOI_WEBHOOK_SECRET": _SECRET,
        "KOI_ALLOW_PRIVATE": "true",
        # on a busy machine messages wait for their turn, and are not put off, when they might be recalled
        "KOI_SEND_TURN_S": "60",
    }
    services = Services(directory, {**settings, **env}, _four_ports())
    with sink.serving(), services:
        yield Pipeline(server.address, services, sink)


def _four_ports() -> int:
    """The first of as many free ports in a row as there are services."""
    for _ in range(100):
        (first,) = free_ports(1)
        try:
            for port in range(first, first + len(SERVICES)):
                require_free(port, "a service", "")
        except (PortTaken, OverflowError):
            continue
        return first
    raise AssertionError(f"no {len(SERVICES)} free ports in a row")


async def _publish(kafka: str, facts: Sequence[Fact]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, max_request_size=32 * 1024 * 1024, linger_ms=5) as producer:
        sent = [await producer.send(f.topic, f.value, f.key, f.partition, headers=list(f.headers)) for f in facts]
        await asyncio.gather(*sent)


async def _count(kafka: str, topic: str) -> int:
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        return sum((await consumer.end_offsets(_places(topic))).values())


def _places(name: str) -> list[TopicPartition]:
    count = next(topic.partitions or PARTITIONS for topic in TOPICS if topic.name == name)
    return [TopicPartition(name, partition) for partition in range(count)]


async def _read(kafka: str) -> Seen:
    return Seen(
        [
            m
            for m in map(wire.PROFILES.decode, filter(None, await _values(kafka, "koi.profiles")))
            if isinstance(m, Profile)
        ],
        [wire.DECISIONS.decode(value) for value in await _values(kafka, "koi.decisions")],
        await _commands(kafka),
        await _receipts(kafka),
        [wire.DEAD_LETTERS.decode(value) for value in await _values(kafka, "koi.deadletter")],
    )


async def _commands(kafka: str) -> list[Command]:
    return [m for m in map(wire.COMMANDS.decode, await _values(kafka, "koi.notifications")) if isinstance(m, Command)]


async def _receipts(kafka: str) -> list[Receipt]:
    """The ends of commands; on a busy machine some are put off before, for want of a place at the channel."""
    receipts = [wire.RECEIPTS.decode(value) for value in await _values(kafka, "koi.receipts")]
    return [receipt for receipt in receipts if receipt.outcome in FINAL]


async def _all_ended(kafka: str) -> bool:
    ended = {receipt.command_id for receipt in await _receipts(kafka)}
    return all(command.id in ended for command in await _commands(kafka))


async def _values(kafka: str, topic: str) -> list[bytes]:
    values: list[bytes] = []
    async with AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False) as consumer:
        places = _places(topic)
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        async with asyncio.timeout(_REST_SECONDS):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    values += [record.value for record in batch]
    return values
