"""The notifier as a process."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from stamina.instrumentation import set_on_retry_hooks

from services.contracts.calendar import EPOCH
from services.contracts.topics import CONTACTS, FEEDBACK, NOTIFICATIONS, RECEIPTS
from services.contracts.wire import RECEIPTS as RECEIPTS_WIRE
from services.notifier.callback_metrics import CallbackMetrics
from services.notifier.callbacks import Callbacks
from services.notifier.channels.registry import Channels, build_channels
from services.notifier.delivery.courier import Courier
from services.notifier.delivery.metrics import ChannelMetrics
from services.notifier.delivery.quota import Quotas, RedisQuotas
from services.notifier.policy.models import Policy
from services.notifier.policy.reading import load
from services.notifier.policy.staff import Staff
from services.notifier.processor import NotifierProcessor
from services.notifier.receipts import SERVICE
from services.notifier.settings import NotifierSettings
from services.notifier.silences import SilenceBook
from services.notifier.templates.collection import Templates
from services.notifier.terms import Terms
from services.runtime.app import Service
from services.runtime.commit import PublishThenCommit
from services.runtime.errands import Errands
from services.runtime.record import Output
from services.runtime.sealing import Seal
from services.runtime.serving import run
from services.runtime.surroundings import Surroundings
from services.runtime.telemetry import Telemetry

SETTINGS = NotifierSettings


def make_courier(settings: NotifierSettings, channels: Channels, quotas: Quotas, telemetry: Telemetry) -> Courier:
    """Raise `FileError` when a template is wrong."""
    set_on_retry_hooks([])  # a line for every retry of every message would drown the log in an outage
    return Courier(
        channels,
        texts=Templates.load(settings.templates),
        opener=Seal.of(settings.contacts_key),
        quotas=quotas,
        metrics=ChannelMetrics(telemetry.registry, channels.names),
        # in a replay the pure core alone knows what time it is
        now=(lambda: EPOCH) if settings.replays else (lambda: datetime.now(UTC)),
        bounds=settings.bounds,
    )


def make_terms(settings: NotifierSettings, channels: Channels, courier: Courier, silences: SilenceBook) -> Terms:
    """Raise `FileError` when the policy or the staff directory is wrong."""
    return Terms(
        frozenset(channels.names),
        settings.tz,
        settings.partitions,
        policy=load(Policy, settings.policy) if settings.policy else Policy(),
        staff=load(Staff, settings.staff) if settings.staff else Staff(),
        silences=silences.in_force,
        rounds=settings.rounds,
        lease=None if settings.replays else timedelta(seconds=courier.longest_s + settings.send_lost_s),
    )


def service(settings: NotifierSettings) -> Service:
    """Raise `FileError` when the policy, the staff directory or a template is wrong."""
    around = Surroundings(SERVICE, settings)
    channels, silences = build_channels(settings), SilenceBook()
    courier = make_courier(settings, channels, RedisQuotas(around.redis(), settings.quota_secret), around.telemetry)
    processor = NotifierProcessor(make_terms(settings, channels, courier, silences))
    errands = Errands(courier.perform, processor.settle)

    def observe(outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == RECEIPTS.name and output.value is not None:
                receipt = RECEIPTS_WIRE.decode(output.value)
                around.telemetry.receipt(receipt.channel or "none", receipt.outcome, receipt.reason)

    stage = PublishThenCommit(
        processor,
        around.store("notify"),
        around.publisher,
        around.budget,
        around.telemetry,
        service=SERVICE,
        event_clock=settings.replays,
        errands=errands,
        observe=observe,
    )
    callbacks = Callbacks(
        settings.callback_secret,
        around.publisher,
        settings.partitions,
        observe=CallbackMetrics(around.telemetry.registry).answered,
    )
    return Service(
        around,
        stage,
        [NOTIFICATIONS.name, CONTACTS.name, FEEDBACK.name],
        errands=errands,
        follow=[silences],
        resources=[channels],
        routes=callbacks.routes(),
    )


def main() -> None:
    settings = NotifierSettings()
    run(service(settings), settings)
