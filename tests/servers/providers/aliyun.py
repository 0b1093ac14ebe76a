"""Alibaba Cloud's SMS service as it documents itself.

https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature (signature),
https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms (SendSms),
https://help.aliyun.com/document_detail/101346.html (error codes), https://help.aliyun.com/document_detail/44335.html (limits;
that a day's limit says 天级 was told by users of it).
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from tests.servers.providers.http_provider import Gate, HttpProvider, Reply, Request

KEY_ID = "LTAI5tKoipond"
KEY_SECRET = "sms-secret-xxxxxxxx"  # noqa: S105 - a test's own
SIGN_NAME = "锦鲤池塘"
CODE = "SMS_154950909"
NUMBER = "+8613912345678"

_MINUTES_15 = 15 * 60
_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def said(code: str, message: str, status: int = 200, takes: str | None = None, **more: object) -> Reply:
    return Reply.of({"Code": code, "Message": message, "RequestId": "F655A8D5-B967-440B", **more}, takes, status)


def authorization(request: Request) -> str:
    """What the header must say, made of what arrived rather than of what was meant."""
    names = ("host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version")
    query = urlencode(sorted(request.query.items()), quote_via=quote, safe="")
    headers = "".join(f"{name}:{request.headers.get(name, '')}\n" for name in names)
    payload = hashlib.sha256(request.body).hexdigest()
    canonical = f"{request.method}\n{request.path}\n{query}\n{headers}\n{';'.join(names)}\n{payload}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(KEY_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={KEY_ID},SignedHeaders={';'.join(names)},Signature={signature}"


class AliyunSms(HttpProvider):
    """One approved signature and one approved template, `${text}`; 50 messages a day to each number."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._nonces: set[str] = set()
        self._gates: dict[str, Gate] = {}

    def answer(self, request: Request) -> Reply:
        return self._stranger(request) or self._sent(request.query)

    def refusal(self) -> Reply:
        # with the number in it, as the service really does
        return said("isv.BLACK_KEY_CONTROL_LIMIT", f"{NUMBER.removeprefix('+86')}黑名单管控")

    def limit(self) -> Reply:
        return said("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50")

    @property
    def out_ids(self) -> list[str]:
        return [request.query["OutId"] for request in self.requests]

    def _stranger(self, request: Request) -> Reply | None:
        headers = request.headers
        if f"Credential={KEY_ID}," not in headers.get("authorization", ""):
            return said("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        if (headers.get("x-acs-action"), headers.get("x-acs-version")) != ("SendSms", "2017-05-25"):
            return said("InvalidAction.NotFound", "Specified api is not found.", 404)
        if headers.get("x-acs-content-sha256") != _EMPTY_SHA256 or headers["authorization"] != authorization(request):
            return said("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.", 400)
        at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(at.timestamp() - self.clock()) > _MINUTES_15:
            return said("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400)
        if headers["x-acs-signature-nonce"] in self._nonces:
            return said("SignatureNonceUsed", "Specified signature nonce was used already.", 400)
        self._nonces.add(headers["x-acs-signature-nonce"])
        return None

    def _sent(self, query: dict[str, str]) -> Reply:
        number = query["PhoneNumbers"]
        params = msgspec.json.decode(query["TemplateParam"])
        wrong = (
            (
                not re.fullmatch(r"(\+?86)?1[3-9]\d{9}", number),
                "isv.MOBILE_NUMBER_ILLEGAL",
                f"{number}invalid mobile number",
            ),
            (query["SignName"] != SIGN_NAME, "isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名"),
            (query["TemplateCode"] != CODE, "isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板"),
            (not all(type(value) is str for value in params.values()), "isv.INVALID_JSON_PARAM", "JSON参数不合法"),
            ("text" not in params, "isv.TEMPLATE_MISSING_PARAMETERS", "模板变量缺少对应参数值"),
        )
        for holds, code, message in wrong:
            if holds:
                return said(code, message)
        if not self._gates.setdefault(number, Gate(50, 86_400)).passes(self.clock()):
            return self.limit()
        return said("OK", "OK", takes=params["text"], BizId=f"900619746936498440^{len(self.taken)}")
