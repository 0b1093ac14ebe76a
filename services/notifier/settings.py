"""Settings of the notifier, beside those every service shares: restraint, texts, patience, and what each channel needs."""

from hashlib import blake2b
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.contracts.channels import CHANNELS, Recipient
from services.notifier.callback_settings import CallbackSettings
from services.notifier.channels.registry import AllChannelSettings
from services.notifier.delivery.bounds import Bounds
from services.notifier.delivery.rounds import Rounds
from services.runtime.sealing import SealingSettings
from services.runtime.settings import ClockKind

_KEY_BYTES = 32


class NotifierSettings(AllChannelSettings, CallbackSettings, SealingSettings):
    """Who may be written to and when, what is said, which channels there are, how to reach them, and how hard to try."""

    policy: Path | None = Field(
        None, description="policy file: consent, caps, quiet hours, control group (docs/restraint.md)"
    )
    staff: Path | None = Field(None, description="staff directory: how the clerks are reached who look after customers")
    templates: Path | None = Field(None, description="folder of the texts (docs/templates.md)")
    send_attempts: int = Field(3, ge=1, le=10, description="attempts per command and channel, in one round")
    send_deadline_s: float = Field(10.0, gt=0, le=120, description="seconds for all of them, waits included")
    send_turn_s: float = Field(5.0, gt=0, le=120, description="longest wait for a busy channel, in seconds")
    send_concurrency: int = Field(64, ge=1, le=1000, description="commands a channel works on at once")
    send_line: int = Field(1000, ge=0, le=100_000, description="commands that may wait for a channel, each worker")
    send_retry_after_max_s: float = Field(
        10.0, ge=0, le=60, description="longest pause a provider may ask for in a round"
    )
    send_rounds: int = Field(
        5, ge=1, le=20, description="rounds over all channels of a command, with longer and longer waits"
    )
    send_failures: int = Field(
        10, ge=1, le=10_000, description="failures in a row after which a channel is given a rest"
    )
    send_rest_s: float = Field(
        10.0, gt=0, le=300, description="its first rest, in seconds; each that follows is twice as long"
    )

    send_lost_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="seconds beyond the longest send after which one of which nothing is heard is lost",
    )

    @property
    def replays(self) -> bool:
        """Whether event time is the clock."""
        return self.clock is ClockKind.EVENT

    @property
    def bounds(self) -> Bounds:
        return Bounds(
            attempts=self.send_attempts,
            deadline_s=self.send_deadline_s,
            turn_s=self.send_turn_s,
            concurrency=self.send_concurrency,
            line=self.send_line,
            retry_after_max_s=self.send_retry_after_max_s,
            failures=self.send_failures,
            rest_first_s=self.send_rest_s,
        )

    @property
    def rounds(self) -> Rounds:
        return Rounds(most=self.send_rounds)

    @property
    def quota_secret(self) -> bytes:
        """Under which recipients are counted in Redis: nobody can try out there who they are."""
        keys = "" if self.contacts_key is None else self.contacts_key.get_secret_value()
        # the last one: while keys are changed, workers with the old setting and with the new one still share it
        key = keys.rpartition(",")[2].strip()
        return blake2b(key.encode(), digest_size=_KEY_BYTES, person=b"koipond.quota").digest()

    @model_validator(mode="after")
    def _customers_can_be_reached(self) -> Self:
        sealed = [
            name for name in self.channels if CHANNELS[name].addressed and Recipient.CUSTOMER in CHANNELS[name].reaches
        ]
        if sealed and not (self.contacts_key and self.contacts_key.get_secret_value()):
            raise ValueError(f"KOI_CHANNELS names {sealed[0]}, but KOI_CONTACTS_KEY, which opens addresses, is not set")
        return self
