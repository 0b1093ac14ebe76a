"""The console: one line of JSON per message, for a first look and for the demo."""

import sys
from typing import TextIO

import msgspec

from services.contracts.channels import ChannelName, Delivery
from services.notifier.channels.base import Accepted, SendResult, Unavailable
from services.notifier.channels.data import as_data
from services.notifier.channels.settings import ChannelSettings
from services.notifier.message import Parcel

_SHOWN = ("command_id", "customer_id", "template", "params", "title", "text", "language")


class ConsoleChannel:
    """Writes command id, customer, template, parameters and the text, where there is one, to a stream, a line per message.

    `at_least_once`: a line is written again when the process dies before it has noted that it was.
    """

    name = ChannelName.CONSOLE

    def __init__(self, stream: TextIO, delivery: Delivery = Delivery.AT_LEAST_ONCE) -> None:
        self._stream = stream
        self.delivery = delivery

    async def send(self, parcel: Parcel) -> SendResult:
        data = as_data(parcel)
        line = msgspec.json.encode({"channel": self.name, **{key: data[key] for key in _SHOWN if key in data}})
        try:
            # one write, so that lines of concurrent senders never mix
            self._stream.write(line.decode() + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:  # a closed pipe, a closed or an ASCII-only stream
            return Unavailable(f"the stream does not take the line: {type(error).__name__}", ambiguous=True)
        return Accepted()


def build(settings: ChannelSettings) -> ConsoleChannel:
    return ConsoleChannel(sys.stdout, settings.delivery(ChannelName.CONSOLE))
