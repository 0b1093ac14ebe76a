"""`koi templates preview`: what will be sent, how long it is, and what is missing."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from typer.testing import CliRunner, Result

from services.cli.explain.account import NobodyThere
from services.cli.explain.live import Found
from services.cli.templates.command import templates_app
from services.cli.templates.people import of_customer, of_file, of_profile
from services.contracts import wire
from services.contracts.events import ClockTick
from services.runtime.settings import Settings
from tests.unit.rules.customers import NOON, ZONE, Life, book, campaign, profile

ROOT = Path(__file__).parents[4]
SETTINGS = Settings(partitions=4, zone=ZONE.key)
RULES = book(
    campaign("recency_days >= 12", name="silent", cooldown="30d"),
    ladder="kind: ladder\nname: clients\ntiers:\n  - name: 访客\n  - name: 贵宾\n    enter: [m >= 9]\n",
)
TEMPLATE = dedent("""\
    template: miss
    params: {coupon: {about: 券码, example: WB20}}
    zh:
      any:
        title: 好久不见
        text: 好久不见，{{ coupon }}，{{ rhythm_days | default('常来') }}，{{ tier.clients | default('–') }}
        markdown: "**{{ coupon }}**"
        html: <b>{{ coupon }}</b>
      sms: {kind: notice, text: "券${c}", fields: {c: "{{ coupon }}"}}
      wecom_robot: {text: "{{ card }}"}
    en:
      apprise: {text: "{{ recency_days }} days"}
""")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "miss.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


@pytest.fixture
def life() -> Iterator[Life]:
    """Somebody who was written to two days ago."""
    with closing(Life(RULES)) as one:
        one.now(fresh_until=NOON + timedelta(days=20))
        one.until(NOON + timedelta(days=2))
        yield one


def koi(*words: object, **variables: str) -> Result:
    return CliRunner().invoke(templates_app, ["preview", *map(str, words)], env={"COLUMNS": "80", **variables})


def titles(answer: Result) -> list[str]:
    return [line.strip("╭╮─ ") for line in answer.stdout.splitlines() if line.startswith("╭")]


def test_every_channel_with_words_of_its_own_has_a_box(file: Path) -> None:
    """Those for any are shown as text, as Markdown and as an e-mail."""
    answer = koi(file)
    assert answer.exit_code == 0, answer.stderr
    assert titles(answer) == [
        "zh · console (any)",
        "zh · wecom_app (any)",
        "zh · email (any)",
        "zh · wecom_robot",
        "zh · sms",
        "en · apprise",
    ]
    assert "好久不见，WB20，21.5，影响" in answer.stdout
    assert "**WB20**" in answer.stdout
    assert "<b>WB20</b>" in answer.stdout
    assert "客户：客户-42" in answer.stdout
    assert "no code yet (notice): c = WB20" in answer.stdout
    assert "45 days" in answer.stdout


def test_lengths_are_in_the_unit_of_the_channel(file: Path) -> None:
    """Bytes of WeCom, characters of an e-mail's title, messages of a text message."""
    shown = koi(file).stdout
    assert "Markdown 8 / 2,048 bytes" in shown
    assert "title 4 / 255 characters · text " in shown
    assert "text 5 / 500 characters · sent as 1 with 【签名】" in shown
    assert "title 12 bytes · text " in shown


def test_what_asks_for_nothing_says_so(file: Path) -> None:
    """And words in Markdown alone are shown where they can be."""
    file.write_text("template: miss\nzh: {any: {markdown: '**好**'}}", encoding="utf-8")
    answer = koi(file)
    assert titles(answer) == ["zh · wecom_robot (any)"]
    assert answer.stdout.endswith("it asks for no values\n")


def test_without_the_pipeline_there_is_no_customer(file: Path) -> None:
    """One line says what cannot be reached."""
    answer = koi(file, "--customer", "客户-1", "--rules", ROOT / "deploy" / "rules", KOI_REDIS="redis://127.0.0.1:1")
    assert answer.exit_code == 1
    assert len(answer.stderr.splitlines()) == 1
    assert "127.0.0.1" in answer.stderr


def test_one_channel_in_one_language(file: Path) -> None:
    """As the courier would choose, but in no other language."""
    assert titles(koi(file, "--channel", "feishu_robot")) == ["zh · feishu_robot (any)"]
    assert titles(koi(file, "--lang", "en")) == ["en · apprise"]
    answer = koi(file, "--lang", "en", "--channel", "sms")
    assert (answer.exit_code, answer.stderr) == (1, "miss has no words for sms in en\n")


def test_a_name_is_looked_up_in_a_folder(file: Path) -> None:
    """Named, or in the variable that the notifier reads."""
    assert koi("miss", "--templates", file.parent).exit_code == 0
    assert koi("miss", KOI_TEMPLATES=str(file.parent)).exit_code == 0
    answer = koi("mis", "--templates", file.parent)
    assert (answer.exit_code, answer.stderr) == (1, "there is no template mis (did you mean miss?)\n")
    answer = koi("miss", KOI_TEMPLATES="")
    assert answer.exit_code == 1
    assert answer.stderr == "name the folder of the templates: --templates FOLDER, or KOI_TEMPLATES\n"
    file.write_text("template: miss", encoding="utf-8")
    assert koi(file).stderr.startswith(f"{file}:1:1: bad_value: ")


def test_with_a_profile_what_is_missing_is_seen(file: Path, tmp_path: Path) -> None:
    """A text that cannot be filled in is not sent, and says why; the values stand below."""
    path = tmp_path / "profile.json"
    path.write_bytes(wire.PROFILES.encode(profile(customer_id="客户-7", last_order_day=None, rhythm_days=None)))
    answer = koi(file, "--profile", path)
    assert answer.exit_code == 0, answer.stderr
    assert "好久不见，WB20，常来，–" in answer.stdout
    assert "客户：客户-7" in answer.stdout
    assert "not sent: recency_days is unknown; say what stands there instead" in answer.stdout
    assert "coupon = WB20, recency_days = unknown, rhythm_days = unknown, tier.clients = " in answer.stdout
    assert koi(file, "--profile", path, "--customer", "a").exit_code == 2


def test_only_a_profile_is_one(tmp_path: Path) -> None:
    """The file is named, and what is wrong with it."""
    path = tmp_path / "p.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"p\.json: this is no profile as on koi\.profiles: not a "):
        of_file(path)
    path.write_bytes(wire.PROFILES.encode(ClockTick(id="t", source="s", occurred_at=NOON, received_at=NOON)))
    with pytest.raises(ValueError, match="this is a tick of the clock, not a profile"):
        of_file(path)


def test_the_values_are_those_that_rules_would_send(life: Life) -> None:
    """Of the live state, at the instant of a command: the command's own, and the id."""
    (sent,) = life.sent

    async def find(_customer: str, _settings: Settings) -> Found:
        return Found(life.state, sent.decided_at, True, None)

    values = of_customer(sent.customer_id, SETTINGS, RULES, find)
    assert values == {**sent.params, "customer_id": sent.customer_id}


def test_nobody_there_is_told_as_explain_tells_it() -> None:
    """In the same sentence."""

    async def find(_customer: str, _settings: Settings) -> Found:
        return Found(None, NOON, True, None)

    with pytest.raises(NobodyThere, match="客户-9 was never seen"):
        of_customer("客户-9", SETTINGS, RULES, find)


def test_a_profile_is_read_as_of_its_own_instant() -> None:
    """Nobody in a file grows older."""
    known = profile()
    assert of_profile(known, known.as_of, {"clients": "贵宾"})["tier.clients"] == "贵宾"
    later = of_profile(known, known.as_of + timedelta(days=5), {})
    days = of_profile(known, known.as_of, {})["recency_days"]
    assert later["recency_days"] == int(str(days)) + 5
