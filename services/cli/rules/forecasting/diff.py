"""What another version of rules does otherwise, from a forecast of each over the same events. Pure."""

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.cli.replay.course import Said
from services.cli.rules.forecasting.directory import name_of
from services.cli.rules.forecasting.forecast import JUMPS, Forecast, Span
from services.contracts.decision import Decision, Outcome

OLD, NEW = 0, 1
REMEMBERED = 5000
"""Customers of whom decisions are kept, to give examples."""
EXAMPLES = 3
"""For each rule."""


class Fate(StrEnum):
    """What has become of a rule, by the hash of its content."""

    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


class Note(NamedTuple):
    """A decision in short."""

    at: datetime
    rule: str
    outcome: str
    reason: str
    to_tier: str
    templates: tuple[str, ...]
    sent: int
    """Messages it sent."""
    verdicts: tuple[str, ...]


class Notes:
    """Remembers the decisions about some customers, the same ones in whatever order they are heard of."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._chosen: list[tuple[bytes, str]] = []
        self._known: dict[str, tuple[list[Note], list[Note]]] = {}

    def hear(self, said: Said, side: int) -> None:
        """Of one customer and side in the order of time."""
        if isinstance(said, Decision):
            notes = self._known.get(said.customer_id) or self._choose(said.customer_id)
            if notes is not None:
                notes[side].append(_note(said))

    def of(self, customer_id: str, span: Span) -> tuple[list[Note], list[Note]] | None:
        """Of both sides, in the span; None for one who was not chosen."""
        notes = self._known.get(customer_id)
        if notes is None:
            return None
        old, new = ([n for n in side if not span.before(n.at) and not span.after(n.at)] for side in notes)
        return old, new

    def _choose(self, customer_id: str) -> tuple[list[Note], list[Note]] | None:
        # those with the smallest digests: who is chosen in the end was never let go, whenever he came
        digest = blake2b(customer_id.encode(), digest_size=8).digest()
        if len(self._chosen) >= self._most:
            if (digest, customer_id) >= self._chosen[-1]:
                return None
            self._known.pop(self._chosen.pop()[1])
        insort(self._chosen, (digest, customer_id))
        self._known[customer_id] = ([], [])
        return self._known[customer_id]


class Example(NamedTuple):
    """One customer: what is otherwise, and on each side the decision that made it so."""

    customer_id: str
    what: str
    old: str
    new: str


@dataclass
class RuleDifference:
    """One rule, old and new. `more` and `fewer` are customers by messages got from this rule."""

    name: str
    kind: str
    fate: Fate
    messages: tuple[int, int]
    fired: tuple[int, int]
    suppressed: tuple[int, int]
    more: int
    fewer: int
    would_send: tuple[int, int] = (0, 0)
    moved: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of a ladder: customers by tier in the end, old and new, where these differ."""
    population: tuple[dict[str, int], dict[str, int]] = field(default_factory=lambda: ({}, {}))
    examples: list[Example] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Whether nothing is otherwise."""
        pairs = (self.messages, self.fired, self.suppressed, self.would_send)
        return all(old == new for old, new in pairs) and not (self.more or self.fewer or self.moved)


@dataclass
class Difference:
    """Of all rules: ladders first, then campaigns, those that are gone at the end of their kind."""

    forecasts: tuple[Forecast, Forecast]
    rules: list[RuleDifference]
    more: int
    """Customers who get more messages than before, of all rules together."""
    fewer: int

    @classmethod
    def of(cls, old: Forecast, new: Forecast, notes: Notes) -> "Difference":
        pair = (old, new)
        ladders = _both(old.directory.ladders, new.directory.ladders)
        campaigns = _both(old.directory.campaigns, new.directory.campaigns)
        rules = [_rule(name, "ladder", pair, notes) for name in ladders]
        rules += [_rule(name, "campaign", pair, notes) for name in campaigns]
        return cls(pair, rules, *_more_and_fewer(_messages(old), _messages(new)))

    @property
    def messages(self) -> tuple[int, int]:
        return self.forecasts[OLD].sent, self.forecasts[NEW].sent


HEADER = ("rule", "day", "outcome", "reason", "from_tier", "to_tier", "template", "channel", "old", "new", "difference")


def rows(difference: Difference) -> Iterator[Sequence[str | int]]:
    """One row for each line that either side counted, in order, as `HEADER` names the columns."""
    old, new = (forecast.lines for forecast in difference.forecasts)
    for line in sorted({*old, *new}):
        yield (*line[:1], line.day.isoformat(), *line[2:], old[line], new[line], new[line] - old[line])


def _rule(name: str, kind: str, pair: tuple[Forecast, Forecast], notes: Notes) -> RuleDifference:
    counts = [forecast.rule(name) for forecast in pair]
    more, fewer = _more_and_fewer(pair[OLD].customers[name], pair[NEW].customers[name])
    found = RuleDifference(
        name=name,
        kind=kind,
        fate=_fate(*(forecast.directory.ids.get(name) for forecast in pair)),
        messages=(counts[OLD].messages.total(), counts[NEW].messages.total()),
        fired=(counts[OLD].outcomes[Outcome.FIRED], counts[NEW].outcomes[Outcome.FIRED]),
        suppressed=(counts[OLD].suppressed.total(), counts[NEW].suppressed.total()),
        more=more,
        fewer=fewer,
        would_send=(counts[OLD].would_send.total(), counts[NEW].would_send.total()),
    )
    if kind == "ladder" and all(name in forecast.directory.ladders for forecast in pair):
        found.moved = _moved(name, pair)
        found.population = (pair[OLD].population(name), pair[NEW].population(name))
    found.examples = list(_examples(found, pair, notes))
    return found


def _fate(old: str | None, new: str | None) -> Fate:
    if old is None:
        return Fate.ADDED
    if new is None:
        return Fate.REMOVED
    return Fate.SAME if old == new else Fate.CHANGED


def _both(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return [*new, *(name for name in old if name not in new)]


def _messages(forecast: Forecast) -> Counter[str]:
    found: Counter[str] = Counter()
    for counts in forecast.customers.values():
        found.update(counts)
    return found


def _more_and_fewer(old: Counter[str], new: Counter[str]) -> tuple[int, int]:
    everybody = old.keys() | new.keys()
    return sum(new[c] > old[c] for c in everybody), sum(new[c] < old[c] for c in everybody)


def _moved(ladder: str, pair: tuple[Forecast, Forecast]) -> dict[tuple[str, str], int]:
    old, new = (forecast.ended[ladder] for forecast in pair)
    found: Counter[tuple[str, str]] = Counter()
    for customer, tier in old.items():
        if customer in new and new[customer] != tier:
            found[tier, new[customer]] += 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _examples(found: RuleDifference, pair: tuple[Forecast, Forecast], notes: Notes) -> Iterator[Example]:
    if found.moved:
        yield from _tier_examples(found.name, pair, notes)
    old, new = (forecast.customers[found.name] for forecast in pair)
    changes = {c: new[c] - old[c] for c in old.keys() | new.keys() if new[c] != old[c]}
    shown, zone = 0, pair[NEW].span.zone
    for customer in sorted(changes, key=lambda c: (-abs(changes[c]), c)):
        known = notes.of(customer, pair[NEW].span)
        if known is None:
            continue
        ours, theirs = ([n for n in side if n.rule == found.name] for side in known)
        at = _parting([n for n in ours if n.sent], [n for n in theirs if n.sent])
        what = f"{old[customer]} → {_counted(new[customer])}"
        yield Example(customer, what, *(_last(side, at, zone) for side in (ours, theirs)))
        shown += 1
        if shown == EXAMPLES:
            return


def _tier_examples(name: str, pair: tuple[Forecast, Forecast], notes: Notes) -> Iterator[Example]:
    old, new = (forecast.ended[name] for forecast in pair)
    by_move: dict[tuple[str, str], list[str]] = defaultdict(list)
    for customer in sorted(old.keys() & new.keys()):
        if old[customer] != new[customer]:
            by_move[old[customer], new[customer]].append(customer)
    shown = 0
    # one of each kind before a second of any
    for customers in sorted(by_move.values(), key=lambda each: (-len(each), each)):
        for customer in customers:
            known = notes.of(customer, pair[NEW].span)
            if known is not None:
                ours, theirs = ([n for n in side if n.rule == name and n.outcome in JUMPS] for side in known)
                what = f"{old[customer]} → {new[customer]}"
                zone = pair[NEW].span.zone
                yield Example(customer, what, *(_last(side, None, zone) for side in (ours, theirs)))
                shown += 1
                break
        if shown == EXAMPLES:
            return


def _parting(old: Sequence[Note], new: Sequence[Note]) -> datetime | None:
    """The first instant at which only one side sent something."""
    ours, theirs = {note.at for note in old}, {note.at for note in new}
    return min(ours ^ theirs, default=None)


def _last(notes: Sequence[Note], until: datetime | None, zone: ZoneInfo) -> str:
    """The last decision until an instant, as people of the zone date it."""
    found = [note for note in notes if until is None or note.at <= until]
    return _told(found[-1], zone) if found else "nothing by then"


def _told(note: Note, zone: ZoneInfo) -> str:
    reason = f" ({note.reason})" if note.reason else ""
    target = f" to {note.to_tier}" if note.to_tier else ""
    templates = f": {', '.join(note.templates)}" if note.templates else ""
    because = f", because {'; '.join(note.verdicts)}" if note.verdicts else ""
    return f"{note.at.astimezone(zone):%Y-%m-%d %H:%M} {note.outcome}{target}{reason}{templates}{because}"


def _note(decision: Decision) -> Note:
    verdicts = tuple(_seen(v.condition, v.actual) for v in decision.verdicts)
    return Note(
        decision.decided_at,
        name_of(decision.rule),
        decision.outcome.value,
        "" if decision.reason is None else decision.reason.value,
        decision.to_tier or "",
        decision.templates,
        len(decision.commands),
        verdicts,
    )


def _seen(condition: str, actual: Mapping[str, object]) -> str:
    # a value that the condition shows already says nothing new
    values = ", ".join(f"{name} {_value(value)}" for name, value in actual.items())
    return f"{condition} [{values}]" if values else condition


def _value(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _counted(messages: int) -> str:
    return f"{messages} message" if messages == 1 else f"{messages} messages"
