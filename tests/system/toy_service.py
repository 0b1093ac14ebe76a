"""The toy processor as a real service process, set by `KOI_` variables like any other."""

from services.runtime.app import Service
from services.runtime.commit import PublishThenCommit
from services.runtime.serving import run
from services.runtime.settings import ClockKind, Settings
from services.runtime.surroundings import Surroundings
from tests.unit.runtime.toy import TOPIC, ToyProcessor

NAME = "toy"


def build(settings: Settings) -> Service:
    surroundings = Surroundings(NAME, settings)
    stage = PublishThenCommit(
        ToyProcessor(),
        surroundings.store(NAME),
        surroundings.publisher,
        surroundings.budget,
        surroundings.telemetry,
        service=NAME,
        event_clock=settings.clock is ClockKind.EVENT,
    )
    return Service(surroundings, stage, [TOPIC])


if __name__ == "__main__":
    settings = Settings()
    run(build(settings), settings)
