"""The scoring configuration: a YAML 1.2 file that people write, or the defaults.

    currency: CNY
    window_days: 365
    thresholds:
      r: [14, 30, 90, 180]              # days since the last order: up to 14 scores 5, up to 30 scores 4, …
      f: [2, 3, 6, 12]                  # orders: from 2 on scores 2, …
      m: [10000, 50000, 150000, 500000] # minor units (fen): from 100 yuan on scores 2, …
    high: {r: 4, f: 4, m: 4}            # scores from here on count as high in the octant
    half_life: 30d
    lateness: 48h
    weights: {message: 3, "custom:*": 1, custom:tasting: 8}

Every field may be left out. `weights` are laid over the defaults.

Changing `half_life`, `weights` or `lateness` applies to what is folded from then on; `window_days`, `thresholds` and
`high` to everybody, each at the next event or timer. Changing `currency` or `free_orders` (as changing the business time
zone) needs the states rebuilt from koi.events, for they are part of what was folded.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from services.contracts.errors import KoipondError
from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS

CUSTOM_DEFAULT = "custom:*"

DEFAULT_WEIGHTS: Mapping[str, float] = {
    # looking
    "view": 1,
    "search": 1,
    "login": 1,
    "open": 1,
    "click": 2,
    "checkin": 2,
    # wanting
    "favorite": 3,
    "cart_add": 4,
    "checkout": 5,
    "coupon_claim": 2,
    "coupon_redeem": 5,
    "store_visit": 6,
    # talking
    "message": 4,
    "reply": 4,
    "follow": 5,
    "group_join": 5,
    # bringing others
    "share": 6,
    "review": 6,
    "referral": 10,
    # leaving is counted, but it is no activity
    "cart_remove": 0,
    "group_leave": 0,
    "unfollow": 0,
    CUSTOM_DEFAULT: 1,
}
"""Points per interaction, by the effort it takes; the proportions are ours, to be set to a brand's own."""

_DURATION = re.compile(r"([0-9]{1,12})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_DAYS = 36_500
_LIMITS = 4
_MAX_WEIGHT = 1e6


class ConfigError(KoipondError):
    """The file is wrong; each line of the message is `file:line:column: what is wrong, and a hint`."""


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit such as 48h or 30d")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if not 0 < seconds <= _MAX_DAYS * _SECONDS["d"]:
        raise ValueError(f"{value!r} must be more than nothing and at most {_MAX_DAYS}d")
    return timedelta(seconds=seconds)


def _rising(limits: tuple[int, ...]) -> tuple[int, ...]:
    if len(limits) != _LIMITS:
        raise ValueError(f"{list(limits)} must be four numbers")
    if any(a >= b for a, b in pairwise(limits)):
        raise ValueError(f"{list(limits)} must rise")
    return limits


def _known_kinds(weights: Mapping[str, float]) -> dict[str, float]:
    for kind in weights:
        if kind not in STANDARD_KINDS and not (kind.startswith(CUSTOM_PREFIX) and len(kind) > len(CUSTOM_PREFIX)):
            raise ValueError(f"unknown kind {kind!r}{_suggestion(kind, STANDARD_KINDS)}; your own are custom:<name>")
    return {**DEFAULT_WEIGHTS, **weights}


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Limit = Annotated[int, Field(ge=0, le=2**62, strict=True)]
Limits = Annotated[tuple[Limit, ...], AfterValidator(_rising)]
Cutoff = Annotated[int, Field(ge=1, le=6, strict=True)]
Weight = Annotated[float, Field(ge=0, le=_MAX_WEIGHT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Thresholds(_Part):
    """Fixed thresholds: `r` in days since the last order, `f` in orders, `m` in minor units; each must rise."""

    r: Limits = (14, 30, 90, 180)
    f: Limits = (2, 3, 6, 12)
    m: Limits = (10_000, 50_000, 150_000, 500_000)


class High(_Part):
    """From which score on a dimension is high in the octant; 6 means never."""

    r: Cutoff = 4
    f: Cutoff = 4
    m: Cutoff = 4


class ScoringConfig(_Part):
    """How customers are scored."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    window_days: Annotated[int, Field(ge=1, le=_MAX_DAYS, strict=True)] = 365
    thresholds: Thresholds = Thresholds()
    high: High = High()
    half_life: Duration = timedelta(days=30)
    weights: Annotated[dict[str, Weight], AfterValidator(_known_kinds)] = dict(DEFAULT_WEIGHTS)
    lateness: Duration = timedelta(hours=48)
    free_orders: Literal["ignore", "count"] = "ignore"
    """Whether an order for which nothing was to be paid counts for R and F. A fully refunded one never does."""

    @cached_property
    def half_life_seconds(self) -> float:
        return self.half_life.total_seconds()

    @cached_property
    def lateness_seconds(self) -> int:
        return int(self.lateness.total_seconds())

    def weight(self, kind: str) -> float:
        """Points of one interaction of this kind."""
        weight = self.weights.get(kind)
        return self.weights[CUSTOM_DEFAULT] if weight is None else weight

    @classmethod
    def load(cls, path: Path) -> "ScoringConfig":
        """Read a file; raise `ConfigError` naming every place that is wrong. An empty file means the defaults."""
        try:
            tree = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: is not UTF-8: {error.reason} at byte {error.start}") from error
        except MarkedYAMLError as error:
            mark = error.problem_mark
            place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
            raise ConfigError(f"{place}: {error.problem}") from error
        except YAMLError as error:
            raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
        if tree is None:
            return cls()
        if not isinstance(tree, CommentedMap):
            raise ConfigError(f"{path}:1:1: must be a mapping of settings such as `currency: CNY`")
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise ConfigError("\n".join(_explain(path, tree, e["loc"], e) for e in error.errors())) from error


def _explain(path: Path, tree: CommentedMap, loc: tuple[int | str, ...], error: Any) -> str:
    line, column = _place(tree, loc)
    name = ".".join(str(part) for part in loc)
    if error["type"] == "extra_forbidden":
        part: type[BaseModel] = {"thresholds": Thresholds, "high": High}.get(str(loc[0]), ScoringConfig)
        return f"{path}:{line}:{column}: unknown setting {name}{_suggestion(str(loc[-1]), part.model_fields)}"
    return f"{path}:{line}:{column}: {name}: {str(error['msg']).removeprefix('Value error, ')}"


def _place(tree: CommentedMap, loc: tuple[int | str, ...]) -> tuple[int, int]:
    """Line and column, from 1, of the innermost part of `loc` that the file has."""
    node: Any = tree
    line, column = 0, 0
    for part in loc:
        # lc.data: key or index -> [line, column, …]; it lacks what a merge key (<<) brought in
        place = (node.lc.data or {}).get(part) if isinstance(node, CommentedMap | CommentedSeq) else None
        if place is None:
            break
        line, column = place[0], place[1]
        node = node[part]
    return line + 1, column + 1


def _suggestion(word: str, known: Any) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
