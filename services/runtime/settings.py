"""Settings every service shares, read from the environment (prefix `KOI_`) or a `.env` file."""

from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.contracts.calendar import Zone
from services.contracts.topics import DEFAULT_PARTITIONS


class ClockKind(StrEnum):
    """`wall` in production; `event` for a replay, a demo or a simulation: now is the newest event time seen."""

    WALL = "wall"
    EVENT = "event"


def _addresses(text: str) -> str:
    if not all(part.strip() for part in text.split(",")):
        raise ValueError("an address is empty; write host:port, or several with commas between them")
    return text


def _redis_url(text: str) -> str:
    # never the text itself: it may hold a password
    if not text.startswith(("redis://", "rediss://")):
        raise ValueError("this is no Redis URL; write redis://host:6379/0, or rediss:// for TLS")
    return text


class Settings(BaseSettings):
    """Everything a service needs to know of its surroundings."""

    model_config = SettingsConfigDict(env_prefix="KOI_", env_file=".env", extra="ignore", frozen=True)

    kafka: Annotated[str, AfterValidator(_addresses)] = Field(
        "localhost:9092", description="Kafka bootstrap servers, comma separated"
    )
    redis: Annotated[str, AfterValidator(_redis_url)] = Field("redis://localhost:6379/0", description="Redis URL")
    redis_password: SecretStr | None = Field(None, description="Redis password, if it is not in the URL")
    partitions: int = Field(DEFAULT_PARTITIONS, ge=1, le=4096, description="partitions of every keyed topic")
    replication: int = Field(1, ge=1, le=9, description="replicas of every topic, when `koi topics create` makes them")
    group_prefix: str = Field("koi", description="consumer groups are named <prefix>.<service>")
    clock: ClockKind = Field(ClockKind.WALL, description="wall, or event for a replay")
    zone: Zone = Field("Asia/Shanghai", description="the business time zone: it defines a day")
    host: str = Field("127.0.0.1", description="address of health and metrics")
    port: int = Field(8080, ge=0, le=65535, description="port of health and metrics")
    batch_records: int = Field(2000, ge=1, le=50_000, description="records taken from Kafka at once")
    batch_wait_ms: int = Field(20, ge=1, le=5000, description="longest wait for a batch to fill")
    idempotent_producer: bool = Field(True, description="off for a broker without idempotent producers")
    dead_letter_burst: int = Field(1000, ge=1, description="dead letters a service may write at once")
    dead_letter_rate: float = Field(10.0, gt=0, description="dead letters a second once the burst is used up")
    session_timeout_ms: int = Field(10_000, ge=1000, description="a worker silent this long loses its partitions")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)
