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

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.contracts.durations import Duration
from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS
from services.runtime.document import parse_one
from services.runtime.files import read_file
from services.runtime.problems import FileError, Problem, suggestion
from services.runtime.validation import problems_of

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

_MAX_DAYS = 36_500
_LIMITS = 4
_MAX_WEIGHT = 1e6
_SENTENCES = {"string_pattern_mismatch": "{input} is no currency; write three capital letters such as CNY"}


def _some(length: timedelta) -> timedelta:
    if length <= timedelta(0):
        raise ValueError("a duration here must be more than nothing")
    return length


def _rising(limits: tuple[int, ...]) -> tuple[int, ...]:
    if len(limits) != _LIMITS:
        raise ValueError(f"{list(limits)} must be four numbers")
    if any(a >= b for a, b in pairwise(limits)):
        raise ValueError(f"{list(limits)} must rise")
    return limits


def _known_kinds(weights: Mapping[str, float]) -> dict[str, float]:
    for kind in weights:
        if kind not in STANDARD_KINDS and not (kind.startswith(CUSTOM_PREFIX) and len(kind) > len(CUSTOM_PREFIX)):
            raise ValueError(f"unknown kind {kind!r}{suggestion(kind, STANDARD_KINDS)}; your own are custom:<name>")
    return {**DEFAULT_WEIGHTS, **weights}


Length = Annotated[Duration, AfterValidator(_some)]
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
    half_life: Length = timedelta(days=30)
    weights: Annotated[dict[str, Weight], AfterValidator(_known_kinds)] = dict(DEFAULT_WEIGHTS)
    lateness: Length = timedelta(hours=48)
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
        """The configuration in a file; an empty one means the defaults. Raise `FileError`."""
        return cls.parse(str(path), read_file(path))

    @classmethod
    def parse(cls, file: str, content: bytes | str) -> "ScoringConfig":
        """Raise `FileError` with all that is wrong."""
        document, problems = parse_one(file, content)
        if document is not None and not isinstance(document.data, dict):
            problems.append(Problem(document.place(()), "wrong_type", "write settings such as currency: CNY"))
        elif document is not None:
            try:
                config = cls.model_validate(document.data)
            except ValidationError as error:
                problems += problems_of(error, document, cls, _SENTENCES)
        else:
            config = cls()
        if problems:
            raise FileError(problems)
        return config
