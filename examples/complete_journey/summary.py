"""From what is on the topics to the figures an ops person asks for. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TypeAlias

from examples.complete_journey.dataset import CURRENCY
from examples.complete_journey.expected import Expected
from examples.complete_journey.pond import Pond
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command
from services.contracts.decision import Decision, DecisionReason, Mode, Outcome
from services.contracts.profile import Octant, Profile
from services.contracts.receipt import DeliveryOutcome, Receipt

Ladders: TypeAlias = Mapping[str, Sequence[str]]
"""Ladder name -> its tiers, lowest first."""

JUMPS = (Outcome.PROMOTED, Outcome.DEMOTED)

AWAKE = range(9, 21)
"""The hours of the day, in UTC, at which policy.yaml lets messages out."""
MOST = {Category.MARKETING: (1, 3), Category.SERVICE: (3, 10)}
"""How many a customer gets by policy.yaml: a day, and within seven days."""


@dataclass(frozen=True, kw_only=True)
class Notifications:
    """What became of all messages that rules asked for. `reasons`: outcome -> reason -> how many.

    `sent`, `suppressed`, `failed` and `waiting` add up to `commands`: those that wait were put off, and their time had not
    come when the data ended. `deferred`: how many were put off at first, by reason; `sent_later` of them were sent in the
    end. `unanswered` commands have no receipt, `contradicted` ones two ends that differ: 0 once the pond is quiet.
    `intruding`: messages that a customer got at night, or beyond what the policy allows.

    `silences`: what rules kept silent about, by reason. A rule that was due, but cooling down or the like, asks for nothing;
    a tier that was full held back no message.
    """

    commands: int
    sent: int
    deferred: dict[str, int]
    sent_later: int
    waiting: int
    intruding: int
    suppressed: int
    failed: int
    unanswered: int
    contradicted: int
    reasons: dict[str, dict[str, int]]
    sent_by_rule: dict[str, int]
    silences: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Jumps:
    """Moves between tiers; months and ladders -> outcome -> how many."""

    promoted: int
    demoted: int
    by_month: dict[str, dict[str, int]]
    by_ladder: dict[str, dict[str, int]]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The figures that are the same in every run over the same data and rules.

    `tiers`: ladder -> tier -> customers. `recency_frequency`: five rows for R = 5 … 1, each with F = 1 … 5.
    `revenue_curve`: the share of all revenue (0..1) that the best 0 %, 1 % … 100 % of the buyers bring.
    `duplicate_sends`: messages a recipient took although it had one for the same rule, episode and step.
    """

    events_in: int
    events_rejected: int
    rejections: dict[str, int]
    customers: int
    orders_counted: int
    net_minor: int
    currency: str
    top20_share: float
    tiers: dict[str, dict[str, int]]
    octants: dict[str, int]
    recency_frequency: list[list[int]]
    revenue_curve: list[float]
    jumps: Jumps
    notifications: Notifications
    duplicate_sends: int
    undelivered: int
    """Receipts that say sent over a channel where nothing arrived."""
    unannounced: int
    """Messages that arrived over a channel although no receipt says so."""

    def mismatches(self, expected: Expected) -> list[str]:
        """One sentence for each figure that is not what the files say."""
        pairs = {
            "events_in": (self.events_in, expected.events_in),
            "events_rejected": (self.events_rejected, 0),
            "customers": (self.customers, expected.customers),
            "orders_counted": (self.orders_counted, expected.orders_counted),
            "net_minor": (self.net_minor, expected.net_minor),
            "top20_share": (self.top20_share, expected.top20_share),
            **self.promises(),
        }
        return [f"{name}: {got:,}, expected {want:,}" for name, (got, want) in pairs.items() if got != want]

    def promises(self) -> dict[str, tuple[int, int]]:
        """What must hold for messages, whatever the files say: how many there are, and how many there must be."""
        told = self.notifications
        ends = told.sent + told.suppressed + told.failed + told.waiting
        return {
            "commands with an end, or waiting": (ends, told.commands),
            "commands without a receipt": (told.unanswered, 0),
            "commands with two ends": (told.contradicted, 0),
            "messages sent but not received": (self.undelivered, 0),
            "messages received but not sent": (self.unannounced, 0),
            "messages at night, or too many": (told.intruding, 0),
            "messages sent twice": (self.duplicate_sends, 0),
        }


def summarise(pond: Pond, *, events_in: int, ladders: Ladders, arrived: Mapping[str, AbstractSet[str]]) -> Summary:
    """`arrived`: channel -> ids of the commands whose messages came out there."""
    profiles = list(pond.profiles.values())
    sent = {
        (receipt.channel, command_id)
        for command_id, receipt in pond.receipts.items()
        if receipt.outcome is DeliveryOutcome.SENT
    }
    received = {(channel, command_id) for channel, ids in arrived.items() for command_id in ids}
    money = sorted((p.lifetime.net_minor for p in profiles if p.lifetime.net_minor > 0), reverse=True)
    return Summary(
        events_in=events_in,
        events_rejected=len(pond.dead_letters),
        rejections=dict(sorted(Counter(letter.reason for letter in pond.dead_letters.values()).items())),
        customers=len(profiles),
        orders_counted=sum(p.lifetime.orders for p in profiles),
        net_minor=sum(p.lifetime.net_minor for p in profiles),
        currency=CURRENCY,
        top20_share=top_share(money, 20),
        tiers=tiers(pond.decisions.values(), pond.profiles, ladders),
        octants={octant.value: sum(p.segment is octant for p in profiles) for octant in Octant},
        recency_frequency=recency_frequency(profiles),
        revenue_curve=[top_share(money, percent) for percent in range(101)],
        jumps=jumps(pond.decisions.values()),
        notifications=notifications(pond),
        duplicate_sends=duplicates(chain.from_iterable(arrived.values()), pond.commands),
        undelivered=len(sent - received),
        unannounced=len(received - sent),
    )


def rule_name(rule: str) -> str:
    """The name in `name@hash`."""
    return rule.rpartition("@")[0] or rule


def top_share(money: Sequence[int], percent: int) -> float:
    """The share of the whole that the first `percent` of `money` (descending, all > 0) holds; a person is never cut in two."""
    best = -(-len(money) * percent // 100)
    return round(sum(money[:best]) / sum(money), 4) if money else 0.0


def tiers(decisions: Iterable[Decision], customers: Collection[str], ladders: Ladders) -> dict[str, dict[str, int]]:
    """Where everybody stands. Whoever never jumped is at the bottom. `decisions` in the order they were made, per customer."""
    standing: dict[str, dict[str, str]] = {ladder: {} for ladder in ladders}
    for decision in decisions:
        ladder = rule_name(decision.rule)
        if moves(decision) and decision.to_tier is not None and ladder in standing:
            standing[ladder][decision.customer_id] = decision.to_tier
    return {
        ladder: {
            name: sum(standing[ladder].get(customer, names[0]) == name for customer in customers) for name in names
        }
        for ladder, names in ladders.items()
    }


def recency_frequency(profiles: Iterable[Profile]) -> list[list[int]]:
    cells = Counter((p.r, p.f) for p in profiles)
    return [[cells[r, f] for f in range(1, 6)] for r in range(5, 0, -1)]


def moves(decision: Decision) -> bool:
    """Whether the customer stands elsewhere after it; a ladder in shadow mode only says so."""
    return decision.outcome in JUMPS and decision.mode is Mode.LIVE


def jumps(decisions: Iterable[Decision]) -> Jumps:
    months: dict[str, Counter[str]] = defaultdict(Counter)
    ladders: dict[str, Counter[str]] = defaultdict(Counter)
    for decision in decisions:
        if moves(decision):
            months[f"{decision.decided_at:%Y-%m}"][decision.outcome] += 1
            ladders[rule_name(decision.rule)][decision.outcome] += 1
    return Jumps(
        promoted=sum(count[Outcome.PROMOTED] for count in months.values()),
        demoted=sum(count[Outcome.DEMOTED] for count in months.values()),
        by_month=_both_ways(months),
        by_ladder=_both_ways(ladders),
    )


def _both_ways(counts: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    return {name: {jump.value: counts[name][jump] for jump in JUMPS} for name in sorted(counts)}


def keeps_silent(decision: Decision) -> bool:
    """Whether a rule that would have had something to say did not say it."""
    return (
        decision.outcome is Outcome.SUPPRESSED
        and decision.mode is Mode.LIVE
        and decision.reason is not DecisionReason.CAPACITY
    )


def notifications(pond: Pond) -> Notifications:
    reasons: dict[str, Counter[str]] = {
        DeliveryOutcome.SUPPRESSED.value: Counter(),
        DeliveryOutcome.FAILED.value: Counter(),
    }
    by_rule: Counter[str] = Counter()
    for receipt in pond.receipts.values():
        if receipt.outcome is DeliveryOutcome.SENT:
            by_rule[rule_name(receipt.rule)] += 1
        else:
            reasons[receipt.outcome.value][receipt.reason.value] += 1
    silences = Counter(decision.reason or "unknown" for decision in pond.decisions.values() if keeps_silent(decision))
    return Notifications(
        commands=len(pond.commands),
        sent=by_rule.total(),
        deferred=dict(sorted(Counter(receipt.reason.value for receipt in pond.deferred.values()).items())),
        sent_later=sum(
            pond.receipts[put_off].outcome is DeliveryOutcome.SENT
            for put_off in pond.deferred.keys() & pond.receipts.keys()
        ),
        waiting=len(pond.deferred.keys() - pond.receipts.keys()),
        intruding=intruding(pond.receipts.values()),
        suppressed=reasons[DeliveryOutcome.SUPPRESSED.value].total(),
        failed=reasons[DeliveryOutcome.FAILED.value].total(),
        unanswered=len(pond.commands.keys() - pond.receipts.keys() - pond.deferred.keys()),
        contradicted=len(pond.contradicted),
        reasons={outcome: dict(sorted(count.items())) for outcome, count in reasons.items()},
        sent_by_rule=dict(sorted(by_rule.items())),
        silences=dict(sorted(silences.items())),
    )


def intruding(receipts: Iterable[Receipt]) -> int:
    """How many messages customers got that they should not have got, counted anew from when they were sent.

    At night, or beyond a day's or any seven days' number of their category, as policy.yaml has them.
    """
    sent: defaultdict[tuple[str, Category], list[datetime]] = defaultdict(list)
    for receipt in receipts:
        known = receipt.category is not None and receipt.recipient is Recipient.CUSTOMER
        if receipt.outcome is DeliveryOutcome.SENT and receipt.category is not None and known:
            sent[receipt.customer_id, receipt.category].append(receipt.at.astimezone(UTC))
    found = 0
    for (_, category), instants in sent.items():
        if category is Category.TRANSACTIONAL:
            continue
        a_day, a_week = MOST[category]
        for at in instants:
            same_day = sum(other.date() == at.date() for other in instants)
            week = sum(at - timedelta(days=7) < other <= at for other in instants)
            found += not AWAKE.start <= at.hour < AWAKE.stop or same_day > a_day or week > a_week
    return found


def duplicates(accepted: Iterable[str], commands: Mapping[str, Command]) -> int:
    """How many of the messages taken say what another one of them already said."""
    taken = [commands[key] for key in accepted if key in commands]
    return len(taken) - len({(c.customer_id, rule_name(c.rule), c.episode, c.step, c.recipient) for c in taken})
