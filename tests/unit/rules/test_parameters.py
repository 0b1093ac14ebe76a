"""What every message tells its template: the table of names and the commands say the same."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.contracts import wire
from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS, ParameterKind, tier_parameter
from services.contracts.profile import Profile
from services.rules.engine.parameters import OF_THE_NOTIFIER, parameters, tier_parameters
from services.rules.language.features import FEATURES
from tests.unit.rules.customers import NOON, TODAY, Life, book, campaign, scene
from tests.unit.rules.generated import lives

POND = """
kind: ladder
name: pond
tiers: [{name: 外围}, {name: 核心, enter: [f >= 3]}]
on_jump:
  - {to: 核心, notify: {template: welcome, channels: [console], category: service}}
"""


def test_every_name_of_the_table_is_in_every_command() -> None:
    """Those of a campaign and those of a jump, each with what it has besides."""
    life = Life(book(POND + "---\n" + campaign("r == 3")))
    life.now()
    jump, message = life.sent
    known = set(PARAMETERS) - OF_THE_NOTIFIER
    assert set(jump.params) == known | set(JUMP_PARAMETERS)
    assert set(message.params) == known | {tier_parameter("pond").name}
    assert set(FEATURES) >= known - {"currency", "tags"}
    life.close()


def test_what_they_say() -> None:
    """As of the instant of the decision, rounded as people read them."""
    at = scene(
        NOON + timedelta(days=15),
        {"pond": "核心"},
        tags=("宝妈", "咖啡"),
        discount_share=0.12345,
        rhythm_days=21.46,
        last_order_day=TODAY,
        first_order_day=TODAY - timedelta(days=3),
        super_user=True,
    )
    said = parameters(at)
    assert (said["tags"], said["currency"], said["super_user"]) == ("宝妈、咖啡", "CNY", True)
    assert (said["recency_days"], said["days_since_first_order"]) == (15, 18)
    assert (said["discount_share"], said["rhythm_days"], said["overdue"], said["activity"]) == (0.12, 21.5, 0.7, 11.3)
    assert tier_parameters(at) == {"tier.pond": "核心"}


def test_what_is_unknown_is_nothing() -> None:
    """Of somebody who never ordered; and only what the table calls optional."""
    at = scene(last_order_day=None, first_order_day=None, rhythm_days=None, average_order_minor=None, discount_share=None,
               refund_share=None)  # fmt: skip
    unknown = {name for name, value in parameters(at).items() if value is None}
    assert unknown == {name for name, parameter in PARAMETERS.items() if parameter.optional} - OF_THE_NOTIFIER


@given(lives(2))
def test_a_value_is_of_the_kind_that_the_table_says(profiles: list[Profile]) -> None:
    """Money is a whole number, text is text; all of it is JSON, and small."""
    at = scene(**{name: getattr(profiles[-1], name) for name in Profile.__struct_fields__})
    said = parameters(at)
    kinds = {
        ParameterKind.TEXT: str,
        ParameterKind.NUMBER: int | float,
        ParameterKind.MONEY: int,
        ParameterKind.SHARE: int | float,
        ParameterKind.FLAG: bool,
    }
    for name, value in said.items():
        assert value is None or isinstance(value, kinds[PARAMETERS[name].kind]), name
    assert len(json.dumps(said)) < 1000


@given(st.integers(0, 400))
def test_a_command_stays_small(days: int) -> None:
    """With all of its parameters it has less than 2 KiB."""
    life = Life(book(campaign("recency_days >= 0")))
    life.now(last_order_day=TODAY - timedelta(days=days))
    (command,) = life.sent
    assert len(wire.COMMANDS.encode(command)) < 2048
    life.close()
