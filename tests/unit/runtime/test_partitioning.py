"""Partitions are those of Kafka's default partitioner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.partitioning import partition_of

# from UtilsTest.testMurmur2 of Apache Kafka's clients
VECTORS = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize("partitions", [1, 3, 24, 4096])
@pytest.mark.parametrize(("customer", "murmur2"), VECTORS.items())
def test_known_hashes(customer: str, murmur2: int, partitions: int) -> None:
    """The hash is Kafka's, and a negative one is made positive as Kafka does it."""
    assert partition_of(customer, partitions) == (murmur2 & 0x7FFFFFFF) % partitions


@given(st.text(), st.integers(1, 4096))
def test_any_id_has_a_partition(customer: str, partitions: int) -> None:
    """Every id lands in one of the partitions, always in the same one."""
    assert 0 <= partition_of(customer, partitions) < partitions
    assert partition_of(customer, partitions) == partition_of(customer, partitions)
