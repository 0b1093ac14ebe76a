"""Zero is visible: every series is there before anything happened."""

from prometheus_client import CollectorRegistry

from services.notifier.delivery.breaker import Breaker, BreakerState
from services.notifier.delivery.line import Line
from services.notifier.delivery.metrics import ChannelMetrics

GAUGES = ("in_flight", "waiting")


def test_every_label_of_every_channel_is_there_from_the_start() -> None:
    """For the channels that are configured, and for no other."""
    registry = CollectorRegistry()
    ChannelMetrics(registry, ["sms", "email"])
    series = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith(("_created", "_bucket"))
    }
    for channel in ("sms", "email"):
        here = ("channel", channel)
        for result in ("accepted", "refused", "unavailable", "ambiguous"):
            assert series.pop(("koi_channel_attempts_total", here, ("result", result))) == 0
        for state in BreakerState:
            assert series.pop(("koi_channel_breaker", here, ("state", state.value))) == (state is BreakerState.CLOSED)
        for name in ("in_flight", "waiting", "seconds_count", "seconds_sum", "quota_waits_total"):
            assert series.pop((f"koi_channel_{name}", here)) == 0
    assert series == {}


def test_what_is_watched_is_shown_as_it_is_now() -> None:
    """A breaker is in one state: 1 for it, 0 for the others."""
    registry = CollectorRegistry()
    metrics = ChannelMetrics(registry, ["sms"])
    line, breaker = Line(4, 9, 5.0), Breaker(1, 10, 60)
    metrics.watch("sms", line, breaker)

    def shown() -> list[float | None]:
        told = [
            registry.get_sample_value("koi_channel_breaker", {"channel": "sms", "state": state.value})
            for state in BreakerState
        ]
        return [*told, *(registry.get_sample_value(f"koi_channel_{n}", {"channel": "sms"}) for n in GAUGES)]

    assert shown() == [1, 0, 0, 0, 0]
    permit = breaker.enter(0)
    assert permit is not None
    breaker.failed(permit, 0)
    line.at_work, line.waiting = 4, 7
    assert shown() == [0, 1, 0, 4, 7]
    breaker.enter(10)
    assert shown() == [0, 0, 1, 4, 7]
