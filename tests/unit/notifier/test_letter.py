"""An e-mail as bytes: what every mail program must read again, and what no address or title can smuggle in."""

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels.letter import Sender, as_bytes, compose, is_one_line, mailbox
from services.notifier.message import Content
from tests.servers.providers.mail_server import text

AT = datetime(2026, 3, 16, 16, tzinfo=UTC)
SENDER = Sender("hello@brand.example", "锦鲤池塘", "care@brand.example")
LINK = (
    "https://notify.example.com/unsubscribe?c=%E5%AE%A2%E6%88%B7&k=5f1c0d2a9be34c7f8f0e6b7d3a2c4e19&g=marketing&s=abc"
)

written = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
one_line = written.filter(is_one_line)


def letter(content: Content, to: str = "li.lei@customers.example", **more: str) -> bytes:
    made = compose(content, SENDER, to, command_id="c1", at=AT, unsubscribe=more.get("unsubscribe"))
    return as_bytes(made, utf8=not to.isascii())


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=default)


def test_headers_say_who_writes_to_whom() -> None:
    """Names in any script, an address for answers, and an id that is made of the command's."""
    found = read(letter(Content("zh", "好久不见", title="【锦鲤】回来看看吧 👨‍👩‍👧")))
    assert {name: str(found[name]) for name in found if not name.startswith(("Content-Type", "Content-Transfer"))} == {
        "From": "锦鲤池塘 <hello@brand.example>",
        "To": "li.lei@customers.example",
        "Subject": "【锦鲤】回来看看吧 👨‍👩‍👧",
        "Date": "Mon, 16 Mar 2026 16:00:00 +0000",
        "Message-ID": "<c1@brand.example>",
        "Reply-To": "care@brand.example",
        "MIME-Version": "1.0",
        "Content-Language": "zh",
    }


def test_without_a_title_the_first_line_stands_for_one() -> None:
    """A subject there must be; a long line is cut."""
    assert read(letter(Content("zh", "\n好久不见\n第二行")))["Subject"] == "好久不见"
    assert read(letter(Content("zh", "鱼" * 200)))["Subject"] == "鱼" * 78


def test_html_is_an_alternative() -> None:
    """Who cannot show it shows the text; both say what was written."""
    found = read(letter(Content("zh", "好久不见", title="t", html="<p>好久<b>不见</b></p>")))
    assert found.get_content_type() == "multipart/alternative"
    assert (text(found, "plain"), text(found, "html")) == ("好久不见", "<p>好久<b>不见</b></p>")
    assert found["Content-Language"] == "zh"


def test_an_unsubscribe_link_stands_on_one_line() -> None:
    """Folded or encoded it would lead nowhere; the second header makes it one click (RFC 8058)."""
    lines = letter(Content("zh", "x"), unsubscribe=LINK).decode("ascii").split("\r\n")
    assert f"List-Unsubscribe: <{LINK}>" in lines
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines


def test_a_link_that_no_line_can_hold_is_left_out() -> None:
    """A line has at most 998 characters."""
    longest = "https://notify.example.com/" + "x" * (998 - len("List-Unsubscribe: <https://notify.example.com/>"))
    assert max(map(len, letter(Content("zh", "x"), unsubscribe=longest).split(b"\r\n"))) == 998
    assert b"Unsubscribe" not in letter(Content("zh", "x"), unsubscribe=longest + "x")


def test_an_odd_command_id_is_escaped() -> None:
    """Nothing of it can end the header."""
    made = compose(Content("zh", "x"), SENDER, "a@b.example", command_id="鱼 1\r\nBcc: x@y", at=AT)
    assert made["Message-ID"] == "<%E9%B1%BC%201%0D%0ABcc%3A%20x%40y@brand.example>"
    assert "Bcc" not in made


@given(words=written.filter(str.strip), title=one_line.filter(str.strip))
def test_what_was_written_is_read_again(words: str, title: str) -> None:
    """Any text, in lines of seven bits no longer than allowed; line breaks of any kind become the mail's own."""
    raw = letter(Content("zh", words, title=title))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    found = read(raw)
    assert text(found, "plain").splitlines() == words.splitlines()
    assert " ".join(str(found["Subject"]).split()) == " ".join(title.split())


@given(title=written, name=written)
def test_no_title_and_no_name_adds_a_header(title: str, name: str) -> None:
    """Either it is refused, or the headers are the ones there always are."""
    try:
        made = compose(
            Content("zh", "x", title=title or "t"), Sender("a@b.example", name), "c@d.example", command_id="c1", at=AT
        )
        raw = as_bytes(made, utf8=False)
    except ValueError:
        assert not (is_one_line(title) and is_one_line(name))
        return
    assert set(read(raw).keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding", "Content-Language"),
    }


@pytest.mark.parametrize("mark", ["\r", "\n", "\0", "\x0b", "\x85", "\u2028", "\u2029", "\x1b"])
def test_a_line_break_of_any_kind_is_one(mark: str) -> None:
    """Also what only some programs take for one."""
    assert not is_one_line(f"a{mark}b")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("li.lei@customers.example", "li.lei@customers.example"),
        ("Li.Lei+fish@Customers.Example", "Li.Lei+fish@customers.example"),
        ("li@例子.中国", "li@xn--fsqu00a.xn--fiqs8s"),
        ("用户@例子.中国", "用户@xn--fsqu00a.xn--fiqs8s"),
        ("postmaster@localhost", "postmaster@localhost"),
        ("x" * 64 + "@b.example", "x" * 64 + "@b.example"),
        ("x" * 65 + "@b.example", None),
        ("鱼" * 22 + "@b.example", None),
        ("a@" + ".".join(["x" * 60] * 5), None),
        ("a@" + "x" * 64 + ".example", None),
        ("", None),
        ("a", None),
        ("a@", None),
        ("@b.example", None),
        ("a@b..example", None),
        ("a..b@c.example", None),
        (".a@c.example", None),
        ('"a b"@c.example', None),
        ("a@[10.0.0.1]", None),
        ("a@b.example,c@d.example", None),
        ("A <a@b.example>", None),
        ("a@b.example\r\nBcc: c@d.example", None),
        ("a@b.example\r\nRCPT TO:<c@d.example>", None),
        ("a@b.example\n", None),
        ("a b@c.example", None),
        ("a@b.example SMTPUTF8", None),
        ("a\u202e@b.example", None),
        ("a\u00a0b@c.example", None),
    ],
)
def test_a_mailbox_is_one_address_and_no_more(address: str, found: str | None) -> None:
    """Its domain in ASCII; None for what could be read as anything else."""
    assert mailbox(address) == found


@given(st.text())
def test_a_mailbox_never_holds_what_ends_a_command(address: str) -> None:
    """Whatever it is made of, it is one word with one @; and it is its own mailbox."""
    found = mailbox(address)
    if found is not None:
        assert found.split() == [found]
        assert found.count("@") == 1
        assert not set(found) & set('<>",;:()[]\\\0')
        assert mailbox(found) == found
