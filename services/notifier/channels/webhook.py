"""A signed HTTP POST to one configured address, after the Standard Webhooks specification."""

from typing import Self
from urllib.parse import quote

import httpx
import msgspec
from pydantic import Field, SecretStr, model_validator
from standardwebhooks import Webhook

from services.contracts.channels import ChannelName, Delivery
from services.notifier.channels.answers import Answer, judge_status
from services.notifier.channels.base import SendResult
from services.notifier.channels.calls import HttpChannel, Reach
from services.notifier.channels.data import as_data
from services.notifier.channels.settings import ChannelSettings
from services.notifier.message import Parcel


class WebhookSettings(ChannelSettings):
    """Where to post, and what to sign with."""

    webhook_url: SecretStr = Field(SecretStr(""), description="where the webhook channel posts to; often holds a token")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="its signing key: whsec_ and base64 (Standard Webhooks)"
    )

    @model_validator(mode="after")
    def _webhook_is_complete(self) -> Self:
        self.require(ChannelName.WEBHOOK, "webhook_url", "webhook_secret")
        self.check_url("webhook_url")
        secret = self.webhook_secret.get_secret_value()
        if secret:
            try:
                Webhook(secret)
            except ValueError:  # binascii.Error is one
                raise ValueError("KOI_WEBHOOK_SECRET is not whsec_ followed by base64") from None
        return self


class WebhookChannel(HttpChannel):
    """POSTs the message as JSON, signed; `webhook-id` is the command id, the same on every repeat.

    The status decides (`judge_status`), whatever the body is. The receiver recognises a repeat by `webhook-id`, hence
    `at_least_once`.
    """

    name = ChannelName.WEBHOOK

    def __init__(
        self, url: SecretStr, secret: SecretStr, reach: Reach, delivery: Delivery = Delivery.AT_LEAST_ONCE
    ) -> None:
        """Raise `httpx.InvalidURL` or `ValueError` for a URL or a secret that is none; `WebhookSettings` checks both."""
        super().__init__(delivery, reach)
        httpx.URL(url.get_secret_value())
        self._url = url
        self._signer = Webhook(secret.get_secret_value())

    async def send(self, parcel: Parcel) -> SendResult:
        answer = await self._call(self._request(parcel), self._deadline())
        if not isinstance(answer, Answer):
            return answer
        return judge_status(answer.status, answer.retry_after, self._reach.clock())

    def _request(self, parcel: Parcel) -> httpx.Request:
        body = msgspec.json.encode(as_data(parcel))
        at = self._reach.clock()
        message_id = quote(parcel.message.command_id, safe="-._~:@/+=|#")  # a header holds ASCII only
        return httpx.Request(
            "POST",
            self._url.get_secret_value(),
            headers={
                "content-type": "application/json",
                "user-agent": "koipond",
                "webhook-id": message_id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": self._signer.sign(message_id, at, body.decode()),
            },
            content=body,
        )


def build(settings: WebhookSettings) -> WebhookChannel:
    return WebhookChannel(
        settings.webhook_url, settings.webhook_secret, settings.reach, settings.delivery(ChannelName.WEBHOOK)
    )
