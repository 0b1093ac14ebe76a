"""`koi notify test`: sends one message, really, over a channel as the notifier would make it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from services.notifier.channels.registry import AllChannelSettings

TOKEN = "secret-token-in-the-url"  # noqa: S105 - a test's own
HELLO = """\
template: hello
params:
  gift: {about: 礼物, example: 咖啡}
zh:
  any: {text: "{{ gift }} 送给您"}
"""


class Robot(BaseHTTPRequestHandler):
    """A WeCom robot in a thread, for a command that runs an event loop of its own."""

    said: ClassVar[list[str]] = []
    answer: ClassVar[dict[str, object]] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.said.append(msgspec.json.decode(body)["text"]["content"])
        answer = msgspec.json.encode(self.answer)
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Robot]]:
    server = HTTPServer(("127.0.0.1", 0), Robot)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    Robot.said = []
    Robot.answer = {"errcode": 0, "errmsg": "ok"}
    monkeypatch.setitem(AllChannelSettings.model_config, "env_file", None)
    monkeypatch.setenv("KOI_WECOM_ROBOT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("KOI_WECOM_ROBOT_KEY", TOKEN)
    monkeypatch.setenv("KOI_ALLOW_PRIVATE", "true")
    yield Robot
    server.shutdown()
    thread.join()
    server.server_close()


def koi(*words: str) -> Result:
    return CliRunner().invoke(app, ["notify", "test", *words])


def test_an_accepted_message_ends_with_0(robot: type[Robot]) -> None:
    """It says what it does, does it, and says what came of it."""
    result = koi("--channel", "wecom_robot", "--text", "你好 [小鱼]")
    first, second = result.output.splitlines()
    assert first == "one message over wecom_robot: 你好 [小鱼]"
    assert second.startswith("accepted after 0.")
    assert result.exit_code == 0
    assert robot.said == ["你好 [小鱼]"]


def test_a_refused_message_ends_with_1(robot: type[Robot]) -> None:
    """With the provider's own words, and without a secret."""
    robot.answer = {"errcode": 93000, "errmsg": f"invalid webhook url {TOKEN}"}
    result = koi("--channel", "wecom_robot", "--text", "你好")
    assert result.exit_code == 1
    assert "errcode 93000: invalid webhook url …" in result.output
    assert TOKEN not in result.output


def test_a_template_is_filled_in(robot: type[Robot], tmp_path: Path) -> None:
    """With what is given, and with examples where nothing is."""
    (tmp_path / "hello.yaml").write_text(HELLO)
    named = ("--channel", "wecom_robot", "--template", "hello", "--templates", str(tmp_path))
    assert koi(*named).exit_code == 0
    assert koi(*named, "--param", "gift=锦鲤").exit_code == 0
    assert robot.said == ["咖啡 送给您", "锦鲤 送给您"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--channel", "wecom_robot"), "what shall it say? --text TEXT, --template NAME, or --code CODE for sms"),
        (
            ("--channel", "wecom_robot", "--text", "x", "--to", "y"),
            "wecom_robot has no address but its own; leave --to out",
        ),
        (
            ("--channel", "wecom_robot", "--text", "x", "--template", "y"),
            "a template has its own words; leave --text, --title, --code and --field out",
        ),
        (
            ("--channel", "wecom_robot", "--text", "x", "--param", "a=b"),
            "--param fills in a template; name it with --template",
        ),
        (
            ("--channel", "sms", "--text", "x", "--field", "a=b"),
            "--field fills in a template at the provider; name it with --code",
        ),
        (
            ("--channel", "wecom_robot", "--template", "x"),
            "name the folder of the templates: --templates FOLDER, or KOI_TEMPLATES",
        ),
    ],
)
def test_what_does_not_go_together_is_told(
    words: tuple[str, ...], sentence: str, robot: type[Robot], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, and nobody is asked."""
    monkeypatch.delenv("KOI_TEMPLATES", raising=False)
    result = koi(*words)
    assert (result.exit_code, result.output.strip()) == (1, sentence)
    assert robot.said == []


def test_settings_that_are_missing_are_named(robot: type[Robot], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is announced; those of other channels are not asked for."""
    monkeypatch.delenv("KOI_SMS_KEY_ID", raising=False)
    result = koi("--channel", "sms", "--code", "SMS_1", "--to", "+8613912345678")
    assert result.exit_code == 2
    assert "KOI_SMS_KEY_ID is not set" in result.output
    assert "one message" not in result.output
    assert robot.said == []


def test_a_number_is_shown_masked(robot: type[Robot], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after; a text message is told by its code and fields."""
    for name, value in (("KEY_ID", "id"), ("KEY_SECRET", TOKEN), ("SIGN_NAME", "锦鲤"), ("URL", "http://127.0.0.1:9")):
        monkeypatch.setenv(f"KOI_SMS_{name}", value)
    result = koi("--channel", "sms", "--code", "SMS_1", "--field", "name=小鱼", "--to", "+8613912345678")
    assert result.output.splitlines()[0] == "one message over sms to +861…78: SMS_1 name=小鱼"
    assert result.exit_code == 1
    assert "13912345678" not in result.output
    assert TOKEN not in result.output
    assert robot.said == []
