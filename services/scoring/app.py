"""Scoring as a process."""

from pathlib import Path

from pydantic import Field

from services.contracts.topics import EVENTS
from services.runtime import app
from services.runtime.commit import PublishThenCommit
from services.runtime.settings import ClockKind, Settings
from services.scoring.config import ScoringConfig
from services.scoring.processor import ScoringProcessor

SERVICE = "scoring"


class ScoringSettings(Settings):
    """Scoring's settings, beside those every service shares."""

    scoring: Path | None = Field(None, description="scoring configuration file; the defaults without one")


SETTINGS = ScoringSettings


def service(settings: ScoringSettings) -> app.Service:
    """Raise `FileError` when the scoring file is wrong."""
    around = app.Surroundings(SERVICE, settings)
    config = ScoringConfig.load(settings.scoring) if settings.scoring else ScoringConfig()
    stage = PublishThenCommit(
        ScoringProcessor(config, settings.tz, settings.partitions),
        around.store("score"),
        around.publisher,
        around.budget,
        around.telemetry,
        service=SERVICE,
        event_clock=settings.clock is ClockKind.EVENT,
    )
    return app.Service(around, stage, [EVENTS.name])


def main() -> None:
    settings = ScoringSettings()
    app.run(service(settings), settings)
