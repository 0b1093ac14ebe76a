"""Text messages by Alibaba Cloud: what is asked of it, and what its codes mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from services.notifier.channels.acs3 import AccessKey
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.channels.calls import Reach
from services.notifier.channels.sms import SmsChannel, SmsSettings, national
from services.notifier.message import Content, Message, Parcel
from tests.servers.providers.aliyun import CODE, KEY_ID, KEY_SECRET, NUMBER, SIGN_NAME, AliyunSms, said
from tests.servers.providers.http_provider import Reply, Request
from tests.unit.notifier.commands import command

NOW = datetime(2026, 3, 16, 16, tzinfo=UTC)


class Saying(AliyunSms):
    """Answers with one reply, whatever is asked."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self._always = reply

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - that is the point
        return self._always


def channel(
    fake: AliyunSms, *, key_id: str = KEY_ID, secret: str = KEY_SECRET, sign_name: str = SIGN_NAME, at: datetime = NOW
) -> SmsChannel:
    reach = Reach(timeout_s=20, allow_private=True, clock=lambda: at)
    return SmsChannel(fake.url, AccessKey(key_id, SecretStr(secret)), sign_name, reach)


def provider() -> AliyunSms:
    return AliyunSms(clock=NOW.timestamp)


def parcel(address: str = NUMBER, *, code: str | None = CODE, **fields: str) -> Parcel:
    content = Content("zh", "好久不见", code=code, fields=fields or {"text": "好久不见"})
    return Parcel(Message.of(command()), content, address)


async def test_the_service_is_asked_to_fill_in_its_template() -> None:
    """With the number at home, the signature, the variables, and the command id to match reports by."""
    async with provider() as fake, channel(fake) as sms:
        result = await sms.send(parcel(text="好久不见 & 100%~*", name="小鱼"))
        assert result == Accepted("900619746936498440^0")
        query = fake.requests[0].query
        assert msgspec.json.decode(query.pop("TemplateParam")) == {"text": "好久不见 & 100%~*", "name": "小鱼"}
        assert query == {
            "OutId": "c1",
            "PhoneNumbers": "13912345678",
            "SignName": SIGN_NAME,
            "TemplateCode": CODE,
        }


async def test_every_request_has_a_nonce_of_its_own() -> None:
    """The gateway refuses one that it has seen before."""
    async with provider() as fake, channel(fake) as sms:
        for _ in range(3):
            assert isinstance(await sms.send(parcel()), Accepted)
        assert len({request.headers["x-acs-signature-nonce"] for request in fake.requests}) == 3


@pytest.mark.parametrize(
    ("wrong", "result"),
    [
        (
            {"key_id": "another"},
            Unavailable("Code InvalidAccessKeyId.NotFound: Specified access key is not found."),
        ),
        (
            {"secret": "another"},
            Unavailable("Code SignatureDoesNotMatch: Specified signature is not matched with our calculation."),
        ),
        (
            {"at": NOW - timedelta(minutes=16)},
            Unavailable("Code InvalidTimeStamp.Expired: Specified time stamp or date value is expired."),
        ),
        ({"at": NOW - timedelta(minutes=14)}, Accepted("900619746936498440^0")),
        ({"sign_name": "别人的"}, Refused("Code isv.SMS_SIGNATURE_ILLEGAL: 该账号下找不到对应签名")),
    ],
)
async def test_what_is_configured_wrongly_is_told(wrong: dict[str, Any], result: SendResult) -> None:
    """A key or a clock can be mended, and then the same message will do."""
    async with provider() as fake, channel(fake, **wrong) as sms:
        assert await sms.send(parcel()) == result


@pytest.mark.parametrize(
    ("odd", "detail"),
    [
        (parcel(code="SMS_1"), "Code isv.SMS_TEMPLATE_ILLEGAL: 该账号下找不到对应模板"),
        (parcel(name="x"), "Code isv.TEMPLATE_MISSING_PARAMETERS: 模板变量缺少对应参数值"),
        (parcel("+8612912345678"), "Code isv.MOBILE_NUMBER_ILLEGAL: …invalid mobile number"),
        (parcel(code=None), "sms needs the code of a template at the provider, such as SMS_123456789"),
        (parcel("13912345678,13812345678"), "the address is not a telephone number; it must be as +8613912345678"),
    ],
)
async def test_what_cannot_be_sent_is_refused(odd: Parcel, detail: str) -> None:
    """With the service's code, and without the number, though it repeats it."""
    async with provider() as fake, channel(fake) as sms:
        assert await sms.send(odd) == Refused(detail)
        assert fake.taken == []


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (said("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"), Unavailable("", retry_after_s=60.0)),
        (said("isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5"), Unavailable("", retry_after_s=3600.0)),
        (said("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10"), Unavailable("", retry_after_s=86_400.0)),
        (said("isv.BUSINESS_LIMIT_CONTROL", "too many"), Unavailable("")),
        (said("isv.DAY_LIMIT_CONTROL", "触发日发送限额"), Unavailable("")),
        (said("isv.AMOUNT_NOT_ENOUGH", "账户余额不足"), Unavailable("")),
        (said("isv.OUT_OF_SERVICE", "业务停机"), Unavailable("")),
        (said("Throttling.User", "Request was denied due to user flow control.", 400), Unavailable("")),
        (said("ServiceUnavailable", "The request has failed.", 503), Unavailable("")),
        (said("isp.SYSTEM_ERROR", "isp.SYSTEM_ERROR"), Unavailable("")),
        (said("InternalError", "The request processing has failed.", 500), Unavailable("", ambiguous=True)),
        (said("isv.MOBILE_NUMBER_ILLEGAL", "invalid mobile number"), Refused("")),
        (said("isv.BLACK_KEY_CONTROL_LIMIT", "黑名单管控"), Refused("")),
        (said("isv.SOMETHING_NEW", "新的错误"), Refused("")),
        (said("isv.SOMETHING_NEW", "新的错误", 400), Refused("")),
        (Reply.of({"Code": 200}), Unavailable("", ambiguous=True)),
        (Reply.of({"Code": "OK"}, status=500), Unavailable("", ambiguous=True)),
    ],
)
async def test_codes_are_judged_as_documented(reply: Reply, result: Refused | Unavailable) -> None:
    """What passes is unavailable, with the time until it does where that is told; a code that nobody knows is refused."""
    async with Saying(reply) as fake, channel(fake) as sms:
        found = await sms.send(parcel())
    assert type(found) is type(result)
    assert not isinstance(found, Accepted)
    assert found.detail
    if isinstance(found, Unavailable) and isinstance(result, Unavailable):
        assert (found.retry_after_s, found.ambiguous) == (result.retry_after_s, result.ambiguous)


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("+8613912345678", "13912345678"),
        ("13912345678", "13912345678"),
        ("+85261234567", "85261234567"),
        ("+12025550123", "12025550123"),
        ("+86021123456", None),
        ("+861391234567", None),
        ("8613912345678", None),
        ("+0123456789", None),
        ("+123456", None),
        ("+1234567890123456", None),
        ("１３９１２３４５６７８", None),
        ("13912345678\n", None),
        ("13912345678,13812345678", None),
        (" 13912345678", None),
        ("", None),
    ],
)
def test_a_number_is_one_number(number: str, found: str | None) -> None:
    """At home without its country, abroad without its plus; None for all that is not written in E.164 or as at home."""
    assert national(number) == found


@given(st.text())
def test_what_is_sent_to_is_digits_alone(number: str) -> None:
    """So it can never be two numbers."""
    found = national(number)
    assert found is None or (found.isascii() and found.isdigit())


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("sms_key_id", "KOI_CHANNELS names sms, but KOI_SMS_KEY_ID is not set"),
        ("sms_key_secret", "KOI_CHANNELS names sms, but KOI_SMS_KEY_SECRET is not set"),
        ("sms_sign_name", "KOI_CHANNELS names sms, but KOI_SMS_SIGN_NAME is not set"),
    ],
)
def test_settings_name_what_is_missing(missing: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on its own, and no secret is told."""
    monkeypatch.setitem(SmsSettings.model_config, "env_file", None)
    given = {"sms_key_id": KEY_ID, "sms_key_secret": KEY_SECRET, "sms_sign_name": SIGN_NAME} | {missing: ""}
    with pytest.raises(ValidationError) as caught:
        SmsSettings(channels=("sms",), **given)  # type: ignore[arg-type]
    assert sentence in str(caught.value)
    assert KEY_SECRET not in str(caught.value)
