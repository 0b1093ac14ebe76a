"""Settings of the notifier, beside those every service shares."""

from typing import Annotated, Any, Self

import httpx
from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from services.contracts.command import ChannelName
from services.notifier.delivery import Bounds
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


class NotifierSettings(Settings):
    """Which channels there are, how to reach them, and how hard to try."""

    # an error must not print the value it is about: some are secret
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    channels: Annotated[tuple[ChannelName, ...], NoDecode, BeforeValidator(_names), Field(min_length=1)] = Field(
        (ChannelName.CONSOLE,), description="channels that may be used, comma separated: console, webhook"
    )
    webhook_url: SecretStr | None = Field(None, description="where the webhook channel posts to; often holds a token")
    webhook_secret: SecretStr | None = Field(None, description="its signing key: whsec_ and base64 (Standard Webhooks)")
    webhook_allow_private: bool = Field(False, description="permit plain http and addresses of private networks")
    webhook_timeout_s: float = Field(5.0, gt=0, le=60, description="seconds for one webhook call")
    send_attempts: int = Field(3, ge=1, le=10, description="attempts per command and channel")
    send_deadline_s: float = Field(10.0, gt=0, le=120, description="seconds for all of them, waits included")
    send_turn_s: float = Field(5.0, gt=0, le=120, description="longest wait for a busy channel, in seconds")
    send_concurrency: int = Field(64, ge=1, le=1000, description="commands a channel works on at once")
    send_retry_after_max_s: float = Field(10.0, ge=0, le=60, description="longest pause a provider may ask for")

    @property
    def bounds(self) -> Bounds:
        return Bounds(
            attempts=self.send_attempts,
            deadline_s=self.send_deadline_s,
            turn_s=self.send_turn_s,
            concurrency=self.send_concurrency,
            retry_after_max_s=self.send_retry_after_max_s,
        )

    @model_validator(mode="after")
    def _webhook_is_complete(self) -> Self:
        if ChannelName.WEBHOOK in self.channels:
            for name, value in (("KOI_WEBHOOK_URL", self.webhook_url), ("KOI_WEBHOOK_SECRET", self.webhook_secret)):
                if value is None:
                    raise ValueError(f"KOI_CHANNELS names webhook, but {name} is not set")
        if self.webhook_url is not None:
            _check_url(self.webhook_url.get_secret_value(), plain=self.webhook_allow_private)
        if self.webhook_secret is not None:
            _check_secret(self.webhook_secret.get_secret_value())
        return self


def _check_url(url: str, *, plain: bool) -> None:
    """Raise `ValueError`, without the URL in it. Read by the parser that will also read it to connect."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL()
    if not parts.host or parts.port == 0 or parts.scheme not in ("https", "http"):
        raise ValueError("KOI_WEBHOOK_URL is not a web address; write https://host/path")
    if parts.scheme == "http" and not plain:
        raise ValueError("KOI_WEBHOOK_URL is plain http; write https://, or set KOI_WEBHOOK_ALLOW_PRIVATE=true")
    if parts.userinfo:
        raise ValueError("KOI_WEBHOOK_URL holds a user or password; the signature already proves the sender")


def _check_secret(secret: str) -> None:
    """Raise `ValueError`, without the secret in it."""
    try:
        Webhook(secret)
    except EmptyWebhookSecretError:
        raise ValueError("KOI_WEBHOOK_SECRET is empty") from None
    except ValueError:  # binascii.Error is one
        raise ValueError("KOI_WEBHOOK_SECRET is not whsec_ followed by base64") from None
