"""The console: one line of JSON per message, for a first look and for the demo."""

from typing import TextIO

import msgspec

from services.contracts.receipt import Delivery
from services.notifier.channels.base import Accepted, SendResult, Unavailable
from services.notifier.message import Message


class ConsoleChannel:
    """Writes command id, customer, template and parameters to a text stream, one line per message.

    `at_least_once`: a line is written again when the process dies before its batch is committed.
    """

    name = "console"
    delivery = Delivery.AT_LEAST_ONCE

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    async def send(self, message: Message) -> SendResult:
        line = msgspec.json.encode(
            {
                "channel": self.name,
                "command_id": message.command_id,
                "customer_id": message.customer_id,
                "template": message.template,
                "params": message.params,
            }
        )
        try:
            # one write, so that lines of concurrent senders never mix
            self._stream.write(line.decode() + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:  # a closed pipe, a closed or an ASCII-only stream
            return Unavailable(f"the stream does not take the line: {type(error).__name__}", ambiguous=True)
        return Accepted()
