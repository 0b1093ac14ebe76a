"""A mail server on loopback: aiosmtpd's, and what a mail server can do to a message."""

import asyncio
import email
import logging
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.providers.faults import NOT_TAKEN, Fault

ADDRESS = "li.lei@customers.example"
QUEUE_ID = "4Yx1kQ2nLz9"

_AT_RCPT: Mapping[Fault | None, str] = {
    # with the address in it, as servers do: it must not show
    Fault.REFUSE: f"550 5.1.1 <{ADDRESS}>: Recipient address rejected: User unknown",
    Fault.LIMIT: "450 4.2.1 The user you are trying to contact is receiving mail too quickly",
}
_AT_DATA: Mapping[Fault | None, str] = {
    Fault.REJECT: "554 5.7.1 Message rejected as spam",
    Fault.FAIL: "451 4.3.0 Local error in processing",
    Fault.NONSENSE: "HTTP/1.1 200 OK",
    Fault.MALFORMED: "25O 2.0.0 Ok",
}


class MailServer:
    """Keeps the e-mails it took in `letters`, their bytes in `raw`, and in `envelopes` sender and recipients.

    `tls`: offers STARTTLS, or expects TLS at once with `at_once`. `login`: a name and password without which it takes nothing.
    """

    def __init__(
        self,
        fault: Fault | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        at_once: bool = False,
        login: tuple[str, str] | None = None,
        utf8: bool = True,
    ) -> None:
        self.fault = fault
        self.letters: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.envelopes: list[list[str | None]] = []
        self.connections = 0
        self.port = 0
        self._tls = tls
        self._at_once = at_once
        self._login = login
        self._utf8 = utf8
        self._server: asyncio.Server | None = None
        self._talks: list[SMTP] = []
        # what a server logs of its own is not what a channel logs
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)

    @property
    def taken(self) -> list[str]:
        """The plain texts."""
        return [text(letter, "plain") for letter in self.letters]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            self._talk, "127.0.0.1", 0, ssl=self._tls if self._at_once else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        if self.fault is Fault.AWAY:
            self._server.close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    async def hang_up(self) -> None:
        """End all connections, as if they had lain idle for long."""
        for talk in self._talks:
            if talk.transport is not None:
                _transport(talk).abort()
        await asyncio.sleep(0.05)

    def _talk(self) -> SMTP:
        self.connections += 1
        talk = SMTP(
            self,
            hostname="mail.example",
            enable_SMTPUTF8=self._utf8,
            tls_context=None if self._at_once else self._tls,
            require_starttls=self._tls is not None and not self._at_once,
            authenticator=self._authenticate,
            auth_required=self._login is not None,
            auth_require_tls=not self._at_once,  # whose TLS it does not see
        )
        self._talks.append(talk)
        return talk

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        name, password = self._login or ("", "")
        # what is not handled here aiosmtpd refuses, with 535
        known = (given.login, given.password) == (name.encode(), password.encode())
        return AuthResult(success=known, handled=known)

    # the names that aiosmtpd calls
    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.fault is Fault.CUT_AT_ONCE:
            _transport(server).abort()
        if self.fault is Fault.BUSY:
            return "421 4.3.2 Service shutting down"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.fault in _AT_RCPT:
            return _AT_RCPT[self.fault]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        fault = self.fault
        if fault is None or fault not in NOT_TAKEN:
            content = cast(bytes, envelope.content)
            self.raw.append(content)
            self.letters.append(email.message_from_bytes(content, policy=default))
            self.envelopes.append([envelope.mail_from, *envelope.rcpt_tos])
        match fault:
            case Fault.SLOW:
                await asyncio.Event().wait()
            case Fault.CUT_BEFORE_ANSWER:
                _transport(server).abort()
            case Fault.CUT_IN_ANSWER:
                _transport(server).write(b"250 2.0.0 O")
                _transport(server).close()
            case Fault.HUGE:
                while not _transport(server).is_closing():
                    _transport(server).write(b"250-and so on\r\n" * 1000)
                    await asyncio.sleep(0)
        return _AT_DATA.get(fault, f"250 2.0.0 Ok: queued as {QUEUE_ID}")


def text(letter: EmailMessage, kind: str) -> str:
    """One of its parts, `plain` or `html`, with line breaks as one writes them."""
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").removesuffix("\n")


def _transport(server: SMTP) -> Any:
    return server.transport
