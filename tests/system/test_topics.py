"""`koi topics create` against a broker: Apache Kafka, and the embedded one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.embedded.ports import HOST, free_ports, kafka_answers
from deploy.embedded.stack import tansu
from services.cli.topics import CREATED, EXISTS, TopicsRefused, create_topics
from services.contracts.errors import Retryable
from services.contracts.topics import DEAD_LETTER, EVENTS, PROFILES, TOPICS
from services.runtime.settings import Settings

pytestmark = pytest.mark.system

_READY_SECONDS = 20.0


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[str]:
    """Address of an embedded broker of this test's own."""
    (port,) = free_ports(1)
    broker = tansu(tmp_path, port)
    broker.start()
    try:
        broker.wait_ready(lambda: kafka_answers(port), _READY_SECONDS)
        yield f"{HOST}:{port}"
    finally:
        broker.kill()


@pytest.fixture(params=["session", "embedded"])
def address(request: pytest.FixtureRequest) -> str:
    """Address of a broker without topics: the session's, then the embedded one."""
    name = {"session": "clean_kafka", "embedded": "embedded"}[request.param]
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture
async def admin(address: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    await client.start()
    yield client
    await client.close()


async def test_missing_topics_are_created_as_the_table_says(address: str, admin: AIOKafkaAdminClient) -> None:
    """Every topic is made, with the partitions and settings of the table."""
    results = await create_topics(Settings(kafka=address, partitions=5))
    assert [(result.name, result.outcome) for result in results] == [(topic.name, CREATED) for topic in TOPICS]
    described = await admin.describe_topics([topic.name for topic in TOPICS])
    partitions = {topic["topic"]: len(topic["partitions"]) for topic in described}
    assert partitions == {topic.name: topic.partitions or 5 for topic in TOPICS}
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, PROFILES.name)])
    config = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert PROFILES.config().items() <= config.items()


async def test_creating_twice_changes_nothing(address: str) -> None:
    """The second time, every topic exists, as the table wants it."""
    settings = Settings(kafka=address, partitions=2)
    await create_topics(settings)
    assert {(result.outcome, result.differs) for result in await create_topics(settings)} == {(EXISTS, False)}


async def test_two_at_the_same_time_do_not_disturb_each_other(address: str) -> None:
    """Of two processes that create topics at once, each topic is made by one, and found as it should be by the other."""
    settings = Settings(kafka=address, partitions=2)
    both = zip(*await asyncio.gather(create_topics(settings), create_topics(settings)), strict=True)
    assert [sorted(result.outcome for result in pair) for pair in both] == [[CREATED, EXISTS]] * len(TOPICS)


async def test_a_topic_with_other_partitions_is_reported_and_left_alone(
    address: str, admin: AIOKafkaAdminClient
) -> None:
    """A keyed topic with another partition count is an error, the others are created, and it stays as it was."""
    await admin.create_topics([NewTopic(EVENTS.name, 3, 1, topic_configs=EVENTS.config())])
    results = await create_topics(Settings(kafka=address, partitions=2))
    assert [result.name for result in results if result.differs] == [EVENTS.name]
    assert {result.outcome for result in results if not result.differs} == {CREATED}
    (different,) = (result.outcome for result in results if result.differs)
    assert different == "differs: 3 partitions, not 2 (KOI_PARTITIONS, the same for every keyed topic)"
    (described,) = await admin.describe_topics([EVENTS.name])
    assert len(described["partitions"]) == 3


async def test_foreign_topics_are_left_alone(address: str, admin: AIOKafkaAdminClient) -> None:
    """Topics of others in the same Kafka are neither judged nor touched, and none is made by asking."""
    await admin.create_topics([NewTopic("erp.orders", 1, 1)])
    await create_topics(Settings(kafka=address, partitions=2))
    await create_topics(Settings(kafka=address, partitions=2))
    names = {name for name in await admin.list_topics() if not name.startswith("__")}
    assert names == {"erp.orders", *(topic.name for topic in TOPICS)}


async def test_a_retention_of_the_operator_is_a_remark(address: str, admin: AIOKafkaAdminClient) -> None:
    """Another retention is said, and is no error."""
    own = DEAD_LETTER.config() | {"retention.ms": "86400000"}
    await admin.create_topics([NewTopic(DEAD_LETTER.name, 3, 1, topic_configs=own)])
    results = {result.name: result for result in await create_topics(Settings(kafka=address, partitions=2))}
    assert results[DEAD_LETTER.name].outcome == "exists (retention.ms is 86400000, not 2592000000)"
    assert not results[DEAD_LETTER.name].differs


async def test_a_refusal_says_which_topic_and_why(clean_kafka: str, durable_kafka: object) -> None:  # noqa: ARG001
    """More replicas than brokers is refused in Kafka's own words."""
    with pytest.raises(TopicsRefused, match=r"koi\.orders: Unable to replicate the partition 3 time"):
        await create_topics(Settings(kafka=clean_kafka, partitions=2, replication=3))


async def test_no_kafka_is_one_line() -> None:
    """Where nobody listens, the error names the address."""
    (port,) = free_ports(1)
    with pytest.raises(Retryable, match=f"Kafka at {HOST}:{port}: "):
        await create_topics(Settings(kafka=f"{HOST}:{port}"))
