"""Settings of scoring."""

from pathlib import Path

from pydantic import Field

from services.runtime.settings import Settings


class ScoringSettings(Settings):
    """Scoring's settings, beside those every service shares."""

    scoring: Path | None = Field(None, description="scoring configuration file; the defaults without one")
    census_patience: float = Field(
        60.0, gt=0, le=3600, description="seconds an epoch waits for a partition that says nothing"
    )
