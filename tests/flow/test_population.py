"""What depends on all customers together, and what happens to those who turn out to be one, or want to be forgotten."""

from typing import Any

from services.contracts import topics, wire
from services.contracts.population import Cutoffs
from services.contracts.profile import Cause
from services.rules.processor import RulesProcessor
from services.scoring import rfm
from services.scoring.config import ScoringConfig
from services.scoring.rfm import Measures, Scores
from tests.flow.pond import PARTITIONS, Pond
from tests.flow.said import after, deleted, did, merged, paid, refunded, tick, updated

WEEKLY = ScoringConfig.model_validate({"method": "quantile", "high": {"by": "median"}, "epoch": "weekly"})
ALONE = ScoringConfig(super_user=None)


def history() -> list[dict[str, Any]]:
    """Thirty customers who come in all over three months, some of them back again; a tick a day."""
    said = [tick(after(day + 0.9)) for day in range(95)]
    for number in range(30):
        customer = f"会员{number}"
        for order in range(1 + number % 5):
            at = after(3 * number % 80 + 2 * order, number)
            said.append(paid(customer, f"{customer}/{order}", at, 5_000 + 1_700 * number))
        if number % 6 == 0:
            said.append(refunded(customer, f"{customer}/0", after(85, number), 5_000 + 1_700 * number))
    return sorted(said, key=lambda message: message["occurred_at"])


def versions(pond: Pond) -> list[Cutoffs]:
    return [wire.CUTOFFS.decode(record.value or b"") for record in pond.broker.records(topics.CUTOFFS.name)]


async def test_scores_are_the_populations_not_the_partitions(rules: RulesProcessor) -> None:
    """Every version counts all partitions, and everybody's scores are those that the last version gives."""
    pond = Pond(rules, event_clock=True, scoring=WEEKLY)
    pond.tell(history())
    await pond.settle()
    found = versions(pond)
    assert len(found) == 15
    assert {(version.reported, version.partitions) for version in found[1:]} == {(PARTITIONS, PARTITIONS)}
    last, profiles = found[-1], pond.last_profiles()
    buyers = [profile for profile in profiles.values() if profile.last_order_day is not None]
    assert last.customers == len(buyers)
    today = after(94.9).date()
    for profile in buyers:
        assert profile.last_order_day is not None
        measures = Measures((today - profile.last_order_day).days, profile.orders, profile.net_minor)
        scores = rfm.score(measures, WEEKLY, last, Scores())
        assert (profile.r, profile.f, profile.m) == (scores.r, scores.f, scores.m)
        assert (profile.segment, profile.rf_segment) == (scores.octant, scores.rf_segment)
    causes = {profile.cause for profile in pond.profiles()}
    assert causes >= {Cause.OWN_EVENT, Cause.REFUND, Cause.TIME, Cause.DRIFT}
    drifted = [profile for profile in pond.profiles() if profile.cause is Cause.DRIFT]
    assert all(
        profile.cutoffs.startswith(f"{profile.as_of.astimezone(after(0).tzinfo):%Y-%m-%d}") for profile in drifted
    )


async def test_another_configuration_reaches_everybody(rules: RulesProcessor) -> None:
    """Without any event, as soon as it runs; whoever is scored as before is told nothing but the new window."""
    pond = Pond(rules, now=after(100), scoring=ALONE)
    pond.tell([message for message in history() if message["type"] != "clock.tick"])
    await pond.settle()
    before = pond.last_profiles()
    pond._scoring = ScoringConfig(super_user=None, window_days=30)
    pond.restart("scoring")
    await pond.settle()
    now = pond.last_profiles()
    assert now.keys() == before.keys()
    assert {profile.cause for profile in now.values()} == {Cause.CONFIG}
    assert {profile.window_days for profile in now.values()} == {30}
    assert sum(p.orders for p in now.values()) < sum(p.orders for p in before.values())


async def test_two_ids_become_one_customer(rules: RulesProcessor) -> None:
    """Wherever the two live; what comes late for the old id goes to the survivor, and the old profile is gone."""
    pond = Pond(rules, now=after(10), scoring=ALONE)
    olds = [f"访客{number}" for number in range(6)]
    for number, old in enumerate(olds):
        pond.tell([paid(old, f"{old}/1", after(number), 10_000), did(old, "view", after(number), number)])
    pond.tell([paid("老客", "老客/1", after(1), 50_000), updated("老客", after(1), tags_add=["会员日"])])
    await pond.settle()
    pond.tell(merged("老客", old, after(9)) for old in olds)
    await pond.settle()
    pond.tell(paid(old, f"{old}/2", after(9.5), 1_000) for old in olds)
    pond.tell(merged("老客", old, after(9)) for old in olds)
    await pond.settle()
    survivor = pond.last_profiles()["老客"]
    assert (survivor.orders, survivor.net_minor) == (13, 50_000 + 6 * 11_000)
    assert (survivor.lifetime.counts, survivor.tags) == ({"view": 6}, ("会员日",))
    assert [profile.cause for profile in pond.profiles() if profile.customer_id == "老客"].count(Cause.MERGED) == 6
    gone = {(r.key or b"").decode() for r in pond.broker.records(topics.PROFILES.name) if r.value is None}
    assert gone == set(olds)
    for partition in range(PARTITIONS):
        assert not set(olds) & set(await pond.stores["scoring"].digests(partition))
    assert pond.letters() == []


async def test_who_is_deleted_leaves_nothing(rules: RulesProcessor) -> None:
    """No profile, no state once late events cannot come any more, nothing in rules; and may come back as somebody new."""
    pond = Pond(rules, now=after(10), scoring=ALONE)
    pond.tell([paid("忘我", "w/1", after(1)), did("忘我", "view", after(2)), paid("别人", "b/1", after(1))])
    await pond.settle()
    pond.tell([deleted("忘我", after(10))])
    await pond.settle()
    pond.tell([did("忘我", "view", after(9), 2)])
    await pond.settle()
    assert [r.key for r in pond.broker.records(topics.PROFILES.name) if r.value is None] == ["忘我".encode()]
    await pond.live_until(after(13))
    for name in ("scoring", "rules"):
        assert all("忘我" not in states for states in pond.stores[name]._states.values())
        assert all("忘我" not in timers for timers in pond.stores[name]._timers.values())
    pond.tell([paid("忘我", "w/9", after(13), 700)])
    await pond.settle()
    again = pond.last_profiles()["忘我"]
    assert (again.lifetime.orders, again.lifetime.net_minor, again.lifetime.counts) == (1, 700, {})
