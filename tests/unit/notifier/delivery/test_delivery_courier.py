"""The courier finds the first route that takes a command, answers once, and lets no channel hold up another."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.contracts.channels import Delivery
from services.contracts.receipt import DeliveryOutcome, Reason
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.delivery.bounds import Bounds
from services.notifier.effects import Delivered, Route
from services.notifier.message import Message
from services.runtime.sealing import Seal
from tests.unit.notifier.commands import command
from tests.unit.notifier.delivery.virtual import Post, Wordings, courier, deliver, live, seconds, send

GONE = Refused("HTTP 410")
BUSY = Unavailable("HTTP 503")
LOST = Unavailable("no answer", ambiguous=True)
LEAST, MOST = Delivery.AT_LEAST_ONCE, Delivery.AT_MOST_ONCE
SENT, FAILED, DEFERRED = DeliveryOutcome.SENT, DeliveryOutcome.FAILED, DeliveryOutcome.DEFERRED
ADDRESS = "13800138000"


@pytest.mark.parametrize(
    ("first", "second", "expected", "sends"),
    [
        ([Accepted()], [Accepted()], ("sent", "none", "sms", 1, ""), (1, 0)),
        ([GONE], [Accepted()], ("sent", "none", "email", 2, "sms: HTTP 410"), (1, 1)),
        ([BUSY], [Accepted()], ("sent", "none", "email", 4, "sms: HTTP 503"), (3, 1)),
        ([LOST], [Accepted()], ("sent", "none", "email", 4, "sms: no answer"), (3, 1)),
        ([BUSY, GONE], [Accepted("m1")], ("sent", "none", "email", 3, "sms: HTTP 410; email: accepted as m1"), (2, 1)),
        ([GONE], [GONE], ("failed", "channel_refused", "email", 2, "sms: HTTP 410; email: HTTP 410"), (1, 1)),
        ([BUSY], [GONE], ("deferred", "channel_unavailable", "email", 4, "sms: HTTP 503; email: HTTP 410"), (3, 1)),
        ([GONE], [BUSY], ("deferred", "channel_unavailable", "email", 4, "sms: HTTP 410; email: HTTP 503"), (1, 3)),
    ],
)
def test_the_first_route_that_accepts_wins(
    first: Sequence[SendResult],
    second: Sequence[SendResult],
    expected: tuple[str, str, str, int, str],
    sends: tuple[int, int],
) -> None:
    """What one channel does not take goes to the next; the trail tells it in order."""
    sms, email = Post("sms", list(first)), Post("email", list(second))
    (got,) = deliver(send("c1", "sms", "email"), by=lambda: courier(sms, email))
    assert (got.outcome, got.reason, got.channel, got.attempts, got.detail) == expected
    assert (len(sms.got), len(email.got)) == sends


def test_an_ambiguous_send_at_most_once_is_not_sent_elsewhere_either() -> None:
    """The person may have the message already."""
    sms, email = Post("sms", [LOST], delivery=MOST), Post("email")
    (got,) = deliver(send("c1", "sms", "email"), by=lambda: courier(sms, email))
    assert (got.outcome, got.reason, got.channel, got.delivery) == (FAILED, Reason.AMBIGUOUS, "sms", MOST)
    assert (sms.sent, email.sent) == (["c1"], [])


def test_a_channel_gets_message_text_and_address() -> None:
    """The text in the first language, the address opened only now, and none of it in what is printed."""
    seal = Seal([b"k" * 32])
    sms = Post("sms")
    routes = Route("sms", seal.seal(ADDRESS, "sms"), sealed=True)
    deliver(send("c1", routes), by=lambda: courier(sms, opener=seal))
    (parcel,) = sms.got
    assert parcel.message == Message.of(command("c1"))
    assert parcel.content is not None
    assert (parcel.content.language, parcel.content.text, parcel.address) == ("zh", "小鱼，好久不见", ADDRESS)
    assert ADDRESS not in repr(parcel)


@pytest.mark.parametrize(
    ("route", "reason", "detail"),
    [
        (Route("fax"), Reason.NO_CHANNEL, "fax: not configured"),
        (Route("sms"), Reason.NO_CONTACT, "sms: no address"),
        (Route("sms", ""), Reason.NO_CONTACT, "sms: no address"),
        (
            Route("sms", "gibberish?", sealed=True),
            Reason.NO_CONTACT,
            "sms: KOI_CONTACTS_KEY is not set, so no sealed address can be opened",
        ),
        (Route("wecom_app", "xiaoyu"), Reason.NO_TEXT, "wecom_app: we_miss_you has no text for wecom_app"),
        (Route("dingtalk_robot"), Reason.NO_TEXT, "dingtalk_robot: the template failed: TypeError"),
    ],
)
def test_what_cannot_go_out_is_said_without_an_attempt(route: Route, reason: Reason, detail: str) -> None:
    """It falls away: alone it fails, and with another route that other one carries it."""
    posts = [Post(name) for name in ("sms", "wecom_app", "dingtalk_robot", "feishu_robot")]
    texts = Wordings({"sms": "你好", "dingtalk_robot": TypeError("13800138000"), "feishu_robot": "你好"})
    alone, led = deliver(send("c1", route), send("c2", route, "feishu_robot"), by=lambda: courier(*posts, texts=texts))
    assert alone == Delivered(FAILED, reason, detail=detail)
    assert (led.outcome, led.channel, led.detail) == (SENT, "feishu_robot", detail)
    assert [len(post.got) for post in posts] == [0, 0, 0, 1]


def test_a_sealed_address_that_does_not_open_is_no_contact() -> None:
    """Sealed for another channel, or with another key; what was sealed is not said."""
    seal = Seal([b"k" * 32])
    sms = Post("sms")
    (got,) = deliver(
        send("c1", Route("sms", seal.seal(ADDRESS, "email"), sealed=True)), by=lambda: courier(sms, opener=seal)
    )
    assert (got.reason, sms.got) == (Reason.NO_CONTACT, [])
    assert ADDRESS not in got.detail


def test_a_channel_that_passes_data_on_needs_no_text() -> None:
    """Where there is one it gets it."""
    webhook, console = Post("webhook"), Post("console")
    texts = Wordings({"console": "你好"})
    got = deliver(
        send("c1", Route("webhook")), send("c2", Route("console")), by=lambda: courier(webhook, console, texts=texts)
    )
    assert [each.outcome for each in got] == [SENT, SENT]
    assert webhook.got[0].content is None
    assert console.got[0].content is not None


def test_a_command_without_routes_has_no_channel() -> None:
    """Without an attempt and without a word."""
    assert deliver(send("c1"), by=courier) == [Delivered(FAILED, Reason.NO_CHANNEL)]


def test_a_route_named_twice_is_tried_once() -> None:
    """A channel that refused is not asked again."""
    sms = Post("sms", [GONE])
    deliver(send("c1", "sms", "sms"), by=lambda: courier(sms))
    assert sms.sent == ["c1"]


@pytest.mark.parametrize(
    ("promises", "risky"),
    [((MOST,), "sms"), ((LEAST, MOST), "email"), ((MOST, MOST), "sms, email"), ((LEAST, LEAST), None)],
)
def test_what_was_begun_before_is_repeated_only_where_a_repeat_is_known(
    promises: tuple[Delivery, ...], risky: str | None
) -> None:
    """With one channel that promises not to repeat nobody knows where it went; else it goes out under the same key."""
    posts = [Post(name, delivery=promise) for name, promise in zip(("sms", "email"), promises, strict=False)]
    (got,) = deliver(send("c1", *(post.name for post in posts), again=True), by=lambda: courier(*posts))
    sent = [post.sent for post in posts]
    if risky is None:
        assert (got.outcome, sent) == (SENT, [["c1"], []])
    else:
        detail = f"{risky}: a send was begun and broke off; it may have arrived, so it is not repeated"
        assert got == Delivered(FAILED, Reason.AMBIGUOUS, delivery=MOST, detail=detail)
        assert not any(sent)


def test_of_a_channel_that_is_gone_nobody_knows() -> None:
    """It may have been the one that was tried, so what was begun is not repeated on another."""
    email = Post("email", delivery=LEAST)
    (got,) = deliver(send("c1", "sms", "email", again=True), by=lambda: courier(email))
    assert (got.reason, email.got) == (Reason.AMBIGUOUS, [])


def test_one_command_at_a_time_is_under_way_once() -> None:
    """Whoever asks meanwhile or afterwards gets the same answer; another command is another matter."""
    sms = Post("sms", takes_s=1)

    async def story() -> list[Delivered]:
        by = courier(sms)
        together = await asyncio.gather(
            *(by.perform(send("c1", "sms")) for _ in range(5)), by.perform(send("c2", "sms"))
        )
        return [*together, await by.perform(send("c1", "sms", again=True))]

    assert {each.outcome for each in live(story())} == {SENT}
    assert sms.sent == ["c1", "c2"]


@pytest.mark.parametrize(
    ("answers", "sends", "outcome"), [([BUSY, BUSY, BUSY, Accepted()], 4, SENT), ([GONE, Accepted()], 1, FAILED)]
)
def test_a_deferred_command_has_not_ended(answers: Sequence[SendResult], sends: int, outcome: DeliveryOutcome) -> None:
    """It is tried again when it comes again; one that failed for good is not."""
    sms = Post("sms", list(answers))

    async def story() -> Delivered:
        by = courier(sms)
        await by.perform(send("c1", "sms"))
        return await by.perform(send("c1", "sms"))

    assert live(story()).outcome is outcome
    assert len(sms.got) == sends


def test_who_is_cancelled_leaves_the_work_to_whoever_waits() -> None:
    """And one who only waited takes nothing from the others."""
    sms = Post("sms", takes_s=5)

    async def story() -> list[Delivered | BaseException]:
        by = courier(sms)
        asked = [asyncio.create_task(by.perform(send("c1", "sms"))) for _ in range(4)]
        await asyncio.sleep(1)
        asked[0].cancel()
        asked[3].cancel()
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second, third, fourth = live(story())
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(fourth, asyncio.CancelledError)
    assert second == third
    assert isinstance(second, Delivered)
    assert (second.outcome, sms.sent) == (SENT, ["c1", "c1"])


def test_no_command_takes_longer_than_it_says() -> None:
    """Waiting for a turn and all attempts, at every channel: after that a send is given up for lost."""
    posts = [Post(name, takes_s=1e9) for name in ("sms", "email")]

    async def story() -> tuple[float, float]:
        by = courier(*posts, bounds=Bounds(concurrency=1, turn_s=15))
        await asyncio.gather(*(by.perform(send(name, "sms", "email")) for name in ("c1", "c2")))
        return seconds(), by.longest_s

    took, longest = live(story())
    assert (took, longest) == (30, 50)


def test_memory_of_ends_is_bounded() -> None:
    """The oldest are forgotten first."""
    console = Post("console")

    async def story() -> int:
        by = courier(console)
        for number in range(20_010):
            await by.perform(send(f"c{number}", Route("console")))
        return len(by._ended) + len(by._under_way)

    assert live(story()) == 20_000


def test_a_dead_channel_costs_a_living_one_nothing() -> None:
    """Of 11,000 at once all for the living one arrive; of the others a bounded number was kept waiting, none is lost."""
    registry = CollectorRegistry()
    waiting: list[float | None] = []
    dead = Post("sms", takes_s=1e9)
    living = Post(
        "email",
        takes_s=0.1,
        during=lambda: waiting.append(registry.get_sample_value("koi_channel_waiting", {"channel": "sms"})),
    )
    sends = [send(f"c{i}", "email" if i % 11 == 0 else "sms") for i in range(11_000)]
    bounds = Bounds(concurrency=64, line=1000)
    got = deliver(*sends, by=lambda: courier(dead, living, registry=registry, bounds=bounds))
    good, bad = got[::11], [each for number, each in enumerate(got) if number % 11]
    assert {each.outcome for each in good} == {SENT}
    assert {each.outcome for each in bad} == {DEFERRED}
    assert living.most_at_once == 64
    assert max(living.at) == pytest.approx(0.1 * 15)
    assert (dead.most_at_once, len(dead.got), max(wait or 0 for wait in waiting)) == (64, 64, 1000)
    reasons = [each.detail for each in bad]
    assert reasons.count("sms: no answer within 10 s") == 64
    assert reasons.count("sms: no turn within 5 s") == 1000
    assert reasons.count("sms: its line of 1000 is full") == 10_000 - 1064


def test_a_failing_channel_is_given_up_by_all_before_long() -> None:
    """Ten failures in a row, and the other ten thousand do not even knock."""
    dead, living = Post("sms", [BUSY], takes_s=0.5), Post("email", takes_s=0.1)
    sends = [send(f"c{i}", "sms", "email") for i in range(2000)]
    bounds = Bounds(concurrency=16, line=5000, turn_s=60)
    got = deliver(*sends, by=lambda: courier(dead, living, bounds=bounds))
    assert {each.outcome for each in got} == {SENT}
    assert len(dead.got) <= 16 + 10
    assert len(living.got) == 2000


answers = st.lists(
    st.sampled_from([Accepted(), GONE, BUSY, LOST, Unavailable("HTTP 429", 60.0), RuntimeError("secret")]), min_size=1
)
posts = st.builds(
    lambda first, second, promises: (Post("sms", first, promises[0]), Post("email", second, promises[1])),
    answers,
    answers,
    st.tuples(st.sampled_from(Delivery), st.sampled_from(Delivery)),
)


@given(posts, st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=8))
def test_whatever_channels_do_every_command_has_one_answer_and_no_forbidden_repeat(
    channels: tuple[Post, Post], names: list[str]
) -> None:
    """Attempts add up to what the channels saw; nothing ambiguous is repeated against the promise; no secret is told."""
    got = deliver(*(send(name, "sms", "email") for name in names), by=lambda: courier(*channels))
    by_name = dict(zip(names, got, strict=True))
    assert all(by_name[name] == answer for name, answer in zip(names, got, strict=True))
    assert sum(answer.attempts for answer in by_name.values()) == sum(len(channel.got) for channel in channels)
    assert not any("secret" in answer.detail for answer in got)
    for name, answer in by_name.items():
        mine = [(each.delivery, told) for each in channels for command_id, told in each.told if command_id == name]
        assert (answer.outcome is SENT) == any(isinstance(told, Accepted) for _, told in mine)
        for promise, told in mine[:-1]:
            ambiguous = isinstance(told, Exception) or (isinstance(told, Unavailable) and told.ambiguous)
            assert not (ambiguous and promise is MOST), "it went on after a send that may have arrived"
