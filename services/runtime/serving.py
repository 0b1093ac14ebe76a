"""A service as a process: served until it is told to stop, and ended then whatever its clients still wait for."""

import logging
import os
import signal
from typing import Any, NoReturn

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

from services.runtime.app import STOP_SECONDS, Service
from services.runtime.settings import Settings


def run(service: Service, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; the batch in hand is finished and committed first. Then the exit code is 0."""
    import uvicorn  # noqa: PLC0415 - only the process that serves needs it

    _let_connections_break()
    server = uvicorn.Server(
        uvicorn.Config(
            service.app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            loop="uvloop",
            timeout_graceful_shutdown=int(STOP_SECONDS),
        )
    )
    # uvicorn looks at a signal only once it has started
    service.stop_asked = lambda: server.should_exit
    # it stops in order and then raises the signal again, for whoever handled it before; the default would be death by it
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, _end)
    try:
        server.run()
    except SystemExit:
        # a start that failed; one that was given up because somebody asked for it is a stop like any other
        if not server.should_exit:
            raise


def _end(*_: object) -> NoReturn:
    """All is done by now, or nothing has begun: what a client's task or thread still waits for must not hold us up."""
    logging.shutdown()
    os._exit(0)


def _let_connections_break() -> None:
    """Let a connection that uvloop has closed look to aiokafka like any that breaks.

    uvloop raises a `RuntimeError`, which aiokafka does not expect (its issue 1038): it ends whatever task of the client
    writes first, nobody starts that task again, and whoever waits for what it brings waits for ever.
    """
    send = AIOKafkaConnection.send

    def send_or_break(connection: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
        try:
            return send(connection, request, expect_response)
        except RuntimeError as error:
            connection.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
            raise KafkaConnectionError(str(error)) from error

    AIOKafkaConnection.send = send_or_break
