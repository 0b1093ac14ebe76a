"""What a policy file says: who is written to, how often, and when not at all.

Everything may be left out, and what is left out is restraint: marketing only to those who agreed, at most one such message
a day, and nothing at night.
"""

import json
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import Annotated

from pydantic import Field, model_validator

from services.contracts.channels import Category, Recipient
from services.notifier.policy.hours import Hours
from services.notifier.policy.values import BUSINESS, Begin, Channel, End, Most, Promoting, Share, Some, ZoneOrBusiness
from services.notifier.written import Part

MAX_QUIET_HOURS = 20

_HASH_BYTES = 4
_A_DAY = "On a calendar day in the customer's time zone; `none` for any number."
_A_WEEK = "Within any 7 × 24 hours; `none` for any number."


class Consent(StrEnum):
    """What it takes to send somebody messages of a category."""

    REQUIRED = "required"
    """That they agreed."""
    IMPLIED = "implied"
    """That they did not refuse."""
    IGNORED = "ignored"
    """Nothing: it goes even to those who refused, and over channels they do not want."""


class ConsentByCategory(Part):
    """By category: `required`, `implied` (an explicit no still holds) or `ignored`."""

    marketing: Consent = Field(Consent.REQUIRED, description="Of messages that want to sell something.")
    service: Consent = Field(
        Consent.IMPLIED, description="Of messages about the relation: greetings, care, news of a tier."
    )
    transactional: Consent = Field(
        Consent.IMPLIED, description="Of messages that somebody waits for, such as a delivery."
    )


class Cap(Part):
    """How many messages of a category a customer gets at most."""

    day: Most = Field(description=_A_DAY)
    week: Most = Field(description=_A_WEEK)

    @model_validator(mode="after")
    def _a_day_fits_into_a_week(self) -> "Cap":
        if self.day is not None and self.week is not None and self.week < self.day:
            raise ValueError(f"a day may not have more ({self.day}) than a week ({self.week}); write both")
        return self


class MarketingCap(Cap):
    day: Most = Field(1, description=_A_DAY)
    week: Most = Field(3, description=_A_WEEK)


class ServiceCap(Cap):
    day: Most = Field(3, description=_A_DAY)
    week: Most = Field(10, description=_A_WEEK)


class Caps(Part):
    """Per customer and category. Transactional messages know none: somebody waits for them."""

    marketing: MarketingCap = Field(MarketingCap(), description="Of marketing.")
    service: ServiceCap = Field(ServiceCap(), description="Of service.")


class QuietHours(Part):
    """Hours at which nothing is sent: what comes then waits for their end, and is decided anew."""

    from_: Begin = Field(alias="from", description="When they begin, by the clock on the recipient's wall.")
    to: End = Field(description="When they end: the first minute at which messages go out again; 24:00 is midnight.")
    categories: Some[Category] = Field(
        (Category.MARKETING, Category.SERVICE), description="Which messages wait. Transactional ones do only if named."
    )
    channels: Some[Channel] | None = Field(None, description="Over which channels; without it, over all.")
    recipients: Some[Recipient] = Field(
        (Recipient.CUSTOMER,), description="Whose: `customer`, or `owner` for colleagues, in their own time zone."
    )

    @model_validator(mode="after")
    def _is_some_time(self) -> "QuietHours":
        if self.from_ == self.to:
            raise ValueError("they end when they begin; a whole day is from 00:00 to 24:00")
        return self

    @cached_property
    def hours(self) -> Hours:
        return Hours(self.from_, self.to)

    def concern(self, category: Category, channel: str, recipient: Recipient) -> bool:
        """Whether such a message over such a channel waits in these hours."""
        of_channel = self.channels is None or channel in self.channels
        return of_channel and category in self.categories and recipient in self.recipients


class Holdout(Part):
    """A control group: customers who get nothing of these categories, always the same ones."""

    share: Share = Field(description="How many of all customers.")
    name: Annotated[str, Field(strict=True, min_length=1, max_length=64)] = Field(
        description='Another name is another draw: name it after the time it is for, such as "2026".'
    )
    categories: Some[Promoting] = Field((Category.MARKETING,), description="What they do not get.")


_NIGHT = QuietHours.model_validate({"from": "21:00", "to": "09:00"})


class Policy(Part):
    """When customers are written to, how often, and when not at all."""

    consent: ConsentByCategory = Field(ConsentByCategory(), description="What it takes to send a message at all.")
    caps: Caps = Field(Caps(), description="How many messages a customer gets at most.")
    quiet_hours: Annotated[tuple[QuietHours, ...], Field(max_length=MAX_QUIET_HOURS)] = Field(
        (_NIGHT,), description="When nothing is sent; [] if there is always an hour for messages."
    )
    holdout: Holdout | None = Field(
        None, description="A control group over all campaigns; there is none unless you name it."
    )
    unknown_zone: ZoneOrBusiness = Field(
        BUSINESS, description="Where those live whose time zone is not known: a zone, or `business` for KOI_ZONE."
    )

    @cached_property
    def hash(self) -> str:
        """Eight hexadecimal digits that change with what the file means."""
        said = json.dumps(self.model_dump(mode="json", by_alias=True, exclude_defaults=True), sort_keys=True)
        return blake2b(said.encode(), digest_size=_HASH_BYTES).hexdigest()

    def consent_for(self, category: Category) -> Consent:
        by_category = {
            Category.MARKETING: self.consent.marketing,
            Category.SERVICE: self.consent.service,
            Category.TRANSACTIONAL: self.consent.transactional,
        }
        return by_category[category]

    def cap_for(self, category: Category) -> Cap | None:
        """None of a category that knows no cap."""
        by_category = {Category.MARKETING: self.caps.marketing, Category.SERVICE: self.caps.service}
        return by_category.get(category)

    def hours_for(self, category: Category, channel: str, recipient: Recipient) -> tuple[Hours, ...]:
        """The quiet hours of such a message over such a channel."""
        return tuple(quiet.hours for quiet in self.quiet_hours if quiet.concern(category, channel, recipient))
