"""What the settings of all channels share; each channel adds its own beside its code.

A mixin must name its validators after its channel: one of the same name as another's would replace it.
"""

import re
from typing import Annotated, Any, Self

import httpx
from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.notifier.channels.calls import Reach
from services.runtime.problems import suggestion
from services.runtime.settings import Settings


def _names(value: Any) -> Any:
    """Comma-separated text into distinct names; a wrong one gets a hint."""
    if not isinstance(value, str):
        return value
    names = [name.strip() for name in value.split(",") if name.strip()]
    known = [name.value for name in ChannelName]
    for name in names:
        if name not in known:
            hint = suggestion(name, known) or f"; known: {', '.join(known)}"
            raise ValueError(f"unknown channel {name!r}{hint}")
    return tuple(dict.fromkeys(names))


_Names = Annotated[tuple[ChannelName, ...], NoDecode, BeforeValidator(_names)]


class ChannelSettings(Settings):
    """Which channels there are, and how they reach out. An empty text is the same as no setting."""

    # an error must not print the value it is about: some are secret
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    channels: Annotated[_Names, Field(min_length=1)] = Field(
        (ChannelName.CONSOLE,),
        description=f"channels that may be used, comma separated: {', '.join(ChannelName)}",
    )
    at_least_once: _Names = Field((), description="channels that may repeat a message whose fate is unknown")
    at_most_once: _Names = Field((), description="channels that must not, though they would")
    allow_private: bool = Field(False, description="permit plain http and addresses of private networks")
    channel_timeout_s: float = Field(5.0, gt=0, le=60, description="seconds for one send over HTTP")

    def delivery(self, name: ChannelName) -> Delivery:
        """What the channel is to promise about repeats."""
        if name in self.at_least_once:
            return Delivery.AT_LEAST_ONCE
        return Delivery.AT_MOST_ONCE if name in self.at_most_once else CHANNELS[name].delivery

    @property
    def reach(self) -> Reach:
        return Reach(timeout_s=self.channel_timeout_s, allow_private=self.allow_private)

    def require(self, name: ChannelName, *fields: str) -> None:
        """Raise `ValueError` if the channel is to be used and one of these fields is empty."""
        if name not in self.channels:
            return
        for field in fields:
            value = getattr(self, field)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise ValueError(f"KOI_CHANNELS names {name}, but {variable(field)} is not set")

    def check_token(self, field: str, part: str) -> None:
        """Raise `ValueError`, without the token in it, for what cannot be `part` of a robot's address."""
        value: SecretStr = getattr(self, field)
        if value.get_secret_value() and not re.fullmatch(r"[A-Za-z0-9_-]+", value.get_secret_value()):
            raise ValueError(f"{variable(field)} is not {part}")

    def check_url(self, field: str, *, base: bool = False) -> None:
        """Raise `ValueError`, without the URL in it, for what is neither empty nor an address to connect to.

        `base`: more is put behind it. Read by the parser that will also read it to connect.
        """
        value = getattr(self, field)
        url = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not url:
            return
        try:
            parts = httpx.URL(url)
        except httpx.InvalidURL:
            parts = httpx.URL()
        if not parts.host or parts.port == 0 or parts.scheme not in ("https", "http"):
            raise ValueError(f"{variable(field)} is not a web address; write https://host/path")
        if parts.scheme == "http" and not self.allow_private:
            raise ValueError(f"{variable(field)} is plain http; write https://, or set KOI_ALLOW_PRIVATE=true")
        if parts.userinfo:
            raise ValueError(f"{variable(field)} holds a user or password, which would not be sent; leave it out")
        if base and (parts.query or parts.fragment):
            raise ValueError(f"{variable(field)} holds a query or a fragment; write only https://host")

    @model_validator(mode="after")
    def _repeats_are_settled(self) -> Self:
        for name in self.at_least_once:
            if name in self.at_most_once:
                raise ValueError(f"KOI_AT_LEAST_ONCE and KOI_AT_MOST_ONCE both name {name}")
        return self


def variable(field: str) -> str:
    return f"KOI_{field.upper()}"
