"""Rule files that change while the service runs: all or nothing, and said either way."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.rules.book.compiler import load_rulebook
from services.rules.book.rulebook import Rulebook
from services.rules.reload import Reloader
from services.runtime.telemetry import Telemetry
from tests.unit.rules.customers import NOON, Life, book, campaign

GOOD, OTHER = campaign("r >= 3", name="a"), campaign("r >= 4", name="a")


@dataclass
class Watched:
    """A rule folder and what becomes of it."""

    path: Path
    adopted: list[Rulebook] = field(default_factory=list)
    telemetry: Telemetry = field(default_factory=lambda: Telemetry("rules", "test"))

    def write(self, text: str, name: str = "a.yaml") -> None:
        (self.path / name).write_text(text, encoding="utf-8")

    def reloader(self, seconds: float = 0) -> Reloader:
        book = load_rulebook(self.path)
        return Reloader(self.path, book, self.adopted.append, self.telemetry, seconds=seconds)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(name, labels)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    rules = tmp_path / "规则"
    rules.mkdir()
    watched = Watched(rules)
    watched.write(GOOD)
    return watched


async def test_a_changed_set_is_adopted_once(watched: Watched) -> None:
    """And not again while the files stay as they are."""
    reloader = watched.reloader()
    assert not await reloader.look()
    watched.write(OTHER)
    assert await reloader.look()
    assert not await reloader.look()
    assert [book.hash for book in watched.adopted] == [load_rulebook(watched.path).hash]
    assert watched.metric("koi_rules_info", hash=watched.adopted[0].hash) == 1


async def test_another_writing_of_the_same_is_no_change(watched: Watched) -> None:
    """Comments, and a rule that moves to another file."""
    reloader = watched.reloader()
    (watched.path / "a.yaml").unlink()
    watched.write(f"# 只是注释\n{GOOD}", "b.yml")
    assert not await reloader.look()
    assert not watched.adopted


async def test_a_mistake_leaves_the_old_set_at_work_and_is_said(watched: Watched) -> None:
    """In the log with file and line, and by the metric, until the files are right."""
    reloader = watched.reloader()
    assert watched.metric("koi_rules_last_reload_successful") == 1
    watched.write(OTHER.replace("r >= 4", "r >= 重要"))
    with capture_logs() as logs:
        assert not await reloader.look()
        assert not await reloader.look()
    (entry,) = logs
    assert entry["event"] == "rules_refused"
    assert "a.yaml:4:10: unknown_name: there is no feature 重要" in entry["problems"][0]
    assert watched.metric("koi_rules_last_reload_successful") == 0
    watched.write(GOOD)
    assert not await reloader.look()
    assert watched.metric("koi_rules_last_reload_successful") == 1
    assert not watched.adopted
    assert watched.metric("koi_rules_reloads_total", outcome="refused") == 1


async def test_a_folder_that_is_gone_is_a_mistake_too(watched: Watched) -> None:
    """As when a volume is mounted anew."""
    reloader = watched.reloader()
    (watched.path / "a.yaml").unlink()
    assert not await reloader.look()
    assert watched.metric("koi_rules_last_reload_successful") == 0


async def test_it_looks_by_itself(watched: Watched) -> None:
    """For as long as it is entered; a failing adoption does not end that."""
    failed, adopted = asyncio.Event(), asyncio.Event()

    def adopt(_: Rulebook) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("not now")
        adopted.set()

    async with Reloader(watched.path, load_rulebook(watched.path), adopt, watched.telemetry, seconds=0.01):
        watched.write(OTHER)
        await failed.wait()
        watched.write(campaign("r >= 5", name="a"))
        await adopted.wait()


def test_zero_seconds_is_never(watched: Watched) -> None:
    """Then nothing is started that would look."""

    async def entered() -> bool:
        async with watched.reloader(seconds=0) as reloader:
            return reloader._task is None

    assert asyncio.run(entered())


def test_a_processor_goes_on_with_the_new_set() -> None:
    """A campaign that is new speaks to those for whom it holds; one that goes on holding does not speak again."""
    old, new = book(GOOD), book(f"{GOOD}---\n{campaign('f >= 3', name='b')}")
    life = Life(old)
    assert [d.rule.partition("@")[0] for d in life.now()] == ["a"]
    life.processor.adopt(new)
    made = life.now(version=2, as_of=NOON + timedelta(hours=1))
    assert [d.rule.partition("@")[0] for d in made] == ["b"]
    life.close()


def test_episodes_of_a_withdrawn_campaign_end() -> None:
    """Their steps never come, which is said once; put back, it neither repeats nor goes on."""
    steps = "steps:\n  - notify: {template: one, channels: [console], category: service}\n  - wait: 2d\n"
    text = f"kind: campaign\nname: 慢\nwhen: [r >= 3]\n{steps}  - notify: {{template: two, channels: [console], category: service}}\n"
    life = Life(book(f"{text}---\n{GOOD}"))
    life.now()
    life.processor.adopt(book(GOOD))
    (ended,) = life.now(version=2, as_of=NOON + timedelta(hours=1))
    assert (ended.rule, ended.outcome, ended.reason) == ("慢@withdrawn", "ended", "withdrawn")
    assert not life.until(NOON + timedelta(days=5))
    life.processor.adopt(book(f"{text}---\n{GOOD}"))
    assert not life.now(version=3, as_of=NOON + timedelta(days=6))
    assert not life.until(NOON + timedelta(days=30))
    life.close()


def test_an_episode_goes_on_by_the_new_steps() -> None:
    """From the step it had come to; with fewer steps it is over."""

    def text(*steps: str) -> str:
        return "kind: campaign\nname: c\nwhen: [r >= 3]\nsteps:\n" + "".join(f"  - {step}\n" for step in steps)

    def say(template: str) -> str:
        return f"notify: {{template: {template}, channels: [console], category: service}}"

    for after, expected in (
        (text(say("one"), "wait: 2d", say("改")), ["改"]),
        (text(say("one")), []),
    ):
        life = Life(book(text(say("one"), "wait: 2d", say("two"))))
        life.now()
        life.processor.adopt(book(after))
        life.now(version=2, as_of=NOON + timedelta(hours=1))
        assert [template for d in life.until(NOON + timedelta(days=5)) for template in d.templates] == expected
        life.close()
