"""A ready-made customer as a test names it: any features, by the names that conditions have for them."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from services.cli.rules.testing.values import Attribute, Length
from services.contracts.durations import Duration
from services.contracts.inbound import MAX_ATTRIBUTES, MAX_TAGS, Name
from services.contracts.profile import WINDOWS, Octant, RfSegment, window_name
from services.rules.language.currencies import CURRENCIES
from services.rules.language.features import EVENT_NAMES, known_event, known_kind, unknown_kind
from services.runtime.problems import suggestion

LIFETIME = "lifetime"
WINDOW_NAMES = (*map(window_name, WINDOWS), LIFETIME)
"""From the shortest to the longest: each holds those before it."""
_MAX = 10**12
_MAX_NUMBER = 10**6
"""Of orders and interactions; times the highest price it is still a number that a profile can hold."""
_MAX_DAYS = 36_500


def _unknown(message: str) -> PydanticCustomError:
    return PydanticCustomError("unknown_value", "{said}", {"said": message})


def _window(name: str) -> str:
    if name not in WINDOW_NAMES:
        hint = suggestion(name, WINDOW_NAMES)
        raise _unknown(f"there is no window {name}{hint}; write {', '.join(WINDOW_NAMES)}")
    return name


def _kind(kind: str) -> str:
    if not known_kind(kind):
        raise _unknown(unknown_kind(kind))
    return kind


def _event(name: str) -> str:
    if not known_event(name):
        hint = suggestion(name, EVENT_NAMES) or f"; write custom:{name} for a kind of your own"
        raise _unknown(f"there is no kind or type of event {name}{hint}")
    return name


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise _unknown(f"there is no currency {code}; write a code such as CNY")
    return code


Score = Annotated[int, Field(ge=1, le=5, strict=True)]
Number = Annotated[int, Field(ge=0, le=_MAX_NUMBER, strict=True)]
Price = Annotated[int, Field(ge=0, le=_MAX_NUMBER * 100, strict=True)]
Minor = Annotated[int, Field(ge=-_MAX, le=_MAX, strict=True)]
Days = Annotated[int, Field(ge=0, le=_MAX_DAYS, strict=True)]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Positive = Annotated[float, Field(gt=0, le=_MAX, strict=True)]
WindowName = Annotated[str, AfterValidator(_window)]
KindName = Annotated[str, AfterValidator(_kind)]
PastName = Annotated[str, AfterValidator(_event)]
Currency = Annotated[str, StringConstraints(strict=True), AfterValidator(_currency)]


class Span(BaseModel):
    """What happened in one window: `orders("30d")`, `net_minor("30d")` and `count("view", "30d")`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    orders: Number | None = None
    net_minor: Minor | None = None
    counts: dict[KindName, Number] = {}


class Sketch(BaseModel):
    """The features a test says something about; `null` says that one is unknown.

    `recency_days` and its like are as of the instant at which the sketch is shown, and grow from there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    r: Score | None = None
    f: Score | None = None
    m: Score | None = None
    segment: Octant | None = None
    rf_segment: RfSegment | None = None
    super_user: bool = Field(default=False, strict=True)
    recency_days: Days | None = None
    rhythm_days: Positive | None = None
    overdue: Positive | None = None
    """Makes a rhythm: `recency_days` divided by it."""
    orders: Number = 0
    net_minor: Minor = 0
    average_order_minor: Price | None = None
    discount_share: Share | None = None
    refund_share: Share | None = None
    lifetime_orders: Number = 0
    lifetime_net_minor: Minor = 0
    days_since_first_order: Days | None = None
    activity: Annotated[float, Field(ge=0, le=_MAX, strict=True)] = 0.0
    half_life: Length = timedelta(days=30)
    windows: dict[WindowName, Span] = {}
    since: dict[PastName, Duration] = {}
    """How long ago each kind, or type of event, last happened."""
    tags: Annotated[list[Name], Field(max_length=MAX_TAGS)] = []
    attributes: Annotated[dict[Name, Attribute], Field(max_length=MAX_ATTRIBUTES)] = {}
    currency: Currency = "CNY"

    @field_validator("r", "f", "m", "segment", "rf_segment", mode="before")
    @classmethod
    def _is_known(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None:
            raise ValueError(f"{info.field_name} is never unknown; leave it out, and it follows from the rest")
        return value

    @model_validator(mode="after")
    def _one_rhythm(self) -> "Sketch":
        if self.rhythm_days is not None and self.overdue is not None:
            raise ValueError("say rhythm_days or overdue; with recency_days the one follows from the other")
        if self.overdue is not None and self.says("recency_days") and not self.recency_days:
            raise ValueError("overdue needs recency_days of 1 or more")
        return self

    def says(self, *names: str) -> bool:
        """Whether the test names one of these features."""
        return not self.model_fields_set.isdisjoint(names)

    def said(self, name: str, otherwise: Any) -> Any:
        """What the test says of a feature, or else what it is then."""
        return getattr(self, name) if name in self.model_fields_set else otherwise
