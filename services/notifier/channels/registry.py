"""From settings to channels that are ready to send."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TextIO

from services.contracts.command import ChannelName
from services.contracts.errors import KoipondError
from services.notifier.channels.base import Channel
from services.notifier.channels.console import ConsoleChannel
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.settings import NotifierSettings


class Channels:
    """The channels of one process, usable at once; leaving `async with` closes what they hold open."""

    def __init__(self, channels: Sequence[Channel], stack: AsyncExitStack) -> None:
        self._channels = channels
        self._stack = stack

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


def build_channels(settings: NotifierSettings, stdout: TextIO | None = None) -> Channels:
    """The channels named in `KOI_CHANNELS`, in that order. The console writes to `stdout` (the process's own).

    Opens no connection and needs no event loop. Raise `KoipondError` for a channel without its settings.
    """
    stack = AsyncExitStack()
    channels: list[Channel] = []
    for name in settings.channels:
        match name:
            case ChannelName.CONSOLE:
                channels.append(ConsoleChannel(sys.stdout if stdout is None else stdout))
            case ChannelName.WEBHOOK:
                webhook = build_webhook(settings)
                stack.push_async_exit(webhook)
                channels.append(webhook)
    return Channels(channels, stack)


def build_webhook(settings: NotifierSettings) -> WebhookChannel:
    if settings.webhook_url is None or settings.webhook_secret is None:
        raise KoipondError("the webhook channel needs KOI_WEBHOOK_URL and KOI_WEBHOOK_SECRET")
    return WebhookChannel(
        settings.webhook_url,
        settings.webhook_secret,
        timeout_s=settings.webhook_timeout_s,
        allow_private=settings.webhook_allow_private,
    )
