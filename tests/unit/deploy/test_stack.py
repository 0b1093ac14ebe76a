"""The embedded stack, for what the quick start uses of it."""

import socket
from pathlib import Path

import pytest
from redis import Redis

from deploy.embedded.ports import (
    HOST,
    PortTaken,
    free_ports,
    kafka_answers,
    redis_answers,
    require_free,
)
from deploy.embedded.process import ProcessFailed
from deploy.embedded.stack import EmbeddedStack


def test_it_starts_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Both servers answer inside the block and none after it; the same ports can be used again at once."""
    kafka, redis = free_ports(2)
    for _ in range(2):
        with EmbeddedStack(tmp_path, kafka, redis) as stack:
            assert stack.kafka_address == f"{HOST}:{kafka}"
            assert kafka_answers(kafka)
            assert Redis.from_url(stack.redis_url).ping()
        assert not stack.kafka.alive
        assert not stack.redis.alive
        assert not kafka_answers(kafka)
        assert not redis_answers(redis)


@pytest.mark.parametrize(("persistent", "kept"), [(True, b"koi"), (False, None)])
def test_redis_keeps_only_what_it_should(tmp_path: Path, persistent: bool, kept: bytes | None) -> None:
    """A persistent stack finds its states again; the demo's starts empty."""
    ports = free_ports(2)
    for expected in (None, kept):
        with EmbeddedStack(tmp_path, *ports, persistent=persistent) as stack:
            client = Redis.from_url(stack.redis_url)
            assert client.get("pond") == expected
            client.set("pond", "koi")
            client.close()


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    """One sentence names the port and how to choose another."""
    kafka, redis = free_ports(2)
    with socket.socket() as other:
        other.bind(("", redis))
        other.listen()
        stack = EmbeddedStack(tmp_path, kafka, redis, redis_option="REDIS_PORT=…")
        with pytest.raises(PortTaken) as raised:
            stack.start()
    assert str(raised.value) == (
        f"port {redis} (Redis) is taken by another program; stop it or choose another with REDIS_PORT=…"
    )
    assert stack.kafka.exit_code is None, "it was never started"


def test_a_server_that_dies_takes_the_other_with_it(tmp_path: Path) -> None:
    """When Redis refuses to start, its words are in the error and no broker is left."""
    (tmp_path / "appendonlydir").write_text("not a folder")
    stack = EmbeddedStack(tmp_path, *free_ports(2), persistent=True)
    with pytest.raises(ProcessFailed, match=r"Redis ended at start(.|\n)*append"):
        stack.start()
    assert not stack.kafka.alive


def test_something_else_on_a_port_is_not_a_server() -> None:
    """A listener that says nothing, or closes, is neither Kafka nor Redis."""
    with socket.socket() as mute:
        mute.bind((HOST, 0))
        port = mute.getsockname()[1]
        mute.listen(0)
        with pytest.raises(PortTaken):
            require_free(port, "Kafka", "--kafka-port")
        mute.close()
        assert not kafka_answers(port)
        assert not redis_answers(port)
