"""DingTalk's custom robot as it documents itself.

https://open.dingtalk.com/document/orgapp/custom-robot-access and the page on its security settings beside it. Codes that no
page names were taken from answers that others have published: 300005, 460101.
"""

import hashlib
import hmac
from base64 import b64encode
from typing import Any

from tests.servers.providers.http_provider import Gate, HttpProvider, Reply, Request

TOKEN = "566cc69da782ec33e42541b09b08551f09fbe864eb8008112e994b43887"  # noqa: S105 - a test's own
SECRET = "SECdb0f5cd2f2d7e0a9b1c2"  # noqa: S105

_HOUR_MS = 3_600_000


class DingtalkRobot(HttpProvider):
    """Signed; 20 messages a minute, then none for ten minutes. `keyword`: a word that every message must have."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.keyword = ""
        self._gate = Gate(20, 60, shut_s=600)

    def answer(self, request: Request) -> Reply:
        if request.path != "/robot/send" or request.query.get("access_token") != TOKEN:
            return _said(300005, "token is not exist")
        wrong = self._wrong_signature(request.query)
        if wrong:
            return _said(310000, f"{wrong}, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]")
        match request.json():
            case {"msgtype": "text", "text": {"content": str(text)}}:
                pass
            case {"msgtype": "markdown", "markdown": {"title": str(title), "text": str(text)}} if title:
                pass
            case _:
                return _said(40035, "缺少参数 json")
        return self._take(text, len(request.body))

    def _take(self, text: str, length: int) -> Reply:
        if length > 20_000:
            return _said(460101, "message too long, exceed 20000 bytes")
        if self.keyword not in text:
            return _said(310000, "keywords not in content")
        if not self._gate.passes(self.clock()):
            return self.limit()
        return _said(0, "ok", takes=text)

    def refusal(self) -> Reply:
        return _said(310000, f"sign not match, token {TOKEN}")

    def limit(self) -> Reply:
        return _said(130101, "send too fast, exceed 20 times per minute")

    def _wrong_signature(self, query: dict[str, str]) -> str | None:
        timestamp = query.get("timestamp", "")
        if not timestamp.isdigit() or abs(self.clock() * 1000 - int(timestamp)) > _HOUR_MS:
            return "invalid timestamp"
        mac = hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), hashlib.sha256)
        return None if query.get("sign") == b64encode(mac.digest()).decode() else "sign not match"


def _said(errcode: int, errmsg: str, takes: str | None = None) -> Reply:
    return Reply.of({"errcode": errcode, "errmsg": errmsg}, takes)
