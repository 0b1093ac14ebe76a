"""Ingest as a process."""

from pathlib import Path

from pydantic import Field

from services.contracts.topics import INBOUND
from services.ingest.forward import SERVICE, Forwarder
from services.ingest.intake import Intake
from services.ingest.mapping import load_mappings
from services.runtime.app import Service
from services.runtime.sealing import Seal, SealingSettings
from services.runtime.serving import run
from services.runtime.settings import ClockKind
from services.runtime.surroundings import Surroundings


class IngestSettings(SealingSettings):
    """Ingest's settings, beside those every service shares."""

    mappings: Path | None = Field(None, description="vendor mapping file, or a folder of them")


SETTINGS = IngestSettings


def service(settings: IngestSettings) -> Service:
    """Raise `FileError` when a mapping file is wrong."""
    around = Surroundings(SERVICE, settings)
    forwarder = Forwarder(
        Intake(load_mappings(settings.mappings) if settings.mappings else ()),
        around.publisher,
        around.budget,
        around.telemetry,
        partitions=settings.partitions,
        event_clock=settings.clock is ClockKind.EVENT,
        seal=Seal.of(settings.contacts_key),
    )
    return Service(around, forwarder, [topic.name for topic in INBOUND])


def main() -> None:
    settings = IngestSettings()
    run(service(settings), settings)
