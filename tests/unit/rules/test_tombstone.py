"""What a customer leaves behind who was deleted or merged away: nothing."""

from datetime import timedelta

from services.contracts import wire
from services.contracts.calendar import EPOCH, to_ms
from services.contracts.events import ClockTick
from services.rules.engine.state import RuleState
from services.rules.processor import RuleMessage, RulesProcessor, Tombstone
from services.runtime.fold import Entry, Fold, Folded
from services.runtime.record import Record
from services.runtime.store import Due
from tests.unit.rules.customers import NOON, TODAY, Life, book, campaign, profile, record

CUSTOMER = profile().customer_id
SILENT = profile(last_order_day=TODAY)
RULES = book(campaign("recency_days >= 45", name="silent"), other=campaign("r == 3", name="met", cooldown="30d"))
LATER = ClockTick(id="t", source="s", occurred_at=NOON + timedelta(days=90), received_at=NOON)


def told(value: bytes | None, key: str = CUSTOMER) -> Record:
    return Record("koi.profiles", 0, 7, 1_900_000_000_000, key.encode(), value)


GONE = told(None)
TICK = told(wire.PROFILES.encode(LATER), "")


def folded(states: dict[str, RuleState | None], due: list[Due], *records: Record) -> Folded[RuleState]:
    processor = RulesProcessor(RULES)
    fold: Fold[RuleState, RuleMessage] = Fold(processor, 0, states, due, watermark_ms=to_ms(NOON))
    try:
        return fold.run([Entry(each, processor.decode(each)) for each in records])
    finally:
        processor.close()


def test_it_forgets_and_does_not_move_the_clock() -> None:
    """Its broker time is no event time; an unknown customer needs no forgetting."""
    life = Life(RULES)
    life.now()
    inbox = life.processor.decode(GONE)
    assert (inbox.customer_id, inbox.at, inbox.message) == (CUSTOMER, EPOCH, Tombstone())
    forgotten = life.processor.apply(life.state, inbox.message, GONE, NOON)
    assert forgotten is not None
    assert (forgotten.state, forgotten.outputs, forgotten.due) == (None, (), None)
    assert life.processor.apply(None, inbox.message, GONE, NOON) is None
    life.close()


def test_a_timer_of_the_same_batch_never_rings() -> None:
    """The profile asked for the 45th midnight; the tombstone after it takes that back."""
    result = folded({CUSTOMER: None}, [], record(SILENT), GONE, TICK)
    assert (result.states, result.timers, result.fired) == ({CUSTOMER: None}, {CUSTOMER: None}, 0)


def test_a_stored_timer_is_taken_away() -> None:
    """The same where state and timer come from the store."""
    life = Life(RULES)
    life.now(last_order_day=TODAY)
    assert life.due is not None
    result = folded({CUSTOMER: life.state}, [Due(to_ms(life.due), CUSTOMER)], GONE, TICK)
    assert (result.states, result.timers, result.fired) == ({CUSTOMER: None}, {CUSTOMER: None}, 0)
    life.close()


def test_who_comes_back_is_somebody_new() -> None:
    """Neither an older version nor a cooldown of the former life counts."""
    life = Life(RULES)
    assert len(life.now(version=9)) == 1
    life.state = None
    (decision,) = life.now(version=3, as_of=NOON + timedelta(days=1))
    assert decision.episode == 1
    life.close()
