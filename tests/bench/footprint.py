"""What the services keep in Redis, in bytes."""

from collections.abc import Sequence

from redis.asyncio import Redis

from tests.bench.figures import Footprint

PREFIXES = {"scoring": "score", "rules": "rules", "notifier": "notify"}
_SAMPLE = 1000
_SCAN = 5000


async def footprint(url: str) -> dict[str, Footprint]:
    """By service, as `MEMORY USAGE` counts it (key, value and the allocator's rounding). States are sampled."""
    async with Redis.from_url(url) as client:
        found = {service: await _of(client, prefix) for service, prefix in PREFIXES.items()}
    customers = max(states for states, _, _ in found.values())
    return {
        service: Footprint(
            states=states,
            state_bytes=round(mean, 1),
            bytes_per_customer=round((mean * states + rest) / customers, 1) if customers else 0.0,
        )
        for service, (states, mean, rest) in found.items()
    }


async def _of(client: "Redis", prefix: str) -> tuple[int, float, int]:
    """Number of states, their mean size, and the size of everything else."""
    states: list[bytes] = []
    others: list[bytes] = []
    async for key in client.scan_iter(match=f"koi:{prefix}:*", count=_SCAN):
        (states if b"}:c:" in key else others).append(key)
    sample = states[:: max(1, len(states) // _SAMPLE)]
    sizes = await _sizes(client, sample)
    mean = sum(sizes) / len(sizes) if sizes else 0.0
    return len(states), mean, sum(await _sizes(client, others))


async def _sizes(client: "Redis", keys: Sequence[bytes]) -> list[int]:
    async with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.memory_usage(key, samples=0)
        return [int(size or 0) for size in await pipe.execute()]
