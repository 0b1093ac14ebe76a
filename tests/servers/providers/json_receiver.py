"""A receiver of what Apprise sends to `json://`."""

from tests.servers.providers.http_provider import HttpProvider, Reply, Request

PATH = "hook-5f1c0d2a"


class JsonReceiver(HttpProvider):
    """Takes everything that comes to its path."""

    def answer(self, request: Request) -> Reply:
        if request.path.strip("/") != PATH:
            return Reply(404)
        return Reply(200, b"ok", takes=request.json()["message"])

    def refusal(self) -> Reply:
        return Reply(410)

    def limit(self) -> Reply:
        return Reply(429)

    @property
    def address(self) -> str:
        """What Apprise calls it."""
        return f"json://127.0.0.1:{self.port}/{PATH}"
