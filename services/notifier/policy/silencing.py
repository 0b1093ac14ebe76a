"""Silences: which commands, and which of their channels, somebody does not want to be used for now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from services.contracts.command import Command
from services.contracts.silence import Silence


@dataclass(slots=True, frozen=True)
class Silences:
    """A set that never changes. Those about one customer are kept apart, for there may be many.

    Of several that fit, the one that ends last is named; of those, the one of the lowest id.
    """

    about_all: tuple[Silence, ...] = ()
    by_customer: Mapping[str, tuple[Silence, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, silences: Iterable[Silence], now: datetime) -> "Silences":
        """All that are not over at `now`."""
        about_all: list[Silence] = []
        by_customer: dict[str, list[Silence]] = {}
        for silence in silences:
            if now < silence.ends_at:
                customer_id = silence.matcher.customer_id
                (about_all if customer_id is None else by_customer.setdefault(customer_id, [])).append(silence)
        return cls(tuple(about_all), {customer: tuple(theirs) for customer, theirs in by_customer.items()})

    def matching(self, command: Command, now: datetime) -> Silence | None:
        """The silence that holds the whole command back."""
        return self._longest(command, None, now)

    def muting(self, command: Command, channel: str, now: datetime) -> Silence | None:
        """The silence that takes one channel from the command."""
        return self._longest(command, channel, now)

    def _longest(self, command: Command, channel: str | None, now: datetime) -> Silence | None:
        some = chain(self.about_all, self.by_customer.get(command.customer_id, ()))
        fitting = (s for s in some if s.starts_at <= now < s.ends_at and _fits(s, command, channel))
        return min(fitting, key=lambda silence: (-silence.ends_at.timestamp(), silence.id), default=None)


def _fits(silence: Silence, command: Command, channel: str | None) -> bool:
    """Whether the silence is about the command; its customer was seen to already."""
    matcher = silence.matcher
    return (
        matcher.channel == channel
        and matcher.rule in (None, command.rule.rpartition("@")[0] or command.rule)
        and matcher.template in (None, command.template)
        and matcher.category in (None, command.category)
    )
