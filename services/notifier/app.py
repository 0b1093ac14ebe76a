"""The notifier as a process."""

from collections.abc import Sequence

from stamina.instrumentation import set_on_retry_hooks

from services.contracts.topics import NOTIFICATIONS, RECEIPTS
from services.contracts.wire import RECEIPTS as RECEIPTS_WIRE
from services.notifier.channels.registry import build_channels
from services.notifier.delivery import Courier
from services.notifier.processor import NotifierProcessor
from services.notifier.settings import NotifierSettings
from services.runtime import app
from services.runtime.commit import PublishThenCommit
from services.runtime.record import Output
from services.runtime.settings import ClockKind

SERVICE = "notifier"
SETTINGS = NotifierSettings


def service(settings: NotifierSettings) -> app.Service:
    around = app.Surroundings(SERVICE, settings)
    set_on_retry_hooks([])  # a line for every retry of every message would drown the log in an outage
    channels = build_channels(settings)

    def observe(outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == RECEIPTS.name and output.value is not None:
                receipt = RECEIPTS_WIRE.decode(output.value)
                around.telemetry.receipt(receipt.channel or "none", receipt.outcome, receipt.reason)

    stage = PublishThenCommit(
        NotifierProcessor(),
        around.store("notify"),
        around.publisher,
        around.budget,
        around.telemetry,
        service=SERVICE,
        event_clock=settings.clock is ClockKind.EVENT,
        effector=Courier(channels, settings.bounds),
        observe=observe,
    )
    return app.Service(around, stage, [NOTIFICATIONS.name], resources=[channels])


def main() -> None:
    settings = NotifierSettings()
    app.run(service(settings), settings)
