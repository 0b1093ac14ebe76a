"""The topic table is whole and coherent."""

import re
from datetime import timedelta

import pytest

from services.cli.asyncapi import EVERY_SERVICE, SERVICES, receivers, senders
from services.contracts.deadletter import MAX_ORIGINAL_BYTES
from services.contracts.inbound import MAX_MESSAGE_BYTES
from services.contracts.topics import (
    CENSUS,
    CLAIMS,
    CUTOFFS,
    DEAD_LETTER,
    FEEDBACK,
    INBOUND,
    PROFILES,
    SEATS,
    SILENCES,
    TOPICS,
    TRANSFERS,
    Topic,
)

OWN_AFFAIRS = (TRANSFERS, CENSUS, CUTOFFS, CLAIMS, SEATS, FEEDBACK)
"""What a service tells itself: one partition another, or what hears providers the owner of a customer."""
OPERATORS = "operators"
"""How the topic table names people at a terminal."""

_EACH = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)


def test_names_are_unique() -> None:
    """No two topics share a name."""
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


@_EACH
def test_a_topic_is_described(topic: Topic) -> None:
    """Every topic has a legal name of ours, a sentence, a key, an owner and readers."""
    assert re.fullmatch(r"koi\.[a-z]+", topic.name)
    assert topic.about.endswith(".")
    assert topic.key
    assert topic.owner
    assert topic.readers


@_EACH
def test_an_owner_is_known(topic: Topic) -> None:
    """A topic is written by upstream, by people, by one service, or by every service; nobody reads what they write, but for own affairs."""
    assert topic.owner in {"upstream", OPERATORS, EVERY_SERVICE, *SERVICES}
    assert not set(senders(topic)) & set(receivers(topic)) or topic in OWN_AFFAIRS


def test_services_form_a_line() -> None:
    """Ingest feeds scoring, scoring feeds rules, rules feed the notifier, and contacts go to it past all others."""
    links = {(sender, reader) for topic in TOPICS for sender in senders(topic) for reader in receivers(topic)}
    line = {("ingest", "scoring"), ("scoring", "rules"), ("rules", "notifier"), ("ingest", "notifier")}
    assert {(sender, reader) for sender, reader in links if sender != reader} == line


def test_keyed_topics_share_their_partition_count() -> None:
    """Every topic keyed by customer leaves its partitions to the deployment, so they are equal."""
    assert [topic for topic in TOPICS if topic.partitions is not None] == [
        CENSUS,
        CUTOFFS,
        CLAIMS,
        SEATS,
        SILENCES,
        DEAD_LETTER,
    ]
    assert {topic.key for topic in TOPICS if topic.partitions is None} == {"customer_id", "customer_id (recommended)"}


def test_only_what_must_be_known_for_ever_is_compacted() -> None:
    """Profiles of customers, censuses and claims of partitions, versions of cut-offs and seats, silences: of each the last."""
    compacted = [topic for topic in TOPICS if topic.retention is None]
    assert compacted == [CENSUS, CUTOFFS, PROFILES, CLAIMS, SEATS, SILENCES]
    assert PROFILES.config()["retention.ms"] == "-1"
    assert PROFILES.config()["cleanup.policy"] == "compact"


@_EACH
def test_retention_is_written_in_milliseconds(topic: Topic) -> None:
    """The broker's setting says the same as the table."""
    if topic.retention is not None:
        assert timedelta(milliseconds=int(topic.config()["retention.ms"])) == topic.retention
        assert topic.config()["cleanup.policy"] == "delete"
    assert all(isinstance(value, str) for value in topic.config().values())


@pytest.mark.parametrize("topic", INBOUND, ids=lambda topic: topic.name)
def test_a_message_over_the_edge_reaches_us(topic: Topic) -> None:
    """The broker takes more than ingest accepts, so what is too long is dead-lettered with a reason, not lost."""
    assert topic.max_message_bytes > MAX_MESSAGE_BYTES


def test_the_largest_dead_letter_fits() -> None:
    """Base64 of the longest original leaves room for its envelope."""
    assert DEAD_LETTER.max_message_bytes > MAX_ORIGINAL_BYTES * 4 / 3 + 64 * 1024
