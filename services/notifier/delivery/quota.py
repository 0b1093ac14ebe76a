"""Providers' quotas, shared by all workers.

A rate of `count` within `seconds` is kept exactly, as a sliding window: a message may go when the one `count` places
before it is that old. So the log of the last `count` instants is all there is to keep, and the waiting time is exact too.

Our own few lines of Lua, for one clock: pyrate-limiter stamps with the clock of each worker, so workers whose clocks
differ take more than the quota, and its keys never expire; limits does not go with this redis-py.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from importlib.resources import files
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.contracts.channels import CHANNELS, Rate
from services.runtime.store import StoreUnavailable

SCRIPT = (files("services.notifier.delivery") / "quota.lua").read_text()
RATES: Mapping[str, Sequence[Rate]] = {name.value: facts.rates for name, facts in CHANNELS.items()}

_ACCOUNT = "account"
_DIGEST_BYTES = 16
_PERSON = b"koi quota"
"""Makes the key another than that of whatever else the secret is used for."""
_MICROSECONDS = 1_000_000


class Quotas(Protocol):
    """What providers take from us, all workers together."""

    async def take(self, channel: str, recipient: str | None = None) -> float | None:
        """Use up one message, now, within every rate of the channel.

        None if there was room for it; else nothing is used up, and it says the seconds until there is room, unless
        somebody else takes it. Rates per recipient are left out where there is no recipient. Raise `StoreUnavailable`
        when nobody can tell: that is no leave to send.
        """
        ...


class MemoryQuotas:
    """Quotas of a single process, for tests and for looking around. `clock`: seconds that only go forward."""

    def __init__(self, clock: Callable[[], float], rates: Mapping[str, Sequence[Rate]] = RATES) -> None:
        self._clock = clock
        self._rates = rates
        self._logs: dict[tuple[str, str | None], deque[float]] = {}

    async def take(self, channel: str, recipient: str | None = None) -> float | None:
        now = self._clock()
        wait = 0.0
        taken: list[deque[float]] = []
        for whose, rates in _scopes(self._rates, channel, recipient):
            most = max(rate.count for rate in rates)
            log = self._logs.setdefault((channel, whose), deque(maxlen=most))
            wait = max([wait, *(log[-rate.count] + rate.seconds - now for rate in rates if len(log) >= rate.count)])
            taken.append(log)
        if wait > 0:
            return wait
        for log in taken:
            log.append(now)
        return None


class RedisQuotas:
    """Quotas in Redis, by the clock of Redis: `koi:notify:quota:{<channel>}:…`, a list per account and per recipient.

    A log expires with its longest window. A recipient stands in its key as a hash under `secret`, which is the same for
    all workers, and never as an address. What Redis loses, the provider's own refusals make up for.
    """

    def __init__(self, client: Redis, secret: bytes, rates: Mapping[str, Sequence[Rate]] = RATES) -> None:
        self._key = blake2b(secret, person=_PERSON).digest()
        self._rates = rates
        self._script = client.register_script(SCRIPT)

    async def take(self, channel: str, recipient: str | None = None) -> float | None:
        keys: list[str] = []
        arguments: list[int] = []
        for whose, rates in _scopes(self._rates, channel, recipient):
            keys.append(f"koi:notify:quota:{{{channel}}}:{_ACCOUNT if whose is None else f'to:{self._hash(whose)}'}")
            arguments.append(len(rates))
            for rate in rates:
                arguments += (rate.count, rate.seconds * _MICROSECONDS)
        if not keys:
            return None
        try:
            wait = int(await self._script(keys=keys, args=arguments))
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}: {error}") from error
        return wait / _MICROSECONDS if wait else None

    def _hash(self, recipient: str) -> str:
        return blake2b(recipient.encode(), key=self._key, digest_size=_DIGEST_BYTES).hexdigest()


def _scopes(
    rates: Mapping[str, Sequence[Rate]], channel: str, recipient: str | None
) -> list[tuple[str | None, list[Rate]]]:
    """The rates that apply, by whose they are: None is the account, else the recipient."""
    found = rates.get(channel, ())
    account = [rate for rate in found if rate.per == "account"]
    personal = [rate for rate in found if rate.per == "recipient"]
    scopes: list[tuple[str | None, list[Rate]]] = [(None, account)] if account else []
    if personal and recipient is not None:
        scopes.append((recipient, personal))
    return scopes
