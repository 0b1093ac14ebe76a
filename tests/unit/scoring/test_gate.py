"""What a partition does at an epoch."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.contracts import wire
from services.contracts.calendar import to_ms
from services.contracts.topics import CENSUS
from services.scoring.config import ScoringConfig
from services.scoring.gate import EpochGate
from services.scoring.population import Population, Tally
from tests.unit.scoring.reference import START, World, did, paid

ZONE = ZoneInfo("UTC")
CONFIG = ScoringConfig.model_validate({"method": "quantile"})
DAY = timedelta(days=1)
EPOCH = datetime(2024, 1, 11, tzinfo=UTC)
AT_MS = to_ms(EPOCH)


def digests(amounts: dict[str, int], epoch: datetime | None = None) -> tuple[World, dict[str, bytes]]:
    """Cards of customers who each ordered once on the first day, as their own states give them."""
    cards = {}
    world = World(CONFIG, ZONE)
    for customer, amount in amounts.items():
        world = World(CONFIG, ZONE)
        world.give(paid(customer, START, amount))
        if epoch is not None:
            world.pass_to(epoch)
        assert world.state is not None
        card = world.processor.digest(world.state)
        assert card is not None
        cards[customer] = card
    return world, cards


def test_a_new_partition_stops_at_the_epoch_before_its_first_record() -> None:
    """And after that at every epoch in turn, however far the next record lies ahead."""
    gate = EpochGate(Population(CONFIG, ZONE, 1))
    marks: dict[str, str] = {}
    first = to_ms(START + timedelta(hours=7))
    assert gate.next_ms(marks, first) == to_ms(START)
    assert gate.next_ms({"epoch": str(to_ms(START) // 1000)}, first + 10**10) == to_ms(START + DAY)


def test_on_the_wall_clock_only_the_latest_epoch_matters() -> None:
    """A service that was down for a week counts once."""
    gate = EpochGate(Population(CONFIG, ZONE, 1))
    passed = {"epoch": str(to_ms(START) // 1000)}
    assert gate.latest_ms(passed, to_ms(START + 7.5 * DAY)) == to_ms(START + 7 * DAY)
    assert gate.latest_ms(passed, to_ms(START + 0.5 * DAY)) is None
    assert gate.latest_ms({}, to_ms(START + 0.5 * DAY)) == to_ms(START)


def test_a_partition_says_how_its_customers_stand() -> None:
    """One record, keyed by partition, and a mark that it was said."""
    gate = EpochGate(Population(CONFIG, ZONE, 4))
    _, cards = digests({"甲": 100, "乙": 100, "丙": 500}, EPOCH)
    (output,), marks = gate.say(2, AT_MS, cards)
    assert (output.topic, output.partition, output.key) == (CENSUS.name, 0, b"2")
    assert output.value is not None
    census = wire.CENSUSES.decode(output.value)
    assert (census.epoch, census.partition, census.partitions) == (EPOCH, 2, 4)
    assert (census.recency.values, census.recency.counts) == ((10,), (3,))
    assert (census.money.values, census.money.counts, census.money.total) == ((100, 500), (2, 1), 700)
    assert gate.said(marks, AT_MS)
    assert not gate.said(marks, AT_MS + 86_400_000)


def test_going_through_wakes_those_whose_scores_change_and_nobody_else() -> None:
    """A customer without orders is as before, and one whose scores were made with the same cut-offs too."""
    population = Population(CONFIG, ZONE, 1)
    gate = EpochGate(population)
    _, cards = digests({str(number): 100 * number for number in range(1, 11)})
    onlooker = World(CONFIG, ZONE)
    onlooker.give(did("view", START, "1"))
    assert onlooker.state is not None
    cards["看客"] = onlooker.processor.digest(onlooker.state) or b""
    at_ms = to_ms(START + DAY)
    assert not gate.is_open(at_ms)
    tally = Tally(population, 1.0)
    (output,), _ = gate.say(0, at_ms, cards)
    assert output.value is not None
    tally.take(wire.CENSUSES.decode(output.value))
    found = tally.conclude(0)
    assert found is not None
    population.learn(found)
    assert gate.is_open(at_ms)
    passage = gate.passage(0, at_ms, cards)
    assert "看客" not in passage.wake
    assert set(passage.wake) >= {"9", "10"}  # by fixed thresholds one order is never among the best
    assert population.in_force(0) == found
    assert gate.latest_ms(passage.marks, at_ms) is None


def test_whoever_will_age_otherwise_is_woken_to_set_the_timer_anew() -> None:
    """Between two epochs R falls on a day that the cut-offs name; new ones may name another, though no score changes now."""
    population = Population(CONFIG, ZONE, 1)
    gate = EpochGate(population)
    _, cards = digests({str(number): 100 for number in range(1, 4)})
    tally = Tally(population, 1.0)
    for day in (1, 3):
        (output,), _ = gate.say(0, to_ms(START + day * DAY), cards)
        assert output.value is not None
        tally.take(wire.CENSUSES.decode(output.value))
        found = tally.conclude(0)
        assert found is not None
        population.learn(found)
        passage = gate.passage(0, to_ms(START + day * DAY), cards)
        # all alike, so nobody lies beyond a cut; but what was one day is three now
        assert set(passage.wake) == set(cards)


def test_a_partition_that_is_taken_over_goes_on_with_its_own_version() -> None:
    """And is looked at anew if it was scored with another configuration."""
    population = Population(CONFIG, ZONE, 1)
    gate = EpochGate(population)
    assert gate.claimed(0, {})
    assert gate.claimed_partitions == {0}
    passage = gate.look_anew(0, {"甲": b"x"})
    assert list(passage.wake) == ["甲"]
    assert not gate.claimed(0, passage.marks)
    assert EpochGate(Population(ScoringConfig(), ZONE, 1)).claimed(0, passage.marks)
    gate.released(0)
    assert gate.claimed_partitions == set()
