"""What docs/channels.md says of channels, answers and patience is what the code does."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from services.contracts.calendar import from_ms
from services.contracts.channels import CHANNELS, Category, ChannelFacts, ChannelName, Recipient
from services.contracts.command import Command
from services.contracts.receipt import DeliveryOutcome, Reason
from services.notifier import unsubscribing
from services.notifier.callbacks import MAX_BODY_BYTES, Callbacks
from services.notifier.channels.answers import Dialect
from services.notifier.channels.apprise import SCHEMES
from services.notifier.channels.dingtalk_robot import DINGTALK
from services.notifier.channels.feishu_robot import FEISHU
from services.notifier.channels.wecom_robot import WECOM
from services.notifier.effects import Delivered
from services.notifier.provider_news import read_news
from services.notifier.settings import NotifierSettings
from services.notifier.state import NotifierState
from services.notifier.terms import Terms
from services.notifier.turn import Turn, entry_of
from services.runtime.publisher import KafkaPublisher

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "channels.md").read_text(encoding="utf-8")
RULES = (DOCS / "rules.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
ROWS = {line.split("](#")[0].lstrip("| ["): line for line in PAGE.splitlines() if line.startswith("| [")}
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))
NOON = datetime(2026, 3, 16, 4, tzinfo=UTC)
COMMAND = Command(
    id="5f1c0d2a9be34c7f8f0e6b7d3a2c4e19",
    customer_id="客户-42",
    rule="win-back@9f31c2a7",
    episode=1,
    step=1,
    template="we_miss_you",
    params={},
    channels=("console",),
    category=Category.TRANSACTIONAL,
    recipient=Recipient.CUSTOMER,
    decided_at=NOON,
    expires_at=NOON + timedelta(days=3),
    occurred_at=NOON,
)


def block(language: str) -> str:
    """The one block of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("facts", CHANNELS.values(), ids=str)
def test_the_table_of_channels_is_that_of_the_code(facts: ChannelFacts) -> None:
    """Whom a channel reaches, what it may carry, its limits, quotas and promise."""
    words = {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}
    reaches, marketing, address, text, quota, promise = (cell.strip() for cell in ROWS[facts.name].split("|")[2:-1])
    assert reaches == ("colleagues" if facts.reaches == {Recipient.OWNER} else "anybody")
    assert marketing == ("yes" if Category.MARKETING in facts.categories else "no")
    assert (address != "no") is facts.addressed
    bounded = facts.text is not None and facts.text.most < 1_000_000
    assert (facts.text and f"{facts.text.most:,} {facts.text.unit}" in text) if bounded else text == "–"
    for rate in facts.rates:
        assert f"{rate.count:,} {words[rate.seconds]}" in quota
    assert len(re.findall(r"[0-9,]+", quota)) == len(facts.rates)
    assert promise == f"`{facts.delivery}`"


@pytest.mark.parametrize("facts", CHANNELS.values(), ids=str)
def test_every_channel_has_a_section_with_its_sources(facts: ChannelFacts) -> None:
    """Under its name, with links to the pages of the provider that its limits come from; docs/rules.md names it, too."""
    section = SECTIONS[facts.name]
    assert all(f"({source})" in section for source in facts.sources)
    assert f"`{facts.name}`" in RULES


@pytest.mark.parametrize(
    ("channel", "dialect", "besides"),
    [
        (ChannelName.WECOM_ROBOT, WECOM, ()),
        (ChannelName.WECOM_APP, WECOM, (40014, 42001)),
        (ChannelName.DINGTALK_ROBOT, DINGTALK, ()),
        (ChannelName.FEISHU_ROBOT, FEISHU, (9499,)),
    ],
)
def test_the_codes_that_pass_are_those_of_the_code(
    channel: ChannelName, dialect: Dialect, besides: tuple[int, ...]
) -> None:
    """What each provider says of a message that it may take later, in the table of answers."""
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{channel}` |"))
    accepted, passing = row.split("|")[2:4]
    assert f"`{dialect.code}` {dialect.accepted}" in accepted
    assert {int(code) for code in re.findall(r"-?\d+", passing)} == {*map(int, dialect.later), *besides}


def test_the_services_of_apprise_are_those_of_the_code() -> None:
    """Those that an address may name unless somebody says otherwise."""
    assert f"`KOI_APPRISE_SCHEMES` ({', '.join(SCHEMES)})" in WORDS


def test_rounds_are_as_far_apart_as_the_page_says() -> None:
    """A command whose rounds are all in vain, and one that never gets its turn."""
    pauses = _pauses(attempts=1)
    assert "30 s, 30 s, 2 min and 8 min apart, and up to half as long again" in WORDS
    assert len(pauses) + 1 == NotifierSettings(_env_file=None).send_rounds
    for pause, least in zip(pauses, (30, 30, 120, 480), strict=True):
        assert least <= pause < least * 1.5
    assert "go on growing: 32 min, then an hour" in WORDS
    fifth, *later = _pauses(attempts=0, most=8)[4:]
    assert 32 * 60 <= fifth < 32 * 60 * 1.5
    assert all(3600 <= pause < 3600 * 1.5 for pause in later)


def _pauses(*, attempts: int, most: int = 100) -> list[float]:
    """Seconds between the rounds of a command that nobody takes, each with so many attempts."""
    terms = Terms(frozenset({"console"}), ZoneInfo("Asia/Shanghai"), 1)
    in_vain = Delivered(DeliveryOutcome.DEFERRED, Reason.CHANNEL_UNAVAILABLE, attempts=attempts)
    pauses: list[float] = []
    state, now, entry = NotifierState(), NOON, entry_of(COMMAND)
    while len(pauses) < most:
        turn = Turn(state, now, terms)
        turn.consider(entry)
        (begun,) = turn.state.waiting.values()
        turn.returned(begun, in_vain)
        if not turn.state.waiting:
            break
        (entry,) = turn.state.waiting.values()
        assert entry.due_ms is not None
        until = from_ms(entry.due_ms)
        pauses.append((until - now).total_seconds())
        state, now = turn.state, until
    return pauses


def test_the_seconds_on_the_page_are_the_defaults() -> None:
    """How long a message that broke off is left alone, what e-mail waits for, and for how long a quota is waited out."""
    settings = NotifierSettings(_env_file=None)
    bounds = settings.bounds
    one = bounds.longest_s + settings.send_lost_s
    assert f"{one:g} seconds after it began with one channel, {bounds.longest_s:g} more for each further one" in WORDS
    assert f"`KOI_SMTP_CONNECTIONS` ({settings.smtp_connections})" in WORDS
    assert f"`KOI_SMTP_TIMEOUT_S` ({settings.smtp_timeout_s:g})" in WORDS
    each_s = settings.smtp_timeout_s * settings.smtp_connections / bounds.concurrency
    assert (each_s, "longer than half a second for a message" in WORDS) == (0.5, True)
    assert (bounds.quota_wait_s, "used up for longer than two seconds" in WORDS) == (2, True)
    assert (bounds.rest_max_s, "twice as long each time, five minutes at most" in WORDS) == (300, True)


def test_the_lines_that_sign_news_are_understood() -> None:
    """They are run as they stand; the signature holds, and what was signed is news."""
    secret = "whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="  # noqa: S105 - of nothing
    said: dict[str, Any] = {"secret": secret}
    exec(block("python"), said)  # noqa: S102 - a block of our own page
    headers: Mapping[str, str] = said["headers"]
    Webhook(secret).verify(said["body"], dict(headers))
    (feedback,) = read_news(said["body"].encode(), ChannelName.SMS, datetime.now(UTC))
    assert (feedback.id, feedback.customer_id) == ("report-981", COMMAND.customer_id)


def test_the_proxy_passes_on_what_it_should_and_nothing_else() -> None:
    """Every path of callbacks is covered by a location, health and metrics by none but the last, which says 404."""
    conf = block("nginx")
    locations = re.findall(r"location (= )?(\S+)\s+\{ (\w+)", conf)
    publisher = KafkaPublisher("nowhere:9092", idempotent=False, client_id="docs")
    paths = [path for path, _ in Callbacks(SecretStr(""), publisher, 1).routes()]

    def answered(path: str) -> str:
        exact = [does for equals, where, does in locations if equals and path == where]
        begun = {where: does for equals, where, does in locations if not equals and path.startswith(where)}
        return str(exact[0] if exact else begun[max(begun, key=len)])

    assert unsubscribing.PATH in paths
    assert {answered(path) for path in paths} == {"proxy_pass"}
    assert {answered(path) for path in ("/", "/healthz", "/readyz", "/metrics")} == {"return"}
    assert f"client_max_body_size {MAX_BODY_BYTES // 1024}k;" in conf
