"""Which partition a customer belongs to: the same on every keyed topic, and the same as Kafka's default partitioner."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=1 << 17)
def partition_of(customer_id: str, partitions: int) -> int:
    """murmur2 of the UTF-8 id, as the Java client does for a key; 0 ≤ result < `partitions`."""
    return int((murmur2(customer_id.encode()) & 0x7FFFFFFF) % partitions)
