"""What is odd about messages: those that may be over before anybody is to be disturbed."""

from collections.abc import Iterator
from datetime import timedelta

from services.contracts.channels import Category, Recipient
from services.contracts.durations import format_duration
from services.rules.book.models import Notify
from services.rules.book.rulebook import Rulebook
from services.runtime.document import KeyPath
from services.runtime.problems import Problem

NIGHT = timedelta(hours=12)
"""How long quiet hours last unless the policy of the notifier says otherwise: from 21:00 to 09:00."""


def odd_messages(book: Rulebook) -> Iterator[Problem]:
    """Warnings about the messages of all rules. Those of a schedule come at an hour that somebody has chosen."""
    for rule, path, notify in _messages(book):
        to_customer = notify.category is Category.MARKETING and notify.to is Recipient.CUSTOMER
        if to_customer and notify.expires < NIGHT:
            expires = format_duration(notify.expires)
            message = f"marketing waits while it is night (12h), and this is over after {expires}; write expires: 1d"
            yield Problem(book.documents[rule].place((*path, "expires")), "over_by_morning", message)


def _messages(book: Rulebook) -> Iterator[tuple[str, KeyPath, Notify]]:
    for ladder in book.ladders:
        for i, jump in enumerate(ladder.on_jump):
            yield ladder.name, ("on_jump", i, "notify"), jump.notify
    for campaign in book.campaigns:
        if book.documents[campaign.name].data.get("schedule") is not None:
            continue
        for i, step in enumerate(campaign.steps):
            if step.notify is not None:
                yield campaign.name, ("steps", i, "notify"), step.notify
