"""What a channel is, and the three things that can come of a send."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from services.contracts.channels import Delivery
from services.notifier.message import Parcel


@dataclass(slots=True, frozen=True)
class Accepted:
    """The provider took the message; `provider_id` is its own name for it, where it gives one."""

    provider_id: str | None = None


@dataclass(slots=True, frozen=True)
class Refused:
    """The provider will never take this message; sending it again is pointless. `detail` holds no secret."""

    detail: str


@dataclass(slots=True, frozen=True)
class Unavailable:
    """The message was not confirmed; the same send may succeed later. `detail` holds no secret.

    `retry_after_s`: seconds the provider asked to be left alone. `ambiguous`: the message may have been taken all the
    same (the answer was lost, not the request).
    """

    detail: str
    retry_after_s: float | None = None
    ambiguous: bool = False


SendResult: TypeAlias = Accepted | Refused | Unavailable


class Channel(Protocol):
    """One way to reach a person.

    `name` is what commands call it; `contracts.channels` holds what is known of it. `delivery` says whether an ambiguous
    send may be repeated.
    """

    @property
    def name(self) -> str: ...

    @property
    def delivery(self) -> Delivery: ...

    async def send(self, parcel: Parcel) -> SendResult:
        """Try once, within the channel's own time limit; no retries, and no exception for anything a provider does.

        Safe to call concurrently.
        """
        ...
