"""Settings name what is missing, and never print a secret."""

import pytest
from pydantic import SecretStr, ValidationError

from services.contracts.channels import CHANNELS, ChannelName, Delivery
from services.notifier.channels.registry import BUILDERS, build_channels
from services.notifier.settings import NotifierSettings

SECRET = "whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="  # noqa: S105 - a test's own
URL = "https://hooks.example/token-in-path"
TOKEN = "8b2f4a1c-5b1e"  # noqa: S105


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NotifierSettings.model_config, "env_file", None)


def _set(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"KOI_{name}", value)


async def test_the_console_needs_nothing() -> None:
    """Without any setting there is one channel, the console."""
    async with build_channels(NotifierSettings()) as channels:
        assert [channel.name for channel in channels] == ["console"]


def test_every_channel_can_be_built() -> None:
    """Nobody can name one in vain."""
    assert set(BUILDERS) == set(ChannelName)


async def test_channels_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comma separated, spaces allowed, repeats ignored, order kept."""
    _set(monkeypatch, CHANNELS="webhook, console,webhook", WEBHOOK_URL=URL, WEBHOOK_SECRET=SECRET)
    async with build_channels(NotifierSettings()) as channels:
        assert [channel.name for channel in channels] == ["webhook", "console"]


async def test_robots_and_the_application_are_made_of_a_few_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is connected, and addresses of the public services are the defaults."""
    _set(
        monkeypatch,
        CHANNELS="wecom_robot,wecom_app,dingtalk_robot,feishu_robot",
        WECOM_ROBOT_KEY=TOKEN,
        WECOM_APP_CORP_ID="ww1",
        WECOM_APP_AGENT_ID="1000002",
        WECOM_APP_SECRET=TOKEN,
        DINGTALK_ROBOT_TOKEN=TOKEN,
        FEISHU_ROBOT_TOKEN=TOKEN,
    )
    async with build_channels(NotifierSettings()) as channels:
        assert [channel.name for channel in channels] == ["wecom_robot", "wecom_app", "dingtalk_robot", "feishu_robot"]


def test_bounds_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts and concurrency reach the courier."""
    _set(monkeypatch, SEND_ATTEMPTS="5", SEND_CONCURRENCY="7")
    bounds = NotifierSettings().bounds
    assert (bounds.attempts, bounds.concurrency) == (5, 7)


async def test_repeats_are_settled_per_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel keeps the promise of its facts unless a setting names it."""
    _set(
        monkeypatch,
        CHANNELS="console,webhook,wecom_robot",
        WEBHOOK_URL=URL,
        WEBHOOK_SECRET=SECRET,
        WECOM_ROBOT_KEY=TOKEN,
        AT_LEAST_ONCE="wecom_robot",
        AT_MOST_ONCE="webhook",
    )
    assert CHANNELS[ChannelName.WECOM_ROBOT].delivery is Delivery.AT_MOST_ONCE
    async with build_channels(NotifierSettings()) as channels:
        assert [channel.delivery for channel in channels] == [
            Delivery.AT_LEAST_ONCE,
            Delivery.AT_MOST_ONCE,
            Delivery.AT_LEAST_ONCE,
        ]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"CHANNELS": "wehook"}, "unknown channel 'wehook' (did you mean webhook?)"),
        ({"CHANNELS": "pigeon"}, "unknown channel 'pigeon'; known: console, webhook"),
        ({"AT_MOST_ONCE": "emial"}, "unknown channel 'emial' (did you mean email?)"),
        ({"CHANNELS": " , "}, "at least 1 item"),
        (
            {"AT_LEAST_ONCE": "sms,email", "AT_MOST_ONCE": "email"},
            "KOI_AT_LEAST_ONCE and KOI_AT_MOST_ONCE both name email",
        ),
        *(
            (
                {"CHANNELS": name, **given},
                f"KOI_CHANNELS names {name}, but KOI_{missing} is not set",
            )
            for name, given, missing in (
                ("webhook", {"WEBHOOK_SECRET": SECRET}, "WEBHOOK_URL"),
                ("webhook", {"WEBHOOK_URL": URL}, "WEBHOOK_SECRET"),
                ("webhook", {"WEBHOOK_URL": URL, "WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET"),
                ("wecom_robot", {}, "WECOM_ROBOT_KEY"),
                ("wecom_robot", {"WECOM_ROBOT_KEY": "k", "WECOM_ROBOT_URL": ""}, "WECOM_ROBOT_URL"),
                ("wecom_app", {"WECOM_APP_SECRET": "s", "WECOM_APP_AGENT_ID": "1"}, "WECOM_APP_CORP_ID"),
                ("wecom_app", {"WECOM_APP_CORP_ID": "c", "WECOM_APP_SECRET": "s"}, "WECOM_APP_AGENT_ID"),
                ("wecom_app", {"WECOM_APP_CORP_ID": "c", "WECOM_APP_AGENT_ID": "1"}, "WECOM_APP_SECRET"),
                ("dingtalk_robot", {}, "DINGTALK_ROBOT_TOKEN"),
                ("feishu_robot", {}, "FEISHU_ROBOT_TOKEN"),
            )
        ),
        *(
            ({f"{name}_URL": address}, f"KOI_{name}_URL {wrong}")
            for name in ("WEBHOOK", "WECOM_ROBOT", "WECOM_APP", "DINGTALK_ROBOT", "FEISHU_ROBOT")
            for address, wrong in (
                ("http://hooks.example/token-in-path", "is plain http; write https://, or set KOI_ALLOW_PRIVATE=true"),
                ("ftp://hooks.example/token-in-path", "is not a web address; write https://host/path"),
                ("https://0177.0.0.1/token-in-path", "is not a web address; write https://host/path"),
                ("/token-in-path", "is not a web address; write https://host/path"),
                ("https://[::1/token-in-path", "is not a web address; write https://host/path"),
                ("https://u:token-in-path@hooks.example/", "holds a user or password"),
            )
        ),
        ({"WEBHOOK_SECRET": "whsec_a"}, "KOI_WEBHOOK_SECRET is not whsec_ followed by base64"),
        (
            {"WECOM_ROBOT_KEY": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=token-in-path"},
            "KOI_WECOM_ROBOT_KEY is not what follows key= in the robot's webhook address",
        ),
        (
            {"DINGTALK_ROBOT_TOKEN": "access_token=token-in-path"},
            "KOI_DINGTALK_ROBOT_TOKEN is not what follows access_token= in the robot's webhook address",
        ),
        (
            {"FEISHU_ROBOT_TOKEN": "/hook/token-in-path"},
            "KOI_FEISHU_ROBOT_TOKEN is not what follows /hook/ in the robot's webhook address",
        ),
        *(
            ({f"{name}_URL": f"https://provider.example{more}"}, f"KOI_{name}_URL holds a query or a fragment")
            for name in ("WECOM_ROBOT", "WECOM_APP", "DINGTALK_ROBOT", "FEISHU_ROBOT")
            for more in ("/?key=token-in-path", "/#token-in-path")
        ),
    ],
)
def test_what_is_wrong_is_said_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    """Each message names the variable; neither URL nor secret appears."""
    _set(monkeypatch, **variables)
    with pytest.raises(ValidationError) as refusal:
        NotifierSettings()
    said = str(refusal.value)
    assert sentence in said
    assert "token-in-path" not in said
    assert SECRET not in said


def test_what_a_channel_lacks_is_no_matter_while_it_is_not_used() -> None:
    """No setting of any channel is needed for the console."""
    assert NotifierSettings().webhook_url == SecretStr("")


def test_a_secret_is_not_shown_by_the_settings_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing them in a log line is harmless."""
    secrets = ("WEBHOOK_URL", "WEBHOOK_SECRET", "WECOM_ROBOT_KEY", "WECOM_APP_SECRET")
    robots = ("DINGTALK_ROBOT_TOKEN", "DINGTALK_ROBOT_SECRET", "FEISHU_ROBOT_TOKEN", "FEISHU_ROBOT_SECRET")
    _set(monkeypatch, **dict.fromkeys((*secrets, *robots), TOKEN) | {"WEBHOOK_URL": URL, "WEBHOOK_SECRET": SECRET})
    shown = repr(NotifierSettings())
    assert not [secret for secret in (SECRET, TOKEN, "token-in-path") if secret in shown]


def test_private_networks_may_be_allowed_together_with_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """One switch for a sink on the same network."""
    _set(monkeypatch, WEBHOOK_URL="http://sink:8080/", ALLOW_PRIVATE="true")
    assert NotifierSettings().reach.allow_private
