"""Text messages by Alibaba Cloud's SMS service (阿里云短信): SendSms of Dysmsapi 2017-05-25.

Rules: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms (parameters, and that a repeat is
not recognised), https://help.aliyun.com/document_detail/101346.html (error codes),
https://help.aliyun.com/document_detail/44335.html (limits).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex
from typing import Self

import httpx
import msgspec
from pydantic import Field, SecretStr, model_validator

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.notifier.channels.acs3 import AccessKey, Action, query_of, signed
from services.notifier.channels.answers import Answer, Dialect, judge
from services.notifier.channels.base import Refused, SendResult, Unavailable
from services.notifier.channels.calls import HttpChannel, Reach
from services.notifier.channels.fitting import content_for
from services.notifier.channels.settings import ChannelSettings
from services.notifier.message import Parcel

_FACTS = CHANNELS[ChannelName.SMS]
_SEND = Action("SendSms", "2017-05-25")
_AT_HOME = re.compile(r"(?:\+86)?(1\d{10})", re.ASCII)
_ABROAD = re.compile(r"\+(?!86)([1-9]\d{6,14})", re.ASCII)
_LIMITED = "isv.BUSINESS_LIMIT_CONTROL"
_WINDOWS: Mapping[str, float] = {"分钟级": 60.0, "小时级": 3600.0, "天级": 86_400.0}
"""The wording of `isv.BUSINESS_LIMIT_CONTROL` names which limit it is (触发天级流控Permits:10) -> its length in seconds."""

ALIYUN = Dialect(
    code="Code",
    wording="Message",
    accepted="OK",
    later=dict.fromkeys(
        (
            # too many: to this number, or of this account, by its own limits or by the gateway's
            _LIMITED,
            "isv.DAY_LIMIT_CONTROL",
            "isv.MONTH_LIMIT_CONTROL",
            "Throttling",
            "Throttling.Api",
            "Throttling.User",
            # the account is out of money, or otherwise not able
            "isv.AMOUNT_NOT_ENOUGH",
            "isv.OUT_OF_SERVICE",
            "isv.ACCOUNT_ABNORMAL",
            # the key, or the clock of this machine: to be mended, and then the same message will do
            "Forbidden.AccessKeyDisabled",
            "InvalidAccessKeyId.Inactive",
            "InvalidAccessKeyId.NotFound",
            "InvalidTimeStamp.Expired",
            "SignatureDoesNotMatch",
            "isp.RAM_PERMISSION_DENY",
            # trouble at the other side
            "ServiceUnavailable",
            "isp.SYSTEM_ERROR",
        )
    ),
    message_id="BizId",
)


class SmsSettings(ChannelSettings):
    """Whose account, and who signs the messages."""

    sms_key_id: str = Field("", description="AccessKey ID of a RAM user that may do dysms:SendSms")
    sms_key_secret: SecretStr = Field(SecretStr(""), description="its AccessKey secret")
    sms_sign_name: str = Field("", description="approved signature (签名) that messages begin with")
    sms_url: str = Field("https://dysmsapi.aliyuncs.com", description="endpoint of the SMS service")

    @model_validator(mode="after")
    def _sms_is_complete(self) -> Self:
        self.require(ChannelName.SMS, "sms_key_id", "sms_key_secret", "sms_sign_name", "sms_url")
        self.check_url("sms_url")
        return self


class SmsChannel(HttpChannel):
    """Has the service fill in its template `content.code` with `content.fields`, and send it to the parcel's number.

    OutId is the command id: reports of what became of it can be matched by it.
    """

    name = ChannelName.SMS

    def __init__(
        self, url: str, key: AccessKey, sign_name: str, reach: Reach, delivery: Delivery = _FACTS.delivery
    ) -> None:
        super().__init__(delivery, reach)
        self._url = httpx.URL(url)
        self._key = key
        self._sign_name = sign_name

    async def send(self, parcel: Parcel) -> SendResult:
        content = content_for(_FACTS, parcel)
        if isinstance(content, Refused):
            return content
        number = national(parcel.address or "")
        if number is None:
            return Refused("the address is not a telephone number; it must be as +8613912345678")
        if content.code is None:
            return Refused("sms needs the code of a template at the provider, such as SMS_123456789")
        now = self._reach.clock()
        query = query_of(
            {
                "OutId": parcel.message.command_id,
                "PhoneNumbers": number,
                "SignName": self._sign_name,
                "TemplateCode": content.code,
                "TemplateParam": msgspec.json.encode(content.fields).decode(),
            }
        )
        host = self._url.netloc.decode("ascii")
        headers = signed(self._key, _SEND, host, query, nonce=token_hex(), at=now)
        request = httpx.Request(
            "POST", self._url.copy_with(raw_path=f"/?{query}".encode()), headers=headers | {"user-agent": "koipond"}
        )
        answer = await self._call(request, self._deadline())
        if not isinstance(answer, Answer):
            return answer
        result = judge(answer, ALIYUN, now, hidden=(number, self._key.id))
        window_s = window_of(answer)
        return replace(result, retry_after_s=window_s) if window_s and isinstance(result, Unavailable) else result


def national(number: str) -> str | None:
    """A number in E.164 as the service wants it: without +86, or with the code of another country but no +; else None."""
    found = _AT_HOME.fullmatch(number) or _ABROAD.fullmatch(number)
    return found[1] if found else None


def window_of(answer: Answer) -> float | None:
    """Seconds after which the limit that an answer tells of is over at the latest; None if it tells of none."""
    said = answer.fields()
    if said.get("Code") != _LIMITED:
        return None
    return next((seconds for name, seconds in _WINDOWS.items() if name in str(said.get("Message", ""))), None)


def build(settings: SmsSettings) -> SmsChannel:
    return SmsChannel(
        settings.sms_url,
        AccessKey(settings.sms_key_id, settings.sms_key_secret),
        settings.sms_sign_name,
        settings.reach,
        settings.delivery(ChannelName.SMS),
    )
