"""Creates the topics of the topic table in a Kafka, and says where those that exist are not as the table wants them."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from services.contracts.errors import KoipondError, Retryable
from services.contracts.topics import TOPICS, Topic
from services.runtime.settings import Settings

CREATED = "created"
EXISTS = "exists"

_REQUEST_TIMEOUT_MS = 20_000
_SETTLE_SECONDS = 10.0
_SETTLE_PAUSE_SECONDS = 0.1


class TopicsRefused(KoipondError):  # noqa: N818
    """The broker would not create some topics; the message carries its own words."""


@dataclass(frozen=True)
class TopicResult:
    """What became of one topic.

    `outcome` is `created`, `exists` (perhaps with what an operator has set otherwise, which is fine), or `differs: …`.
    `differs` means that the services cannot work on this topic as it is.
    """

    name: str
    outcome: str
    differs: bool = False


@dataclass(frozen=True)
class Found:
    """A topic as the broker has it. `config` holds what the broker tells, which may be less than everything."""

    partitions: int
    replication: int
    config: Mapping[str, str]


async def create_topics(settings: Settings) -> list[TopicResult]:
    """Create what is missing, one result per topic in the table's order; never change a topic that exists.

    Raises `Retryable` when Kafka does not answer and `TopicsRefused` when it refuses to create a topic.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
        created = await _create_missing(admin, settings)
        found = await _find(admin, [topic.name for topic in TOPICS if topic.name not in created])
    except (KafkaError, OSError, TimeoutError) as error:
        raise Retryable(f"Kafka at {settings.kafka}: {str(error) or type(error).__name__}") from error
    finally:
        await admin.close()
    return [
        TopicResult(topic.name, CREATED) if topic.name in created else compare(topic, found[topic.name], settings)
        for topic in TOPICS
    ]


def compare(topic: Topic, found: Found, settings: Settings) -> TopicResult:
    """Judge a topic that exists: what the services rely on, and what is the operator's own affair."""
    wanted = topic.config()
    partitions = _partitions(topic, settings)
    wrong = []
    if found.partitions != partitions:
        hint = "" if topic.partitions is not None else " (KOI_PARTITIONS, the same for every keyed topic)"
        wrong.append(f"{found.partitions} partitions, not {partitions}{hint}")
    policy = found.config.get("cleanup.policy", topic.cleanup)
    if policy != topic.cleanup:
        wrong.append(f"cleanup.policy is {policy}, not {topic.cleanup}")
    largest = int(found.config.get("max.message.bytes", topic.max_message_bytes))
    if largest < topic.max_message_bytes:
        wrong.append(f"max.message.bytes is {largest}, less than {topic.max_message_bytes}")
    if wrong:
        return TopicResult(topic.name, "differs: " + "; ".join(wrong), differs=True)
    own = [
        f"{name} is {found.config[name]}, not {value}"
        for name, value in wanted.items()
        if found.config.get(name, value) != value
    ]
    if found.replication != settings.replication:
        own.append(f"{found.replication} replicas, not {settings.replication}")
    return TopicResult(topic.name, f"{EXISTS} ({'; '.join(own)})" if own else EXISTS)


async def _create_missing(admin: AIOKafkaAdminClient, settings: Settings) -> set[str]:
    """Names of the topics made now; one that another process makes at the same moment is not among them."""
    present = set(await admin.list_topics())
    missing = [topic for topic in TOPICS if topic.name not in present]
    if not missing:
        return set()
    response = await admin.create_topics(
        [
            NewTopic(topic.name, _partitions(topic, settings), settings.replication, topic_configs=topic.config())
            for topic in missing
        ]
    )
    refused = []
    created = set()
    for name, code, message in response.topic_errors:
        if not code:
            created.add(name)
        elif code != TopicAlreadyExistsError.errno:
            refused.append(f"{name}: {message or for_code(code).__name__}")
    if refused:
        raise TopicsRefused("; ".join(refused))
    return created


async def _find(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Found]:
    # only names that exist: a broker may create a topic because its metadata was asked for
    names = list(names)
    if not names:
        return {}
    config: dict[str, dict[str, str]] = {}
    # all settings: the embedded broker hangs up on a request for some of them
    for response in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        for _code, _message, _type, name, entries in response.resources:
            config[name] = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return {
        topic["topic"]: Found(
            partitions=len(topic["partitions"]),
            replication=max((len(partition["replicas"]) for partition in topic["partitions"]), default=0),
            config=config.get(topic["topic"], {}),
        )
        for topic in await _settled(admin, names)
    }


async def _settled(admin: AIOKafkaAdminClient, names: list[str]) -> list[dict[str, Any]]:
    """Descriptions of topics that exist; one that another process made just now may take a moment to have a leader."""
    not_yet = (UnknownTopicOrPartitionError.errno, LeaderNotAvailableError.errno)
    async with asyncio.timeout(_SETTLE_SECONDS):
        while True:
            described: list[dict[str, Any]] = await admin.describe_topics(names)
            errors = {topic["topic"]: topic["error_code"] for topic in described if topic["error_code"]}
            for name, code in errors.items():
                if code not in not_yet:
                    raise for_code(code)(name)
            if not errors:
                return described
            await asyncio.sleep(_SETTLE_PAUSE_SECONDS)


def _partitions(topic: Topic, settings: Settings) -> int:
    return settings.partitions if topic.partitions is None else topic.partitions
