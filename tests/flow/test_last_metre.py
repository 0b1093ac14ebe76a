"""Very many commands to channels that all misbehave in their own ways: each has one end, and nobody is written to twice."""

from collections import Counter

from services.contracts.channels import Delivery
from tests.bench.last_metre import run
from tests.unit.notifier.delivery.virtual import live

COMMANDS = 1_500


def test_outcomes_add_up_whatever_channels_do() -> None:
    """Good, dead, with a quota, in doubt, refusing: the sum of the ends is that of the commands, and the good got theirs."""
    found = live(run(COMMANDS))
    by_channel: Counter[str] = Counter()
    for (name, _, _), count in found.ends.items():
        by_channel[name] += count
    assert found.unfinished == 0
    assert by_channel == {channel.name: COMMANDS // 5 for channel in found.channels}
    sent = {(name, outcome) for name, outcome, _ in found.ends}
    assert {
        ("console", "sent"),
        ("wecom_robot", "sent"),
        ("feishu_robot", "failed"),
        ("dingtalk_robot", "failed"),
    } <= sent
    assert ("webhook", "sent") not in sent
    for channel in found.channels:
        if channel.delivery is Delivery.AT_MOST_ONCE or channel.name in {"console", "wecom_robot"}:
            assert not channel.sent or max(channel.sent.values()) == 1, channel.name
