"""What every message tells its template of the customer, as it was when the message was decided."""

from collections.abc import Mapping

from services.contracts.parameters import PARAMETERS, TIER_PREFIX, ParameterKind
from services.rules.language.features import FEATURES
from services.rules.language.scene import Scene
from services.rules.language.terms import Getter, Value

OF_THE_NOTIFIER = frozenset({"owner"})
"""Parameters that no profile knows, and the notifier does."""

_OF_PROFILE: Mapping[str, Getter] = {
    "currency": lambda scene: scene.profile.currency,
    "tags": lambda scene: "、".join(scene.profile.tags) or None,
}
_DECIMALS = {ParameterKind.SHARE: 2}
_READ = tuple(
    (name, _OF_PROFILE.get(name) or FEATURES[name].read, _DECIMALS.get(parameter.kind, 1))
    for name, parameter in PARAMETERS.items()
    if name not in OF_THE_NOTIFIER
)


def parameters(scene: Scene) -> dict[str, Value]:
    """Every name of `contracts.parameters.PARAMETERS` but those of the notifier; None is unknown."""
    values: dict[str, Value] = {}
    for name, read, decimals in _READ:
        value = read(scene)
        values[name] = round(value, decimals) if isinstance(value, float) else value
    return values


def tier_parameters(scene: Scene) -> dict[str, Value]:
    """Where the customer stands on every ladder, as campaigns tell it."""
    return {f"{TIER_PREFIX}{ladder}": tier for ladder, tier in scene.tiers.items()}
