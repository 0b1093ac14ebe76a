"""One channel is tried within its bounds, and whatever stands against an attempt is said."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from services.contracts.channels import Delivery, Rate
from services.contracts.receipt import DeliveryOutcome, Reason
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.delivery.bounds import Bounds
from services.notifier.delivery.outlet import pause
from services.notifier.delivery.quota import MemoryQuotas
from services.notifier.effects import Delivered
from services.runtime.store import StoreUnavailable
from tests.unit.notifier.commands import NOON
from tests.unit.notifier.delivery.virtual import Post, courier, deliver, live, seconds, send

PATIENT = Bounds(failures=1000)
BUSY = Unavailable("HTTP 503")
LOST = Unavailable("no answer", ambiguous=True)
MOST = Delivery.AT_MOST_ONCE
SENT, FAILED, DEFERRED = DeliveryOutcome.SENT, DeliveryOutcome.FAILED, DeliveryOutcome.DEFERRED


class Away:
    """Quotas that nobody can ask for."""

    async def take(self, channel: str, recipient: str | None = None) -> float | None:
        raise StoreUnavailable(f"Redis: no {channel}, no {recipient}")


class Endless:
    """Quotas whose answer never comes."""

    async def take(self, channel: str, recipient: str | None = None) -> float | None:  # noqa: ARG002
        return await asyncio.Event().wait() and None


def one(post: Post, bounds: Bounds = PATIENT) -> Delivered:
    (got,) = deliver(send("c1", post.name), by=lambda: courier(post, bounds=bounds))
    return got


def story(got: Delivered) -> tuple[str, str, int, str, float | None]:
    return got.outcome, got.reason, got.attempts, got.detail, got.retry_in_s


@pytest.mark.parametrize(
    ("answers", "delivery", "expected"),
    [
        ([Accepted()], MOST, ("sent", "none", 1, "", None)),
        ([Accepted("p-7")], MOST, ("sent", "none", 1, "sms: accepted as p-7", None)),
        ([BUSY, Accepted()], MOST, ("sent", "none", 2, "", None)),
        ([BUSY, Refused("HTTP 410")], MOST, ("failed", "channel_refused", 2, "sms: HTTP 410", None)),
        ([BUSY], MOST, ("deferred", "channel_unavailable", 3, "sms: HTTP 503", None)),
        (
            [BUSY, LOST, Accepted()],
            MOST,
            ("failed", "ambiguous", 2, "sms: no answer; ambiguous: it may have arrived, so it is not repeated", None),
        ),
        ([LOST, LOST, Accepted()], Delivery.AT_LEAST_ONCE, ("sent", "none", 3, "", None)),
        ([LOST], Delivery.AT_LEAST_ONCE, ("deferred", "channel_unavailable", 3, "sms: no answer", None)),
        (
            [Unavailable("HTTP 429", retry_after_s=3600)],
            MOST,
            ("deferred", "channel_unavailable", 1, "sms: HTTP 429", 3600),
        ),
        (
            [RuntimeError("https://u:secret@host")],
            Delivery.AT_LEAST_ONCE,
            ("deferred", "channel_unavailable", 3, "sms: the channel failed: RuntimeError", None),
        ),
        (
            [RuntimeError("secret"), Accepted()],
            MOST,
            (
                *("failed", "ambiguous", 1),
                "sms: the channel failed: RuntimeError; ambiguous: it may have arrived, so it is not repeated",
                None,
            ),
        ),
    ],
)
def test_the_channels_answers_decide_how_often_it_is_tried(
    answers: Sequence[SendResult | Exception], delivery: Delivery, expected: tuple[str, str, int, str, float | None]
) -> None:
    """Refused once, unavailable three times, a long pause not at all; what may have arrived is repeated where that is known."""
    post = Post("sms", list(answers), delivery)
    got = one(post)
    assert story(got) == expected
    assert (got.channel, got.delivery, len(post.got)) == ("sms", delivery, expected[2])


def test_a_pause_that_the_provider_names_is_kept() -> None:
    """To the second, where it is within the bound."""
    post = Post("sms", [Unavailable("HTTP 429", retry_after_s=4), Accepted()])
    assert one(post).outcome is SENT
    assert post.at == [0, 4]


@pytest.mark.parametrize(
    ("asked", "expected"), [(None, True), (0.0, 0.0), (7.0, 7.0), (10.0, 10.0), (10.1, False), (float("inf"), False)]
)
def test_a_provider_is_left_alone_as_long_as_it_asks_or_altogether(asked: float | None, expected: bool | float) -> None:
    """Up to the bound the pause is kept; beyond it this round does not come back."""
    got = pause(Unavailable("HTTP 429", retry_after_s=asked), Bounds(retry_after_max_s=10))
    assert (got, type(got)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("delivery", "outcome", "reason", "detail"),
    [
        (Delivery.AT_LEAST_ONCE, DEFERRED, Reason.CHANNEL_UNAVAILABLE, "sms: no answer within 10 s"),
        (
            *(MOST, FAILED, Reason.AMBIGUOUS),
            "sms: no answer within 10 s; ambiguous: it may have arrived, so it is not repeated",
        ),
    ],
)
def test_a_channel_that_never_answers_is_broken_off(
    delivery: Delivery, outcome: DeliveryOutcome, reason: Reason, detail: str
) -> None:
    """At the deadline, and then nobody knows whether it arrived."""
    post = Post("sms", delivery=delivery, takes_s=1e6)
    got = one(post)
    assert (got.outcome, got.reason, got.attempts, got.detail) == (outcome, reason, 1, detail)
    assert post.at_once == 0


def test_the_deadline_holds_for_all_attempts_together() -> None:
    """Slow failures leave time for fewer of them."""
    post = Post("sms", [BUSY], takes_s=6)
    assert story(one(post)) == ("deferred", "channel_unavailable", 2, "sms: no answer within 10 s", None)


def test_nothing_begins_once_the_command_has_expired() -> None:
    """Neither the first attempt, however it came to be late, nor a repeat."""

    def expiring(in_s: float, post: Post, bounds: Bounds = PATIENT) -> Delivered:
        late = send("late", "sms", expires_at=NOON + timedelta(seconds=in_s))
        return deliver(send("c0", "sms"), late, by=lambda: courier(post, bounds=bounds))[1]

    told = ("deferred", "expired", 0, "sms: it expired before it could be tried", None)
    assert story(expiring(0, Post("sms"))) == told
    assert story(expiring(3, Post("sms", takes_s=4), replace(PATIENT, concurrency=1))) == told
    assert story(expiring(0, Post("sms", takes_s=4), replace(PATIENT, concurrency=1, line=0))) == told
    repeated = expiring(3, Post("sms", [BUSY], takes_s=4))
    assert story(repeated) == (
        *("deferred", "channel_unavailable", 1),
        "sms: HTTP 503, then it expired before it could be tried",
        None,
    )


def test_a_full_line_and_a_turn_that_does_not_come_are_busy() -> None:
    """One works, one waits, one is told at once; the one that waited gives up in time."""
    post = Post("sms", takes_s=8)
    bounds = replace(PATIENT, concurrency=1, line=1)
    got = deliver(*(send(f"c{i}", "sms") for i in range(3)), by=lambda: courier(post, bounds=bounds))
    assert [story(each) for each in got] == [
        ("sent", "none", 1, "", None),
        ("deferred", "channel_busy", 0, "sms: no turn within 5 s", 5),
        ("deferred", "channel_busy", 0, "sms: its line of 1 is full", 5),
    ]


def test_a_channel_that_fails_again_and_again_rests_and_is_probed_with_one() -> None:
    """While it rests nobody bothers it; the probe alone decides; then it is back."""
    post = Post("sms", [*[BUSY] * 4, Accepted()], takes_s=0.5)
    bounds = Bounds(attempts=1, failures=3, rest_first_s=10)

    async def told() -> list[list[str]]:
        by = courier(post, bounds=bounds)
        rounds = []
        for number, at in enumerate((0, 2, 11, 14, 31, 40)):
            await asyncio.sleep(at - seconds())
            got = await asyncio.gather(*(by.perform(send(f"{number}-{i}", "sms")) for i in range(3)))
            rounds.append([f"{each.reason} {each.retry_in_s and round(each.retry_in_s, 1)}" for each in got])
        return rounds

    unavailable, resting = "channel_unavailable None", "channel_busy {}"
    assert live(told()) == [
        [unavailable] * 3,
        [resting.format(8.5)] * 3,
        [unavailable, *[resting.format(10)] * 2],
        [resting.format(17.5)] * 3,
        ["channel_busy 0.5"] * 3,
        ["none None", *[resting.format(10)] * 2],
    ]
    assert len(post.got) == 5


def test_those_who_wait_when_the_breaker_opens_are_sent_away_untried() -> None:
    """They need not find out for themselves."""
    post = Post("sms", [BUSY], takes_s=1)
    bounds = Bounds(attempts=1, concurrency=2, failures=2)
    got = deliver(*(send(f"c{i}", "sms") for i in range(50)), by=lambda: courier(post, bounds=bounds))
    assert [each.attempts for each in got] == [1, 1, *[0] * 48]
    assert {each.detail for each in got[2:]} == {"sms: it rests after failures"}
    assert {each.retry_in_s for each in got[2:]} == {10}


def test_a_command_stops_repeating_when_the_breaker_opens() -> None:
    """And the hint is the rest of the rest."""
    post = Post("sms", [BUSY])
    got = one(post, Bounds(failures=2, attempts=5, wait_jitter_s=0))
    assert (got.reason, got.attempts) == (Reason.CHANNEL_UNAVAILABLE, 2)
    assert got.detail == "sms: HTTP 503, then it rests after failures"
    assert got.retry_in_s == pytest.approx(9.8)


def test_a_rest_is_as_long_as_the_provider_asks() -> None:
    """Where that is longer, and within the bound."""
    post = Post("sms", [Unavailable("HTTP 429", retry_after_s=45)])
    sends = [send(f"c{i}", "sms") for i in range(4)]
    got = deliver(*sends, by=lambda: courier(post, bounds=Bounds(failures=3, concurrency=3)))
    assert [(each.attempts, each.retry_in_s) for each in got] == [(1, 45), (1, 45), (1, 45), (0, 45)]


def test_a_refusal_proves_that_the_channel_lives() -> None:
    """However many there are, it does not rest."""
    post = Post("sms", [Refused("no such number")])
    sends = [send(f"c{i}", "sms") for i in range(30)]
    assert {each.reason for each in deliver(*sends, by=lambda: courier(post))} == {Reason.CHANNEL_REFUSED}


@pytest.mark.parametrize(
    ("rate", "sent", "hint"), [(Rate(3, 1), 9, None), (Rate(3, 60), 3, 60.0), (Rate(2, 60, "recipient"), 2, 60.0)]
)
def test_a_quota_is_waited_for_if_it_is_short_and_else_deferred(rate: Rate, sent: int, hint: float | None) -> None:
    """Five a second is soon over; for twenty a minute nobody keeps a place."""
    post = Post("sms")
    sends = [send(f"c{i}", "sms") for i in range(9)]
    got = deliver(*sends, by=lambda: courier(post, quotas=MemoryQuotas(seconds, {"sms": [rate]})))
    assert len(post.got) == sent
    late = [each for each in got if each.outcome is not SENT]
    assert len(late) == 9 - sent
    if hint is not None:
        assert {story(each) for each in late} == {
            ("deferred", "quota", 0, f"sms: the provider's quota is used up for {hint:.0f} s", hint)
        }


def test_a_slot_that_others_take_is_not_waited_for_again_and_again() -> None:
    """All waits together are within the bound, and the last hint is told."""

    class Contested:
        async def take(self, channel: str, recipient: str | None = None) -> float | None:  # noqa: ARG002
            return 1.5

    post = Post("sms")

    async def told() -> tuple[Delivered, float]:
        return await courier(post, quotas=Contested()).perform(send("c1", "sms")), seconds()

    got, at = live(told())
    assert (got.reason, got.retry_in_s, at, post.got) == (Reason.QUOTA, 1.5, 1.5, [])


def test_every_repeat_counts_for_the_quota() -> None:
    """The provider counts calls, not messages."""
    post = Post("sms", [BUSY])
    quotas = MemoryQuotas(lambda: 0.0, {"sms": [Rate(2, 60)]})
    (got,) = deliver(send("c1", "sms"), by=lambda: courier(post, quotas=quotas, bounds=PATIENT))
    assert (got.reason, got.attempts, got.retry_in_s) == (Reason.CHANNEL_UNAVAILABLE, 2, 60)
    assert got.detail == "sms: HTTP 503, then the provider's quota is used up for 60 s"


def test_a_quota_that_cannot_be_asked_for_is_no_leave_to_send() -> None:
    """Nothing is sent, and where the quota is kept is nobody's business."""
    post = Post("sms")
    (got,) = deliver(send("c1", "sms"), by=lambda: courier(post, quotas=Away()))
    assert story(got) == ("deferred", "channel_unavailable", 0, "sms: its quota cannot be asked for", None)
    (got,) = deliver(send("c1", "sms"), by=lambda: courier(post, quotas=Endless()))
    assert story(got) == ("deferred", "channel_unavailable", 0, "sms: no attempt was made in time", None)
    assert post.got == []


def test_a_probe_without_a_slot_leaves_the_probe_to_the_next() -> None:
    """Otherwise the channel would rest for ever."""
    post = Post("sms", [BUSY, Accepted()])
    bounds = Bounds(attempts=1, failures=1)

    async def told() -> list[str]:
        by = courier(post, bounds=bounds, quotas=MemoryQuotas(seconds, {"sms": [Rate(1, 30)]}))
        reasons: list[str] = []
        for at in (0, 15, 40):
            await asyncio.sleep(at - seconds())
            reasons.append((await by.perform(send(f"at {at}", "sms"))).reason)
        return reasons

    assert live(told()) == ["channel_unavailable", "quota", "none"]


def test_the_metrics_tell_all_of_it() -> None:
    """Attempts by their end, how many are in flight and waiting, the state of the breaker, and waits for the quota."""
    registry = CollectorRegistry()

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"channel": "sms", **labels})

    during: list[tuple[float | None, float | None]] = []
    post = Post(
        "sms",
        [Accepted(), Refused("no"), LOST, BUSY],
        takes_s=1,
        during=lambda: during.append((value("koi_channel_in_flight"), value("koi_channel_waiting"))),
    )
    bounds = Bounds(attempts=1, concurrency=2, failures=2)
    sends = [send(f"c{i}", "sms") for i in range(5)]
    deliver(
        *sends,
        by=lambda: courier(
            post, registry=registry, bounds=bounds, quotas=MemoryQuotas(seconds, {"sms": [Rate(4, 3600)]})
        ),
    )
    assert during == [(1, 0), (2, 0), (1, 2), (2, 1)]
    results = ("accepted", "refused", "ambiguous", "unavailable")
    assert [value("koi_channel_attempts_total", result=each) for each in results] == [1, 1, 1, 1]
    assert (value("koi_channel_seconds_count"), value("koi_channel_seconds_sum")) == (4, 4)
    assert [value("koi_channel_breaker", state=each) for each in ("closed", "open", "half_open")] == [0, 1, 0]
    assert (value("koi_channel_in_flight"), value("koi_channel_waiting")) == (0, 0)
    assert value("koi_channel_quota_waits_total") == 0
