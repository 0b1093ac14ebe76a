"""How long thousands of rules take over a hundred thousand customers, and what they hold in memory: rules alone, in one process.

    python -m tests.bench.rules_at_scale --rules 2000 --customers 100000

The rules and the customers are those of `tests/unit/rules/at_scale.py`. Each customer is looked at for the first time, then
again with a second profile, and then by a timer.
"""

import random
import resource
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from services.contracts import wire
from services.contracts.profile import Profile
from services.contracts.topics import DECISIONS
from services.rules.book.compiler import compile_rulebook
from services.rules.processor import RulesProcessor
from services.runtime.record import Record
from tests.unit.rules.at_scale import customer, rule_files

_AT_ONCE = 500


def _rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _record(one: Profile) -> Record:
    return Record("koi.profiles", 0, one.version, 0, one.customer_id.encode(), wire.PROFILES.encode(one))


def _people(count: int, version: int) -> Iterator[tuple[int, list[Profile]]]:
    for first in range(0, count, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, count))
        yield first, [customer(random.Random(f"{version}/{i}"), i, version) for i in numbers]  # noqa: S311


def main(
    rules: Annotated[int, typer.Option(help="Campaigns; a ladder for every twenty of them.")] = 2000,
    customers: Annotated[int, typer.Option()] = 100_000,
) -> None:
    """Measure, and print a line for each part."""
    files, began = rule_files(rules - rules // 20, rules // 20), time.process_time()
    book = compile_rulebook(files)
    read_s, began = time.process_time() - began, time.process_time()
    processor = RulesProcessor(book)
    ready_s = time.process_time() - began
    typer.echo(
        f"{rules} rules, {len(book.predicates)} conditions: read in {read_s:.1f} s, ready in {ready_s:.2f} s, {_rss_mib():.0f} MiB"
    )
    blobs: list[bytes | None] = [None] * customers
    for version, what in ((1, "first profile"), (2, "second profile"), (0, "timer")):
        spent, looks, said = 0.0, 0, 0
        for first, people in _people(customers, version or 2):
            records = [] if version == 0 else [_record(one) for one in people]
            began = time.process_time()
            for i, one in enumerate(people):
                blob = blobs[first + i]
                state = None if blob is None else processor.load(blob)
                if version:
                    inbox = processor.decode(records[i])
                    step = processor.apply(state, inbox.message, records[i], one.as_of)
                else:
                    assert state is not None
                    # the day after, whenever the next timer would have rung
                    step = processor.wake(state, one.as_of.replace(hour=23, minute=59))
                assert step is not None
                assert step.state is not None
                blobs[first + i] = processor.dump(step.state)
                looks += 1
                said += sum(output.topic == DECISIONS.name for output in step.outputs)
            spent += time.process_time() - began
        size = sum(len(blob) for blob in blobs if blob is not None) / customers
        typer.echo(
            f"{what}: {looks:,} looks, {looks / spent:,.0f}/s ({spent / looks * 1000:.2f} ms), "
            f"{looks * rules / spent:,.0f} evaluations/s, {said / looks:.1f} decisions a look; "
            f"{size:,.0f} bytes of state, {_rss_mib():.0f} MiB with {customers * size / 2**20:.0f} MiB of states"
        )
    processor.close()


if __name__ == "__main__":
    typer.run(main)
