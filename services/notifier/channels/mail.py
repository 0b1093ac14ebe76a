"""E-mail by SMTP (RFC 5321), through a mail server of one's own or of a provider.

Nothing is sent without TLS, unless a setting permits it. DKIM, which a one-click unsubscription must be signed by
(RFC 8058 §3), is the mail server's work.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtplib import SMTP, SMTPException, SMTPResponseException
from pydantic import Field, SecretStr, model_validator

from services.contracts.channels import CHANNELS, Category, ChannelName, Delivery, Recipient
from services.contracts.errors import KoipondError
from services.notifier import unsubscribing
from services.notifier.callback_settings import CallbackSettings
from services.notifier.channels.base import Accepted, Refused, SendResult, Unavailable
from services.notifier.channels.fitting import content_for
from services.notifier.channels.letter import Sender, as_bytes, compose, is_one_line, mailbox
from services.notifier.channels.settings import ChannelSettings
from services.notifier.channels.smtp_connections import SmtpConnections
from services.notifier.message import Message, Parcel

_FACTS = CHANNELS[ChannelName.EMAIL]
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
"""A status as in `550 5.1.1 …` (RFC 3463)."""
_QUEUED = re.compile(r"(?:queued as|\bid=)\s*([\w.-]{4,80})(?![\w.@-])", re.IGNORECASE)


class Security(StrEnum):
    """How the connection is made secret."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}


class EmailSettings(ChannelSettings, CallbackSettings):
    """Through which server, and who writes."""

    smtp_host: str = Field("", description="mail server to send through")
    smtp_port: int | None = Field(None, ge=1, le=65535, description="its port; 465 for tls, 587 for starttls, 25 else")
    smtp_security: Security = Field(Security.STARTTLS, description="tls, starttls or none")
    smtp_user: str = Field("", description="who logs in; empty: nobody does")
    smtp_password: SecretStr = Field(SecretStr(""), description="their password")
    smtp_ca: Path | None = Field(None, description="certificates (PEM) to trust instead of the system's")
    smtp_connections: int = Field(4, ge=1, le=50, description="connections to it at once")
    smtp_timeout_s: float = Field(
        8.0, gt=0, le=120, description="seconds for one e-mail; less than KOI_SEND_DEADLINE_S"
    )
    email_from: str = Field("", description="address that e-mails come from; its domain names them, too")
    email_from_name: str = Field("", description="name beside it")
    email_reply_to: str = Field("", description="address for answers, if another")

    @model_validator(mode="after")
    def _email_is_complete(self) -> Self:
        self.require(ChannelName.EMAIL, "smtp_host", "email_from")
        for name, address in (("FROM", self.email_from), ("REPLY_TO", self.email_reply_to)):
            found = mailbox(address)
            if address and (found is None or not found.isascii()):
                raise ValueError(f"KOI_EMAIL_{name} is not an e-mail address; write name@example.com")
        if not is_one_line(self.email_from_name):
            raise ValueError("KOI_EMAIL_FROM_NAME holds a line break")
        if self.smtp_user and self.smtp_security is Security.NONE and not self.allow_private:
            raise ValueError(
                "KOI_SMTP_SECURITY=none would send the password in plain text; "
                "use tls or starttls, or set KOI_ALLOW_PRIVATE=true for a server of your own"
            )
        return self


class EmailChannel:
    """Sends text, and HTML where there is any, to the address of the parcel.

    The Message-ID is made of the command id. No server drops a repeat by it, hence `at_most_once`: an e-mail is ambiguous
    from its DATA on until the answer. What a server says may repeat the address, so only its codes are passed on.
    """

    name = ChannelName.EMAIL

    def __init__(
        self,
        make: Callable[[], SMTP],
        sender: Sender,
        *,
        connections: int = 4,
        timeout_s: float = 8.0,
        unsubscribe: Callable[[Message], str] | None = None,
        delivery: Delivery = _FACTS.delivery,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`make`: as `SmtpConnections`. `timeout_s` bounds one send, a wait for a free connection included.

        `unsubscribe`: the link for a message that one may want no more of; transactional ones have none.
        """
        self.delivery = delivery
        self._sender = sender
        self._connections = SmtpConnections(make, connections)
        self._timeout_s = timeout_s
        self._unsubscribe = unsubscribe
        self._clock = clock

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connections.aclose()

    async def send(self, parcel: Parcel) -> SendResult:
        content = content_for(_FACTS, parcel)
        if isinstance(content, Refused):
            return content
        to = mailbox(parcel.address or "")
        if to is None:
            return Refused("the address is not one that e-mail can be sent to")
        if content.title is not None and not is_one_line(content.title):
            return Refused("the title holds a line break")
        letter = compose(
            content,
            self._sender,
            to,
            command_id=parcel.message.command_id,
            at=self._clock(),
            unsubscribe=self._link(parcel.message),
        )
        utf8 = not to.isascii()
        return await self._deliver(to, as_bytes(letter, utf8=utf8), utf8=utf8)

    async def _deliver(self, to: str, letter: bytes, *, utf8: bool) -> SendResult:
        step = Step.CONNECTION
        options, encoding = (("SMTPUTF8",), "utf-8") if utf8 else ((), "ascii")
        try:
            async with asyncio.timeout(self._timeout_s), self._connections.lease() as client:
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
                if utf8 and not client.supports_extension("smtputf8"):
                    return Refused("the mail server takes no address in this script (SMTPUTF8)")
                step = Step.SENDER
                await client.mail(self._sender.address, options=options, encoding=encoding)
                step = Step.RECIPIENT
                await client.rcpt(to, encoding=encoding)
                step = Step.MESSAGE
                reply = await client.data(letter)
        except SMTPResponseException as error:
            return judge(error.code, error.message, step)
        except (SMTPException, OSError) as error:  # TimeoutError is one
            # plain ones are of the library alone, such as that the server offers no STARTTLS
            said = error.message if type(error) is SMTPException else type(error).__name__
            return Unavailable(f"{step}: {said}", ambiguous=step is Step.MESSAGE)
        queued = _QUEUED.search(reply.message)
        return Accepted(queued[1] if queued else None)

    def _link(self, message: Message) -> str | None:
        """For customers: a clerk who clicked it would refuse in their name."""
        if self._unsubscribe is None or message.category is Category.TRANSACTIONAL:
            return None
        if message.recipient is not Recipient.CUSTOMER:
            return None
        return self._unsubscribe(message)


class Step(StrEnum):
    """Where a conversation was when it ended."""

    CONNECTION = "no connection"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    MESSAGE = "the message"


def judge(code: int, wording: str, step: Step) -> Refused | Unavailable:
    """What a reply of the server means that is no yes (RFC 5321 §4.2.1): 4xx will pass, 5xx will not.

    Who cannot get in at all (a bad password, a server that serves nobody) may once it is mended. Of `wording` only the
    enhanced status is repeated.
    """
    status = _ENHANCED.match(wording)
    detail = f"{step}: SMTP {code}{f' {status[0]}' if status else ''}"
    match code // 100:
        case 4:
            return Unavailable(detail)
        case 5:
            return Unavailable(detail) if step is Step.CONNECTION else Refused(detail)
    return Unavailable(f"{step}: not an answer of SMTP", ambiguous=step is Step.MESSAGE)


def build(settings: EmailSettings) -> EmailChannel:
    """Raise `KoipondError` for certificates that cannot be read."""
    sender = Sender(
        mailbox(settings.email_from) or "", settings.email_from_name, mailbox(settings.email_reply_to) or ""
    )
    secured = settings.smtp_security
    try:
        context = None if secured is Security.NONE else ssl.create_default_context(cafile=settings.smtp_ca)
    except OSError as error:  # SSLError is one
        raise KoipondError(f"KOI_SMTP_CA cannot be read: {error.strerror or error}") from error

    def make() -> SMTP:
        return SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port or _PORTS[secured],
            # asking the system for its own name can take long, and tells it
            local_hostname=sender.domain,
            username=settings.smtp_user or None,
            password=settings.smtp_password.get_secret_value() or None,
            timeout=settings.smtp_timeout_s,
            use_tls=secured is Security.TLS,
            start_tls=secured is Security.STARTTLS,
            tls_context=context,
        )

    return EmailChannel(
        make,
        sender,
        connections=settings.smtp_connections,
        timeout_s=settings.smtp_timeout_s,
        unsubscribe=_linker(settings),
        delivery=settings.delivery(ChannelName.EMAIL),
    )


def _linker(settings: EmailSettings) -> Callable[[Message], str] | None:
    """Makes unsubscribe links, if the notifier can be reached from outside."""
    if not (settings.callback_url and settings.callback_secret.get_secret_value()):
        return None
    return lambda message: unsubscribing.link(
        settings.callback_url, settings.callback_secret, message.customer_id, message.command_id, message.category
    )
