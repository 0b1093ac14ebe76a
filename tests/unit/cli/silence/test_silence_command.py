"""`koi silence` as it is typed; that Kafka gets and gives it is a matter of the system tests."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from services.cli.silence import running
from services.contracts.silence import Matcher, Silence
from services.runtime.settings import Settings

RULES = """\
kind: campaign
name: win-back
when: [r > 1]
steps:
  - notify: {template: we_miss_you, channels: [console], to: owner}
"""


class Topic:
    """`koi.silences`, in memory."""

    def __init__(self) -> None:
        self.silences: dict[str, Silence] = {}

    async def read(self, _settings: Settings) -> tuple[Silence, ...]:
        return tuple(self.silences.values())

    async def write(self, _settings: Settings, silences: Iterable[Silence], forgotten: Iterable[str] = ()) -> None:
        self.silences |= {silence.id: silence for silence in silences}
        for name in forgotten:
            del self.silences[name]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Topic:
    one = Topic()
    monkeypatch.setattr(running, "read_silences", one.read)
    monkeypatch.setattr(running, "write_silences", one.write)
    monkeypatch.setenv("USER", "lin")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("KOI_RULES", raising=False)
    return one


def koi(*words: str) -> Result:
    return CliRunner().invoke(app, ["silence", *words])


def test_a_silence_is_put_up_listed_and_ended(topic: Topic) -> None:
    """Its id goes to standard output, for whatever comes next; a few letters of it are enough to end it."""
    put_up = koi("add", "--category", "marketing", "--for", "2h", "--comment", "优惠券发错了")
    assert put_up.exit_code == 0, put_up.output
    silence_id = put_up.stdout.strip()
    silence = topic.silences[silence_id]
    assert (silence.matcher.category, silence.created_by, silence.comment) == ("marketing", "lin", "优惠券发错了")
    assert silence.ends_at - silence.starts_at == timedelta(hours=2)
    assert put_up.stderr.startswith("category=marketing: silent until ")
    listed = koi("list").stdout
    assert all(word in listed for word in (silence_id, "active", "category=marketing", "lin", "优惠券发错了"))
    assert koi("expire", silence_id[:6]).stdout == f"{silence_id}: category=marketing is no longer silent\n"
    assert koi("list").stdout == "nothing is silenced\n"
    assert "expired" in koi("list", "--expired").stdout


def test_a_list_for_programs(topic: Topic) -> None:
    """As on the topic, and the state."""
    koi("add", "--everything", "--for", "1h", "--comment", "演练", "--by", "王")
    (said,) = json.loads(koi("list", "--json").stdout)
    assert (said["state"], said["matcher"], said["created_by"], said["comment"]) == ("active", {}, "王", "演练")
    assert said["id"] in topic.silences
    koi("expire", said["id"])
    assert json.loads(koi("list", "--json").stdout) == []


def test_what_is_over_long_ago_goes(topic: Topic) -> None:
    """Whenever somebody writes."""
    then = datetime.now(UTC) - timedelta(days=31)
    topic.silences["old"] = Silence(
        id="old", matcher=Matcher(), starts_at=then, ends_at=then, created_at=then, created_by="lin", comment="x"
    )
    topic.silences["new"] = msgspec.structs.replace(topic.silences["old"], id="new", ends_at=then + timedelta(days=9))
    koi("add", "--customer", "客户-1", "--for", "1h", "--comment", "投诉中")
    assert "old" not in topic.silences
    assert "new" in topic.silences


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["add", "--rule", "x", "--for", "2h"], 2, "Missing option '--comment'"),
        (["add", "--rule", "x", "--for", "2h", "--comment", " "], 1, "--comment is empty"),
        (["add", "--rule", "x", "--comment", "c"], 1, "say how long: either --for 2h or --until"),
        (["add", "--channel", "emial", "--for", "2h", "--comment", "c"], 1, "no channel emial (did you mean email?)"),
        (["expire", "a"], 1, "there is no silence a; see koi silence list"),
        (["expire"], 2, "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_one_line(topic: Topic, words: list[str], code: int, says: str) -> None:
    """And nothing is put up."""
    result = koi(*words)
    assert result.exit_code == code
    assert says in result.stderr
    assert topic.silences == {}


def test_names_are_those_of_the_rule_files(topic: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those given, or those that the rules service reads; without either a name is taken as it is."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    rest = ("--for", "1h", "--comment", "c")
    wrong = koi("add", "--rule", "win-bak", "--rules", str(file), *rest)
    assert (wrong.exit_code, wrong.stderr) == (1, "there is no rule win-bak (did you mean win-back?)\n")
    assert koi("add", "--rule", "win-bak", *rest).exit_code == 0
    monkeypatch.setenv("KOI_RULES", str(file))
    assert koi("add", "--template", "we_mis_you", *rest).exit_code == 1
    assert koi("add", "--rule", "win-back", "--template", "we_miss_you", *rest).exit_code == 0
    assert len(topic.silences) == 2


def test_broken_rule_files_hold_nobody_up(topic: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they were named: then one wants to know."""
    file = tmp_path / "rules.yaml"
    file.write_text("kind: nothing")
    monkeypatch.setenv("KOI_RULES", str(file))
    quick = koi("add", "--rule", "x", "--for", "1h", "--comment", "c")
    assert quick.exit_code == 0
    assert quick.stderr.startswith(f"names are not checked: {file}:1:")
    assert len(topic.silences) == 1
    assert koi("add", "--rule", "x", "--for", "1h", "--comment", "c", "--rules", str(file)).exit_code == 1


def test_without_kafka_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """For every command."""
    monkeypatch.setenv("KOI_KAFKA", "127.0.0.1:1")
    for words in (("list",), ("expire", "a"), ("add", "--everything", "--for", "1h", "--comment", "c", "--by", "lin")):
        result = koi(*words)
        assert result.exit_code == 1
        assert result.stderr.startswith("KafkaConnectionError: ")
        assert result.stderr.count("\n") == 1
