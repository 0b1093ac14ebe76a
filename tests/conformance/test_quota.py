"""What every `Quotas` keeps: the one in memory, and the one that workers share through a real Redis."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.crc import key_slot

from services.contracts.channels import Rate
from services.notifier.delivery.quota import RATES, MemoryQuotas, Quotas, RedisQuotas
from services.runtime.store import StoreUnavailable
from tests.servers.wipe import wipe_redis

TWENTY = Rate(20, 60)
RATES_HERE = {
    "wecom_robot": [TWENTY],
    "sms": [Rate(1, 60, "recipient"), Rate(3, 3600, "recipient")],
    "email": [Rate(3, 60), Rate(2, 600, "recipient")],
    "feishu_robot": [Rate(2, 10), Rate(5, 60)],
    "console": [],
}
SECRET = b"s" * 32
MING, LI = "13800138000", "13900139000"
MICROSECONDS = 1_000_000


class Bench(Protocol):
    """A quota that several takers share, on a clock that the test can move."""

    @property
    def takers(self) -> tuple[Quotas, Quotas]: ...

    async def passes(self, seconds: int) -> None: ...


class MemoryBench:
    def __init__(self) -> None:
        self.now = 1000.0
        quotas = MemoryQuotas(lambda: self.now, RATES_HERE)
        self.takers = (quotas, quotas)

    async def passes(self, seconds: int) -> None:
        self.now += seconds


class RedisBench:
    """Two workers with a client each. Time passes by making everything that was noted older."""

    def __init__(self, clients: tuple[Redis, Redis]) -> None:
        self.client: Any = clients[0]  # its answers are typed for both kinds of client at once
        self.takers = (RedisQuotas(clients[0], SECRET, RATES_HERE), RedisQuotas(clients[1], SECRET, RATES_HERE))

    async def passes(self, seconds: int) -> None:
        for key in await self.client.keys("*"):
            for place, instant in enumerate(await self.client.lrange(key, 0, -1)):
                await self.client.lset(key, place, str(int(instant) - seconds * MICROSECONDS))


@pytest.fixture
async def redis_bench(redis_url: str) -> AsyncIterator[RedisBench]:
    await wipe_redis(redis_url)
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(Redis.from_url(redis_url)) for _ in range(2)]
        yield RedisBench((one, other))


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.system)])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return MemoryBench()
    found: Bench = request.getfixturevalue("redis_bench")
    return found


async def taken(quotas: Quotas, channel: str, recipient: str | None = None, *, tries: int = 100) -> int:
    """How many of so many tries in a row there was room for."""
    return [await quotas.take(channel, recipient) for _ in range(tries)].count(None)


async def test_what_has_no_rate_has_no_end(bench: Bench) -> None:
    """Nor has a rate per recipient where there is no recipient, nor a channel that nobody knows a rate of."""
    for channel in ("console", "sms", "apprise"):
        assert await taken(bench.takers[0], channel) == 100


async def test_two_takers_share_one_quota(bench: Bench) -> None:
    """However they interleave, twenty of two hundred get through."""
    waits = await asyncio.gather(*(taker.take("wecom_robot") for _ in range(100) for taker in bench.takers))
    assert waits.count(None) == 20
    assert all(0 < wait <= 60 for wait in waits if wait is not None)


async def test_a_slot_comes_back_when_its_message_is_as_old_as_the_window(bench: Bench) -> None:
    """Not in one go at the turn of a minute: ten at first and ten half a minute later come back half a minute apart."""
    one, other = bench.takers
    assert await taken(one, "wecom_robot", tries=10) == 10
    await bench.passes(30)
    assert await taken(other, "wecom_robot") == 10
    await bench.passes(20)
    wait = await one.take("wecom_robot")
    assert wait is not None
    assert 0 < wait <= 10
    await bench.passes(10)
    assert [await taken(one, "wecom_robot"), await taken(other, "wecom_robot")] == [10, 0]
    await bench.passes(30)
    assert await taken(other, "wecom_robot") == 10


async def test_asking_in_vain_uses_nothing_up(bench: Bench) -> None:
    """Who asks again and again does not wait longer for it."""
    assert await taken(bench.takers[0], "wecom_robot", tries=1000) == 20
    await bench.passes(60)
    assert await taken(bench.takers[1], "wecom_robot") == 20


async def test_all_rates_hold_at_once_and_the_longest_wait_is_told(bench: Bench) -> None:
    """One a minute and three an hour: the fourth waits for the hour."""
    taker = bench.takers[0]
    for _ in range(3):
        assert await taken(taker, "sms", MING) == 1
        wait = await taker.take("sms", MING)
        assert wait is not None
        await bench.passes(60)
    wait = await taker.take("sms", MING)
    assert wait is not None
    assert 3000 < wait <= 3600 - 180
    await bench.passes(3600 - 180)
    assert await taken(taker, "sms", MING) == 1


async def test_every_recipient_has_a_quota_of_its_own(bench: Bench) -> None:
    """And every channel too."""
    one, other = bench.takers
    assert [await taken(one, "sms", MING), await taken(other, "sms", MING), await taken(other, "sms", LI)] == [1, 0, 1]
    assert await taken(one, "email", MING) == 2


async def test_what_one_rate_refuses_uses_nothing_of_another(bench: Bench) -> None:
    """A recipient who has had enough takes nothing from the account, and the other way round."""
    one, other = bench.takers
    assert await taken(one, "email", MING) == 2
    assert await taken(other, "email", LI) == 1
    await bench.passes(60)
    assert await taken(one, "email", MING) == 0
    assert await taken(other, "email", LI) == 1
    assert await taken(one, "email", "王五") == 2


@pytest.mark.parametrize("seed", range(3))
async def test_no_window_ever_holds_more_and_no_room_is_left_unused(bench: Bench, seed: int) -> None:
    """Against the definition, counted anew for every take. Steps of ten seconds: real clocks move meanwhile."""
    draw = random.Random(seed)  # noqa: S311 - only to vary the story
    at, sent = 0, list[int]()
    for _ in range(60):
        room = all(sum(at - rate.seconds < then for then in sent) < rate.count for rate in RATES_HERE["feishu_robot"])
        wait = await draw.choice(bench.takers).take("feishu_robot")
        assert (wait is None) == room
        if wait is None:
            sent.append(at)
        if draw.random() < 0.4:
            at += 10
            await bench.passes(10)


@given(st.lists(st.floats(0, 40)))
def test_the_wait_is_exact(steps: list[float]) -> None:
    """A moment before it there is no room, and when it is over there is."""

    async def story() -> None:
        now = [0.0]
        quotas = MemoryQuotas(lambda: now[0], RATES_HERE)
        for step in steps:
            now[0] += step
            wait = await quotas.take("feishu_robot")
            if wait is None:
                continue
            before, now[0] = now[0], now[0] + wait * 0.99
            again = await quotas.take("feishu_robot")
            assert again is not None or wait < 1e-9
            now[0] = before + wait + 1e-9
            assert await quotas.take("feishu_robot") is None

    asyncio.run(story())


def test_the_rates_are_those_of_the_channels_facts() -> None:
    """Unless others are given."""
    assert RATES["wecom_robot"] == (Rate(20, 60),)


@pytest.mark.system
async def test_the_wait_is_exact_by_the_clock_of_redis(redis_bench: RedisBench) -> None:
    """The oldest of the twenty, a minute later, less the time that Redis shows now."""

    async def now() -> int:
        seconds, rest = await redis_bench.client.time()
        return int(seconds) * MICROSECONDS + int(rest)

    taker = redis_bench.takers[0]
    assert await taken(taker, "wecom_robot") == 20
    (key,) = await redis_bench.client.keys("*")
    oldest = int(await redis_bench.client.lindex(key, 0))
    asked, wait, told = await now(), await taker.take("wecom_robot"), await now()
    assert wait is not None
    assert oldest + 60 * MICROSECONDS - told <= round(wait * MICROSECONDS) <= oldest + 60 * MICROSECONDS - asked


@pytest.mark.system
async def test_redis_holds_no_address_and_forgets(redis_bench: RedisBench) -> None:
    """A keyed hash instead; keys of one channel share a slot, hold no more than they must and expire with the window."""
    for recipient in (MING, LI):
        await taken(redis_bench.takers[0], "email", recipient, tries=9)
    keys = sorted(key.decode() for key in await redis_bench.client.keys("*"))
    assert keys[0] == "koi:notify:quota:{email}:account"
    assert all(key.startswith("koi:notify:quota:{email}:to:") for key in keys[1:])
    assert len(keys) == 3
    assert not any(address in key for address in (MING, LI) for key in keys)
    assert len({key_slot(key.encode()) for key in keys}) == 1
    lives = [await redis_bench.client.pttl(key) for key in keys]
    assert [0 < life <= most for life, most in zip(lives, (60_000, 600_000, 600_000), strict=True)] == [True] * 3
    for _ in range(3):
        await redis_bench.passes(60)
        await taken(redis_bench.takers[0], "email")
    assert await redis_bench.client.llen(keys[0]) == 3


@pytest.mark.system
async def test_the_hash_depends_on_the_secret(redis_bench: RedisBench) -> None:
    """Whoever reads the keys cannot try all telephone numbers; workers must have the same one."""
    stranger = RedisQuotas(redis_bench.client, b"another", RATES_HERE)
    assert [await taken(redis_bench.takers[0], "sms", MING), await taken(stranger, "sms", MING)] == [1, 1]
    assert len(await redis_bench.client.keys("*")) == 2


@pytest.mark.system
async def test_a_clock_that_is_put_back_gives_nothing_away(redis_bench: RedisBench) -> None:
    """As after a fail-over: what was noted lies ahead, so slots come back later, never sooner."""
    taker = redis_bench.takers[0]
    await taken(taker, "feishu_robot", tries=1)
    await redis_bench.passes(-30)
    assert await taken(taker, "feishu_robot") == 1
    wait = await taker.take("feishu_robot")
    assert wait is not None
    assert 10 < wait <= 40
    (key,) = await redis_bench.client.keys("*")
    log = [int(instant) for instant in await redis_bench.client.lrange(key, 0, -1)]
    assert log == sorted(log)


@pytest.mark.system
async def test_a_redis_that_lost_the_script_gets_it_again(redis_bench: RedisBench) -> None:
    """After a fail-over nobody need start anew."""
    assert await redis_bench.takers[0].take("wecom_robot") is None
    await redis_bench.client.script_flush()
    assert await redis_bench.takers[0].take("wecom_robot") is None


async def test_a_redis_that_is_away_is_no_leave_to_send() -> None:
    """It says so instead of an answer, and a channel without rates does not ask."""
    async with Redis.from_url("redis://127.0.0.1:1/0") as nobody:
        quotas = RedisQuotas(nobody, SECRET, RATES_HERE)
        with pytest.raises(StoreUnavailable):
            await quotas.take("wecom_robot")
        assert await quotas.take("console") is None
