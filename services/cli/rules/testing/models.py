"""The shape of a test file: what may stand in it, and what stands there unless said.

    rules: [winback.yaml]
    tests:
      - name: 沉睡45天的重要保持客户收到一次唤醒
        at: 2026-03-01 09:00
        given:
          profile: {segment: 重要保持, recency_days: 44}
        script:
          - expect: none
          - advance: 1d
            expect: [{rule: win-back-keep, outcome: fired, template: we_miss_you}]

Unknown keys are refused. What a test says of the rules themselves (their names, tiers and templates) is checked by
`services.cli.rules.testing.references`.
"""

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.cli.rules.testing.deed import Deed
from services.cli.rules.testing.sketch import Sketch
from services.cli.rules.testing.values import Length, Line, Moment, something
from services.contracts.calendar import Zone
from services.contracts.channels import Category, Recipient
from services.contracts.command import RecallReason
from services.contracts.decision import DecisionReason, Mode, Outcome
from services.contracts.inbound import Id
from services.rules.book.values import Channel, Name

MAX_TESTS = 1000
MAX_ACTS = 200
MAX_EVENTS = 1000
MAX_EXPECTED = 100
NONE = "none"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        return something(value)


class Expectation(_Model):
    """One decision, by what matters of it."""

    rule: Name | None = None
    outcome: Outcome | None = None
    suppressed: DecisionReason | None = None
    """Short for `outcome: suppressed` with a `reason`."""
    ended: DecisionReason | None = None
    """Short for `outcome: ended` with a `reason`."""
    reason: DecisionReason | None = None
    from_: Name | None = Field(None, alias="from")
    to: Name | None = None
    template: Name | None = None
    """One of the messages."""
    templates: list[Name] | None = None
    """All messages, in order; `[]` for a decision without any."""
    category: Category | None = None
    channels: list[Channel] | None = None
    recipient: Recipient | None = None
    variant: Name | None = None
    """Which of several wordings it is."""
    params: dict[str, str | int | float | bool] | None = None
    """Some of what its template is told."""
    recalled: RecallReason | None = None
    """Why messages of before that were not sent yet are not to be sent any more."""
    at: Moment | None = None
    mode: Mode | None = None
    step: Annotated[int, Field(ge=1, strict=True)] | None = None
    """Which step of the campaign, counted from 1."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Expectation":
        if not self.model_fields_set:
            raise ValueError("say what is expected, such as {rule: win-back, outcome: fired}, or write expect: none")
        if sum(part is not None for part in (self.outcome, self.suppressed, self.ended)) > 1:
            raise ValueError("suppressed: and ended: say the outcome; write one of the three")
        if self.reason is not None and (self.suppressed or self.ended):
            raise ValueError("suppressed: and ended: say the reason; leave out reason")
        if self.template is not None and self.templates is not None:
            raise ValueError("say template or templates, not both")
        return self

    @property
    def kind(self) -> Outcome | None:
        """The outcome, however it is written."""
        if self.suppressed is not None:
            return Outcome.SUPPRESSED
        return Outcome.ENDED if self.ended is not None else self.outcome

    @property
    def why(self) -> DecisionReason | None:
        return self.suppressed or self.ended or self.reason


def _expected(value: Any) -> Any:
    if value == NONE:
        return []
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise PydanticCustomError("expectation", "expect is none, or a list of decisions")
    return value


Expected: TypeAlias = Annotated[
    list[Expectation],
    Field(max_length=MAX_EXPECTED),
    BeforeValidator(_expected, json_schema_input_type=str | Expectation | list[Expectation]),
]


class Act(_Model):
    """Time passes, then something happens, then it is asked what has been decided since it was last asked."""

    advance: Length | None = None
    until: Moment | None = None
    event: Deed | None = None
    profile: Sketch | None = None
    expect: Expected | None = None

    @model_validator(mode="after")
    def _is_something(self) -> "Act":
        if not self.model_fields_set:
            raise ValueError("a part of a script says advance, until, event, profile or expect")
        if self.advance is not None and self.until is not None:
            raise ValueError("say advance or until, not both")
        return self


class Given(_Model):
    """Who it is: a ready-made customer, or one whom events have made."""

    profile: Sketch | None = None
    events: Annotated[list[Deed], Field(max_length=MAX_EVENTS)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Given":
        if (self.profile is None) is (self.events is None):
            raise ValueError("say who is given: a profile, or events")
        return self


class Standing(_Model):
    """A tier, and how long the customer has been in it; unless said, long enough for any `stay_at_least`."""

    tier: Name
    since: Length | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"tier": data} if isinstance(data, str) else data


class Case(_Model):
    """One test. Without a `script`, `advance` or `until` and `expect` stand here: what is decided until then, in all."""

    name: Line
    at: Moment
    rule: Name | None = None
    given: Given
    tiers: dict[Name, Standing] = {}
    customer: Id | None = None
    script: Annotated[list[Act], Field(min_length=1, max_length=MAX_ACTS)] | None = None
    advance: Length | None = None
    until: Moment | None = None
    expect: Expected | None = None

    @model_validator(mode="after")
    def _asks(self) -> "Case":
        if self.script is not None:
            if self.expect is not None or self.advance is not None or self.until is not None:
                raise ValueError("with a script, advance, until and expect stand in it")
            if self.script[-1].expect is None:
                raise ValueError("a script ends with expect: what comes last is to be compared too")
        elif self.expect is None:
            raise ValueError("expect is missing; write what is to be decided, or none")
        elif self.advance is not None and self.until is not None:
            raise ValueError("say advance or until, not both")
        return self

    @property
    def acts(self) -> tuple[Act, ...]:
        """The script, the short form too."""
        if self.script is not None:
            return tuple(self.script)
        return (Act.model_construct(advance=self.advance, until=self.until, expect=self.expect),)


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _distinct(cases: list[Case]) -> list[Case]:
    seen: set[str] = set()
    for case in cases:
        if case.name in seen:
            raise ValueError(f"two tests are named {case.name}; a name says which one failed")
        seen.add(case.name)
    return cases


Paths = Annotated[
    list[Line], Field(min_length=1), BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])
]


class Sheet(_Model):
    """A test file. Paths are relative to it."""

    rules: Paths | None = None
    zone: Zone = "Asia/Shanghai"
    scoring: Line | None = None
    tests: Annotated[list[Case], Field(min_length=1, max_length=MAX_TESTS), AfterValidator(_distinct)]
