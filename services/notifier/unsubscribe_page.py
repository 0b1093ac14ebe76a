"""The page behind an unsubscribe link: a button, then a word that it is done. Holds nothing of the link."""

from enum import Enum

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    # the link is as good as a signature
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}


class Page(Enum):
    """What the page says: Chinese, then English."""

    ASK = ("不想再收到这类消息?", "Do you want no more messages like this?")
    DONE = ("已退订,之后不会再发送这类消息。", "Done. You will get no more messages like this.")
    UNKNOWN = ("链接不完整,请从消息里重新打开。", "This link is incomplete. Please open it again from the message.")
    LATER = ("暂时无法处理,请稍后再试。", "This cannot be noted right now. Please try again in a moment.")


_BUTTON = (
    '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
    "<button>退订 · Unsubscribe</button></form>"
)


def html(page: Page) -> bytes:
    chinese, english = page.value
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>退订 · Unsubscribe</title>'
        "<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:32rem;margin:18vh auto;padding:0 1.5rem}"
        "button{font:inherit;padding:.6rem 1.4rem}</style>"
        f'<p>{chinese}</p><p lang="en">{english}</p>{_BUTTON if page in (Page.ASK, Page.LATER) else ""}</html>'
    ).encode()
