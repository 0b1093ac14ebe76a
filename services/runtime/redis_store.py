"""The store on one Redis 7+ or Valkey server: `koi:<service>:{<partition>}:…`.

The keys of a partition share a hash tag, so that a cluster is possible; the client speaks to one server today.

| key | type | holds |
|---|---|---|
| `…:meta` | hash | epoch, position per topic, watermark, origins, marks |
| `…:timers` | sorted set | customer → Unix milliseconds |
| `…:digests` | hash | customer → a few bytes by which the owner knows all its customers at a glance |
| `…:c:<customer>` | string | the customer's state |
"""

from collections.abc import Awaitable, Mapping, Sequence
from importlib.resources import files
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.runtime.settings import Settings
from services.runtime.store import Changes, Claim, Cursor, Due, Fenced, Seen, StoreUnavailable

LIBRARY = (files("services.runtime") / "commit.lua").read_text()
T = TypeVar("T")

_POSITION = "position:"
_ORIGIN = "origin:"
_MARK = "mark:"
_SCAN_COUNT = 2000
"""Entries of a hash asked for at once: large enough to be quick, small enough not to hold up the server."""


def connect(settings: Settings) -> Redis:
    """A client of the Redis that the settings name; it connects when it is used."""
    password = settings.redis_password
    return Redis.from_url(
        settings.redis,
        password=password.get_secret_value() if password else None,
        socket_timeout=5,
        socket_connect_timeout=5,
        health_check_interval=15,
    )


class RedisStore:
    """One service's keys. `prefix` is the service's short name, such as `score`."""

    def __init__(self, client: "Redis", prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    async def load_functions(self) -> None:
        """Put the function library into Redis. Its name carries the version, so this replaces only itself."""
        await self._call(self._client.function_load(LIBRARY, replace=True))

    async def ping(self) -> None:
        await self._call(self._client.ping())

    async def claim(self, partition: int) -> Claim:
        epoch, flat = await self._function("koipond_claim_v2", 1, self._key(partition, "meta"))
        fields = dict(zip(map(_text, flat[::2]), map(_text, flat[1::2]), strict=True))
        return Claim(partition, int(epoch), _cursor(fields))

    async def cursor(self, partition: int) -> Cursor:
        fields: Any = await self._call(self._client.hgetall(self._key(partition, "meta")))
        return _cursor({_text(name): _text(value) for name, value in fields.items()})

    async def load(self, partition: int, customers: Sequence[str], *, epoch: int | None = None) -> list[bytes | None]:
        if not customers:
            return []
        keys = [self._key(partition, f"c:{customer}") for customer in customers]
        blobs: Any = await self._read(partition, epoch, "MGET", *keys)
        return list(blobs)

    async def due(self, partition: int, until_ms: int, limit: int, *, epoch: int | None = None) -> list[Due]:
        timers = self._key(partition, "timers")
        flat: Any = await self._read(
            partition, epoch, "ZRANGEBYSCORE", timers, "-inf", until_ms, "WITHSCORES", "LIMIT", 0, limit
        )
        return [Due(int(float(score)), _text(customer)) for customer, score in _pairs(flat)]

    async def digests(self, partition: int, *, epoch: int | None = None) -> dict[str, bytes]:
        """Read piece by piece. The owner alone writes them, so they are those of one moment if it still is the owner after."""
        key = self._key(partition, "digests")
        found: dict[str, bytes] = {}
        cursor: Any = 0
        while True:
            cursor, entries = await self._read(partition, epoch, "HSCAN", key, cursor, "COUNT", _SCAN_COUNT)
            pairs = entries.items() if isinstance(entries, dict) else zip(entries[::2], entries[1::2], strict=True)
            found.update((_text(customer), bytes(digest)) for customer, digest in pairs)
            if not int(cursor):
                return found

    async def _read(self, partition: int, epoch: int | None, *command: Any) -> Any:
        """One command's answer, read in the same moment as the epoch."""
        pipe = self._client.pipeline(transaction=True)
        pipe.hget(self._key(partition, "meta"), "epoch")
        pipe.execute_command(*command)
        stored, answer = await self._call(pipe.execute())
        if epoch is not None and stored != str(epoch).encode():
            raise Fenced(f"partition {partition} of {self._prefix}: epoch {_text(stored)}, not {epoch}")
        return answer

    async def commit(self, claim: Claim, changes: Changes) -> None:
        fields: list[str | int] = []
        for topic, position in changes.cursor.positions.items():
            fields += (_POSITION + topic, position)
        for source, seen in changes.cursor.origins.items():
            fields += (_ORIGIN + source, f"{seen.next_offset} {seen.timestamp_ms}")
        for name, text in changes.cursor.marks.items():
            fields += (_MARK + name, text)
        if changes.cursor.watermark_ms is not None:
            fields += ("watermark", changes.cursor.watermark_ms)
        keys = [self._key(claim.partition, name) for name in ("meta", "timers", "digests")]
        arguments: list[Any] = [claim.epoch, len(fields) // 2, *fields]
        for customer, blob in changes.states.items():
            keys.append(self._key(claim.partition, f"c:{customer}"))
            arguments.append(b"" if blob is None else blob)
        arguments.append(len(changes.timers))
        for customer, at_ms in changes.timers.items():
            arguments += (customer, "" if at_ms is None else at_ms)
        for customer, digest in changes.digests.items():
            arguments += (customer, b"" if digest is None else digest)
        answer = _text(await self._function("koipond_commit_v2", len(keys), *keys, *arguments))
        if answer != "OK":
            raise Fenced(f"partition {claim.partition} of {self._prefix}: {answer}")

    def _key(self, partition: int, rest: str) -> str:
        return f"koi:{self._prefix}:{{{partition}}}:{rest}"

    async def _function(self, name: str, keys: int, *arguments: Any) -> Any:
        try:
            return await self._call(self._client.fcall(name, keys, *arguments))
        except StoreUnavailable as error:
            if "Function not found" not in str(error):
                raise
            await self.load_functions()  # Redis came back without it (a fail-over, a flush)
            return await self._call(self._client.fcall(name, keys, *arguments))

    async def _call(self, awaitable: Awaitable[T]) -> T:
        try:
            return await awaitable
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error


def _cursor(fields: Mapping[str, str]) -> Cursor:
    cursor = Cursor()
    for name, value in fields.items():
        if name.startswith(_POSITION):
            cursor.positions[name.removeprefix(_POSITION)] = int(value)
        elif name.startswith(_ORIGIN):
            offset, timestamp = value.split()
            cursor.origins[name.removeprefix(_ORIGIN)] = Seen(int(offset), int(timestamp))
        elif name.startswith(_MARK):
            cursor.marks[name.removeprefix(_MARK)] = value
        elif name == "watermark":
            cursor.watermark_ms = int(value)
    return cursor


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _pairs(flat: Any) -> list[tuple[Any, Any]]:
    """(member, score): redis-py pairs them up for some protocols and not for others."""
    if flat and isinstance(flat[0], list | tuple):
        return [(member, score) for member, score in flat]
    return list(zip(flat[::2], flat[1::2], strict=True))
