"""The last metre on real Kafka and Redis: what providers got, against what the receipts say."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.contracts import wire
from services.contracts.channels import Category, Recipient
from services.contracts.command import Command, Recall, RecallReason
from services.contracts.receipt import FINAL, DeliveryOutcome, Reason, Receipt
from services.runtime.partitioning import partition_of
from tests.servers.providers.faults import Fault
from tests.servers.providers.http_provider import Reply
from tests.servers.providers.webhook import SECRET, WebhookReceiver
from tests.servers.providers.wecom import KEY, WecomRobot
from tests.servers.server import Server
from tests.system.pipeline import PARTITIONS, Fact
from tests.system.posts import serving
from tests.system.scorers import Scorers, scorers

pytestmark = pytest.mark.system

NOTIFICATIONS = "koi.notifications"
OPEN = str(Path(__file__).parents[1] / "open-policy.yaml")
CARE = "template: clerk_care\nzh:\n  any: {text: '{{ card }}'}\n"


@contextmanager
def _running(
    server: Server,
    redis: str,
    directory: Path,
    workers: int,
    receiver: WebhookReceiver | None = None,
    **env: str,
) -> Iterator[tuple[Scorers, WebhookReceiver, WecomRobot]]:
    """Workers of the notifier, a receiver of webhooks and a robot of WeCom."""
    (directory / "templates").mkdir()
    (directory / "templates" / "clerk_care.yaml").write_text(CARE, encoding="utf-8")
    with serving(receiver or WebhookReceiver()) as hook, serving(WecomRobot()) as robot:
        settings = {
            "KOI_ZONE": "Asia/Shanghai",
            "KOI_POLICY": OPEN,
            "KOI_TEMPLATES": str(directory / "templates"),
            "KOI_CHANNELS": "webhook,wecom_robot",
            "KOI_WEBHOOK_URL": hook.url,
            "KOI_WEBHOOK_SECRET": SECRET,
            "KOI_WECOM_ROBOT_KEY": KEY,
            "KOI_WECOM_ROBOT_URL": robot.url,
            "KOI_ALLOW_PRIVATE": "true",
            "KOI_CHANNEL_TIMEOUT_S": "1",
            "KOI_SEND_DEADLINE_S": "1.5",
            "KOI_SEND_TURN_S": "0.5",
            "KOI_SEND_LOST_S": "1",
            **env,
        }
        with scorers(server, redis, directory, settings, {"notifier": workers}) as running:
            yield running, hook, robot


def _commands(channel: str, count: int, *, prefix: str = "c", expires: timedelta = timedelta(days=1)) -> list[Command]:
    now = datetime.now(UTC)
    return [
        Command(
            id=f"{prefix}{i}",
            customer_id=f"客户-{i % 40}",
            rule="care@1a2b3c",
            episode=1,
            step=0,
            template="clerk_care",
            params={"r": 3, "segment": "重要保持"},
            channels=(channel,),
            category=Category.SERVICE,
            recipient=Recipient.OWNER,
            decided_at=now,
            expires_at=now + expires,
            occurred_at=now,
        )
        for i in range(count)
    ]


def _facts(messages: Sequence[Command | Recall]) -> list[Fact]:
    return [
        Fact(
            NOTIFICATIONS,
            message.customer_id.encode(),
            wire.COMMANDS.encode(message),
            partition=partition_of(message.customer_id, PARTITIONS),
        )
        for message in messages
    ]


def _receipts(running: Scorers) -> list[Receipt]:
    return [wire.RECEIPTS.decode(record.value or b"") for record in running.records("koi.receipts")]


def _told(running: Scorers) -> Counter[DeliveryOutcome]:
    return Counter(receipt.outcome for receipt in _receipts(running))


def _ends(running: Scorers) -> dict[str, Receipt]:
    """The end of every command that has one. Asserts that none has two that differ."""
    ends: dict[str, Receipt] = {}
    for receipt in _receipts(running):
        if receipt.outcome in FINAL:
            assert ends.setdefault(receipt.command_id, receipt).outcome is receipt.outcome
    return ends


def _until_all_ended(running: Scorers, commands: Sequence[Command]) -> dict[str, Receipt]:
    running.until("every command has its end", lambda: len(_ends(running)) >= len(commands))
    ends = _ends(running)
    assert ends.keys() == {command.id for command in commands}
    return ends


def test_killed_between_send_and_commit_at_least_once_repeats_under_the_same_key(
    kafka_server: Server, redis_url: str, tmp_path: Path
) -> None:
    """The receiver has taken them and is silent when the notifier dies; the next one sends again, and nothing is lost."""
    with _running(kafka_server, redis_url, tmp_path, 1, KOI_CHANNEL_TIMEOUT_S="30", KOI_SEND_DEADLINE_S="8") as (
        running,
        receiver,
        _,
    ):
        receiver.fault = Fault.SLOW
        commands = _commands("webhook", 12)
        running.publish(_facts(commands))
        running.until("all have arrived", lambda: len(receiver.ids) >= len(commands))
        assert _ends(running) == {}
        receiver.fault = None
        (worker,) = running.workers("notifier")
        assert worker.kill() == -9
        worker.start()
        ends = _until_all_ended(running, commands)
        assert {receipt.outcome for receipt in ends.values()} == {DeliveryOutcome.SENT}
        assert Counter(receiver.ids) == Counter({command.id: 2 for command in commands})


def test_killed_between_send_and_commit_at_most_once_does_not_repeat_and_says_so(
    kafka_server: Server, redis_url: str, tmp_path: Path
) -> None:
    """A robot cannot recognise a repeat: whatever was under way is ambiguous, and the robot gets nothing twice."""
    with _running(kafka_server, redis_url, tmp_path, 1, KOI_CHANNEL_TIMEOUT_S="30", KOI_SEND_DEADLINE_S="8") as (
        running,
        _,
        robot,
    ):
        robot.fault = Fault.SLOW
        commands = _commands("wecom_robot", 12)
        running.publish(_facts(commands))
        running.until("all have arrived", lambda: len(robot.taken) >= len(commands))
        robot.fault = None
        (worker,) = running.workers("notifier")
        assert worker.kill() == -9
        worker.start()
        ends = _until_all_ended(running, commands)
        assert {(r.outcome, r.reason) for r in ends.values()} == {(DeliveryOutcome.FAILED, Reason.AMBIGUOUS)}
        assert len(robot.taken) == len(commands)


class Thoughtful(WebhookReceiver):
    """Takes a while to answer."""

    async def _reply(self, writer: asyncio.StreamWriter, reply: Reply, fault: Fault | None) -> bool:
        await asyncio.sleep(3)
        return await super()._reply(writer, reply, fault)


@pytest.mark.parametrize("stopping", [False, True])
def test_who_gives_partitions_up_in_order_repeats_nothing(
    kafka_server: Server, redis_url: str, tmp_path: Path, stopping: bool
) -> None:
    """Another worker comes, or this one is told to stop, while messages are under way: they end first, and are sent once."""
    more = {"KOI_CHANNEL_TIMEOUT_S": "10", "KOI_SEND_DEADLINE_S": "15"}
    with _running(kafka_server, redis_url, tmp_path, 1, receiver=Thoughtful(), **more) as (running, receiver, _):
        commands = _commands("webhook", 60)
        running.publish(_facts(commands))
        running.until("all are under way", lambda: len(receiver.ids) >= len(commands))
        (first,) = running.workers("notifier")
        if stopping:
            assert first.stop() in (0, -15), first.tail()
            first.start()
        else:
            running.add_one("notifier")
        ends = _until_all_ended(running, commands)
        assert {receipt.outcome for receipt in ends.values()} == {DeliveryOutcome.SENT}
        running.until("both work", lambda: all(running.metric(w, "koi_ready") for w in running.workers("notifier")))
        assert Counter(receiver.ids) == Counter({command.id: 1 for command in commands})


def test_two_notifiers_share_one_quota(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """Of 30 messages a robot takes 20 in the first minute, from both workers together, and is never asked for one more."""
    with _running(kafka_server, redis_url, tmp_path, 2) as (running, _, robot):
        commands = _commands("wecom_robot", 30)
        running.publish(_facts(commands))
        running.until("all are sent or wait", lambda: _told(running)[DeliveryOutcome.DEFERRED] >= 10)
        running.until("20 are sent", lambda: _told(running)[DeliveryOutcome.SENT] >= 20)
        assert len(robot.requests) == len(robot.taken) == 20, "no request was refused for its number"
        waiting = [r for r in _receipts(running) if r.outcome is DeliveryOutcome.DEFERRED]
        assert {r.reason for r in waiting} == {Reason.QUOTA}
        assert all(r.until is not None and r.until > r.at for r in waiting)
        workers = running.workers("notifier")
        assert sum(running.metric(w, "koi_channel_attempts_total", channel="wecom_robot") for w in workers) == 20


def test_a_channel_that_is_silent_holds_nobody_up(kafka_server: Server, redis_url: str, tmp_path: Path) -> None:
    """While the robot answers nothing, every webhook goes out, and what waits for the robot is not forgotten."""
    with _running(kafka_server, redis_url, tmp_path, 1, KOI_SEND_CONCURRENCY="4", KOI_AT_LEAST_ONCE="wecom_robot") as (
        running,
        receiver,
        robot,
    ):
        robot.fault = Fault.SLOW
        silent, good = _commands("wecom_robot", 40, prefix="r"), _commands("webhook", 400, prefix="w")
        running.publish(_facts([*silent, *good]))
        running.until("all webhooks are out", lambda: len(set(receiver.ids)) == len(good))
        running.until("all of them are told", lambda: sum(name.startswith("w") for name in _ends(running)) == len(good))
        waits = {command.id for command in silent}
        running.until(
            "what waits for the robot is told of",
            lambda: waits <= {r.command_id for r in _receipts(running) if r.command_id.startswith("r")},
        )


def test_what_waits_outlives_everybody_and_can_be_recalled(
    kafka_server: Server, redis_url: str, tmp_path: Path
) -> None:
    """Deferred for the night in Redis; the worker is killed, the customer buys, and in the morning there is nothing to send."""
    wall = datetime.now(ZoneInfo("Asia/Shanghai"))
    begin, end = wall - timedelta(hours=2), wall + timedelta(hours=6)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        f'quiet_hours: [{{from: "{begin:%H:%M}", to: "{end:%H:%M}", recipients: [owner]}}]\n', encoding="utf-8"
    )
    with _running(kafka_server, redis_url, tmp_path, 1, KOI_POLICY=str(policy)) as (running, receiver, _):
        commands = _commands("webhook", 5, expires=timedelta(days=3))
        running.publish(_facts(commands))
        running.until("all wait", lambda: sum(r.outcome is DeliveryOutcome.DEFERRED for r in _receipts(running)) >= 5)
        (worker,) = running.workers("notifier")
        assert worker.kill() == -9
        worker.start()
        recalls = [
            Recall(
                customer_id=command.customer_id,
                rule=command.rule,
                episode=1,
                reason=RecallReason.GOAL_REACHED,
                decided_at=datetime.now(UTC),
            )
            for command in commands
        ]
        running.publish(_facts(recalls))
        ends = _until_all_ended(running, commands)
        assert {(r.outcome, r.reason) for r in ends.values()} == {(DeliveryOutcome.SUPPRESSED, Reason.GOAL_REACHED)}
        assert receiver.ids == []
