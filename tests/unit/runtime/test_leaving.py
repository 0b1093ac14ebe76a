"""Taking leave of a Kafka that is not there: what the client library and the loop do, and what we make of it."""

import asyncio
from unittest.mock import AsyncMock, patch

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest
from structlog.testing import capture_logs

from services.runtime import serving
from services.runtime.publisher import close

BOUND = 10.0


def test_a_connection_closed_by_uvloop_breaks_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client learns it as an error of Kafka, which all its tasks survive, and that its metadata are old."""
    monkeypatch.setattr(AIOKafkaConnection, "send", AIOKafkaConnection.send)  # put back afterwards
    serving._let_connections_break()
    reasons: list[CloseReason] = []

    async def scene() -> None:
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        connection = AIOKafkaConnection(host, port, on_close=lambda _connection, reason: reasons.append(reason))
        with patch.object(AIOKafkaConnection, "_do_version_lookup", AsyncMock()):
            await connection.connect()
        connection._read_task.cancel()  # as if it had not had its turn yet
        connection._writer.transport.abort()
        await connection._closed_fut
        with pytest.raises(KafkaConnectionError, match="the handler is closed"):
            connection.send(ApiVersionRequest())
        assert not connection.connected()
        server.close()

    uvloop.run(scene())
    assert reasons == [CloseReason.CONNECTION_BROKEN]


async def test_a_client_that_swallows_its_cancellation_is_left_behind() -> None:
    """Nobody waits longer than he said."""
    over = asyncio.Event()

    async def stop() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    await asyncio.wait_for(close(stop(), 0.01), BOUND)
    over.set()


@pytest.mark.parametrize("error", [KafkaConnectionError("away"), ConnectionResetError(), asyncio.CancelledError()])
async def test_what_a_client_says_when_it_cannot_say_good_bye_is_of_no_interest(error: BaseException) -> None:
    """A client without its broker even cancels itself."""
    with capture_logs() as logs:
        await close(AsyncMock(side_effect=error)())
    assert logs == []


async def test_a_bug_in_a_stop_is_told() -> None:
    """It does not keep the others from being stopped."""
    with capture_logs() as logs:
        await close(AsyncMock(side_effect=ValueError("a bug"))())
    assert [entry["error"] for entry in logs] == ["ValueError: a bug"]
