"""Feishu's custom robot as it documents itself: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any

from tests.servers.providers.http_provider import Gate, HttpProvider, Reply, Request

TOKEN = "8b2f4a1c-5b1e-4d0c-9f5b-0a1b2c3d4e5f"  # noqa: S105 - a test's own
SECRET = "feishu-signing-key"  # noqa: S105

_HOUR_S = 3600


class FeishuRobot(HttpProvider):
    """Signed; 5 messages a second and 100 a minute; requests of up to 20 KB."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gates = (Gate(5, 1), Gate(100, 60))

    def answer(self, request: Request) -> Reply:
        if request.path != f"/open-apis/bot/v2/hook/{TOKEN}":
            return _said(19001, "param invalid: incoming webhook access token invalid")
        if len(request.body) > 20 * 1024:
            return _said(9499, "Bad Request")
        message = request.json()
        if not self._is_signed(message):
            return _said(19021, "sign match fail or timestamp is not within one hour from current time")
        match message:
            case {"msg_type": "post", "content": {"post": {"zh_cn": {"content": [[{"tag": "text", "text": text}]]}}}}:
                pass
            case {"msg_type": "post", "content": {"post": {"en_us": {"content": [[{"tag": "text", "text": text}]]}}}}:
                pass
            case {"msg_type": "interactive", "card": {"elements": [{"tag": "markdown", "content": text}]}}:
                pass
            case _:
                return _said(9499, "Bad Request")
        now = self.clock()
        if not all(gate.passes(now) for gate in self._gates):
            return self.limit()
        return _said(0, "success", takes=text)

    def refusal(self) -> Reply:
        return _said(19024, f"Key Words Not Found {TOKEN}")

    def limit(self) -> Reply:
        return _said(11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]")

    def _is_signed(self, message: Any) -> bool:
        timestamp = str(message.get("timestamp", ""))
        if not timestamp.isdigit() or abs(self.clock() - int(timestamp)) > _HOUR_S:
            return False
        mac = hmac.new(f"{timestamp}\n{SECRET}".encode(), digestmod=hashlib.sha256)
        return bool(message.get("sign") == b64encode(mac.digest()).decode())


def _said(code: int, msg: str, takes: str | None = None) -> Reply:
    more = {"StatusCode": 0, "StatusMessage": "success"} if code == 0 else {}
    return Reply.of({"code": code, "msg": msg, "data": {}, **more}, takes)
