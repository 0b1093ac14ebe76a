"""An event as a test writes it, in short: what it leaves out is filled in."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from services.cli.rules.testing.values import Attribute, Money, When, something

INTERACTION, UPDATED = "interaction", "customer.updated"
_UPDATES = ("tags_add", "tags_remove", "attributes", "owner", "timezone")


class Deed(BaseModel):
    """`kind: view` is an interaction, `tags_add: [vip]` a customer.updated; of any other the `type` is written.

    `at` stands in a history only: an instant, or `-44d` for so long before the test begins. What can stand beside a type is
    what publishers send of it; it is checked by `services.cli.rules.testing.happening`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: When | None = None
    id: str | None = None
    source: str | None = None
    type: str
    kind: str | None = None
    value: float | None = None
    amount: Money | None = None
    amount_minor: int | None = None
    currency: str | None = None
    discount: Money | None = None
    discount_minor: int | None = None
    order_id: str | None = None
    refund_id: str | None = None
    rev: int | None = None
    object_id: str | None = None
    group_id: str | None = None
    campaign_id: str | None = None
    touchpoint: str | None = None
    channel: str | None = None
    shop: str | None = None
    tags_add: list[str] | None = None
    tags_remove: list[str] | None = None
    attributes: dict[str, Attribute] | None = None
    owner: str | None = None
    timezone: str | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        return something(value)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "type" in data:
            return data
        if "kind" in data:
            return {**data, "type": INTERACTION}
        if any(key in data for key in _UPDATES):
            return {**data, "type": UPDATED}
        raise ValueError("an event says its kind, such as kind: view, or its type, such as type: order.paid")

    @model_validator(mode="after")
    def _one_amount(self) -> "Deed":
        for name in ("amount", "discount"):
            if getattr(self, name) is not None and getattr(self, f"{name}_minor") is not None:
                raise ValueError(f"say {name} or {name}_minor, not both")
        if self.amount is not None and self.discount is not None and self.amount.currency != self.discount.currency:
            raise ValueError(f"amount is in {self.amount.currency}, discount in {self.discount.currency}")
        return self
