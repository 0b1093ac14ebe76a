"""Silences: messages that somebody does not want to be sent for a while, on `koi.silences`."""

import msgspec

from services.contracts.calendar import Instant
from services.contracts.channels import Category


class Matcher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Which commands; all that is said must fit, and what is not said fits everything. `rule` is a name without its hash."""

    rule: str | None = None
    template: str | None = None
    category: Category | None = None
    channel: str | None = None
    customer_id: str | None = None


class Silence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """From `starts_at` until before `ends_at`, whatever `matcher` fits is suppressed. To end it early, `ends_at` is moved.

    `comment` says why, and is never empty.
    """

    id: str
    matcher: Matcher
    starts_at: Instant
    ends_at: Instant
    created_at: Instant
    created_by: str
    comment: str
