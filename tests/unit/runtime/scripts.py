"""Generated sequences of records for the toy processor."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st

from services.runtime.record import Record
from tests.unit.runtime.toy import record

_OPS = ("add", "add", "add", "keep", "wrong", "forget", "crash", "bomb", "garbage", "tick")


@st.composite
def scripts(draw: st.DrawFn, at_most: int = 14) -> list[Record]:
    """Records of one partition: few customers, times out of order, timers in the past and the near future."""
    records = []
    for offset in range(draw(st.integers(1, at_most))):
        op = draw(st.sampled_from(_OPS))
        at = draw(st.integers(0, 40))
        if op == "garbage":
            records.append(replace(record(offset, at), value=b"\xff{"))
        elif op == "tick":
            records.append(record(offset, at, "tick", customer=""))
        else:
            wait = draw(st.sampled_from((None, -5, 0, 3, 11.5)))
            more = {} if wait is None else {"wait": wait}
            records.append(record(offset, at, op, draw(st.sampled_from(("甲", "乙", "丙", "丁"))), **more))
    return records


def cuts(length: int) -> st.SearchStrategy[list[int]]:
    """Where to cut `length` records into batches."""
    return st.lists(st.integers(1, max(1, length)), unique=True, max_size=5).map(sorted)


def cut(records: list[Record], at: list[int]) -> list[list[Record]]:
    edges = [0, *at, len(records)]
    return [records[a:b] for a, b in pairwise(edges) if records[a:b]]
