"""The endpoint for providers and readers: what is taken, what is refused, and what reaches `koi.feedback`."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from services.contracts.channels import Category, ChannelName
from services.contracts.errors import Retryable
from services.contracts.feedback import News
from services.contracts.topics import FEEDBACK
from services.contracts.wire import FEEDBACK as FEEDBACK_WIRE
from services.notifier import callbacks
from services.notifier.callbacks import MAX_BODY_BYTES, Callbacks
from services.notifier.unsubscribing import link
from services.runtime.partitioning import partition_of
from services.runtime.record import Output

SECRET = SecretStr("whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ=")
NOW = datetime(2026, 3, 17, 1, tzinfo=UTC)
TOLD = {"command_id": "c-1", "customer_id": "客户-1", "news": "delivered", "at": "2026-03-17T08:30:00+08:00"}
PARTITIONS = 24


@dataclass
class Log:
    """A publisher that keeps what it is given; `failure` is raised, and while it `hangs` it answers nothing."""

    outputs: list[Output] = field(default_factory=list)
    failure: BaseException | None = None
    hangs: bool = False

    async def publish(self, outputs: Sequence[Output]) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        self.outputs += outputs


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Speaks ASGI to the routes, as a server would."""

    def __init__(self, log: Log | None = None, secret: SecretStr = SECRET) -> None:
        self.log = log or Log()
        self.observed: list[tuple[str, int]] = []
        endpoint = Callbacks(
            secret,
            self.log,
            PARTITIONS,
            clock=lambda: NOW,
            observe=lambda name, status: self.observed.append((name, status)),
        )
        self.routes = dict(endpoint.routes())

    async def call(
        self,
        path: str,
        parts: Sequence[bytes] = (b"",),
        headers: Sequence[tuple[bytes, bytes]] = (),
        method: str = "POST",
        query: str = "",
        *,
        hangs_up: bool = False,
    ) -> Answer | None:
        """None if nothing was answered."""
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": part, "more_body": hangs_up or number < len(parts)}
            for number, part in enumerate(parts, start=1)
        ]
        messages.append({"type": "http.disconnect"})
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": query.encode()}
        await self.routes[path](scope, receive, send)
        if not sent:
            return None
        head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], head, b"".join(message.get("body", b"") for message in sent[1:]))

    async def tell(self, said: Any, *, channel: str = "sms", secret: SecretStr = SECRET) -> Answer:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        answer = await self.call(f"/callbacks/{channel}", [body], signed(body, secret))
        assert answer is not None
        return answer


def signed(
    body: bytes, secret: SecretStr = SECRET, at: datetime | None = None, name: str = "msg-1"
) -> list[tuple[bytes, bytes]]:
    at = at or datetime.now(UTC)
    signature = Webhook(secret.get_secret_value()).sign(name, at, body.decode())
    headers = {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def test_every_channel_has_a_path() -> None:
    """One for each, and one for readers."""
    assert set(Caller().routes) == {*(f"/callbacks/{name}" for name in ChannelName), "/unsubscribe"}


async def test_news_reaches_the_owner_of_the_customer() -> None:
    """Keyed and in the partition of the customer; what the provider did not name gets an id made of what it says."""
    caller = Caller()
    answer = await caller.tell(TOLD)
    assert (answer.status, answer.said) == (202, {"accepted": 1})
    (output,) = caller.log.outputs
    assert (output.topic, output.key) == (FEEDBACK.name, "客户-1".encode())
    assert output.partition == partition_of("客户-1", PARTITIONS)
    feedback = FEEDBACK_WIRE.decode(output.value or b"")
    assert (feedback.command_id, feedback.customer_id, feedback.channel) == ("c-1", "客户-1", "sms")
    assert (feedback.news, feedback.occurred_at) == (News.DELIVERED, datetime(2026, 3, 17, 0, 30, tzinfo=UTC))
    assert len(feedback.id) == 32
    assert caller.observed == [("sms", 202)]


async def test_a_list_is_taken_as_a_whole() -> None:
    """All of it, in its order, or nothing."""
    caller = Caller()
    many = [TOLD | {"id": f"n-{number}", "command_id": f"c-{number}"} for number in range(200)]
    assert (await caller.tell(many)).said == {"accepted": 200}
    ids = [FEEDBACK_WIRE.decode(output.value or b"").id for output in caller.log.outputs]
    assert ids == [f"n-{number}" for number in range(200)]
    assert (await caller.tell([*many[:3], TOLD | {"news": "lost"}])).status == 400
    assert len(caller.log.outputs) == 200


async def test_a_body_may_come_in_parts() -> None:
    """As a server hands it over."""
    caller, body = Caller(), json.dumps(TOLD).encode()
    answer = await caller.call("/callbacks/email", [body[:9], b"", body[9:]], signed(body))
    assert answer is not None
    assert answer.status == 202


async def test_what_was_not_noted_is_asked_for_again() -> None:
    """Kafka away, a client that cancels itself, and a broker that does not answer: 503, so that the provider repeats."""
    for log in (Log(failure=Retryable("Kafka: away")), Log(failure=asyncio.CancelledError())):
        answer = await Caller(log).tell(TOLD)
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert answer.said == {"error": "this cannot be noted right now; send it again"}


async def test_nobody_waits_for_a_broker_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for one that took the connection and says nothing."""
    monkeypatch.setattr(callbacks, "_PUBLISH_SECONDS", 0.01)
    assert (await Caller(Log(hangs=True)).tell(TOLD)).status == 503


async def test_a_repeat_has_the_same_id() -> None:
    """So whoever reads it knows it; other news of the same command has another."""
    caller = Caller()
    for said in (TOLD, TOLD, TOLD | {"at": "2026-03-17T00:30:00Z"}, TOLD | {"news": "bounced"}):
        await caller.tell(said)
    await caller.tell(TOLD, channel="email")
    ids = [FEEDBACK_WIRE.decode(output.value or b"").id for output in caller.log.outputs]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids)) == 3


_BODY = json.dumps(TOLD).encode()
_OTHER = SecretStr("whsec_" + "b3RoZXJvdGhlcm90aGVyb3RoZXI=")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        signed(_BODY, _OTHER),
        signed(_BODY + b" "),
        signed(_BODY, at=datetime.now(UTC) - timedelta(hours=3)),
        signed(_BODY, at=datetime.now(UTC) + timedelta(hours=3)),
        [*signed(_BODY)[:2], (b"webhook-signature", b"v1")],
        [*signed(_BODY)[:2], (b"webhook-signature", b"v1,\xff\xff")],
        [*signed(_BODY)[:2], (b"webhook-signature", b"v2,AAAA v1a,AAAA")],
        [(b"webhook-id", b"x"), (b"webhook-timestamp", b"nan"), (b"webhook-signature", b"v1,AAAA")],
    ],
)
async def test_nobody_is_believed_without_the_secret(headers: list[tuple[bytes, bytes]]) -> None:
    """No signature, one of another secret, of another body, too old, too new, or no signature at all."""
    caller = Caller()
    answer = await caller.call("/callbacks/sms", [_BODY], headers)
    assert answer is not None
    assert (answer.status, caller.log.outputs) == (401, [])
    assert answer.said == {
        "error": "the signature does not fit: sign id, timestamp (within 5 minutes) and body with KOI_CALLBACK_SECRET"
    }


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"webhook-id", b"webhook-timestamp", b"webhook-signature"]), st.binary(max_size=40))
    ),
    st.binary(max_size=100),
)
def test_any_headers_and_body_are_answered(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Whatever a stranger sends: 401, and nothing is published."""
    caller = Caller()
    answer = asyncio.run(caller.call("/callbacks/sms", [body], headers))
    assert answer is not None
    assert (answer.status, caller.log.outputs) == (401, [])


async def test_a_body_is_cut_off() -> None:
    """At 64 KiB, before anything is made of it; one byte less is read."""
    caller = Caller()
    for size, status in ((MAX_BODY_BYTES + 1, 413), (MAX_BODY_BYTES, 400)):
        body = b" " * size
        answer = await caller.call("/callbacks/sms", [body[: size // 2], body[size // 2 :]], signed(body))
        assert answer is not None
        assert answer.status == status


async def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody holds a connection open with it."""
    monkeypatch.setattr(callbacks, "_BODY_SECONDS", 0.01)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [], "query_string": b""}
    await Caller().routes["/callbacks/sms"](scope, receive, send)
    assert sent[0]["status"] == 408


async def test_who_hangs_up_is_told_nothing() -> None:
    """And nothing is published of half a body."""
    caller = Caller()
    assert await caller.call("/callbacks/sms", [_BODY], signed(_BODY), hangs_up=True) is None
    assert (caller.log.outputs, caller.observed) == ([], [])


async def test_without_a_secret_there_is_no_endpoint() -> None:
    """Neither for providers nor for readers."""
    caller = Caller(secret=SecretStr(""))
    for path, method in (("/callbacks/sms", "POST"), ("/unsubscribe", "GET")):
        answer = await caller.call(path, method=method)
        assert answer is not None
        assert (answer.status, answer.said) == (404, {"error": "callbacks are off: KOI_CALLBACK_SECRET is not set"})


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [("/callbacks/sms", "GET", "POST"), ("/unsubscribe", "PUT", "GET, HEAD, POST")],
)
async def test_another_method_is_refused(path: str, method: str, allowed: str) -> None:
    """With those that are taken."""
    answer = await Caller().call(path, method=method)
    assert answer is not None
    assert (answer.status, answer.headers["allow"], answer.said) == (405, allowed, {"error": f"this takes {allowed}"})


async def test_a_bug_shows_nothing_of_what_was_told() -> None:
    """Neither to the caller nor in the log."""
    caller = Caller(Log(failure=ValueError("+8613912345678")))
    with capture_logs() as logs:
        answer = await caller.tell(TOLD)
    assert (answer.status, answer.said) == (500, {"error": "this should not have happened"})
    assert logs == [
        {"event": "callback_failed", "log_level": "error", "endpoint": "sms", "error": "ValueError"},
    ]


LINK = urlsplit(link("https://notify.example.com", SECRET, "客户-1", "c-1", Category.MARKETING))


async def test_looking_at_a_link_changes_nothing() -> None:
    """A page with a button, in both languages, that tells nobody where it came from; mail programs look on their own."""
    caller = Caller()
    for method in ("GET", "HEAD"):
        answer = await caller.call(LINK.path, method=method, query=LINK.query)
        assert answer is not None
        assert (answer.status, answer.headers["referrer-policy"]) == (200, "no-referrer")
        page = answer.body.decode()
        assert "退订 · Unsubscribe</button>" in page
        assert "客户" not in page
    assert caller.log.outputs == []


async def test_one_click_unsubscribes() -> None:
    """Whoever posts to the link, whatever the body is: the reader wants no more of that category."""
    caller = Caller()
    body = b"List-Unsubscribe=One-Click"
    answer = await caller.call(LINK.path, [body], query=LINK.query)
    assert answer is not None
    assert answer.status == 200
    assert "已退订" in answer.body.decode()
    assert "<button>" not in answer.body.decode()
    (output,) = caller.log.outputs
    feedback = FEEDBACK_WIRE.decode(output.value or b"")
    assert (feedback.customer_id, feedback.command_id, feedback.channel) == ("客户-1", "c-1", "email")
    assert (feedback.news, feedback.category, feedback.occurred_at) == (News.UNSUBSCRIBED, Category.MARKETING, NOW)
    assert output.partition == partition_of("客户-1", PARTITIONS)


async def test_a_click_that_was_not_noted_says_so() -> None:
    """With the button once more."""
    answer = await Caller(Log(failure=Retryable("Kafka: away"))).call(LINK.path, query=LINK.query)
    assert answer is not None
    assert answer.status == 503
    assert "<button>" in answer.body.decode()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_that_was_changed_does_nothing(method: str) -> None:
    """Another customer, another message, another category, or half a link."""
    caller = Caller()
    for query in (
        LINK.query.replace("k=c-1", "k=c-2"),
        LINK.query.replace("g=marketing", "g=service"),
        LINK.query[:-1],
        "",
    ):
        answer = await caller.call(LINK.path, method=method, query=query)
        assert answer is not None
        assert answer.status == 400
        assert "链接不完整" in answer.body.decode()
    assert caller.log.outputs == []
