"""Settings of the endpoint to which providers and readers speak."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from services.runtime.settings import Settings

_MAKE = "make one with: echo whsec_$(openssl rand -base64 32)"


def _signing(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value():
        try:
            Webhook(secret.get_secret_value())
        except EmptyWebhookSecretError:
            raise ValueError("there is nothing behind whsec_; " + _MAKE) from None
        except ValueError:  # binascii.Error is one
            raise ValueError("this is not whsec_ followed by base64; " + _MAKE) from None
    return secret


def _reachable(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("this is no address under which somebody is reached; write https://host, or https://host/path")
    return url


class CallbackSettings(Settings):
    """Whether and how providers and readers reach the notifier. An empty text is the same as no setting."""

    # an error must not print the value it is about
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    callback_secret: Annotated[SecretStr, AfterValidator(_signing)] = Field(
        SecretStr(""),
        description="signs what providers tell at /callbacks/<channel>, and unsubscribe links: whsec_ and base64 "
        "(Standard Webhooks); both are off without it",
    )
    callback_url: Annotated[str, AfterValidator(_reachable)] = Field(
        "",
        description="where the notifier is reached from outside, such as https://notify.example.com: for unsubscribe links",
    )
