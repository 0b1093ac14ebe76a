"""From settings to channels that are ready to send: each channel has a line among the settings and one among the builders."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Self

from services.contracts.channels import ChannelName
from services.notifier.channels import (
    apprise,
    console,
    dingtalk_robot,
    feishu_robot,
    mail,
    sms,
    webhook,
    wecom_app,
    wecom_robot,
)
from services.notifier.channels.base import Channel


class AllChannelSettings(
    apprise.AppriseSettings,
    sms.SmsSettings,
    mail.EmailSettings,
    feishu_robot.FeishuRobotSettings,
    dingtalk_robot.DingtalkRobotSettings,
    wecom_app.WecomAppSettings,
    wecom_robot.WecomRobotSettings,
    webhook.WebhookSettings,
):
    """What every channel needs; the last comes first in a list of them."""


BUILDERS: Mapping[ChannelName, Callable[[AllChannelSettings], Channel]] = {
    ChannelName.CONSOLE: console.build,
    ChannelName.WEBHOOK: webhook.build,
    ChannelName.WECOM_ROBOT: wecom_robot.build,
    ChannelName.WECOM_APP: wecom_app.build,
    ChannelName.DINGTALK_ROBOT: dingtalk_robot.build,
    ChannelName.FEISHU_ROBOT: feishu_robot.build,
    ChannelName.EMAIL: mail.build,
    ChannelName.SMS: sms.build,
    ChannelName.APPRISE: apprise.build,
}
"""How each channel is made of its settings; opens no connection and needs no event loop."""


class Channels:
    """The channels of one process, usable at once; leaving `async with` closes what they hold open."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._stack = AsyncExitStack()
        for channel in channels:
            if isinstance(channel, AbstractAsyncContextManager):
                self._stack.push_async_exit(channel)

    @property
    def names(self) -> Sequence[str]:
        return [channel.name for channel in self._channels]

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


def build_channels(settings: AllChannelSettings) -> Channels:
    """The channels named in `KOI_CHANNELS`, in that order."""
    return Channels([BUILDERS[name](settings) for name in settings.channels])
