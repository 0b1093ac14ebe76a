"""Metrics of the channels. Made by the notifier alone; labels are names of channels and enums."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.notifier.delivery.breaker import Breaker, BreakerState
from services.notifier.delivery.line import Line

Ending: TypeAlias = Literal["accepted", "refused", "unavailable", "ambiguous"]
"""How an attempt ended; `ambiguous` is what was not confirmed and may have arrived."""

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ChannelMetrics:
    """Every label of every channel is there from the start: zero is visible.

    | metric | meaning | if it moves |
    |---|---|---|
    | koi_channel_attempts_total{channel,result} | single sends: accepted, refused, unavailable, ambiguous | refused: see the receipts; unavailable: see the provider |
    | koi_channel_seconds{channel} | time of one attempt | the provider is slow: mind KOI_SEND_CONCURRENCY |
    | koi_channel_in_flight{channel} | commands the channel works on | at KOI_SEND_CONCURRENCY for long: it is too slow for what comes |
    | koi_channel_waiting{channel} | commands that wait for a place | the same |
    | koi_channel_breaker{channel,state} | 1 for the state it is in | open: the channel rests after failures |
    | koi_channel_quota_waits_total{channel} | times that the provider's quota was used up | more is sent than the provider takes |
    """

    def __init__(self, registry: CollectorRegistry, channels: Iterable[str]) -> None:
        label = ["channel"]
        self._attempts = Counter("koi_channel_attempts", "Single sends.", [*label, "result"], registry=registry)
        self._seconds = Histogram(
            "koi_channel_seconds", "Seconds for one attempt.", label, buckets=_BUCKETS, registry=registry
        )
        self._in_flight = Gauge("koi_channel_in_flight", "Commands it works on.", label, registry=registry)
        self._waiting = Gauge("koi_channel_waiting", "Commands that wait for a place.", label, registry=registry)
        self._breaker = Gauge("koi_channel_breaker", "1 for its state.", [*label, "state"], registry=registry)
        self._quota = Counter("koi_channel_quota_waits", "Times the quota was used up.", label, registry=registry)
        self._known = {
            channel: (
                {ending: self._attempts.labels(channel, ending) for ending in get_args(Ending)},
                self._seconds.labels(channel),
            )
            for channel in channels
        }
        for channel in self._known:
            for metric in (self._in_flight, self._waiting, self._quota):
                metric.labels(channel)
            for state in BreakerState:
                self._breaker.labels(channel, state.value).set(int(state is BreakerState.CLOSED))

    def watch(self, channel: str, line: Line, breaker: Breaker) -> None:
        """Show what these two say whenever somebody looks: nothing need be told for every message."""
        self._in_flight.labels(channel).set_function(lambda: line.at_work)
        self._waiting.labels(channel).set_function(lambda: line.waiting)
        for state in BreakerState:
            self._breaker.labels(channel, state.value).set_function(_whether(breaker, state))

    def attempt(self, channel: str, ending: Ending, seconds: float) -> None:
        endings, histogram = self._known[channel]
        endings[ending].inc()
        histogram.observe(seconds)

    def quota_wait(self, channel: str) -> None:
        self._quota.labels(channel).inc()


def _whether(breaker: Breaker, state: BreakerState) -> Callable[[], float]:
    return lambda: float(breaker.state is state)
