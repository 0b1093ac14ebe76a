"""The plain reading of a rule set: no masks, no timers, no engine; ask everything, again and again.

Rules are read from their text by code of its own, conditions by an interpreter of its own; only the grammar and the plain
features of a profile are those of the service.
"""

import hashlib
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.contracts.calendar import from_ms, to_ms
from services.contracts.command import Recall
from services.contracts.decision import Decision
from services.contracts.profile import Happening, Profile
from services.rules.book.models import Action, Campaign, Define, Jump, Ladder, Link, Notify, Period, Timing
from services.rules.language.syntax import parse_expression
from services.rules.language.terms import Feature, Kind, Value, Vocabulary
from services.rules.language.tree import (
    Arithmetic,
    Comparison,
    Constant,
    Logic,
    Membership,
    Money,
    Not,
    Read,
    Tree,
    features_of,
    kind_of,
)
from services.runtime.document import parse
from services.runtime.problems import Place

DAY_MS = 86_400_000
_LARGEST = 1.7976931348623157e308
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RECKON: Mapping[str, Callable[[Any, Any], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Told(NamedTuple):
    """What a decision says, but for ids and verdicts."""

    at_ms: int
    rule: str
    outcome: str
    reason: str | None
    mode: str
    episode: int
    step: int | None
    jump: tuple[str | None, str | None]
    templates: tuple[str, ...]
    sent: int


class Recalled(NamedTuple):
    """Messages of an episode that were not sent yet are not to be sent any more."""

    at_ms: int
    rule: str
    episode: int
    reason: str


def told(decision: Decision) -> Told:
    return Told(
        to_ms(decision.decided_at),
        decision.rule.partition("@")[0],
        decision.outcome.value,
        None if decision.reason is None else decision.reason.value,
        decision.mode.value,
        decision.episode,
        decision.step,
        (decision.from_tier, decision.to_tier),
        decision.templates,
        len(decision.commands),
    )


def recalled(recall: Recall) -> Recalled:
    return Recalled(to_ms(recall.decided_at), recall.rule.partition("@")[0], recall.episode, recall.reason.value)


@dataclass
class Sight:
    """One customer at one instant. It looks enough like a `Scene` for the features that only read the profile."""

    profile: Profile
    now_ms: int
    event: Happening | None = None
    tiers: Mapping[str, str] = field(default_factory=dict)
    entered: Mapping[str, int] = field(default_factory=dict)
    began_ms: int | None = None

    def day(self, at_ms: int) -> date:
        return from_ms(at_ms).astimezone(ZoneInfo(self.profile.zone)).date()

    def days_since(self, day: date | None) -> int | None:
        return None if day is None else max(0, (self.day(self.now_ms) - day).days)


# --- conditions


def truth(tree: Tree, at: Sight) -> bool:
    """Whether a condition holds."""
    match tree:
        case Comparison(first, rest):
            left, holds = value(first, at), True
            kind = kind_of(first)
            for sign, other in rest:
                right = value(other, at)
                holds = holds and compared(sign, left, right, either=Kind.ANY in {kind, kind_of(other)})
                left, kind = right, kind_of(other)
            return holds
        case Membership(item, options, negated):
            sign = "!=" if negated else "=="
            found = [
                compared(sign, value(item, at), value(option, at), either=Kind.ANY in {kind_of(item), kind_of(option)})
                for option in options
            ]
            return all(found) if negated else any(found)
        case Logic(every, operands):
            truths = [truth(operand, at) for operand in operands]
            return all(truths) if every else any(truths)
        case Not(operand):
            return not truth(operand, at)
        case _:
            return value(tree, at) is True


def value(tree: Tree, at: Sight) -> Value:
    """The value of a tree; None is unknown."""
    match tree:
        case Constant(constant, _):
            return constant
        case Money(minor, currency):
            return minor if at.profile.currency == currency else None
        case Read(feature):
            return read(feature, at)
        case Arithmetic(sign, left, right):
            return reckoned(sign, value(left, at), value(right, at))
        case _:
            return truth(tree, at)


def compared(sign: str, left: Value, right: Value, *, either: bool) -> bool:
    """With unknown nothing compares, and what may be of any type compares with its own only."""
    if left is None or right is None:
        return False
    if either and _sort(left) != _sort(right):
        return False
    return _COMPARE[sign](left, right)


def reckoned(sign: str, left: Value, right: Value) -> Value:
    if left is None or right is None or {_sort(left), _sort(right)} != {"number"}:
        return None
    assert isinstance(left, int | float)
    assert isinstance(right, int | float)
    try:
        result: int | float = _RECKON[sign](left, right)
        return result if -_LARGEST <= float(result) <= _LARGEST else None
    except ArithmeticError:
        return None


def _sort(of: Value) -> str:
    if isinstance(of, bool):
        return "truth"
    return "text" if isinstance(of, str) else "number"


def read(feature: Feature, at: Sight) -> Value:  # noqa: PLR0911 - one line for each thing that time moves
    """A feature. What time or the event moves is worked out here, anew."""
    profile, name = at.profile, feature.name
    recency = at.days_since(profile.last_order_day)
    match name:
        case "recency_days":
            return recency
        case "days_since_first_order":
            return at.days_since(profile.first_order_day)
        case "overdue":
            rhythm = profile.rhythm_days
            return None if recency is None or rhythm is None or rhythm <= 0 else recency / rhythm
        case "activity":
            passed = at.now_ms - to_ms(profile.activity_at)
            if passed <= 0 or profile.half_life_days <= 0:
                return profile.activity
            return float(profile.activity * 2.0 ** (-passed / (profile.half_life_days * DAY_MS)))
    if name.startswith("event."):
        part: Value = None if at.event is None else getattr(at.event, name.removeprefix("event."))
        return part
    if name.startswith("since("):
        last = profile.last_at.get(name.removeprefix('since("').removesuffix('")'))
        return None if last is None else max(0, at.now_ms - to_ms(last))
    if name.startswith("tier_days("):
        entered = at.entered.get(name.removeprefix('tier_days("').removesuffix('")'), at.began_ms)
        return None if entered is None else at.days_since(at.day(entered))
    return feature.read(at)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Item:
    """One item of a list of conditions. One that asks about an event holds only at the look which an event causes."""

    tree: Tree

    def holds(self, at: Sight) -> bool:
        about_event = any(feature.name.startswith("event.") for feature in features_of(self.tree))
        return (at.event is not None or not about_event) and truth(self.tree, at)

    @property
    def momentary(self) -> bool:
        return any(feature.name.startswith("event.") for feature in features_of(self.tree))


Items = Sequence[Item]


class _Reader:
    """Conditions from their text, with the names of facts and ladders."""

    def __init__(self, facts: Mapping[str, Sequence[Any]], ladders: Mapping[str, tuple[str, ...]]) -> None:
        self._ladders = ladders
        self._facts: dict[str, Tree | None] = {}
        waiting = dict(facts)
        while waiting:
            # a fact can be read once those that it asks for have been
            for name, said in list(waiting.items()):
                if not any(other in re.findall(r"\w+", str(said)) for other in waiting if other != name):
                    self._facts[name] = Logic(every=True, operands=tuple(self._tree(each, None) for each in said))
                    del waiting[name]

    def items(self, said: Sequence[Any] | None, ladder: str | None = None) -> Items | None:
        return None if said is None else [Item(self._tree(each, ladder)) for each in said]

    def _tree(self, said: Any, ladder: str | None) -> Tree:
        if isinstance(said, str):
            tree, problems = parse_expression(said, Place("f", 1, 1), Vocabulary(self._ladders, self._facts, ladder))
            assert not problems, problems
            return tree
        ((word, inside),) = said.items()
        parts = tuple(self._tree(part, ladder) for part in (inside if isinstance(inside, list) else [inside]))
        return Logic(every=False, operands=parts) if word == "any" else Not(Logic(every=True, operands=parts))


# --- occasions


def instants(timing: Timing, zone: ZoneInfo, first: date, last: date) -> Iterator[int]:
    """Every instant of a schedule between two days; a time that the clocks skip comes as much later as they jump."""
    day = first
    while day <= last:
        comes = {
            "day": True,
            "weekday": day.weekday() < 5,
            "month": day.day == timing.on,
        }.get(timing.every.value, _DAYS[day.weekday()] == timing.every.value)
        if comes:
            yield to_ms(datetime.combine(day, timing.at, zone).astimezone(UTC))
        day += timedelta(days=1)


def covers(period: Period, today: date) -> bool:
    return (period.from_ is None or period.from_ <= today) and (period.to is None or today <= period.to)


def endings(links: Sequence[Link], past: Sequence[tuple[int, str]]) -> list[int]:
    """Every instant at which all links had come, each at most its time after the one before: by trying everything."""

    def chains(i: int, link: int) -> bool:
        at_ms, name = past[i]
        if name != links[link].event:
            return False
        if link == 0:
            return True
        within = links[link].within
        assert within is not None
        return any(at_ms - past[j][0] <= _ms(within) and chains(j, link - 1) for j in range(i))

    return [past[i][0] for i in range(len(past)) if chains(i, len(links) - 1)]


def completes(links: Sequence[Link], past: Sequence[tuple[int, str]], at: Sight, looked_ms: int | None) -> bool:
    """Whether a sequence is complete at this look: with its last event, or when nothing came for as long as it says."""
    absence = links[-1] if links[-1].no is not None else None
    if absence is None:
        if at.event is None:
            return False
        happened = to_ms(at.profile.occurred_at), at.event.kind or at.event.type
        return happened[1] == links[-1].event and happened[0] in endings(links, past)
    assert absence.within is not None
    for end in endings(links[:-1], past):
        over = end + _ms(absence.within)
        # a newer end starts the wait anew, and a profile that is newer than the end of the wait says nothing about it
        anew = any(end < other <= over for other in endings(links[:-1], past))
        came = any(name == absence.no and end < at_ms <= over for at_ms, name in past)
        known = looked_ms is not None and looked_ms < over <= at.now_ms and to_ms(at.profile.as_of) <= over
        if known and not anew and not came:
            return True
    return False


def held_out(name: str, customer: str, share: float) -> bool:
    number = int.from_bytes(hashlib.blake2b(f"{name}\0{customer}".encode(), digest_size=8).digest(), "big")
    return number % 10_000 / 10_000 < round(share * 10_000) / 10_000


def _ms(length: timedelta | None) -> int:
    return 0 if length is None else int(length.total_seconds()) * 1000


# --- rules


@dataclass(eq=False)
class LadderReading:
    rule: Ladder
    enter: list[Items | None]
    leave: list[Items | None]
    level: int = 0
    since_ms: int | None = None
    jumps: int = 0
    climbed: bool = False
    expires: list[int] = field(default_factory=list)
    """Until when (Unix ms) messages about the last jump may wait."""


@dataclass
class Episode:
    """What goes on of a campaign; `step` is the one that comes next, None if none does."""

    number: int
    began_ms: int
    step: int | None
    due_ms: int = 0
    open: bool = True
    held_out: bool = False
    expires: list[int] = field(default_factory=list)
    """Until when (Unix ms) messages may wait; empty again once they were recalled."""


@dataclass(eq=False)
class CampaignReading:
    rule: Campaign
    when: Items
    until: Items | None
    gates: list[Items | None]
    active: bool = False
    count: int = 0
    last: Episode | None = None

    @property
    def running(self) -> bool:
        return self.last is not None and self.last.step is not None

    @property
    def momentary(self) -> bool:
        """Whether it holds at single looks only."""
        rule = self.rule
        return rule.schedule is not None or rule.sequence is not None or any(item.momentary for item in self.when)


Seats = Callable[[str, str], bool | None]
"""Whether (slot, customer) has a seat; None before the first review."""


def unreviewed(_slot: str, _customer: str) -> bool | None:
    """No review has been yet."""
    return None


_LadderSaid = tuple[Ladder, list[Items | None], list[Items | None]]
_CampaignSaid = tuple[Campaign, Items, Items | None, list[Items | None]]


@lru_cache(maxsize=2)
def _rules(texts: Sequence[str]) -> tuple[list[_LadderSaid], list[_CampaignSaid]]:
    said: list[dict[str, Any]] = []
    for text in texts:
        documents, problems = parse("f.yaml", text)
        assert not problems, problems
        said += [dict(document.data) for document in documents]
    ladders = sorted((Ladder.model_validate(s) for s in said if s.get("kind") == "ladder"), key=lambda r: r.name)
    campaigns = [Campaign.model_validate(s) for s in said if s.get("kind") == "campaign"]
    facts = {k: v for s in said if "define" in s for k, v in Define.model_validate(s).define.items()}
    reader = _Reader(facts, {rule.name: tuple(tier.name for tier in rule.tiers) for rule in ladders})
    return [
        (
            rule,
            [reader.items(tier.enter, rule.name) for tier in rule.tiers],
            [reader.items(tier.leave, rule.name) for tier in rule.tiers],
        )
        for rule in ladders
    ], [
        (
            rule,
            reader.items(rule.when) or [],
            reader.items(rule.until),
            [reader.items(step.when) for step in rule.steps],
        )
        for rule in sorted(campaigns, key=lambda rule: (-rule.priority, rule.name))
    ]


class Reference:
    """One customer, looked at as often as one likes."""

    def __init__(self, text: str, *more: str, seats: Seats = unreviewed) -> None:
        ladders, campaigns = _rules((text, *more))
        self.ladders = [LadderReading(*said) for said in ladders]
        self.campaigns = [CampaignReading(*said) for said in campaigns]
        self._seats = seats
        self._began_ms: int | None = None
        self._looked_ms: int | None = None
        self._past: list[tuple[int, str]] = []
        self._told: list[Told | Recalled] = []
        self._claims: set[str] = set()
        self._at: Sight = Sight(None, 0)  # type: ignore[arg-type]

    def upcoming(self, profile: Profile, now_ms: int, end_ms: int) -> set[int]:
        """Instants of its own at which it wants to be asked, as far as they are plain from here."""
        found: set[int] = set()
        for ladder in self.ladders:
            if ladder.since_ms is not None:
                found.add(ladder.since_ms + _ms(ladder.rule.tiers[ladder.level].stay_at_least))
        for campaign in self.campaigns:
            if campaign.last is not None and campaign.last.step is not None:
                found.add(campaign.last.due_ms)
            if campaign.rule.sequence and (no := campaign.rule.sequence[-1]).no is not None:
                found |= {end + _ms(no.within) for end in endings(campaign.rule.sequence[:-1], self._past)}
            if campaign.rule.schedule is not None:
                today = from_ms(now_ms).date()
                zone = ZoneInfo(profile.zone)
                found |= set(
                    instants(campaign.rule.schedule, zone, today - timedelta(days=1), today + timedelta(days=2))
                )
        return {at for at in found if now_ms < at <= end_ms}

    def look(self, profile: Profile, now_ms: int, event: Happening | None = None) -> list[Told | Recalled]:
        """Ask everything. `event` is the one that this profile tells of, at the first look at it."""
        self._told = []
        self._began_ms = now_ms if self._began_ms is None else self._began_ms
        if event is not None:
            # of one instant, in the order of arrival
            past = [*self._past, (to_ms(profile.occurred_at), event.kind or event.type)]
            self._past = sorted(past, key=lambda each: each[0])
        self._at = Sight(profile, now_ms, event, began_ms=self._began_ms)
        self._place()
        claims: set[str] = set()
        for ladder in self.ladders:
            target, displaced = self._target(ladder)
            if target != ladder.level:
                self._jump(ladder, target, displaced=displaced)
            claims |= self._claim(ladder)
        self._claims = claims
        self._place()
        holding = [campaign for campaign in self.campaigns if self._begins(campaign)]
        self._go_on()
        for campaign in self.campaigns:
            if campaign not in holding:
                campaign.active = False
        attention = {campaign.rule.exclusive for campaign in self.campaigns if campaign.running and _live(campaign)}
        for campaign in holding:
            if not campaign.active:
                self._begin(campaign, attention)
            campaign.active = not campaign.momentary
        self._looked_ms = now_ms
        return self._told

    def _place(self) -> None:
        self._at.tiers = {ladder.rule.name: ladder.rule.tiers[ladder.level].name for ladder in self.ladders}
        self._at.entered = {ladder.rule.name: ladder.since_ms for ladder in self.ladders if ladder.since_ms is not None}

    def _all(self, items: Items | None) -> bool:
        return items is not None and all(item.holds(self._at) for item in items)

    # --- ladders

    def _target(self, ladder: LadderReading) -> tuple[int, bool]:
        tiers, level = ladder.rule.tiers, ladder.level

        def keeps(i: int) -> bool:
            return i == 0 or not self._leaves(ladder, i)

        def seat(i: int) -> bool | None:
            return self._seats(_slot(ladder, i), self._at.profile.customer_id)

        def room(i: int) -> bool:
            return tiers[i].capacity is None or seat(i) is True

        above = [i for i in range(level + 1, len(tiers)) if keeps(i) and room(i) and self._all(ladder.enter[i])]
        if above:
            return max(above), False
        if keeps(level) and (tiers[level].capacity is None or seat(level) is not False):
            return level, False
        if ladder.since_ms is None or self._at.now_ms - ladder.since_ms < _ms(tiers[level].stay_at_least):
            return level, False
        return max(i for i in range(level) if i == 0 or (keeps(i) and room(i))), keeps(level)

    def _leaves(self, ladder: LadderReading, i: int) -> bool:
        """Whether the `leave` of a tier holds; of another than the own one, for somebody who comes into it now."""
        entered = self._at.entered
        if i != ladder.level:
            self._at.entered = {**entered, ladder.rule.name: self._at.now_ms}
        leaves = self._all(ladder.leave[i])
        self._at.entered = entered
        return leaves

    def _jump(self, ladder: LadderReading, target: int, *, displaced: bool) -> None:
        names = [tier.name for tier in ladder.rule.tiers]
        origin, up = ladder.level, target > ladder.level

        def fits(jump: Jump) -> bool:
            return (
                jump.from_ in {None, names[origin]}
                and jump.to in {None, names[target]}
                and not (jump.to_higher and not up)
                and not (jump.to_lower and up)
            )

        notices = [(i, jump.notify) for i, jump in enumerate(ladder.rule.on_jump) if fits(jump)]
        ladder.level, ladder.since_ms, ladder.jumps = target, self._at.now_ms, ladder.jumps + 1
        self._tell(
            ladder.rule,
            "promoted" if up else "demoted",
            ladder.jumps,
            reason="capacity" if displaced else None,
            jump=(names[origin], names[target]),
            templates=[self._template(ladder.rule, i, notify) for i, notify in notices],
        )
        if ladder.climbed is not up and any(self._at.now_ms < at for at in ladder.expires):
            self._told.append(Recalled(self._at.now_ms, ladder.rule.name, ladder.jumps - 1, "ended"))
        ladder.climbed, ladder.expires = up, self._expiries(ladder.rule, [notify for _, notify in notices])

    def _template(self, rule: Ladder | Campaign, step: int, notify: Notify) -> str:
        """What a message says to this customer: of several wordings always the same."""
        if notify.variants is None:
            return str(notify.template)
        names = ["variant", rule.name, step, self._at.profile.customer_id]
        said = json.dumps(names, ensure_ascii=False, separators=(",", ":"))
        digest = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
        point, shares = int(digest, 16) / 2**64, [variant.share for variant in notify.variants]
        for i, variant in enumerate(notify.variants):
            even = (i + 1) / len(shares)
            if point < (even if shares[0] is None else sum(share or 0.0 for share in shares[: i + 1])):
                return variant.template
        return notify.variants[-1].template

    def _expiries(self, rule: Ladder | Campaign, notifies: Iterable[Notify]) -> list[int]:
        return [self._at.now_ms + _ms(notify.expires) for notify in notifies if rule.mode.value == "live"]

    def _recall(self, campaign: CampaignReading, last: Episode, reason: str) -> None:
        if any(self._at.now_ms < at for at in last.expires):
            self._told.append(Recalled(self._at.now_ms, campaign.rule.name, last.number, reason))
        last.expires = []

    def _claim(self, ladder: LadderReading) -> set[str]:
        """The seats that the customer has a claim to now; whoever begins to wait for one is told so."""
        found: set[str] = set()
        for i in range(ladder.level, len(ladder.rule.tiers)):
            slot, wanted = _slot(ladder, i), i == ladder.level or self._all(ladder.enter[i])
            stays = i == ladder.level and ladder.since_ms is not None
            kept = stays and self._at.now_ms < (ladder.since_ms or 0) + _ms(ladder.rule.tiers[i].stay_at_least)
            leaves = self._leaves(ladder, i) and not kept
            if ladder.rule.tiers[i].capacity is None or leaves or not wanted:
                continue
            found.add(slot)
            if i > ladder.level and slot not in self._claims:
                jump = ladder.rule.tiers[ladder.level].name, ladder.rule.tiers[i].name
                self._tell(ladder.rule, "suppressed", ladder.jumps, reason="capacity", jump=jump)
        return found

    # --- campaigns

    def _begins(self, campaign: CampaignReading) -> bool:
        rule, at = campaign.rule, self._at
        if rule.active is not None and not covers(rule.active, at.day(at.now_ms)):
            return False
        if rule.schedule is not None and not self._comes(rule.schedule):
            return False
        if rule.sequence is not None and not completes(rule.sequence, self._past, at, self._looked_ms):
            return False
        return all(item.holds(at) for item in campaign.when)

    def _comes(self, timing: Timing) -> bool:
        """Whether an instant of a schedule has come since the last look, on the day of today, for this very profile."""
        today, looked_ms = self._at.day(self._at.now_ms), self._looked_ms
        return looked_ms is not None and any(
            looked_ms < at <= self._at.now_ms and to_ms(self._at.profile.as_of) <= at
            for at in instants(timing, ZoneInfo(self._at.profile.zone), today, today)
        )

    def _go_on(self) -> None:
        for campaign in self.campaigns:
            if campaign.last is not None:
                self._reach(campaign, campaign.last)
                self._end(campaign, campaign.last)
        for campaign in self.campaigns:
            last = campaign.last
            if last is not None and last.step is not None and last.due_ms <= self._at.now_ms:
                self._take_steps(campaign, last, beginning=False)

    def _reach(self, campaign: CampaignReading, last: Episode) -> None:
        goal, event = campaign.rule.goal, self._at.event
        if goal is None or event is None or not last.open or (event.kind or event.type) != goal.event:
            return
        if last.began_ms < to_ms(self._at.profile.occurred_at) <= last.began_ms + _ms(goal.within):
            last.open = False
            reason = "holdout" if last.held_out else None
            self._tell(campaign.rule, "reached", last.number, reason=reason)
            self._recall(campaign, last, "goal_reached")
            if last.step is not None:
                self._stop(campaign, last, "goal")

    def _end(self, campaign: CampaignReading, last: Episode) -> None:
        if last.step is None:
            return
        if self._all(campaign.until):
            self._stop(campaign, last, "until")
            self._recall(campaign, last, "ended")
        elif campaign.rule.active is not None and not covers(campaign.rule.active, self._at.day(self._at.now_ms)):
            self._stop(campaign, last, "inactive")
            self._recall(campaign, last, "ended")

    def _stop(self, campaign: CampaignReading, last: Episode, reason: str) -> None:
        self._tell(campaign.rule, "ended", last.number, reason=reason, step=last.step)
        last.step = None

    def _begin(self, campaign: CampaignReading, attention: set[str | None]) -> None:
        rule, now_ms, last = campaign.rule, self._at.now_ms, campaign.last
        campaign.count += 1
        reason = None
        if campaign.running:
            reason = "running"
        elif last is not None and now_ms - last.began_ms < _ms(rule.cooldown):
            reason = "cooldown"
        elif rule.exclusive is not None and rule.exclusive in attention:
            reason = "exclusive"
        elif held_out(rule.name, self._at.profile.customer_id, rule.holdout or 0.0):
            reason = "holdout"
        if reason is not None:
            self._tell(rule, "suppressed", campaign.count, reason=reason)
        if reason == "holdout":
            campaign.last = Episode(campaign.count, now_ms, None, held_out=True)
        if reason is not None:
            return
        campaign.last = Episode(campaign.count, now_ms, 0)
        self._take_steps(campaign, campaign.last, beginning=True)
        # what is true of one event is no reason to end what the same event began
        lasting = campaign.until is not None and not any(item.momentary for item in campaign.until)
        if campaign.last.step is not None and lasting and self._all(campaign.until):
            self._stop(campaign, campaign.last, "until")
        if _live(campaign):
            attention.add(rule.exclusive)

    def _take_steps(self, campaign: CampaignReading, last: Episode, *, beginning: bool) -> None:
        steps: Sequence[Action] = campaign.rule.steps
        first = i = last.step or 0
        templates: list[str] = []
        silent: list[int] = []
        last.step = None
        while i < len(steps):
            step, gate = steps[i], campaign.gates[i]
            if step.wait is not None:
                last.step, last.due_ms = i + 1, self._at.now_ms + _ms(step.wait)
                break
            passes = gate is None or self._all(gate)
            if step.notify is not None and passes:
                templates.append(self._template(campaign.rule, i, step.notify))
                last.expires += self._expiries(campaign.rule, [step.notify])
            if not passes:
                silent.append(i)
            if not passes and step.notify is None:
                break
            i += 1
        if beginning:
            self._tell(campaign.rule, "fired", last.number, templates=templates)
        elif templates:
            self._tell(campaign.rule, "continued", last.number, step=first, templates=templates)
        for i in silent:
            outcome = "ended" if steps[i].notify is None else "suppressed"
            self._tell(campaign.rule, outcome, last.number, reason="condition", step=i)

    def _tell(
        self,
        rule: Ladder | Campaign,
        outcome: str,
        episode: int,
        *,
        reason: str | None = None,
        step: int | None = None,
        jump: tuple[str | None, str | None] = (None, None),
        templates: Iterable[str] = (),
    ) -> None:
        templates = tuple(templates)
        sent = len(templates) if rule.mode.value == "live" else 0
        self._told.append(
            Told(self._at.now_ms, rule.name, outcome, reason, rule.mode.value, episode, step, jump, templates, sent)
        )


def _slot(ladder: LadderReading, level: int) -> str:
    return f"{ladder.rule.name}/{ladder.rule.tiers[level].name}"


def _live(campaign: CampaignReading) -> bool:
    return campaign.rule.mode.value == "live"


def lived(
    reference: Reference, profiles: Sequence[Profile], end: datetime, extra: Iterable[int] = (), hours: int = 6
) -> list[Told | Recalled]:
    """Everything decided over a life: asked at every profile, midnight and so many hours, at `extra`, and wherever it wants."""
    end_ms = to_ms(end)
    step_ms = hours * 3_600_000
    asked = {at for at in extra if at <= end_ms}
    start_ms = to_ms(profiles[0].as_of)
    asked |= set(range(start_ms - start_ms % step_ms, end_ms, step_ms))
    day = profiles[0].as_of.date()
    while datetime.combine(day, datetime.min.time(), UTC) < end:
        midnights = (datetime.combine(day, datetime.min.time(), ZoneInfo(p.zone)).astimezone(UTC) for p in profiles)
        asked |= {to_ms(midnight) for midnight in midnights if midnight <= end}
        day += timedelta(days=1)
    asked |= {to_ms(profile.as_of) for profile in profiles}
    waiting, current = list(profiles), None
    made: list[Told | Recalled] = []
    now_ms = start_ms - 1
    while True:
        if current is not None:
            asked |= reference.upcoming(current, now_ms, end_ms)
        ahead = [at for at in asked if at > now_ms]
        if not ahead:
            return made
        now_ms = min(ahead)
        asked = set(ahead)
        if current is not None:
            made += reference.look(current, now_ms)
        while waiting and to_ms(waiting[0].as_of) <= now_ms:
            current = waiting.pop(0)
            made += reference.look(current, now_ms, current.event)
