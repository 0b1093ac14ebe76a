"""The rules service, with its masks, its timers and its engine, against the plain reading of the same rules."""

from datetime import timedelta

import msgspec
from hypothesis import HealthCheck, given, settings

from services.contracts.calendar import from_ms, to_ms
from services.contracts.profile import Profile
from tests.unit.rules.customers import Life, book, told_of
from tests.unit.rules.generated import lives, rule_sets, seatings, seats_of
from tests.unit.rules.reference import Reference, lived

LEFT = timedelta(days=25)
"""How long a life goes on after its last profile."""


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rule_sets(), lives(), seatings)
def test_timers_find_what_asking_all_the_time_finds(
    text: str, profiles: list[Profile], reviewed: dict[str, bool]
) -> None:
    """Asked a millisecond before and after every timer, at every midnight and every six hours, nothing else comes out."""
    seats = seats_of(reviewed)
    life = Life(book(text), seats)
    try:
        for one in profiles:
            life.now(**msgspec.structs.asdict(one))
        end = profiles[-1].as_of + LEFT
        life.until(end)
        wakes = [to_ms(wake) for wake in life.wakes]
        extra = {at + aside for at in wakes for aside in (-1, 0, 1)}
        extra |= {to_ms(one.as_of) + 1 for one in profiles}
        expected = lived(Reference(text, seats=seats), profiles, end, extra)
        assert told_of(life.outputs) == expected, [str(from_ms(at)) for at in wakes]
    finally:
        life.close()
