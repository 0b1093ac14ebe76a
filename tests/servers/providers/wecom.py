"""WeCom as it documents itself: the group robot, and messages of an application.

https://developer.work.weixin.qq.com/document/path/91770 (robot), https://developer.work.weixin.qq.com/document/path/91039
(access token), https://developer.work.weixin.qq.com/document/path/90236 (messages of an application),
https://developer.work.weixin.qq.com/document/path/90454 (limits), https://developer.work.weixin.qq.com/document/path/90455
(error codes; that a text which is too long is 40058 was not to be looked up).
"""

from typing import Any

import msgspec

from tests.servers.providers.http_provider import Gate, HttpProvider, Reply, Request

KEY = "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
CORP_ID = "ww1234567890abcdef"
AGENT_ID = 1_000_002
SECRET = "app-secret-xxxxxxxx"  # noqa: S105 - a test's own
MEMBER = "ZhangSan"

_MOST = {"text": 2048, "markdown": 4096}


def said(errcode: int, errmsg: str, takes: str | None = None, **more: object) -> Reply:
    return Reply.of({"errcode": errcode, "errmsg": errmsg, **more}, takes)


def _too_often() -> Reply:
    return said(45009, "api freq out of limit, hint: [1700000000_1_x], from ip: 192.0.2.1, more info at …")


class WecomRobot(HttpProvider):
    """20 messages a minute, then none for 60 seconds."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gate = Gate(20, 60, shut_s=60)

    def answer(self, request: Request) -> Reply:
        if request.path != "/cgi-bin/webhook/send" or request.query.get("key") != KEY:
            return said(93000, "invalid webhook url, hint: [1700000000_1_x]")
        message = request.json()
        kind = message.get("msgtype")
        if kind not in _MOST:
            return said(40008, "invalid message type")
        text = message[kind]["content"]
        if not text:
            return said(44004, "empty content")
        if len(text.encode()) > _MOST[kind]:
            return said(40058, f"{kind}.content exceed max length {_MOST[kind]}")
        if not self._gate.passes(self.clock()):
            return _too_often()
        return said(0, "ok", takes=text)

    def refusal(self) -> Reply:
        # with the key in it, as no provider should: it must not show
        return said(93000, f"invalid webhook url {KEY}")

    def limit(self) -> Reply:
        return _too_often()


class WecomApp(HttpProvider):
    """Tokens that can be taken back; members; 30 messages a minute to each, and what is more vanishes without an error.

    `fetched`: how many tokens were asked for. `token_reply`: said instead of giving one out. `invalid`: members who are
    named in an answer with errcode 0, as if others had got it.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fetched = 0
        self.token_reply: Reply | None = None
        self.invalid: frozenset[str] = frozenset()
        self.expires_in = 7200
        self._token: str | None = None
        self._members = {MEMBER.lower()}
        self._gates = {member: Gate(30, 60) for member in self._members}
        self._seen: dict[bytes, float] = {}

    def take_back(self) -> None:
        """From now on the token is not valid any more."""
        self._token = None

    def afflicts(self, request: Request) -> bool:
        return request.path == "/cgi-bin/message/send"

    def answer(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/cgi-bin/gettoken":
                return self._give_token(request)
            case "POST", "/cgi-bin/message/send":
                return self._send(request)
        return Reply(404)

    def refusal(self) -> Reply:
        return said(60020, f"not allow to access from your ip, secret {SECRET}, user {MEMBER}")

    def limit(self) -> Reply:
        return _too_often()

    def _give_token(self, request: Request) -> Reply:
        self.fetched += 1
        if self.token_reply is not None:
            return self.token_reply
        if request.query.get("corpid") != CORP_ID:
            return said(40013, "invalid corpid")
        if request.query.get("corpsecret") != SECRET:
            return said(40001, f"invalid credential {request.query.get('corpsecret')}")
        self._token = self._token or f"access-token-{self.fetched}"
        return said(0, "ok", access_token=self._token, expires_in=self.expires_in)

    def _send(self, request: Request) -> Reply:
        if self._token is None or request.query.get("access_token") != self._token:
            return said(42001, "access_token expired")
        message = request.json()
        if message["agentid"] != AGENT_ID:
            return said(40056, "invalid agentid")
        kind = message["msgtype"]
        if len(message[kind]["content"].encode()) > 2048:
            return said(40058, f"{kind}.content exceed max length 2048")
        user = message["touser"].lower()
        if user not in self._members:
            return said(81013, "user & party & tag all invalid", invaliduser=user)
        if user in self.invalid:
            return said(0, "ok", invaliduser=user, msgid="msgid-0")
        now = self.clock()
        text = message[kind]["content"]
        if self._is_repeat(message, now) or not self._gates[user].passes(now):
            text = None
        return said(0, "ok", takes=text, msgid=f"msgid-{len(self.taken) + 1}")

    def _is_repeat(self, message: Any, now: float) -> bool:
        if not message.get("enable_duplicate_check"):
            return False
        canonical = msgspec.json.encode(message, order="sorted")
        before = self._seen.get(canonical)
        self._seen[canonical] = now
        return before is not None and now - before < message.get("duplicate_check_interval", 1800)
