"""Which broker the system tests run on, and what is an error in CI though it is only a remark at a desk."""

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import stack
from deploy.embedded.ports import HOST, free_ports, kafka_answers
from tests.servers import kafka
from tests.servers.server import Server

# A skip in CI must say this: the thing the test needs is one that nobody can install here.
ALLOWED_SKIP = "not shipped"

_READY_SECONDS = 20.0


@dataclass(frozen=True)
class Plan:
    """What will serve Kafka's protocol. `remark` is set where it is not Apache Kafka."""

    real: bool
    remark: str | None


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def plan() -> Plan:
    """Apache Kafka where it can run, the embedded broker elsewhere."""
    try:
        kafka.require_tools()
    except kafka.KafkaUnavailable as why:
        return Plan(real=False, remark=str(why))
    return Plan(real=True, remark=None)


def broker(directory: Path, chosen: Plan) -> Server:
    """The broker of the plan, not yet started. Raises KafkaUnavailable in CI when it would not be Apache Kafka."""
    if chosen.real:
        return kafka.apache_kafka(directory)
    if in_ci():
        raise kafka.KafkaUnavailable(f"CI=true needs Apache Kafka: {chosen.remark}")
    (port,) = free_ports(1)
    return Server(
        label="Tansu (embedded)",
        address=f"{HOST}:{port}",
        process=stack.tansu(directory, port),
        answers=lambda: kafka_answers(port),
        ready_seconds=_READY_SECONDS,
        durable=False,
    )
