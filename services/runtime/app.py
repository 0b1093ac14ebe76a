"""Puts a stage onto FastStream: subscriber, lifecycle, health and metrics."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faststream import AckPolicy
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.message import StreamMessage
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.runtime.board import Board
from services.runtime.errands import Errands
from services.runtime.follower import Follower
from services.runtime.publisher import close
from services.runtime.record import Record
from services.runtime.stage import Stage
from services.runtime.surroundings import Surroundings
from services.runtime.unreadable import Detour
from services.runtime.worker import Worker

STOP_SECONDS = 40.0
"""What open requests get when the service is told to stop."""
_SILENT_SECONDS = 60.0
_FETCH_WAIT_MS = 50
_LEAVE_SECONDS = 4.0
_CANCEL_SECONDS = 1.0
_CANCELS = 3

Route: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application for one path."""

log = structlog.get_logger()


class Listener(Protocol):
    """Hears all of some small topics: what lies there first, then whatever comes."""

    @property
    def topics(self) -> Sequence[str]: ...

    async def take(self, records: Sequence[Record]) -> None: ...


class Service:
    """One stage as a process: `app` is an ASGI application whose lifespan is the service's life."""

    def __init__(
        self,
        surroundings: Surroundings,
        stage: Stage,
        topics: Sequence[str],
        *,
        board: Board[Any, Any] | None = None,
        errands: Errands[Any] | None = None,
        follow: Sequence[Listener] = (),
        resources: Sequence[AbstractAsyncContextManager[Any]] = (),
        routes: Sequence[tuple[str, Route]] = (),
        troubles: Sequence[Callable[[], str | None]] = (),
    ) -> None:
        """`resources` are held open as long as the service lives; they may publish from the beginning.

        Each of `troubles` says why the service is not ready for a reason of its own, or None. All that the `board` and those
        of `follow` listen to is read to them before the service begins, and then whatever comes. `errands` are the stage's
        own. `routes` are served beside health and metrics.
        """
        self._surroundings = surroundings
        self._resources = list(resources)
        self._troubles = [self._worker_trouble, *troubles]
        self.stop_asked: Callable[[], bool] = lambda: False
        settings = surroundings.settings
        self.worker = Worker(stage, surroundings.telemetry, fence_seconds=settings.session_timeout_ms / 1000)
        if board is not None:
            board.stir = self.worker.stir
            self._follow("board", board.agenda.topics, board.take)
            self._resources.append(board)
        for number, listener in enumerate(follow):
            self._follow(f"listener-{number}", listener.topics, listener.take)
        if errands is not None:
            errands.stir = self.worker.stir
            self._resources.append(errands)
        self.broker = KafkaBroker(
            settings.kafka,
            client_id=f"koi-{surroundings.service}",
            apply_types=False,
            graceful_timeout=None,  # the worker has waited for its batch by then
            consumer_only=True,
            logger=logging.getLogger("koi.broker"),
            allow_auto_create_topics=False,
        )
        self._subscriber: Any = self.broker.subscriber(
            *topics,
            group_id=f"{settings.group_prefix}.{surroundings.service}",
            batch=True,
            max_records=settings.batch_records,
            batch_timeout_ms=settings.batch_wait_ms,
            ack_policy=AckPolicy.MANUAL,
            listener=self.worker,
            parser=_raw,
            decoder=_records,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.session_timeout_ms // 3,
            # the same partition number of every topic goes to the same worker
            partition_assignment_strategy=(RangePartitionAssignor,),
        )
        self._subscriber(self.worker.on_batch)
        self.app = AsgiFastStream(
            self.broker,
            lifespan=self._lifespan,
            after_startup=[self._started],
            on_shutdown=[self._finish],
            asgi_routes=[
                ("/healthz", get(self._healthz)),
                ("/readyz", get(self._readyz)),
                ("/metrics", get(self._metrics)),
                *routes,
            ],
            logger=None,
        )

    def _follow(self, who: str, topics: Sequence[str], take: Callable[[Sequence[Record]], Awaitable[None]]) -> None:
        follower = Follower(
            self._surroundings.settings.kafka,
            topics,
            take,
            client_id=f"koi-{self._surroundings.service}-{who}",
            stop_asked=lambda: self.stop_asked(),  # noqa: PLW0108 - it is set when the service runs
        )
        self._resources.append(follower)
        self._troubles.append(follower.trouble)

    async def _started(self) -> None:
        consumer = self._subscriber.consumer
        consumer.getmany = Detour(consumer, self._probe, self.worker.expected).getmany
        self.worker.attach(consumer)

    async def _finish(self) -> None:
        """What FastStream does after this it does without a bound, so the consumer is stopped here."""
        await self.worker.finish()
        if (consumer := self._subscriber.consumer) is not None:
            await close(consumer.stop(), _LEAVE_SECONDS)

    def _probe(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(bootstrap_servers=self._surroundings.settings.kafka, enable_auto_commit=False)

    @contextlib.asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        gc.set_threshold(100_000, 50, 50)  # measured: a fifth more records per second
        await self._surroundings.start(self.stop_asked)
        async with contextlib.AsyncExitStack() as held:
            for resource in self._resources:
                await held.enter_async_context(resource)
            maintenance = asyncio.create_task(self.worker.maintain())
            log.info("started", port=self._surroundings.settings.port)
            try:
                yield
            finally:
                # more than once: a client without its broker may swallow it
                for _ in range(_CANCELS):
                    maintenance.cancel()
                    await asyncio.wait({maintenance}, timeout=_CANCEL_SECONDS)
                await self._surroundings.stop()
                log.info("stopped")

    async def _healthz(self, _scope: Any) -> AsgiResponse:
        """Alive: the worker moves. A broken broker or store is not a reason to be killed."""
        silent = self.worker.silent_seconds()
        if silent > _SILENT_SECONDS:
            return _text(503, f"the worker has not moved for {silent:.0f} s")
        return _text(200, "alive")

    async def _readyz(self, _scope: Any) -> AsgiResponse:
        why = await self._why_not_ready()
        return _text(503, why) if why else _text(200, "ready")

    async def _why_not_ready(self) -> str | None:
        own = next((why for trouble in self._troubles if (why := trouble())), None)
        return own or await self._surroundings.reachable()

    def _worker_trouble(self) -> str | None:
        return self.worker.not_ready()

    async def _metrics(self, _scope: Any) -> AsgiResponse:
        self._surroundings.telemetry.ready(await self._why_not_ready() is None)
        body = generate_latest(self._surroundings.telemetry.registry)
        return AsgiResponse(body, 200, {"content-type": CONTENT_TYPE_LATEST})


def _text(status: int, text: str) -> AsgiResponse:
    return AsgiResponse(text.encode(), status, {"content-type": "text/plain; charset=utf-8"})


async def _raw(batch: tuple[ConsumerRecord, ...]) -> StreamMessage[Any]:
    """FastStream's own parser decodes every header as UTF-8 and loses the batch when one is not."""
    return KafkaAckableMessage(raw_message=batch, body=b"", consumer=None)


async def _records(message: StreamMessage[Any]) -> Any:
    return message.raw_message
