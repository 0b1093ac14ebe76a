"""What a file says is what is read, in whatever way YAML lets it be written."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.rules.testing.deed import Deed
from services.cli.rules.testing.models import Act, Case, Expectation, Sheet
from services.contracts.decision import DecisionReason, Outcome
from services.runtime.document import parse_one
from tests.unit.cli.rules_testing.test_customer import SKETCHES

CASE = {"name": "一", "at": "2026-03-01 09:00", "given": {"profile": {}}, "expect": "none"}
REASONS = st.sampled_from([reason.value for reason in DecisionReason])
EXPECTATIONS = st.one_of(
    st.fixed_dictionaries({"rule": st.sampled_from(["甲", "win-back"])}, optional={"step": st.integers(1, 9)}),
    st.fixed_dictionaries({"suppressed": REASONS}),
    st.fixed_dictionaries({"outcome": st.sampled_from([o.value for o in Outcome])}, optional={"reason": REASONS}),
)
ACTS = st.fixed_dictionaries(
    {"expect": st.just("none") | st.lists(EXPECTATIONS, max_size=3)},
    optional={"advance": st.sampled_from(["1d", "36h", "90s"]), "profile": SKETCHES},
)


@given(st.lists(ACTS, min_size=1, max_size=5), SKETCHES)
def test_a_file_is_read_as_it_is_written(acts: list[dict[str, Any]], sketch: dict[str, Any]) -> None:
    said = {"tests": [{"name": "一", "at": "2026-03-01 09:00", "given": {"profile": sketch}, "script": acts}]}
    document, problems = parse_one("x", json.dumps(said, ensure_ascii=False, indent=1))
    assert document is not None
    assert problems == []
    sheet = Sheet.model_validate(document.data)
    assert sheet == Sheet.model_validate(said)
    (case,) = sheet.tests
    assert case.given.profile is not None
    assert case.given.profile.model_fields_set == sketch.keys()
    assert [len(act.expect or ()) for act in case.acts] == [
        0 if act["expect"] == "none" else len(act["expect"]) for act in acts
    ]


def test_the_short_form_is_a_script_of_one_act() -> None:
    short = Case.model_validate({**CASE, "advance": "1d"})
    assert short.acts == (Act(advance=timedelta(days=1), expect=[]),)


def test_one_expectation_needs_no_list() -> None:
    alone = Case.model_validate({**CASE, "expect": {"rule": "甲"}})
    assert alone.expect == [Expectation(rule="甲")]


@pytest.mark.parametrize(
    ("said", "kind", "why"),
    [
        ({"outcome": "fired"}, Outcome.FIRED, None),
        ({"suppressed": "cooldown"}, Outcome.SUPPRESSED, DecisionReason.COOLDOWN),
        ({"ended": "goal"}, Outcome.ENDED, DecisionReason.GOAL),
        ({"outcome": "suppressed", "reason": "cooldown"}, Outcome.SUPPRESSED, DecisionReason.COOLDOWN),
        ({"reason": "cooldown"}, None, DecisionReason.COOLDOWN),
    ],
)
def test_outcomes_however_written(said: dict[str, str], kind: Outcome | None, why: DecisionReason | None) -> None:
    wish = Expectation.model_validate(said)
    assert (wish.kind, wish.why) == (kind, why)


@pytest.mark.parametrize(
    ("said", "type_"),
    [
        ({"kind": "view"}, "interaction"),
        ({"tags_add": ["a"]}, "customer.updated"),
        ({"attributes": {"a": None}}, "customer.updated"),
        ({"type": "order.paid", "amount": "1 CNY"}, "order.paid"),
    ],
)
def test_events_in_short(said: dict[str, Any], type_: str) -> None:
    assert Deed.model_validate(said).type == type_
