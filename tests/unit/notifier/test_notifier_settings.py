"""Settings name what is missing, and never print a secret."""

import io

import pytest
from pydantic import ValidationError

from services.contracts.errors import KoipondError
from services.notifier.channels.registry import build_channels, build_webhook
from services.notifier.settings import NotifierSettings

SECRET = "whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="  # noqa: S105 - a test's own
URL = "https://hooks.example/token-in-path"


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NotifierSettings.model_config, "env_file", None)


def _set(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"KOI_{name}", value)


async def test_the_console_needs_nothing() -> None:
    """Without any setting there is one channel, the console."""
    async with build_channels(NotifierSettings(), io.StringIO()) as channels:
        assert [channel.name for channel in channels] == ["console"]


async def test_channels_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comma separated, spaces allowed, repeats ignored, order kept."""
    _set(monkeypatch, CHANNELS="webhook, console,webhook", WEBHOOK_URL=URL, WEBHOOK_SECRET=SECRET)
    async with build_channels(NotifierSettings()) as channels:
        assert [channel.name for channel in channels] == ["webhook", "console"]


def test_bounds_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts and concurrency reach the courier."""
    _set(monkeypatch, SEND_ATTEMPTS="5", SEND_CONCURRENCY="7")
    bounds = NotifierSettings().bounds
    assert (bounds.attempts, bounds.concurrency) == (5, 7)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"CHANNELS": "wehook"}, "unknown channel 'wehook' (did you mean webhook?)"),
        ({"CHANNELS": "pigeon"}, "unknown channel 'pigeon'; known: console, webhook"),
        ({"CHANNELS": " , "}, "at least 1 item"),
        (
            {"CHANNELS": "webhook", "WEBHOOK_SECRET": SECRET},
            "KOI_CHANNELS names webhook, but KOI_WEBHOOK_URL is not set",
        ),
        (
            {"CHANNELS": "webhook", "WEBHOOK_URL": URL},
            "KOI_CHANNELS names webhook, but KOI_WEBHOOK_SECRET is not set",
        ),
        ({"WEBHOOK_URL": "http://hooks.example/token-in-path"}, "KOI_WEBHOOK_URL is plain http"),
        ({"WEBHOOK_URL": "ftp://hooks.example/token-in-path"}, "KOI_WEBHOOK_URL is not a web address"),
        ({"WEBHOOK_URL": "https://0177.0.0.1/token-in-path"}, "KOI_WEBHOOK_URL is not a web address"),
        ({"WEBHOOK_URL": "/token-in-path"}, "KOI_WEBHOOK_URL is not a web address"),
        ({"WEBHOOK_URL": "https://[::1/token-in-path"}, "KOI_WEBHOOK_URL is not a web address"),
        ({"WEBHOOK_URL": "https://u:token-in-path@hooks.example/"}, "KOI_WEBHOOK_URL holds a user or password"),
        ({"WEBHOOK_SECRET": ""}, "KOI_WEBHOOK_SECRET is empty"),
        ({"WEBHOOK_SECRET": "whsec_a"}, "KOI_WEBHOOK_SECRET is not whsec_ followed by base64"),
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


def test_a_secret_is_not_shown_by_the_settings_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing them in a log line is harmless."""
    _set(monkeypatch, CHANNELS="webhook", WEBHOOK_URL=URL, WEBHOOK_SECRET=SECRET)
    shown = repr(NotifierSettings())
    assert SECRET not in shown
    assert "token-in-path" not in shown


def test_private_networks_may_be_allowed_together_with_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """One switch for a sink on the same network."""
    _set(monkeypatch, WEBHOOK_URL="http://sink:8080/", WEBHOOK_ALLOW_PRIVATE="true")
    assert NotifierSettings().webhook_allow_private


def test_a_webhook_cannot_be_made_of_nothing() -> None:
    """Settings without its address make a clear error, not a crash."""
    with pytest.raises(KoipondError, match="KOI_WEBHOOK_URL"):
        build_webhook(NotifierSettings())
