"""What the pipeline of the flow tests says of a history, to be compared with a replay of the events it accepted."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from services.cli.replay.course import Said
from services.contracts.command import Command
from services.contracts.decision import Decision
from services.contracts.events import AnyEvent, ClockTick
from services.rules.book.rulebook import Rulebook
from services.rules.processor import RulesProcessor
from services.scoring.config import ScoringConfig
from tests.flow.pond import Pond


async def lived(rules: RulesProcessor | Rulebook, messages: Iterable[dict[str, Any]], scoring: ScoringConfig) -> Pond:
    """The pipeline on the event clock, when all has gone through it."""
    pond = Pond(rules, event_clock=True, scoring=scoring)
    pond.tell(messages)
    await pond.settle()
    return pond


def events_of(pond: Pond) -> list[AnyEvent]:
    """What ingest made of the history, in the order of time; of the ticks of all partitions one each."""
    ticks = {event.occurred_at: event for event in pond.events() if isinstance(event, ClockTick)}
    others = [event for event in pond.events() if not isinstance(event, ClockTick)]
    return sorted([*others, *ticks.values()], key=lambda event: event.occurred_at)


def by_customer(said: Iterable[Said]) -> dict[str, list[dict[str, Any]]]:
    """In the order in which it was said. Offsets are left out: they count another log."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in said:
        plain = msgspec.structs.asdict(each)
        plain.pop("profile_version", None)
        found[each.customer_id].append(plain)
    return dict(found)


def decisions_of(pond: Pond) -> dict[str, list[dict[str, Any]]]:
    return by_customer(pond.decisions())


def commands_of(pond: Pond) -> dict[str, list[dict[str, Any]]]:
    return by_customer(pond.commands())


def split(said: Iterable[Said]) -> tuple[list[Decision], list[Command]]:
    together = list(said)
    return [s for s in together if isinstance(s, Decision)], [s for s in together if isinstance(s, Command)]
