"""The receiver of the demo: signatures, repeats, and odd requests."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
from standardwebhooks import Webhook

from examples.complete_journey.sink import HOST, Arrived, Sink, console_lines


def signed(sink: Sink, message_id: str, body: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(sink.secret).sign(message_id, now, body),
    }


async def test_a_message_is_taken_once() -> None:
    """A repeat is answered with success, recognised and not taken again; ids are percent-decoded, and texts are kept."""
    async with Sink(0) as sink, httpx.AsyncClient(trust_env=False) as client:
        for template in ("we_miss_you", "we_miss_you", "hello"):
            text = {"text": "好久不见"} if template == "we_miss_you" else {}
            body = json.dumps({"template": template, **text})
            message_id = "%E5%85%BB" if template == "we_miss_you" else "k2"
            answer = await client.post(sink.url, content=body, headers=signed(sink, message_id, body))
            assert answer.status_code == 204
    assert sink.taken == {"养": "好久不见", "k2": "hello"}
    assert sink.repeats == {"养": 1}
    assert sink.arrived == Arrived(sink.taken, 1)
    assert sink.refused == 0


async def test_a_wrong_signature_is_refused() -> None:
    """So is a body that is no message, and a message that was changed on its way."""
    async with Sink(0) as sink, httpx.AsyncClient(trust_env=False) as client:
        headers = signed(sink, "k1", '{"template": "hello"}')
        assert (await client.post(sink.url, content='{"template": "other"}', headers=headers)).status_code == 400
        assert (await client.post(sink.url, content="{}")).status_code == 400
        for body in ("[]", "{}", '{"text": "hello"}', "not JSON"):
            assert (await client.post(sink.url, content=body, headers=signed(sink, "k1", body))).status_code == 400
    assert sink.taken == {}
    assert sink.refused == 6


async def test_what_is_no_request_ends_the_connection() -> None:
    """Neither a GET, nor a body without end, nor noise disturbs the next one."""
    async with Sink(0) as sink:
        for request in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n",
            b"\xff\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(HOST, sink.port)
            writer.write(request)
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()
    assert sink.refused == 3


async def test_leaving_ends_open_connections() -> None:
    """Nobody is left waiting."""
    async with Sink(0) as sink:
        reader, writer = await asyncio.open_connection(HOST, sink.port)
        await asyncio.sleep(0.05)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


def test_lines_of_the_console_are_found_in_a_log(tmp_path: Path) -> None:
    """Each message once, and how many came again; only whole lines of the console channel count, not one cut off by a kill."""
    log = tmp_path / "notifier.log"
    line = '{"channel":"console","command_id":"k%s","template":"hello","text":"早安"}\n'
    log.write_text(f'{{"event":"started"}}\n{line % 1}{line % 2}{line % 1}{(line % 2)[:30]}\n', encoding="utf-8")
    assert console_lines(log) == Arrived({"k1": "早安", "k2": "早安"}, 1)
