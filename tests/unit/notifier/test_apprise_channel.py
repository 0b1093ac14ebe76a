"""The long tail: which services may be used, what an address cannot do, and what a no means."""

import asyncio
import logging
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from services.contracts.errors import KoipondError
from services.notifier.channels.apprise import SCHEMES, AppriseChannel, AppriseSettings, build, judge
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.message import Content, Message, Parcel
from tests.servers.providers.faults import Fault
from tests.servers.providers.json_receiver import PATH, JsonReceiver
from tests.unit.notifier.commands import command

NOT_NAMED = "the address is of a service that KOI_APPRISE_SCHEMES does not name"


def channel(*schemes: str, own: str = "", timeout_s: float = 20.0) -> AppriseChannel:
    return AppriseChannel(SecretStr(own), schemes or ("json",), timeout_s=timeout_s)


def parcel(address: str | None, text: str = "好久不见", title: str | None = None) -> Parcel:
    return Parcel(Message.of(command()), Content("zh", text, title=title), address)


async def test_text_and_title_arrive() -> None:
    """As they were written."""
    async with JsonReceiver() as fake, channel() as apprise:
        assert await apprise.send(parcel(fake.address, title="回来看看")) == Accepted()
        body = fake.requests[0].json()
        assert (body["title"], body["message"]) == ("回来看看", "好久不见")


async def test_without_an_address_it_goes_to_its_own() -> None:
    """To colleagues, over any service; an address of the recipient's own comes first."""
    async with JsonReceiver() as team, JsonReceiver() as clerk, channel("jsons", "json", own=team.address) as apprise:
        assert await apprise.send(parcel(None)) == Accepted()
        assert await apprise.send(parcel(clerk.address)) == Accepted()
        assert (len(team.taken), len(clerk.taken)) == (1, 1)


async def test_its_own_may_be_of_a_service_that_addresses_must_not_name() -> None:
    """Whoever configures it knows what lies in their network."""
    async with JsonReceiver() as fake, channel(*SCHEMES, own=fake.address) as apprise:
        assert await apprise.send(parcel(None)) == Accepted()
        assert await apprise.send(parcel(fake.address)) == Refused(NOT_NAMED)


@pytest.mark.parametrize(
    ("address", "detail"),
    [
        ("json://10.0.0.1/", NOT_NAMED),
        ("JSON://10.0.0.1/", NOT_NAMED),
        ("xml://169.254.169.254/latest", NOT_NAMED),
        ("mailtos://a:b@mail.example?smtp=10.0.0.1", NOT_NAMED),
        ("ntfys://10.0.0.1/topic", NOT_NAMED),
        ("apprise://10.0.0.1/token", NOT_NAMED),
        ("file:///etc/passwd", NOT_NAMED),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", NOT_NAMED),
        (" json://10.0.0.1/", NOT_NAMED),
        ("not an address", NOT_NAMED),
        ("tgram://", "the address is not one that apprise understands"),
        ("syslog://", "syslog reaches nobody but this machine"),
        ("dbus://", "dbus reaches nobody but this machine"),
        ("wecombot://key", "apprise takes errors of wecombot for success; use the channel wecom_robot"),
        ("dingtalk://token", "apprise takes errors of dingtalk for success; use the channel dingtalk_robot"),
        ("feishu://token", "apprise takes errors of feishu for success; use the channel feishu_robot"),
        ("lark://token", "apprise takes errors of lark for success; use the channel feishu_robot"),
    ],
)
async def test_an_address_leads_to_no_other_service(address: str, detail: str) -> None:
    """Not into our network, not to this machine, and not to those whose errors apprise does not see."""
    async with channel(*SCHEMES) as apprise:
        assert await apprise.send(parcel(address)) == Refused(detail)


async def test_a_web_address_is_judged_by_the_service_it_belongs_to() -> None:
    """Though its scheme is permitted: apprise knows it for one of WeCom's."""
    url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
    async with channel("json") as apprise:
        apprise._schemes = ("https",)
        assert await apprise.send(parcel(url)) == Refused(
            "apprise takes errors of wecombot for success; use the channel wecom_robot"
        )


ADDRESSES = {
    "discord": ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord.com"),
    "gchat": ("gchat://workspace/key/token", "chat.googleapis.com"),
    "line": ("line://token/user", "api.line.me"),
    "pover": ("pover://user@token", "api.pushover.net"),
    "slack": ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "hooks.slack.com"),
    "tgram": ("tgram://123456789:abcdefghijklmnop/12315544", "api.telegram.org"),
    "whatsapp": ("whatsapp://token@12345678901/18005551212", "graph.facebook.com"),
}
"""Of each service of the default an address, and the host it leads to."""

INSIDE = "10.0.0.1"
ASKING = urlencode(
    dict.fromkeys(
        ("host", "hostname", "server", "url", "endpoint", "api", "base", "smtp", "proxy", "to", "mode"), INSIDE
    )
)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "trick", ["", "/", f"/{INSIDE}", f"/?{ASKING}", f":6379/{INSIDE}/?{ASKING}", f"@{INSIDE}/", f"#{INSIDE}"]
)
async def test_no_address_of_a_default_service_leads_elsewhere(
    scheme: str, trick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands where a host would is a token there: if anybody is asked, it is the service."""
    address, host = ADDRESSES[scheme]
    asked: list[str | None] = []

    def send(_: requests.Session, request: requests.PreparedRequest, **__: object) -> requests.Response:
        asked.append(urlsplit(str(request.url)).hostname)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "send", send)
    async with channel(*SCHEMES) as apprise:
        result = await apprise.send(parcel(address + trick))
    assert not isinstance(result, Accepted)
    assert set(asked) == {host} if not trick else set(asked) <= {host}


async def test_an_address_cannot_weaken_the_connection() -> None:
    """Certificates are checked, redirects are not followed, and nobody is waited for longer, whatever it asks for."""
    options = "?verify=no&redirect=yes&cto=900&rto=900"
    async with channel(timeout_s=7.0) as apprise:
        service = apprise._service(f"json://host.example/{options}", own=False)
        assert not isinstance(service, Refused)
        assert (service.verify_certificate, service.redirects) == (True, False)
        assert service.request_timeout == (7.0, 7.0)
    async with JsonReceiver(Fault.REDIRECT) as fake, channel() as apprise:
        assert await apprise.send(parcel(f"{fake.address}{options}")) == Refused("HTTP 302: redirects are not followed")
        assert len(fake.requests) == 1


async def test_an_address_is_tried_once() -> None:
    """Though it asks for more."""
    async with JsonReceiver(Fault.BUSY) as fake, channel() as apprise:
        assert await apprise.send(parcel(f"{fake.address}?retry=5&wait=0.1")) == Unavailable("HTTP 503")
        assert len(fake.requests) == 1


async def test_what_waits_for_a_thread_in_vain_was_not_sent() -> None:
    """So it is not ambiguous."""
    async with JsonReceiver(Fault.SLOW) as fake, channel(timeout_s=0.3) as apprise:
        results = await asyncio.gather(*(apprise.send(parcel(fake.address)) for _ in range(40)))
        said = {result.detail: result.ambiguous for result in results if isinstance(result, Unavailable)}
        assert len(results) == 40
        assert said["all threads are busy with what is slow"] is False
        assert all(ambiguous for detail, ambiguous in said.items() if "threads" not in detail)


class Broken:
    """A service with a bug."""

    def notify(self, *_: object, **__: object) -> bool:
        raise RuntimeError(PATH)


async def test_a_broken_service_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows what it did before; what it says about it is not repeated."""
    async with channel() as apprise:
        monkeypatch.setattr(apprise, "_service", lambda *_, **__: Broken())
        assert await apprise.send(parcel("json://anywhere")) == Unavailable(
            "apprise failed: RuntimeError", ambiguous=True
        )


async def test_nobody_hears_apprise(caplog: pytest.LogCaptureFixture) -> None:
    """Its lines hold addresses; not one of them comes through, at any level."""
    caplog.set_level(0)
    async with JsonReceiver() as fake, channel() as apprise:
        await apprise.send(parcel(fake.address))
        fake.fault = Fault.FAIL
        await apprise.send(parcel(fake.address))
    assert PATH not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith(("apprise", "urllib3"))]
    channel()
    assert len(logging.getLogger("apprise").filters) == 1


@pytest.mark.parametrize(
    ("statuses", "unconnected", "result"),
    [
        ([], False, Unavailable("apprise failed, and does not say how", ambiguous=True)),
        ([], True, Unavailable("no connection")),
        ([400], False, Refused("HTTP 400")),
        ([401], False, Refused("HTTP 401")),
        ([429], False, Unavailable("HTTP 429")),
        ([503], True, Unavailable("HTTP 503")),
        ([500], False, Unavailable("HTTP 500", ambiguous=True)),
        ([400, 503], False, Unavailable("HTTP 503")),
        ([200], False, Unavailable("apprise failed", ambiguous=True)),
    ],
)
def test_a_no_is_judged_by_what_was_heard(statuses: list[int], unconnected: bool, result: SendResult) -> None:
    """By the last status; without one, by whether there was a connection; else nobody knows."""
    assert judge(statuses, unconnected=unconnected) == result


@given(st.lists(st.integers(100, 999)), st.booleans())
def test_a_no_is_never_a_yes(statuses: list[int], unconnected: bool) -> None:
    """Whatever was heard."""
    assert not isinstance(judge(statuses, unconnected=unconnected), Accepted)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            "tgram, wecombot",
            "KOI_APPRISE_SCHEMES: apprise takes errors of wecombot for success; use the channel wecom_robot",
        ),
        ("syslog", "KOI_APPRISE_SCHEMES: syslog reaches nobody but this machine"),
    ],
)
def test_schemes_that_never_do_are_refused(given: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the settings are read."""
    monkeypatch.setenv("KOI_APPRISE_SCHEMES", given)
    with pytest.raises(ValidationError, match=sentence):
        AppriseSettings()


def test_schemes_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Separated by commas, in any case."""
    monkeypatch.setenv("KOI_APPRISE_SCHEMES", "TGRAM, slack,")
    assert AppriseSettings().apprise_schemes == ("tgram", "slack")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"apprise_schemes": "tgramm"}, r"KOI_APPRISE_SCHEMES: unknown service 'tgramm' \(did you mean tgram\?\)"),
        ({"apprise_url": "tgram://secret-token"}, "KOI_APPRISE_URL: the address is not one that apprise understands"),
        ({"apprise_url": "wecombot://secret-token"}, "KOI_APPRISE_URL: apprise takes errors of wecombot for success"),
        ({"apprise_url": "syslog://"}, "KOI_APPRISE_URL: syslog reaches nobody but this machine"),
    ],
)
def test_a_service_that_there_is_not_is_told_of(more: dict[str, str], sentence: str) -> None:
    """When the channel is made, and without the address."""
    with pytest.raises(KoipondError, match=sentence) as caught:
        build(AppriseSettings(**more))  # type: ignore[arg-type]
    assert "secret-token" not in str(caught.value)
