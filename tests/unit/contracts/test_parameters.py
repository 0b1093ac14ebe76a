"""The catalogue of what a command tells its template."""

import pytest

from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS, Parameter, ParameterKind, tier_parameter

ALL = [*PARAMETERS.values(), *JUMP_PARAMETERS.values(), tier_parameter("社群")]
TYPES: dict[ParameterKind, tuple[type, ...]] = {
    ParameterKind.TEXT: (str,),
    ParameterKind.NUMBER: (int, float),
    ParameterKind.MONEY: (int,),
    ParameterKind.SHARE: (float,),
    ParameterKind.FLAG: (bool,),
}


@pytest.mark.parametrize("parameter", ALL, ids=lambda parameter: parameter.name)
def test_each_is_explained_and_shown(parameter: Parameter) -> None:
    """In both languages, and by an example of its kind; money and shares are known by their names."""
    assert parameter.zh
    assert parameter.en
    assert type(parameter.example) in TYPES[parameter.kind]
    assert (parameter.kind is ParameterKind.MONEY) is parameter.name.endswith("_minor")
    assert (parameter.kind is ParameterKind.SHARE) is parameter.name.endswith("_share")


def test_names_are_those_that_a_text_can_write() -> None:
    """Each once, and a tier stands under its ladder."""
    assert len({parameter.name for parameter in ALL}) == len(ALL)
    assert all(name == parameter.name and name.isidentifier() for name, parameter in PARAMETERS.items())
    assert tier_parameter("社群").name == "tier.社群"
    assert {parameter.name for parameter in ALL if parameter.optional} < set(PARAMETERS)
