"""An e-mail as it goes out: its headers and its parts. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.generator import BytesGenerator
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from io import BytesIO
from urllib.parse import quote

from services.notifier.message import Content

_MOST_LOCAL = 64
_MOST_ADDRESS = 254
"""Octets of what stands before the @, and of the whole (RFC 5321 §4.5.3.1, and its erratum 1690)."""
_LOCAL = re.compile(r'[^\s\x00-\x1f\x7f-\x9f"(),.:;<>@\[\\\]]+(?:\.[^\s\x00-\x1f\x7f-\x9f"(),.:;<>@\[\\\]]+)*')
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SUBJECT_OF_FIRST_LINE = 78
_LONGEST_LINK = 998 - len("List-Unsubscribe: <>")
"""A line has at most 998 characters (RFC 5322 §2.1.1); a longer link, of a very long customer id, is left out."""


@dataclass(slots=True, frozen=True)
class Sender:
    """Who writes: an address, a name to show, and where answers go if not there."""

    address: str
    name: str = ""
    reply_to: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class _Unfolded(UnstructuredHeader, BaseHeader):
    """A header that holds one URL: broken into lines or encoded words it would lead nowhere."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _headers() -> HeaderRegistry:
    registry = HeaderRegistry()
    registry.map_to_type("list-unsubscribe", _Unfolded)
    return registry


# in 7 bits, so that it passes every server as it is
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_headers())


def mailbox(address: str) -> str | None:
    """The address in the form to send to, with its domain in ASCII (IDNA); None if it is none.

    A dot-string and a domain (RFC 5321 §4.1.2), in any script (RFC 6531). Quoted local parts, address literals and
    anything that could be read as a second address, a header or a command are none.
    """
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if not (_LOCAL.fullmatch(local) and local.isprintable() and _DOMAIN.fullmatch(ascii_domain)):
        return None
    found = f"{local}@{ascii_domain}"
    return found if len(local.encode()) <= _MOST_LOCAL and len(found.encode()) <= _MOST_ADDRESS else None


def is_one_line(text: str) -> bool:
    """Whether a text may stand in a header: no line break, and nothing that some program takes for one."""
    return _CONTROL.search(text) is None


def compose(
    content: Content, sender: Sender, to: str, *, command_id: str, at: datetime, unsubscribe: str | None = None
) -> EmailMessage:
    """The e-mail. `to` is a `mailbox`; title and names are of one line. Raise `ValueError` if they are not.

    The Message-ID is made of the command id, so that a repeat is the same e-mail. `unsubscribe`: a link that takes a POST
    (RFC 8058). Without a title the first line of the text stands for one.
    """
    letter = EmailMessage(_POLICY)
    letter["From"] = _address(sender.address, sender.name)
    letter["To"] = _address(to)
    letter["Subject"] = content.title or content.text.strip().splitlines()[0][:_SUBJECT_OF_FIRST_LINE]
    letter["Date"] = at
    letter["Message-ID"] = f"<{quote(command_id, safe='')}@{sender.domain}>"
    if sender.reply_to:
        letter["Reply-To"] = _address(sender.reply_to)
    if unsubscribe is not None and len(unsubscribe) <= _LONGEST_LINK:
        letter["List-Unsubscribe"] = f"<{unsubscribe}>"
        letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter.set_content(content.text)
    if content.html is not None:
        letter.add_alternative(content.html, subtype="html")
    letter["Content-Language"] = content.language
    return letter


def as_bytes(letter: EmailMessage, *, utf8: bool) -> bytes:
    """What follows DATA. `utf8`: headers may hold any script, which the server must have offered (RFC 6531)."""
    into = BytesIO()
    BytesGenerator(into, policy=_POLICY.clone(utf8=utf8)).flatten(letter)
    return into.getvalue()


def _address(mailbox: str, name: str = "") -> Address:
    local, _, domain = mailbox.rpartition("@")
    return Address(name, local, domain)
