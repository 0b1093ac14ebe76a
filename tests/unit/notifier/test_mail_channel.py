"""E-mail over a mail server: secrecy, logins, connections, and what its replies mean."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.contracts.channels import Category, ChannelName, Recipient
from services.contracts.errors import KoipondError
from services.notifier import unsubscribing
from services.notifier.channels.base import Accepted, Refused, Unavailable
from services.notifier.channels.mail import EmailChannel, EmailSettings, Step, build, judge
from services.notifier.message import Content, Message, Parcel
from tests.servers.providers.faults import Fault
from tests.servers.providers.mail_server import ADDRESS, QUEUE_ID, MailServer
from tests.unit.notifier.commands import command

LOGIN = ("hello@brand.example", "pässword")
WRONG = "hunter2-hunter2"
CALLBACK = "whsec_a29pcG9uZC1rb2lwb25kLWtvaXBvbmQ="


class Authority:
    """Certificates for localhost, and the file that makes one trust them."""

    def __init__(self, folder: Path) -> None:
        own = trustme.CA()
        self.file = folder / "ca.pem"
        own.cert_pem.write_to_path(self.file)
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        own.issue_cert("localhost").configure_cert(self.server)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EmailSettings.model_config, "env_file", None)


def settings(**more: object) -> EmailSettings:
    given: dict[str, object] = {
        "channels": ("email",),
        "smtp_host": "localhost",
        "smtp_security": "none",
        "smtp_timeout_s": 20.0,
        "email_from": "hello@brand.example",
        "email_from_name": "锦鲤池塘",
    }
    return EmailSettings(**(given | more))  # type: ignore[arg-type]


def channel(fake: MailServer, **more: object) -> EmailChannel:
    return build(settings(smtp_port=fake.port, **more))


def parcel(address: str | None = ADDRESS, category: Category = Category.MARKETING, **more: str) -> Parcel:
    content = Content("zh", more.get("text", "好久不见"), title=more.get("title", "回来看看"))
    return Parcel(Message.of(msgspec.structs.replace(command(), category=category)), content, address)


@pytest.mark.parametrize("at_once", [False, True])
async def test_mail_goes_out_secretly_and_logged_in(authority: Authority, at_once: bool) -> None:
    """By STARTTLS, and by TLS from the start."""
    async with (
        MailServer(tls=authority.server, at_once=at_once, login=LOGIN) as fake,
        channel(
            fake,
            smtp_security="tls" if at_once else "starttls",
            smtp_ca=authority.file,
            smtp_user=LOGIN[0],
            smtp_password=LOGIN[1],
        ) as mail,
    ):
        assert await mail.send(parcel()) == Accepted(QUEUE_ID)
        assert fake.envelopes == [["hello@brand.example", ADDRESS]]
        assert fake.taken == ["好久不见"]


async def test_a_certificate_of_a_stranger_is_not_trusted(authority: Authority) -> None:
    """Nothing is told to a server that cannot prove who it is."""
    async with MailServer(tls=authority.server) as fake, channel(fake, smtp_security="starttls") as mail:
        assert await mail.send(parcel()) == Unavailable("no connection: SSLCertVerificationError")
        assert fake.letters == []


async def test_without_starttls_nothing_is_sent() -> None:
    """A server, or whoever stands before it, cannot talk us out of secrecy."""
    async with MailServer() as fake, channel(fake, smtp_security="starttls") as mail:
        result = await mail.send(parcel())
        assert result == Unavailable("no connection: SMTP STARTTLS extension not supported by server.")
        assert fake.letters == []


async def test_a_refused_login_may_be_mended(authority: Authority) -> None:
    """A bad password is no fault of the message, and does not show."""
    async with (
        MailServer(tls=authority.server, login=LOGIN) as fake,
        channel(
            fake, smtp_security="starttls", smtp_ca=authority.file, smtp_user=LOGIN[0], smtp_password=WRONG
        ) as mail,
    ):
        assert await mail.send(parcel()) == Unavailable("no connection: SMTP 535 5.7.8")


async def test_a_connection_is_used_again() -> None:
    """Messages one after the other share one."""
    async with MailServer() as fake, channel(fake) as mail:
        for _ in range(3):
            assert await mail.send(parcel()) == Accepted(QUEUE_ID)
        assert fake.connections == 1


async def test_connections_are_bounded() -> None:
    """However many messages there are at once."""
    async with MailServer() as fake, channel(fake, smtp_connections=2) as mail:
        results = await asyncio.gather(*(mail.send(parcel()) for _ in range(20)))
        assert set(results) == {Accepted(QUEUE_ID)}
        assert fake.connections <= 2


async def test_a_connection_that_the_server_has_ended_is_replaced() -> None:
    """A server ends what lies idle; nobody notices."""
    async with MailServer() as fake, channel(fake) as mail:
        await mail.send(parcel())
        await fake.hang_up()
        assert await mail.send(parcel()) == Accepted(QUEUE_ID)
        assert (fake.connections, len(fake.letters)) == (2, 2)


async def test_a_message_that_is_broken_off_leaves_its_place() -> None:
    """However it ended: nobody waits for a connection that nobody uses."""
    async with MailServer(Fault.SLOW) as fake, channel(fake, smtp_connections=1, smtp_timeout_s=0.3) as mail:
        late = await mail.send(parcel())
        assert late == Unavailable("the message: TimeoutError", ambiguous=True)
        given_up = asyncio.ensure_future(mail.send(parcel()))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        fake.fault = None
        assert await mail.send(parcel()) == Accepted(QUEUE_ID)


async def test_leaving_does_not_depend_on_the_server() -> None:
    """It may have gone before."""
    async with MailServer() as fake:
        async with channel(fake) as mail:
            await mail.send(parcel())
            await fake.hang_up()
        assert len(fake.letters) == 1


async def test_a_refused_recipient_does_not_spoil_the_next() -> None:
    """What one message failed on is not left to the next."""
    async with MailServer(Fault.REFUSE) as fake, channel(fake) as mail:
        assert await mail.send(parcel()) == Refused("the recipient: SMTP 550 5.1.1")
        fake.fault = None
        assert await mail.send(parcel()) == Accepted(QUEUE_ID)


@pytest.mark.parametrize(
    ("fault", "result"),
    [
        (Fault.LIMIT, Unavailable("the recipient: SMTP 450 4.2.1")),
        (Fault.REJECT, Refused("the message: SMTP 554 5.7.1")),
        (Fault.BUSY, Unavailable("the sender: SMTP 421 4.3.2")),
        (Fault.NONSENSE, Unavailable("the message: not an answer of SMTP", ambiguous=True)),
        (Fault.CUT_AT_ONCE, Unavailable("the sender: SMTPServerDisconnected")),
        (Fault.CUT_BEFORE_ANSWER, Unavailable("the message: SMTPServerDisconnected", ambiguous=True)),
    ],
)
async def test_a_detail_says_at_what_the_server_stopped(fault: Fault, result: Refused | Unavailable) -> None:
    """And with which codes; never in the server's words, which may hold the address."""
    async with MailServer(fault) as fake, channel(fake) as mail:
        assert await mail.send(parcel()) == result


async def test_an_address_in_another_script_needs_a_server_that_takes_it() -> None:
    """The local part cannot be written in ASCII; the domain can."""
    async with MailServer() as fake, channel(fake) as mail:
        assert await mail.send(parcel("用户@例子.example")) == Accepted(QUEUE_ID)
        assert fake.envelopes == [["hello@brand.example", "用户@xn--fsqu00a.example"]]
        assert "To: 用户@xn--fsqu00a.example".encode() in fake.raw[0]
    async with MailServer(utf8=False) as fake, channel(fake) as mail:
        refused = Refused("the mail server takes no address in this script (SMTPUTF8)")
        assert await mail.send(parcel("用户@例子.example")) == refused
        assert await mail.send(parcel("li@例子.example")) == Accepted(QUEUE_ID)


@pytest.mark.parametrize(
    ("odd", "detail"),
    [
        (parcel("a@b.example\r\nBcc: c@d.example"), "the address is not one that e-mail can be sent to"),
        (parcel("a@b.example, c@d.example"), "the address is not one that e-mail can be sent to"),
        (parcel("+8613912345678"), "the address is not one that e-mail can be sent to"),
        (parcel(title="回来\r\nBcc: c@d.example"), "the title holds a line break"),
        (parcel(title="回来\u2028看看"), "the title holds a line break"),
        (parcel(title="鱼" * 256), "the title has 256 characters, and email takes 255 at most"),
    ],
)
async def test_what_could_be_a_header_is_refused(odd: Parcel, detail: str) -> None:
    """Before anybody is asked."""
    async with MailServer() as fake, channel(fake) as mail:
        assert await mail.send(odd) == Refused(detail)
        assert fake.connections == 0


async def test_a_reader_can_unsubscribe_from_what_is_not_transactional() -> None:
    """The link is signed, and names customer, command and category; without a place to lead to there is none."""
    reachable = {"callback_url": "https://notify.example.com", "callback_secret": CALLBACK}
    async with MailServer() as fake, channel(fake, **reachable) as mail:
        for category in (Category.MARKETING, Category.SERVICE, Category.TRANSACTIONAL):
            await mail.send(parcel(category=category))
        marketing, service, transactional = fake.letters
        secret = settings(**reachable).callback_secret
        for letter, category in ((marketing, Category.MARKETING), (service, Category.SERVICE)):
            link = str(letter["List-Unsubscribe"]).strip("<>")
            asked = unsubscribing.read(link.partition("?")[2], secret)
            assert asked == unsubscribing.Unsubscription("客户一", "c1", category)
            assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert transactional["List-Unsubscribe"] is None
        one = parcel()
        await mail.send(replace(one, message=msgspec.structs.replace(one.message, recipient=Recipient.OWNER)))
        assert fake.letters[-1]["List-Unsubscribe"] is None, "a clerk must not refuse in a customer's name"
    async with MailServer() as fake, channel(fake) as mail:
        await mail.send(parcel())
        assert fake.letters[0]["List-Unsubscribe"] is None


@given(code=st.integers(-1, 999), wording=st.text(), step=st.sampled_from(Step))
def test_replies_are_judged_by_their_class(code: int, wording: str, step: Step) -> None:
    """4xx passes and 5xx does not, except for who cannot get in; only what is no reply at all to a message is ambiguous."""
    result = judge(code, wording, step)
    assert isinstance(result, Refused) == (code // 100 == 5 and step is not Step.CONNECTION)
    if isinstance(result, Unavailable):
        assert result.ambiguous == (step is Step.MESSAGE and code // 100 not in (4, 5))
    assert str(step) in result.detail


@pytest.mark.parametrize(
    ("wording", "detail"),
    [
        ("5.1.1 <li@b.example> unknown", "the recipient: SMTP 550 5.1.1"),
        ("5.1.1", "the recipient: SMTP 550 5.1.1"),
        ("<li@b.example> unknown 5.1.1", "the recipient: SMTP 550"),
        ("5.1.1.139.example unknown", "the recipient: SMTP 550"),
        ("13912345678 unknown", "the recipient: SMTP 550"),
    ],
)
def test_of_the_wording_only_a_status_is_told(wording: str, detail: str) -> None:
    """Of three numbers, in its place (RFC 3463)."""
    assert judge(550, wording, Step.RECIPIENT) == Refused(detail)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"smtp_host": ""}, "KOI_CHANNELS names email, but KOI_SMTP_HOST is not set"),
        ({"email_from": ""}, "KOI_CHANNELS names email, but KOI_EMAIL_FROM is not set"),
        ({"email_from": "锦鲤 <a@b>"}, "KOI_EMAIL_FROM is not an e-mail address; write name@example.com"),
        ({"email_from": "鱼@b.example"}, "KOI_EMAIL_FROM is not an e-mail address; write name@example.com"),
        ({"email_reply_to": "a"}, "KOI_EMAIL_REPLY_TO is not an e-mail address; write name@example.com"),
        ({"email_from_name": "a\nb"}, "KOI_EMAIL_FROM_NAME holds a line break"),
        (
            {"smtp_user": "a", "smtp_password": WRONG},
            "KOI_SMTP_SECURITY=none would send the password in plain text; use tls or starttls, or set KOI_ALLOW_PRIVATE=true",
        ),
    ],
)
def test_settings_say_what_is_wrong(more: dict[str, object], sentence: str) -> None:
    """In one sentence each, and without a password."""
    with pytest.raises(ValidationError) as caught:
        settings(**more)
    assert sentence in str(caught.value)
    assert WRONG not in str(caught.value)


def test_a_login_in_plain_text_can_be_permitted() -> None:
    """For a server of one's own, and for tests."""
    assert settings(smtp_user="a", smtp_password=WRONG, allow_private=True).smtp_user == "a"


def test_certificates_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    """With the setting that names them."""
    with pytest.raises(KoipondError, match="KOI_SMTP_CA cannot be read: No such file or directory"):
        build(settings(smtp_security="tls", smtp_ca=tmp_path / "missing.pem"))
    (tmp_path / "empty.pem").touch()
    with pytest.raises(KoipondError, match=r"KOI_SMTP_CA cannot be read: .*no certificate"):
        build(settings(smtp_security="tls", smtp_ca=tmp_path / "empty.pem"))


def test_the_channel_is_called_email() -> None:
    """As in commands."""
    assert build(settings()).name is ChannelName.EMAIL
