"""What every service's wiring needs of the world around it: log, metrics, Kafka to publish to, Redis to keep things in."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from urllib.parse import urlsplit

import structlog
from aiokafka.errors import KafkaError
from redis.asyncio import Redis

from services.contracts.errors import Retryable, Stopped
from services.runtime.dead_letter import Budget
from services.runtime.log import configure
from services.runtime.publisher import KafkaPublisher, close
from services.runtime.redis_store import RedisStore, connect
from services.runtime.settings import Settings
from services.runtime.store import StoreUnavailable
from services.runtime.telemetry import Telemetry

_START_SECONDS = 10.0
_START_RETRY_SECONDS = 1.0
_CLOSE_SECONDS = 1.0

log = structlog.get_logger()


class Surroundings:
    """What every service's wiring needs: made once per process, started and stopped by `Service`."""

    def __init__(self, service: str, settings: Settings) -> None:
        configure(service, settings.log_level)
        self.service = service
        self.settings = settings
        self.telemetry = Telemetry(service, version("koipond"))
        self.budget = Budget(settings.dead_letter_burst, settings.dead_letter_rate)
        self.publisher = KafkaPublisher(
            settings.kafka, idempotent=settings.idempotent_producer, client_id=f"koi-{service}"
        )
        self._redis: Redis | None = None
        self._stores: list[RedisStore] = []

    def redis(self) -> Redis:
        """The one client of this process."""
        if self._redis is None:
            self._redis = connect(self.settings)
        return self._redis

    def store(self, prefix: str) -> RedisStore:
        """This service's keys in Redis."""
        store = RedisStore(self.redis(), prefix)
        self._stores.append(store)
        return store

    async def start(self, stop_asked: Callable[[], bool]) -> None:
        """Wait until Kafka and Redis answer, however long that takes, saying so. Raise `Stopped` when asked to stop."""
        for store in self._stores:
            # nothing else of the URL: it may hold a password
            await _until_there("Redis", urlsplit(self.settings.redis).hostname or "", store.load_functions, stop_asked)
        await _until_there("Kafka", self.settings.kafka, self.publisher.start, stop_asked)

    async def stop(self) -> None:
        await self.publisher.stop()
        if self._redis is not None:
            await close(self._redis.aclose(), _CLOSE_SECONDS)

    async def reachable(self) -> str | None:
        """Why the store cannot be used now, or None."""
        try:
            for store in self._stores:
                await store.ping()
        except StoreUnavailable as error:
            return str(error)
        return None


async def _until_there(
    what: str, where: str, attempt: Callable[[], Awaitable[None]], stop_asked: Callable[[], bool]
) -> None:
    while not stop_asked():
        try:
            # a server that is frozen takes a connection and says nothing
            async with asyncio.timeout(_START_SECONDS):
                await attempt()
        except (KafkaError, StoreUnavailable, Retryable, OSError) as error:
            log.warning("waiting", what=what, where=where, error=str(error) or "no answer")
            await asyncio.sleep(_START_RETRY_SECONDS)
        else:
            return
    raise Stopped(f"told to stop while waiting for {what}")
