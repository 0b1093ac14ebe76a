"""The scoring configuration: a YAML 1.2 file that people write, or the defaults.

    currency: CNY
    window_days: 365                    # or lifetime
    method: fixed                       # or quantile
    quantile: {ties: share, hysteresis: 0%}
    thresholds:                         # for fixed, and until the population was counted for the first time
      r: [14, 30, 90, 180]              # days since the last order: up to 14 scores 5, up to 30 scores 4, …
      f: [2, 3, 6, 12]                  # orders: from 2 on scores 2, …
      m: [10000, 50000, 150000, 500000] # minor units (fen): from 100 yuan on scores 2, …
    high: {by: score, r: 4, f: 4, m: 4} # scores from here on count as high in the octant; or by mean, median, score_mean
    epoch: daily                        # when the population is counted: hourly, daily, weekly or monthly
    super_user: {enter: 20%, leave: 25%}
    rhythm: {prior: 30d, weight: 3}
    half_life: 30d
    lateness: 48h
    weights: {message: 3, "custom:*": 1, custom:tasting: 8}

Every field may be left out. `weights` are laid over the defaults.

Changing `half_life`, `weights` or `lateness` applies to what is folded from then on; all else to everybody, as soon as the
new configuration runs, and where it concerns the population from the next epoch on. Changing `currency` or `free_orders` (as changing the business time zone) needs the states
rebuilt from koi.events, for they are part of what was folded.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from services.contracts.durations import Duration
from services.contracts.events import CUSTOM_PREFIX, STANDARD_KINDS
from services.contracts.profile import WINDOWS
from services.runtime.document import parse_one
from services.runtime.epochs import Every
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


def _share(value: Any) -> Any:
    """`20%`, or the same as a number from 0 to 1."""
    if not isinstance(value, str):
        return value
    try:
        number = Decimal(value.removesuffix("%").strip())
        return float(number / 100 if value.endswith("%") else number)
    except ArithmeticError as error:
        raise ValueError(f"{value!r} is no share; write a percentage such as 20%") from error


def _days_or_life(value: Any) -> Any:
    if isinstance(value, str) and value != LIFETIME:
        raise ValueError(f"{value!r} is no window; write a number of days, or {LIFETIME}")
    return None if value == LIFETIME else value


LIFETIME = "lifetime"

Length = Annotated[Duration, AfterValidator(_some)]
Limit = Annotated[int, Field(ge=0, le=2**62, strict=True)]
Limits = Annotated[tuple[Limit, ...], AfterValidator(_rising)]
Cutoff = Annotated[int, Field(ge=1, le=6, strict=True)]
Weight = Annotated[float, Field(ge=0, le=_MAX_WEIGHT)]
Share = Annotated[float, BeforeValidator(_share), Field(gt=0, lt=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Thresholds(_Part):
    """Fixed thresholds: `r` in days since the last order, `f` in orders, `m` in minor units; each must rise."""

    r: Limits = (14, 30, 90, 180)
    f: Limits = (2, 3, 6, 12)
    m: Limits = (10_000, 50_000, 150_000, 500_000)


class Method(StrEnum):
    """How scores come about."""

    FIXED = "fixed"
    """By `thresholds`."""
    QUANTILE = "quantile"
    """By fifths of the population."""


class Ties(StrEnum):
    """What a value scores that equals a cut-off."""

    SHARE = "share"
    """1 + the number of cut-offs below it."""
    RFM = "rfm"
    """As the R package rfm does: 1 is added to every cut-off, and a value that equals it scores higher."""


class HighBy(StrEnum):
    """What is high in the octant."""

    SCORE = "score"
    """A score from a given one on."""
    MEAN = "mean"
    """A value beyond the population's mean: more orders, more money, fewer days."""
    MEDIAN = "median"
    """A value beyond the population's median."""
    SCORE_MEAN = "score_mean"
    """A score above the population's mean score."""


class Quantile(_Part):
    """`hysteresis`: how much further into the next fifth a value must lie to change a score it has; a share of the population."""

    ties: Ties = Ties.SHARE
    hysteresis: Annotated[float, BeforeValidator(_share), Field(ge=0, le=0.09)] = 0.0


class High(_Part):
    """With `by: score`, from which score on a dimension is high in the octant; 6 means never."""

    by: HighBy = HighBy.SCORE
    r: Cutoff = 4
    f: Cutoff = 4
    m: Cutoff = 4


class SuperUser(_Part):
    """Shares of the population, by money in the window: who comes among the first `enter` is a super user until falling out of the first `leave`."""

    enter: Share = 0.20
    leave: Share = 0.25

    @model_validator(mode="after")
    def _leave_later(self) -> "SuperUser":
        if self.leave < self.enter:
            raise ValueError("leave must not be less than enter: who enters would be out again at once")
        return self


class Rhythm(_Part):
    """What a customer's own rhythm is shrunk towards: `prior`, which weighs as much as `weight` gaps."""

    prior: Length = timedelta(days=30)
    weight: Annotated[float, Field(ge=0, le=1000)] = 3.0


class ScoringConfig(_Part):
    """How customers are scored."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    window_days: Annotated[
        Annotated[int, Field(ge=1, le=_MAX_DAYS, strict=True)] | None, BeforeValidator(_days_or_life)
    ] = 365
    method: Method = Method.FIXED
    quantile: Quantile = Quantile()
    thresholds: Thresholds = Thresholds()
    high: High = High()
    epoch: Every = Every.DAILY
    super_user: SuperUser | None = SuperUser()
    rhythm: Rhythm = Rhythm()
    half_life: Length = timedelta(days=30)
    weights: Annotated[dict[str, Weight], AfterValidator(_known_kinds)] = dict(DEFAULT_WEIGHTS)
    lateness: Length = timedelta(hours=48)
    free_orders: Literal["ignore", "count"] = "ignore"
    """Whether an order for which nothing was to be paid counts for R and F. A fully refunded one never does."""

    @cached_property
    def history_days(self) -> int:
        """Days that are kept one by one: the longest window."""
        return max(*WINDOWS, self.window_days or 0)

    @cached_property
    def free(self) -> bool:
        """Whether an order counts for which nothing was to be paid."""
        return self.free_orders == "count"

    @cached_property
    def counts_population(self) -> bool:
        """Whether anything here depends on the other customers."""
        return self.method is Method.QUANTILE or self.high.by is not HighBy.SCORE or self.super_user is not None

    @cached_property
    def digest(self) -> int:
        """32 bits that change with the configuration."""
        return int.from_bytes(blake2b(self.model_dump_json().encode(), digest_size=4).digest())

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
