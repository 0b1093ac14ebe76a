"""A receiver of webhooks that keeps to the standard: it verifies every signature with the standard's own library."""

from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.servers.providers.http_provider import HttpProvider, Reply, Request

SECRET = "whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="  # noqa: S105 - a test's own
TOKEN = "token-in-the-path"  # noqa: S105


class WebhookReceiver(HttpProvider):
    """After https://www.standardwebhooks.com/ in its form of today."""

    def answer(self, request: Request) -> Reply:
        try:
            Webhook(SECRET).verify(request.body, request.headers)
        except WebhookVerificationError:
            return Reply(401)
        return Reply(200, b"{}", takes=str(request.json().get("text", "")))

    def refusal(self) -> Reply:
        return Reply(410)

    def limit(self) -> Reply:
        return Reply(429, headers={"Retry-After": "7"})

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]

    @property
    def bodies(self) -> list[Any]:
        return [request.json() for request in self.requests]
