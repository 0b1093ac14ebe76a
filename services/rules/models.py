"""The shape of a rule file: what may stand in it, and what stands there unless said.

Unknown keys are refused. Keys of features that are planned but not built are refused by name, so that nobody believes
in a hold-out or a schedule that is not there.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.contracts.command import Category, ChannelName, Recipient
from services.contracts.durations import Duration
from services.runtime.problems import suggestion

MAX_TIERS = 16
MAX_JUMPS = 32
MAX_CHANNELS = 8
MAX_PRIORITY = 100

Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[\w][\w.-]{0,63}$")]
"""Letters of any script, digits, `_ . -`; no blanks."""
Conditions = list[Any]
"""Checked by `condition`, which knows the catalogue."""


def _known(channel: str) -> str:
    known = [name.value for name in ChannelName]
    if channel not in known:
        hint = suggestion(channel, known) or f"; known: {', '.join(known)}"
        context = {"name": channel, "hint": hint}
        raise PydanticCustomError("unknown_value", "there is no channel {name}{hint}", context)
    return channel


Channel = Annotated[str, StringConstraints(strict=True), AfterValidator(_known)]


def _distinct(channels: list[str]) -> list[str]:
    if len(set(channels)) < len(channels):
        raise ValueError("a channel stands here twice")
    return channels


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    planned: ClassVar[frozenset[str]] = frozenset()
    """Keys with a meaning in a later version."""


class Notify(_Model):
    """One message: over the first of `channels` that takes it, until `expires` after the decision."""

    planned = frozenset({"params", "quiet_hours"})

    template: Name
    channels: Annotated[list[Channel], Field(min_length=1, max_length=MAX_CHANNELS), AfterValidator(_distinct)]
    category: Category
    to: Recipient = Recipient.CUSTOMER
    expires: Duration = timedelta(days=3)

    @model_validator(mode="before")
    @classmethod
    def _default_category(cls, data: Any) -> Any:
        # what goes to a colleague is service; what goes to a customer must say what it is, for consent depends on it
        if isinstance(data, dict) and data.get("to") == Recipient.OWNER and "category" not in data:
            return {**data, "category": Category.SERVICE}
        return data


class Tier(_Model):
    planned = frozenset({"capacity"})

    name: Name
    enter: Conditions | None = None
    leave: Conditions | None = None
    stay_at_least: Duration = timedelta(0)


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
    planned = frozenset({"per", "mode"})

    kind: Literal["ladder"]
    name: Name
    tiers: Annotated[list[Tier], Field(min_length=2, max_length=MAX_TIERS)]
    on_jump: Annotated[list[Jump], Field(max_length=MAX_JUMPS)] = []


class Action(_Model):
    """One step of a campaign."""

    planned = frozenset({"wait", "when"})

    notify: Notify


class Campaign(_Model):
    planned = frozenset({"until", "holdout", "goal", "exclusive", "mode", "active", "schedule", "sequence"})

    kind: Literal["campaign"]
    name: Name
    when: Conditions
    cooldown: Duration | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY, strict=True)] = 50
    steps: Annotated[list[Action], Field(min_length=1)]


KINDS: Mapping[str, type[Ladder] | type[Campaign]] = {"ladder": Ladder, "campaign": Campaign}
PLANNED_KINDS = frozenset({"define"})
