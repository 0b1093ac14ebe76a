"""How a topic that exists is judged."""

import re
from typing import Any

import pytest
from aiokafka.errors import LeaderNotAvailableError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from services.cli import topics
from services.cli.topics import EXISTS, Found, TopicResult, compare
from services.contracts.topics import DEAD_LETTER, EVENTS, PROFILES, TOPICS, Topic
from services.runtime.settings import Settings

_SETTINGS = Settings(partitions=12, replication=3)


def _found(topic: Topic, *, partitions: int | None = None, replication: int = 3, **config: str) -> Found:
    altered = {name.replace("_", "."): value for name, value in config.items()}
    return Found(partitions or topic.partitions or 12, replication, topic.config() | altered)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_topic_as_the_table_wants_it_exists(topic: Topic) -> None:
    """A topic with all settings of the table needs no remark."""
    assert compare(topic, _found(topic), _SETTINGS) == TopicResult(topic.name, EXISTS)


def test_another_partition_count_of_a_keyed_topic_is_an_error() -> None:
    """Keyed topics must have equal partitions; the result says what is there, what is wanted and where that is set."""
    result = compare(EVENTS, _found(EVENTS, partitions=6), _SETTINGS)
    assert result.differs
    assert result.outcome == "differs: 6 partitions, not 12 (KOI_PARTITIONS, the same for every keyed topic)"


def test_another_partition_count_of_the_dead_letter_is_an_error() -> None:
    """The dead letter has a number of its own, which no setting changes."""
    result = compare(DEAD_LETTER, _found(DEAD_LETTER, partitions=1), _SETTINGS)
    assert result == TopicResult(DEAD_LETTER.name, "differs: 1 partitions, not 3", differs=True)


@pytest.mark.parametrize(
    ("topic", "policy", "outcome"),
    [
        (EVENTS, "compact", "differs: cleanup.policy is compact, not delete"),
        (PROFILES, "delete", "differs: cleanup.policy is delete, not compact"),
    ],
)
def test_another_cleanup_policy_is_an_error(topic: Topic, policy: str, outcome: str) -> None:
    """Compaction would eat events, and deletion would eat profiles."""
    assert compare(topic, _found(topic, cleanup_policy=policy), _SETTINGS) == TopicResult(topic.name, outcome, True)


def test_a_smaller_message_limit_is_an_error_and_a_larger_one_is_not() -> None:
    """A service could not publish what the broker refuses."""
    smaller = compare(EVENTS, _found(EVENTS, max_message_bytes="1000"), _SETTINGS)
    assert smaller.outcome == "differs: max.message.bytes is 1000, less than 1048576"
    larger = compare(EVENTS, _found(EVENTS, max_message_bytes="9000000"), _SETTINGS)
    assert larger == TopicResult(EVENTS.name, "exists (max.message.bytes is 9000000, not 1048576)")


def test_what_an_operator_may_choose_is_a_remark() -> None:
    """Retention and replicas are an operator's affair: said, and no error."""
    result = compare(EVENTS, _found(EVENTS, replication=2, retention_ms="1000"), _SETTINGS)
    assert result == TopicResult(EVENTS.name, "exists (retention.ms is 1000, not 34560000000; 2 replicas, not 3)")


def test_settings_a_broker_does_not_tell_are_no_difference() -> None:
    """A broker that keeps its settings to itself is believed."""
    assert compare(EVENTS, Found(12, 3, {}), _SETTINGS) == TopicResult(EVENTS.name, EXISTS)


def test_all_differences_are_said_at_once() -> None:
    """Nobody should have to run the command once per difference."""
    result = compare(EVENTS, _found(EVENTS, partitions=1, cleanup_policy="compact"), _SETTINGS)
    assert result.outcome.count(";") == 1


class _Answers:
    """An admin client that describes topics with the next of some error codes."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        code = self.codes.pop(0)
        return [{"topic": name, "error_code": code, "partitions": []} for name in names]


async def test_a_topic_that_is_being_made_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown, then without a leader, then there: only the last is an answer."""
    monkeypatch.setattr(topics, "_SETTLE_PAUSE_SECONDS", 0)
    admin = _Answers(UnknownTopicOrPartitionError.errno, LeaderNotAvailableError.errno, 0)
    assert await topics._settled(admin, [EVENTS.name]) == [
        {"topic": EVENTS.name, "error_code": 0, "partitions": []},
    ]
    assert admin.codes == []


async def test_a_topic_we_may_not_see_is_an_error() -> None:
    """What waiting cannot mend is raised at once, with the topic's name."""
    with pytest.raises(TopicAuthorizationFailedError, match=re.escape(EVENTS.name)):
        await topics._settled(_Answers(TopicAuthorizationFailedError.errno), [EVENTS.name])
