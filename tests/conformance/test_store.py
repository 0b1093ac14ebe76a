"""What every `Store` does: the one in memory, and the one on a real server."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.crc import key_slot

from deploy.embedded import stack
from deploy.embedded.ports import free_ports, redis_answers
from services.runtime.memory import MemoryStore
from services.runtime.redis_store import RedisStore
from services.runtime.store import Changes, Claim, Cursor, Due, Fenced, Seen, Store, StoreUnavailable
from tests.servers.server import Server
from tests.servers.wipe import wipe_redis

ODD_CUSTOMERS = (
    "顾客一号",
    "a{b}c",
    "{3}",
    "koi:score:{1}:meta",
    "with space",
    "c:",
    "%s*?[x]\\",
    "émoji🐟",
    "\t",
    "0",
    "''",
    "x" * 128,
)

Connect: TypeAlias = Callable[[str], Awaitable[Redis]]


@pytest.fixture(scope="module")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The embedded stack's Valkey."""
    directory: Path = tmp_path_factory.mktemp("valkey")
    (port,) = free_ports(1)
    process = stack.redis_server(directory, port, binary=stack.valkey_binary(), persistent=False)
    with process:
        process.wait_ready(lambda: redis_answers(port), 20.0)
        yield f"redis://127.0.0.1:{port}/0"
        process.kill()


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.system),
        pytest.param("valkey", marks=pytest.mark.system),
    ]
)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """An empty store of every kind."""
    if request.param == "memory":
        yield MemoryStore()
        return
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "valkey_url")
    await wipe_redis(url)
    async with Redis.from_url(url) as client:
        redis = RedisStore(client, "toy")
        await redis.load_functions()
        yield redis


def _at(position: int, watermark_ms: int | None = None) -> Cursor:
    return Cursor({"in": position}, watermark_ms)


def _put(position: int, **states: bytes | None) -> Changes:
    return Changes(_at(position), states, {})


async def test_a_new_partition_has_an_empty_cursor(store: Store) -> None:
    """Nothing is known of a partition nobody has claimed."""
    claim = await store.claim(3)
    assert (claim.partition, claim.cursor) == (3, Cursor())


async def test_every_claim_is_newer_than_the_one_before(store: Store) -> None:
    """Epochs rise with every claim, for each partition apart."""
    first, second, other = await store.claim(0), await store.claim(0), await store.claim(1)
    assert second.epoch > first.epoch
    assert other.epoch == first.epoch


async def test_the_cursor_comes_back_as_committed(store: Store) -> None:
    """Positions, watermark, origins and marks survive exactly, also with odd names and large numbers."""
    cursor = Cursor(
        {"in": 7, "主题": 2**53},
        1_700_000_000_123,
        {"koi.orders/0": Seen(3, 2**41), "a b:c/11": Seen(0, 0)},
        {"纪元": "2026-03-04 十日", "position:in": "3", "epoch": "9"},
    )
    await store.commit(await store.claim(0), Changes(cursor, {}, {}))
    assert (await store.claim(0)).cursor == cursor


async def test_a_topic_not_named_keeps_its_position(store: Store) -> None:
    """A commit moves what it names and leaves the rest."""
    claim = await store.claim(0)
    await store.commit(claim, Changes(Cursor({"a": 1}, 5, {"o/0": Seen(1, 1)}), {}, {}))
    await store.commit(claim, Changes(Cursor({"b": 2}), {}, {}))
    assert (await store.claim(0)).cursor == Cursor({"a": 1, "b": 2}, 5, {"o/0": Seen(1, 1)})


async def test_a_stale_claim_is_fenced_and_changes_nothing(store: Store) -> None:
    """After another claim, nothing of a commit is applied: no state, no timer, no position."""
    zombie = await store.claim(0)
    owner = await store.claim(0)
    await store.commit(owner, Changes(_at(5), {"甲": b"owner"}, {"甲": 10}))
    with pytest.raises(Fenced):
        await store.commit(zombie, Changes(_at(9), {"甲": b"zombie", "乙": b"zombie"}, {"甲": 1, "乙": 2}))
    assert await store.load(0, ["甲", "乙"]) == [b"owner", None]
    assert await store.due(0, 100, 10) == [Due(10, "甲")]
    assert (await store.claim(0)).cursor == _at(5)


async def test_what_a_successor_wrote_is_not_read_by_a_zombie(store: Store) -> None:
    """With its epoch a worker reads only while it is the owner; without one anybody may look."""
    old = await store.claim(0)
    assert await store.load(0, ["a"], epoch=old.epoch) == [None]
    assert await store.due(0, 9, 9, epoch=old.epoch) == []
    new = await store.claim(0)
    await store.commit(new, Changes(Cursor({"in": 1}), {"a": b"new"}, {"a": 5}))
    with pytest.raises(Fenced):
        await store.load(0, ["a"], epoch=old.epoch)
    with pytest.raises(Fenced):
        await store.due(0, 9, 9, epoch=old.epoch)
    assert await store.load(0, ["a"], epoch=new.epoch) == [b"new"]
    assert await store.due(0, 9, 9, epoch=new.epoch) == [Due(5, "a")]
    assert await store.load(0, ["a"]) == [b"new"]


async def test_a_claim_of_another_partition_does_not_fence(store: Store) -> None:
    """Ownership is counted for each partition apart."""
    mine = await store.claim(0)
    await store.claim(1)
    await store.commit(mine, _put(1, a=b"1"))
    assert await store.load(0, ["a"]) == [b"1"]


async def test_a_position_never_goes_back(store: Store) -> None:
    """A commit behind the stored position is refused as a whole, whatever claim it holds."""
    claim = await store.claim(0)
    await store.commit(claim, _put(5, a=b"5"))
    with pytest.raises(Fenced):
        await store.commit(
            claim, Changes(Cursor({"new": 1, "in": 4}, marks={"m": "4"}), {"a": b"4"}, {"a": 1}, {"a": b"4"})
        )
    assert await store.load(0, ["a"]) == [b"5"]
    assert await store.due(0, 100, 10) == []
    assert await store.digests(0) == {}
    assert (await store.claim(0)).cursor == _at(5)


async def test_positions_compare_as_numbers(store: Store) -> None:
    """Ten comes after nine."""
    claim = await store.claim(0)
    for position in (9, 10, 10, 100):
        await store.commit(claim, _put(position))
    with pytest.raises(Fenced):
        await store.commit(claim, _put(20))


async def test_the_same_commit_twice_is_one(store: Store) -> None:
    """A client that repeats a commit because the answer was lost does no harm."""
    claim = await store.claim(0)
    changes = Changes(_at(3), {"a": b"1", "b": None}, {"a": 7, "b": None}, {"a": b"+", "b": None})
    await store.commit(claim, changes)
    await store.commit(claim, changes)
    assert await store.load(0, ["a", "b"]) == [b"1", None]
    assert await store.due(0, 10, 10) == [Due(7, "a")]
    assert await store.digests(0) == {"a": b"+"}


async def test_states_come_in_the_order_asked_for(store: Store) -> None:
    """Unknown customers are None, repeated ones repeated, and nobody is nobody."""
    await store.commit(await store.claim(0), _put(1, a=b"A", b=b"B"))
    assert await store.load(0, ["b", "x", "a", "b"]) == [b"B", None, b"A", b"B"]
    assert await store.load(0, []) == []


async def test_states_are_bytes(store: Store) -> None:
    """Any bytes come back as they were, also those that are not text."""
    blob = bytes(range(256))
    await store.commit(await store.claim(0), _put(1, a=blob))
    assert await store.load(0, ["a"]) == [blob]


async def test_deleting_a_state_and_a_timer(store: Store) -> None:
    """None deletes, and deleting what is not there is fine."""
    claim = await store.claim(0)
    await store.commit(claim, Changes(_at(1), {"a": b"A", "b": b"B"}, {"a": 1, "b": 2}))
    await store.commit(claim, Changes(_at(2), {"a": None, "x": None}, {"a": None, "x": None}))
    assert await store.load(0, ["a", "b", "x"]) == [None, b"B", None]
    assert await store.due(0, 10, 10) == [Due(2, "b")]


async def test_timers_come_earliest_first_and_ties_by_customer(store: Store) -> None:
    """The order is total, up to and including the instant asked for, and the limit cuts its end."""
    timers = {"丁": 5, "b": 5, "甲": 5, "a": 7, "z": 1, "late": 9}
    await store.commit(await store.claim(0), Changes(_at(1), {}, timers))
    expected = sorted(Due(at_ms, who) for who, at_ms in timers.items() if at_ms <= 7)
    assert await store.due(0, 7, 10) == expected
    assert await store.due(0, 7, 3) == expected[:3]
    assert await store.due(0, 0, 3) == []


async def test_a_timer_moves(store: Store) -> None:
    """A customer has one timer; setting it again replaces it."""
    claim = await store.claim(0)
    await store.commit(claim, Changes(_at(1), {}, {"a": 5}))
    await store.commit(claim, Changes(_at(2), {}, {"a": 1_700_000_000_001}))
    assert await store.due(0, 2**42, 10) == [Due(1_700_000_000_001, "a")]


async def test_partitions_do_not_see_each_other(store: Store) -> None:
    """States and timers belong to one partition, also where its number is part of another's."""
    for partition in (1, 11):
        await store.commit(
            await store.claim(partition), Changes(_at(1), {"a": b"%d" % partition}, {f"t{partition}": partition})
        )
    assert [await store.load(p, ["a"]) for p in (1, 11, 111)] == [[b"1"], [b"11"], [None]]
    assert [await store.due(p, 99, 9) for p in (1, 11, 111)] == [[Due(1, "t1")], [Due(11, "t11")], []]


async def test_odd_customer_ids(store: Store) -> None:
    """Any text is a customer id: Chinese, braces, colons, blanks, things that look like keys."""
    states = {who: who.encode() for who in ODD_CUSTOMERS}
    await store.commit(await store.claim(1), Changes(_at(1), states, dict.fromkeys(ODD_CUSTOMERS, 4)))
    assert await store.load(1, ODD_CUSTOMERS) == [who.encode() for who in ODD_CUSTOMERS]
    assert await store.due(1, 4, 99) == [Due(4, who) for who in sorted(ODD_CUSTOMERS)]
    await store.commit(
        await store.claim(1), Changes(_at(2), dict.fromkeys(ODD_CUSTOMERS), dict.fromkeys(ODD_CUSTOMERS))
    )
    assert await store.load(1, ODD_CUSTOMERS) == [None] * len(ODD_CUSTOMERS)
    assert await store.due(1, 4, 99) == []


async def test_a_large_commit(store: Store) -> None:
    """Twenty thousand states and timers go in one commit, beyond what Lua takes as arguments of one call."""
    many = 20_000
    states = {f"客{i}": b"%d" % i for i in range(many)}
    await store.commit(await store.claim(0), Changes(_at(1), states, {who: i for i, who in enumerate(states)}))
    assert await store.load(0, list(states)) == list(states.values())
    assert await store.due(0, many, many + 1) == [Due(i, who) for i, who in enumerate(states)]


_CUSTOMERS = st.sampled_from(("甲", "乙", "a b", "{0}"))
_BYTES = st.none() | st.binary(min_size=1, max_size=3)


@st.composite
def _commits(draw: st.DrawFn) -> list[tuple[bool, Changes]]:
    """Commits, and whether the partition is claimed again before each of them."""
    changes = st.builds(
        Changes,
        st.builds(
            Cursor,
            st.fixed_dictionaries({"in": st.integers(0, 6)}),
            st.none() | st.integers(0, 9),
            marks=st.dictionaries(st.sampled_from(("m", "记")), st.text(max_size=2)),
        ),
        st.dictionaries(_CUSTOMERS, _BYTES),
        st.dictionaries(_CUSTOMERS, st.none() | st.integers(0, 9)),
        st.dictionaries(_CUSTOMERS, _BYTES),
    )
    return draw(st.lists(st.tuples(st.booleans(), changes), max_size=8))


@pytest.mark.system
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=_commits())
async def test_memory_and_redis_agree(redis_url: str, commits: Sequence[tuple[bool, Changes]]) -> None:
    """Any sequence of claims and commits leaves the same in both, and is refused by both alike."""
    await wipe_redis(redis_url)
    async with Redis.from_url(redis_url) as client:
        ends = [await _play(kind, commits) for kind in (MemoryStore(), RedisStore(client, "toy"))]
    assert ends[0] == ends[1]


async def _play(store: Store, commits: Sequence[tuple[bool, Changes]]) -> tuple[object, ...]:
    taken: list[bool] = []
    old = claim = await store.claim(0)
    for reclaim, changes in commits:
        if reclaim:
            old, claim = claim, await store.claim(0)
        for holder in (claim, old):
            try:
                await store.commit(holder, changes)
                taken.append(True)
            except Fenced:
                taken.append(False)
    states = await store.load(0, ["甲", "乙", "a b", "{0}"])
    return taken, await store.cursor(0), states, await store.due(0, 9, 99), await store.digests(0)


@pytest.mark.system
async def test_functions_that_vanished_are_loaded_again(clean_redis: str) -> None:
    """After a flush or a fail-over, the first call puts the functions back and does its work."""
    async with Redis.from_url(clean_redis) as client:
        store = RedisStore(client, "toy")
        claim = await store.claim(0)
        await client.function_flush()
        await store.commit(claim, _put(1, a=b"A"))
        await client.function_flush()
        assert (await store.claim(0)).cursor == _at(1)
        assert await store.load(0, ["a"]) == [b"A"]


@pytest.mark.system
async def test_all_keys_of_a_partition_share_a_hash_tag(clean_redis: str) -> None:
    """A cluster keeps a partition on one node, and every key says whose it is."""
    async with Redis.from_url(clean_redis) as client:
        store = RedisStore(client, "toy")
        await store.commit(await store.claim(7), Changes(_at(1), {"{x}": b"A"}, {"{x}": 1}, {"{x}": b"a"}))
        keys = sorted([key async for key in client.scan_iter()])
    assert keys == [b"koi:toy:{7}:c:{x}", b"koi:toy:{7}:digests", b"koi:toy:{7}:meta", b"koi:toy:{7}:timers"]
    assert len({key_slot(key) for key in keys}) == 1


@pytest.mark.system
async def test_a_flushed_redis_fences_and_starts_anew(clean_redis: str) -> None:
    """Without its data a store refuses what was claimed before, and knows nothing."""
    async with Redis.from_url(clean_redis) as client:
        store = RedisStore(client, "toy")
        claim = await store.claim(0)
        await client.flushall()
        with pytest.raises(Fenced):
            await store.commit(claim, _put(9))
        assert (await store.claim(0)).cursor == Cursor()


@pytest.mark.system
async def test_a_redis_that_is_away_is_told_and_then_used_again(clean_redis: str, redis_server: Server) -> None:
    """Every method raises `StoreUnavailable` while Redis is gone; the same store works when it is back."""
    async with AsyncExitStack() as cleanup:
        client = await cleanup.enter_async_context(Redis.from_url(clean_redis, socket_timeout=1))
        store = RedisStore(client, "toy")
        claim = await store.claim(0)
        await store.commit(claim, _put(1, a=b"A"))
        redis_server.kill()
        cleanup.callback(redis_server.start)
        await _all_unavailable(store, claim)
        redis_server.start()
        await store.commit(claim, _put(2, a=b"B"))
        assert await store.load(0, ["a"]) == [b"B"]


@pytest.mark.system
async def test_a_redis_that_hangs_is_told(clean_redis: str, redis_server: Server) -> None:
    """A server that keeps the connection and does not answer is away too."""
    async with Redis.from_url(clean_redis, socket_timeout=0.2) as client:
        store = RedisStore(client, "toy")
        claim = await store.claim(0)
        redis_server.pause()
        try:
            await _all_unavailable(store, claim)
        finally:
            redis_server.resume()


@pytest.mark.system
async def test_a_redis_that_refuses_to_write_is_away(clean_redis: str) -> None:
    """Out of memory is not a crash: the service waits."""
    async with Redis.from_url(clean_redis) as client:
        store = RedisStore(client, "toy")
        claim = await store.claim(0)
        await client.config_set("maxmemory", "1")
        try:
            with pytest.raises(StoreUnavailable, match=r"OOM|OutOfMemory"):
                await store.commit(claim, _put(1, a=b"A"))
        finally:
            await client.config_set("maxmemory", "0")


async def test_marks_are_kept_until_they_are_written_again(store: Store) -> None:
    """A mark that a commit does not name stays as it is."""
    claim = await store.claim(0)
    await store.commit(claim, Changes(Cursor(marks={"纪元": "17", "a:b": ""}), {}, {}))
    await store.commit(claim, Changes(Cursor({"in": 1}, marks={"纪元": "18"}), {}, {}))
    assert (await store.claim(0)).cursor.marks == {"纪元": "18", "a:b": ""}


async def test_the_cursor_can_be_looked_at_without_taking_the_partition_over(store: Store) -> None:
    """Whoever looks leaves the owner its claim."""
    cursor = Cursor({"in": 7}, 5, {"o/0": Seen(1, 2)}, {"mark": "x"})
    claim = await store.claim(0)
    await store.commit(claim, Changes(cursor, {}, {}))
    assert await store.cursor(0) == cursor
    assert await store.cursor(1) == Cursor()
    await store.commit(claim, _put(8))


@pytest.mark.parametrize("count", [0, 1, 600, 7000])
async def test_all_digests_of_a_partition_are_seen_at_once(store: Store, count: int) -> None:
    """However many they are; those of another partition are not among them."""
    digests = {f"顾客{number}": str(number).encode() for number in range(count)}
    await store.commit(await store.claim(0), Changes(_at(1), {}, {}, digests))
    await store.commit(await store.claim(1), Changes(_at(1), {}, {}, {"else": b"where"}))
    assert await store.digests(0) == digests


@pytest.mark.system
async def test_digests_lost_half_way_are_fenced(clean_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read piece by piece; what a successor may have changed in between is no picture of the partition."""
    async with Redis.from_url(clean_redis) as client:
        store = RedisStore(client, "toy")
        claim = await store.claim(0)
        many = {f"客{number}": b"x" for number in range(7000)}
        await store.commit(claim, Changes(_at(1), {}, {}, many))
        pieces: list[object] = []
        read = store._read

        async def read_and_lose(partition: int, epoch: int | None, *command: object) -> object:
            pieces.append(piece := await read(partition, epoch, *command))
            await store.claim(partition)
            return piece

        monkeypatch.setattr(store, "_read", read_and_lose)
        with pytest.raises(Fenced):
            await store.digests(0, epoch=claim.epoch)
        assert len(pieces) == 1
        assert await store.digests(0) == many  # whoever only looks is not fenced


async def test_digests_are_written_and_deleted_with_everything_else(store: Store) -> None:
    """Odd customers, bytes of any kind; and nothing of a stale claim."""
    zombie, owner = await store.claim(0), await store.claim(0)
    digests: dict[str, bytes | None] = {
        customer: bytes([0, number, 255]) for number, customer in enumerate(ODD_CUSTOMERS)
    }
    await store.commit(owner, Changes(_at(1), {}, {"甲": 5}, digests))
    with pytest.raises(Fenced):
        await store.commit(zombie, Changes(_at(2), {}, {}, {"0": b"zombie"}))
    with pytest.raises(Fenced):
        await store.digests(0, epoch=zombie.epoch)
    assert await store.digests(0, epoch=owner.epoch) == digests
    await store.commit(owner, Changes(_at(2), {}, {}, dict.fromkeys(ODD_CUSTOMERS[1:])))
    assert await store.digests(0) == {ODD_CUSTOMERS[0]: bytes([0, 0, 255])}
    assert await store.due(0, 10, 10) == [Due(5, "甲")]


async def _all_unavailable(store: RedisStore, claim: Claim) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.claim(0),
        lambda: store.load(0, ["a"]),
        lambda: store.due(0, 1, 1),
        lambda: store.digests(0),
        lambda: store.cursor(0),
        lambda: store.commit(claim, _put(5)),
        store.load_functions,
        store.ping,
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable):
            await call()
