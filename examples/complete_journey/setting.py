"""Where the demo runs: its ports, its folder, and the environment its services are given."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.ports import HOST

PORT_BASE = 19400
PARTITIONS = 8
GROUP_PREFIX = "koi"

_HERE = Path(__file__).parent
RULES = _HERE.parents[1] / "deploy" / "rules"
SCORING = _HERE / "scoring.yaml"
POLICY = _HERE / "policy.yaml"
TEMPLATES = _HERE.parents[1] / "deploy" / "templates"


class DemoFailed(Exception):  # noqa: N818 - it says what happened
    """The demo cannot go on; the message is for the person who started it."""


@dataclass(frozen=True)
class Setting:
    """What a person may choose. Ports are `port_base` and the six after it."""

    out: Path
    port_base: int = PORT_BASE
    partitions: int = PARTITIONS
    keep: bool = False
    rules: Path = RULES

    @property
    def kafka_port(self) -> int:
        return self.port_base

    @property
    def redis_port(self) -> int:
        return self.port_base + 1

    @property
    def sink_port(self) -> int:
        return self.port_base + 2

    @property
    def service_port(self) -> int:
        """The first service's; the others follow."""
        return self.port_base + 3

    @property
    def logs(self) -> Path:
        return self.out / "logs"

    @property
    def summary_file(self) -> Path:
        return self.out / "summary.json"

    @property
    def report_file(self) -> Path:
        return self.out / "report.html"

    def environment(self, *, kafka: str, redis: str, sink_url: str, sink_secret: str) -> Mapping[str, str]:
        """Settings of the services. The business day is UTC's, as the data is read."""
        return {
            "KOI_KAFKA": kafka,
            "KOI_REDIS": redis,
            "KOI_PARTITIONS": str(self.partitions),
            "KOI_GROUP_PREFIX": GROUP_PREFIX,
            "KOI_CLOCK": "event",
            "KOI_ZONE": "UTC",
            "KOI_HOST": HOST,
            "KOI_IDEMPOTENT_PRODUCER": "false",  # the embedded broker has none
            "KOI_SESSION_TIMEOUT_MS": "6000",  # a service that was killed is missed sooner
            "KOI_RULES": str(self.rules.resolve()),
            "KOI_SCORING": str(SCORING),
            "KOI_POLICY": str(POLICY),
            "KOI_TEMPLATES": str(TEMPLATES),
            "KOI_CHANNELS": "webhook,console",  # the console is the notifier's log
            "KOI_WEBHOOK_URL": sink_url,
            "KOI_WEBHOOK_SECRET": sink_secret,
            "KOI_ALLOW_PRIVATE": "true",
        }


def forget_own_settings() -> None:
    """Drop `KOI_…` variables: the demo is the same wherever it is started."""
    for name in [name for name in os.environ if name.startswith("KOI_")]:
        del os.environ[name]
