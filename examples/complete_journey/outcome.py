"""How a run ended: what must be the same every time, and what was measured this time."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.complete_journey.expected import Expected
from examples.complete_journey.stories import Story
from examples.complete_journey.summary import Summary


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What differs from run to run. `seconds` is all of it, from the first process started to these figures.

    `events_per_second`: published events over the time from the first one published until every stage was quiet.
    `repeated_attempts`: messages that a channel was handed again because a service died before it could note the first
    time; the sink recognises them by their key. `refused_attempts`: requests without a valid signature.
    """

    seconds: float
    replay_seconds: float
    catch_up_seconds: float
    events_per_second: int
    repeated_attempts: int
    refused_attempts: int
    restarts: dict[str, int]
    records: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished run."""

    summary: Summary
    expected: Expected
    measured: Measured
    stories: Sequence[Story]

    @property
    def complaints(self) -> list[str]:
        """Everything that is not as it must be, a sentence each."""
        return self.summary.mismatches(self.expected)

    def document(self) -> dict[str, Any]:
        """`summary.json`: everything but `seconds` and `measurements` is the same in every run."""
        return {
            **asdict(self.summary),
            "expected": asdict(self.expected),
            "matches_expected": not self.complaints,
            "complaints": self.complaints,
            "seconds": self.measured.seconds,
            "measurements": asdict(self.measured),
        }

    def write(self, path: Path) -> None:
        """Write the document in one go: an interrupted run leaves the old file, or none."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            draft.write_text(json.dumps(self.document(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
