"""What the README and the pages show is true: it parses, it is accepted, it exists."""

import json
import re
import shlex
from pathlib import Path

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from services.cli.main import app
from services.contracts import inbound
from services.contracts.calendar import YEARS
from services.contracts.inbound import INBOUND, InboundOrderPaid
from services.contracts.topics import TOPICS
from services.ingest.app import IngestSettings
from services.ingest.canonical import FUTURE_TOLERANCE
from services.ingest.mapping import MODELS, load
from services.ingest.translation import decode
from services.notifier.callback_metrics import CallbackMetrics
from services.notifier.delivery.metrics import ChannelMetrics
from services.notifier.message import Message
from services.notifier.settings import NotifierSettings
from services.notifier.templates.checking import oddities
from services.notifier.templates.collection import Templates
from services.rules.app import RulesSettings
from services.rules.book.compiler import compile_rulebook
from services.runtime.telemetry import Telemetry
from services.scoring.config import ScoringConfig
from services.scoring.registers import CAPACITY
from services.scoring.settings import ScoringSettings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}

BLOCK = re.compile(r"(?:^<!-- (mapped by the file above) -->\n)?^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENVELOPE = {"id", "source", "customer_id", "occurred_at", "received_at", "schema_"}
PROGRAMS = {"koi", "make", "export", "echo", "kcat", "jq", "grep", "redis-cli", "xargs", "docker", "tr"}
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def blocks(page: str, language: str) -> list[str]:
    return [body for _, kind, body in BLOCK.findall(TEXTS[page]) if kind == language]


def pipelines(page: str) -> list[list[list[str]]]:
    """The lines of a page's console blocks: for each the words of its commands, without the variables set before them."""
    found = []
    for block in blocks(page, "console"):
        for line in filter(str.strip, block.splitlines()):
            lexer = shlex.shlex(
                line.replace("$(date -Iseconds)", "2026-01-31T08:00:00+08:00"), posix=True, punctuation_chars="|&"
            )
            lexer.whitespace_split = True
            commands: list[list[str]] = [[]]
            for word in lexer:
                if word == "|":
                    commands.append([])
                elif word != "&" and (commands[-1] or not re.match(r"[A-Z_]+=", word)):
                    commands[-1].append(word)
            found.append([command for command in commands if command])
    return found


@pytest.mark.parametrize("page", TEXTS)
def test_every_yaml_block_is_loaded_by_the_real_loader(page: str) -> None:
    """A mapping file by ingest, a rule file by rules, a template by the notifier, anything else by scoring."""
    for text in blocks(page, "yaml"):
        if text.startswith("kind: mapping\n"):
            assert load(text, page).fields
        elif text.startswith(("kind:", "define:")):
            assert compile_rulebook({page: text}).predicates
        elif text.startswith("template:"):
            templates = Templates.of({page: text})
            assert [problem for template in templates.by_name.values() for problem in oddities(template)] == []
        else:
            assert ScoringConfig.parse(page, text) != ScoringConfig(), "an example says something of its own"


@pytest.mark.parametrize("page", TEXTS)
def test_every_json_block_is_what_it_shows(page: str) -> None:
    """A message of the webhook as it is sent, a vendor's message that the mapping file above takes, or an event."""
    mapping = None
    for mark, language, text in BLOCK.findall(TEXTS[page]):
        if language == "yaml" and text.startswith("kind: mapping\n"):
            mapping = load(text, page)
        elif language == "json" and mark:
            assert mapping is not None
            message = decode(text.encode())
            assert mapping.matches(message)
            assert isinstance(INBOUND.validate_python(mapping.translate(message)), InboundOrderPaid)
        elif language == "json" and page == "docs/channels.md":
            sent = json.loads(msgspec.json.encode(msgspec.json.decode(text, type=Message)))
            assert list(json.loads(text).items()) == list(sent.items())
        elif language == "json":
            assert INBOUND.validate_json(text)


def test_the_readme_and_the_new_pages_have_examples() -> None:
    """The tests above have something to look at."""
    assert blocks("README.md", "yaml")
    assert blocks("docs/scoring.md", "yaml")
    assert blocks("docs/channels.md", "json")
    assert "`koi_channel_breaker{" in TEXTS["docs/operations.md"]
    assert len(blocks("docs/publishing.md", "json")) == len(("event", "contacts", "merger", "vendor message"))


@pytest.mark.parametrize("page", TEXTS)
def test_console_lines_can_be_pasted(page: str) -> None:
    """Only programs we mean, topics that exist, and every event that is piped into kcat is accepted and rightly keyed."""
    topics = {topic.name for topic in TOPICS}
    for commands in pipelines(page):
        for command, following in zip(commands, [*commands[1:], []], strict=True):
            assert command[0] in PROGRAMS, command
            if command[0] == "kcat":
                assert command[command.index("-t") + 1] in topics
            if command[0] == "echo":
                event = INBOUND.validate_json(command[1])
                assert following[0] == "kcat"
                assert following[-2:] == ["-k", event.customer_id]  # type: ignore[union-attr]
                orders = event.type.startswith("order.")
                assert following[following.index("-t") + 1] == ("koi.orders" if orders else "koi.interactions")


def test_the_limits_are_those_of_the_code() -> None:
    """The numbers in docs/publishing.md."""
    text = " ".join(TEXTS["docs/publishing.md"].split())
    for words in (
        f"at most {inbound.MAX_MESSAGE_BYTES // 1024} KiB and {inbound.MAX_DEPTH} levels",
        f"at most {inbound.MAX_ID_LENGTH} characters",
        f"{inbound.MAX_ITEMS} items an order, {inbound.MAX_TAGS} tags to add",
        f"{inbound.MAX_ATTRIBUTES} attributes an event, and {CAPACITY} tags and {CAPACITY} attributes a customer",
        f"up to 10^{len(str(inbound.MAX_AMOUNT_MINOR)) - 1}.",
        f"Years are {YEARS[0]} to {YEARS[-1]}.",
        f"more than {FUTURE_TOLERANCE.total_seconds() / 60:g} minutes after",
    ):
        assert words in text


def test_how_long_topics_are_kept_is_as_the_table_of_topics_has_it() -> None:
    """The days in docs/publishing.md and docs/operations.md."""
    kept = {topic.name: topic.retention.days for topic in TOPICS if topic.retention is not None}
    for page in ("docs/publishing.md", "docs/operations.md"):
        found = re.findall(r"((?:`koi\.\w+`[^`().:]*)+)\((\d+) days\)", TEXTS[page])
        assert found
        for names, days in found:
            assert {kept[name] for name in re.findall(r"koi\.\w+", names)} == {int(days)}, names


def test_every_event_type_is_described() -> None:
    """Type, required and optional fields of docs/publishing.md are those of the edge."""
    rows = [line.split("|")[1:4] for line in TEXTS["docs/publishing.md"].splitlines() if line.startswith("| `")]
    described = {name.strip(" `"): [set(re.findall(r"`(\w+)`", cell)) for cell in cells] for name, *cells in rows}
    for name, model in MODELS.items():
        own = {field: info for field, info in model.model_fields.items() if field not in {"type", *ENVELOPE}}
        required = {field for field, info in own.items() if info.is_required()}
        assert described[name] == [required, set(own) - required]


@pytest.mark.parametrize("page", TEXTS)
def test_settings_named_on_a_page_exist(page: str) -> None:
    """Each KOI_… variable that a page names is a setting of some service."""
    known = {
        f"KOI_{name.upper()}"
        for settings in (IngestSettings, ScoringSettings, RulesSettings, NotifierSettings)
        for name in settings.model_fields
    }
    assert set(re.findall(r"KOI_[A-Z_]*[A-Z]", TEXTS[page])) <= known


@pytest.mark.parametrize("page", TEXTS)
def test_metrics_named_on_a_page_exist(page: str) -> None:
    """Each koi_… metric that a page names is one that some service shows."""
    telemetry = Telemetry("docs", "0")
    telemetry.rules_loaded("docs", 0, 0)
    telemetry.rules_read(sound=True)
    registry = CollectorRegistry()
    ChannelMetrics(registry, ["console"])
    CallbackMetrics(registry).answered("console", 202)
    ending = {"counter": "_total", "info": "_info"}
    known = {
        family.name + ending.get(family.type, "")
        for each in (telemetry.registry, registry)
        for family in each.collect()
    }
    assert set(re.findall(r"`(koi_[a-z_]+)(?:\{[a-z,]+\})?`", TEXTS[page])) <= known


@pytest.mark.parametrize("page", TEXTS)
def test_commands_named_on_a_page_exist(page: str) -> None:
    """Each koi command in a console block is one that koi knows."""
    runner = CliRunner()
    for commands in pipelines(page):
        for words in commands:
            if words[0] == "koi":
                plain = [word for word in words[1:] if re.fullmatch(r"[a-z]+", word)]
                known = plain[:1] if plain[0] in {"run", "settings"} else plain[:2]
                assert runner.invoke(app, [*known, "--help"]).exit_code == 0, words


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link of a page leads to a file, and to a heading of it where it names one."""
    for target, heading in _LINK.findall(TEXTS[page]):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
            assert heading in anchors, f"{page}: {target}#{heading}"
