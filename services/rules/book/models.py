"""The shape of a rule file: what may stand in it, and what stands there unless said.

Unknown keys are refused. Keys that stand in another file are refused by name, so that nobody believes in quiet hours that are
not there.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.contracts.channels import Category, Recipient
from services.contracts.decision import Mode
from services.contracts.durations import Duration
from services.rules.book.values import (
    Channel,
    Clock,
    Conditions,
    Day,
    EventName,
    Fact,
    Length,
    Name,
    Param,
    ParamName,
    Share,
    distinct,
)
from services.runtime.validation import NO_VALUE

MAX_TIERS = 16
MAX_JUMPS = 32
MAX_CHANNELS = 8
MAX_PRIORITY = 100
MAX_STEPS = 20
MAX_LINKS = 8
MAX_FACTS = 64
MAX_SEATS = 10_000
MAX_PARAMS = 16
MAX_VARIANTS = 8

_SHARES_APART = 1e-9
"""What may be lacking of a whole where shares of it are added up."""


class Every(StrEnum):
    """The days of a schedule."""

    DAY = "day"
    WEEKDAY = "weekday"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    MONTH = "month"


class Review(StrEnum):
    """How often the seats of a tier are given anew: two minutes after the beginning of a business day, week (Monday) or month."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that people look for here, and a sentence about where they stand."""

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        # it would read as if the key were left out, which is not what somebody meant who wrote it
        if value is None:
            raise PydanticCustomError(NO_VALUE, "it has no value")
        return value


Params = Annotated[dict[ParamName, Param], Field(max_length=MAX_PARAMS)]


class Variant(_Model):
    """One of several wordings. `share` of the customers get it, always the same ones; without any, all are equal."""

    name: Name
    template: Name
    share: Share | None = None
    params: Params = {}


class Notify(_Model):
    """One message: over the first of `channels` that takes it, until `expires` after the decision.

    It says one `template`, or that of one of `variants`. The `params` of a variant come before those of the message.
    """

    elsewhere = {
        "quiet_hours": "quiet hours stand in the policy file of the notifier, for all rules: docs/restraint.md"
    }

    template: Name | None = None
    variants: Annotated[list[Variant], Field(min_length=2, max_length=MAX_VARIANTS)] | None = None
    params: Params = {}
    channels: Annotated[list[Channel], Field(min_length=1, max_length=MAX_CHANNELS), AfterValidator(distinct)]
    category: Category
    to: Recipient = Recipient.CUSTOMER
    expires: Duration = timedelta(days=3)
    personalised: Annotated[bool, Field(strict=True)] = True

    @model_validator(mode="before")
    @classmethod
    def _default_category(cls, data: Any) -> Any:
        # what goes to a colleague is service; what goes to a customer must say what it is, for consent depends on it
        if isinstance(data, dict) and data.get("to") == Recipient.OWNER and "category" not in data:
            return {**data, "category": Category.SERVICE}
        return data

    @field_validator("variants")
    @classmethod
    def _share_all(cls, variants: list[Variant] | None) -> list[Variant] | None:
        names = [variant.name for variant in variants or ()]
        shares = [variant.share for variant in variants or () if variant.share is not None]
        if len(set(names)) < len(names):
            raise ValueError("two variants have the same name; it tells which one somebody got")
        if shares and len(shares) < len(names):
            raise ValueError("some variants have a share, and some have none; write it for all, or for none")
        if shares and abs(sum(shares) - 1) > _SHARES_APART:
            raise ValueError(f"the shares of the variants add up to {sum(shares) * 100:.6g}%, not to 100%")
        return variants

    @model_validator(mode="after")
    def _says_something_once(self) -> "Notify":
        if (self.template is None) is (self.variants is None):
            said = "template is missing" if self.template is None else "template and variants exclude each other"
            raise ValueError(f"{said}; write template, or variants of which each has one")
        if any(len({*self.params, *variant.params}) > MAX_PARAMS for variant in self.variants or ()):
            raise ValueError(f"a message takes at most {MAX_PARAMS} params, those of its variant included")
        return self

    @property
    def templates(self) -> tuple[str, ...]:
        """What it may say: one, or that of each variant."""
        if self.variants is not None:
            return tuple(variant.template for variant in self.variants)
        return () if self.template is None else (self.template,)


class Capacity(_Model):
    """At most `max` customers in a tier (of every group): at each review those with the highest `rank_by`."""

    max: Annotated[int, Field(ge=1, le=MAX_SEATS, strict=True)]
    rank_by: str
    review: Review


class Tier(_Model):
    name: Name
    enter: Conditions | None = None
    leave: Conditions | None = None
    stay_at_least: Duration = timedelta(0)
    capacity: Capacity | None = None


class Jump(_Model):
    """Which jumps to notify about. All of the given keys must fit."""

    from_: Name | None = Field(None, alias="from")
    to: Name | None = None
    to_lower: Literal[True] | None = None
    to_higher: Literal[True] | None = None
    notify: Notify

    @model_validator(mode="after")
    def _says_when(self) -> "Jump":
        if self.from_ is None and self.to is None and not self.to_lower and not self.to_higher:
            raise ValueError("say which jumps: from, to, to_lower: true or to_higher: true")
        if self.to_lower and self.to_higher:
            raise ValueError("a jump goes to_lower or to_higher, not both")
        return self


class Ladder(_Model):
    """Tiers, lowest first. `per` names the attribute whose value is the group that a capacity is counted in."""

    kind: Literal["ladder"]
    name: Name
    mode: Mode = Mode.LIVE
    per: Name | None = None
    tiers: Annotated[list[Tier], Field(min_length=2, max_length=MAX_TIERS)]
    on_jump: Annotated[list[Jump], Field(max_length=MAX_JUMPS)] = []


class Action(_Model):
    """One step of a campaign: a message (only if `when` holds), a wait, or with `when` alone a gate."""

    when: Conditions | None = None
    wait: Length | None = None
    notify: Notify | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Action":
        if self.wait is not None and (self.notify is not None or self.when is not None):
            raise ValueError("a wait is a step of its own; write - before it, and before what follows")
        if self.wait is None and self.notify is None and self.when is None:
            raise ValueError("a step says notify, wait or when")
        return self


class Goal(_Model):
    """What a campaign is for: that event, within that time after the episode began."""

    event: EventName
    within: Length


class Period(_Model):
    """Business days, both included."""

    from_: Day | None = Field(None, alias="from")
    to: Day | None = None

    @model_validator(mode="after")
    def _runs_forward(self) -> "Period":
        if self.from_ is None and self.to is None:
            raise ValueError("say from when or to when: from, to, or both")
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise ValueError("it ends before it begins")
        return self


class Timing(_Model):
    """At `at` of every day, weekday or month; `on` is the day of the month."""

    every: Every
    at: Clock
    on: Annotated[int, Field(ge=1, le=31, strict=True)] | None = None

    @model_validator(mode="after")
    def _day_of_month(self) -> "Timing":
        if (self.every is Every.MONTH) is (self.on is None):
            raise ValueError("every: month needs on, the day of the month; the others have none")
        return self


class Link(_Model):
    """One part of a sequence: an event at most `within` after the one before; at the end, that none came for so long."""

    event: EventName | None = None
    no: EventName | None = None
    within: Length | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"event": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _says_what(self) -> "Link":
        if (self.event is None) is (self.no is None):
            raise ValueError("a part of a sequence says event or no, such as cart_add or {no: order.paid, within: 24h}")
        if self.no is not None and self.within is None:
            raise ValueError(f"say how long there is to be no {self.no}: within")
        return self


class Campaign(_Model):
    """Speaks to a customer when something becomes true."""

    kind: Literal["campaign"]
    name: Name
    mode: Mode = Mode.LIVE
    when: Conditions | None = None
    sequence: Annotated[list[Link], Field(min_length=2, max_length=MAX_LINKS)] | None = None
    schedule: Timing | None = None
    active: Period | None = None
    until: Conditions | None = None
    cooldown: Duration | None = None
    holdout: Share | None = None
    exclusive: Name | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY, strict=True)] = 50
    steps: Annotated[list[Action], Field(min_length=1, max_length=MAX_STEPS)]
    goal: Goal | None = None

    @model_validator(mode="after")
    def _says_when(self) -> "Campaign":
        if self.when is None and self.sequence is None:
            raise ValueError("a campaign needs a when or a sequence")
        return self

    @field_validator("sequence")
    @classmethod
    def _in_order(cls, links: list[Link] | None) -> list[Link] | None:
        for i, link in enumerate(links or ()):
            if link.no is not None and i + 1 < len(links or ()):
                raise ValueError(f"no {link.no} can only stand at the end of a sequence")
            if link.event is not None and (link.within is None) is (i > 0):
                say = f"say within which time {link.event} follows" if i else f"nothing comes before {link.event}"
                raise ValueError(f"{say}; write cart_add, {{event: checkout, within: 1h}}")
        return links


class Define(_Model):
    """Names for conditions: facts that other rules of the set may ask for."""

    kind: Literal["define"] = "define"
    define: Annotated[dict[Fact, Conditions], Field(min_length=1, max_length=MAX_FACTS)]


Rule: TypeAlias = Ladder | Campaign | Define
KINDS: Mapping[str, type[Ladder] | type[Campaign] | type[Define]] = {
    "ladder": Ladder,
    "campaign": Campaign,
    "define": Define,
}
