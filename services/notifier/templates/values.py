"""How a value gets into a text without breaking it.

Whatever a customer, a vendor or a rule has put into a value, it stays one line of plain words: it brings no markup, no
line break, nothing invisible, and never the word None.
"""

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias

from markupsafe import Markup

Value: TypeAlias = str | int | float | bool | None

MAX_VALUE = 1000
"""Characters of one value."""

_JOINERS = frozenset("\u200c\u200d")
"""Invisible, and part of emoji and of some scripts."""
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs"})
_FULL_WIDTH = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "*`[]<>~|\\"})
_AT_A_BORDER = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_BLOCK = re.compile(r"#+|[-+=]+(?=\s|$)|\d+[.)](?=\s|$)")
"""A heading, a rule, an item: at the beginning of a line."""
_ENTITY = re.compile(r"&(?=#|[A-Za-z])")


class Form(StrEnum):
    """What a text is for its reader's program."""

    PLAIN = "plain text"
    MARKDOWN = "Markdown"
    HTML = "HTML"


class Unspeakable(ValueError):  # noqa: N818 - what it is
    """A text cannot be filled in; the message says why, and quotes no value."""


class Ready(str):
    """Words that are in the form of their text already."""

    __slots__ = ()


class Unknown:
    """A value that is not known. It compares as false with everything, as in rules, and cannot be shown."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return False

    def _never(self, _other: object) -> bool:
        return False

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _never
    __hash__ = object.__hash__


def invisible(character: str) -> bool:
    """Whether nobody sees it, though it may change what is seen: controls, directions, surrogates."""
    return unicodedata.category(character) in _INVISIBLE and character not in _JOINERS


def known(name: str, value: Value) -> Any:
    """A value as a text works with it. Raise `Unspeakable` for one that is too long."""
    if value is None:
        return Unknown(name)
    if not isinstance(value, str) or isinstance(value, Ready | Markup):
        return value
    if len(value) > MAX_VALUE:
        raise Unspeakable(f"{name} is longer than {MAX_VALUE:,} characters")
    return one_line(value)


def one_line(value: str) -> str:
    """Without line breaks, and without what nobody sees."""
    seen = "".join(character for character in value if character.isspace() or not invisible(character))
    return " ".join(seen.split())


def spoken(form: Form) -> Callable[[Any], str]:
    """What turns the value of an expression into words of a text of that form."""

    def say(value: Any) -> str:
        if isinstance(value, Unknown):
            raise Unspeakable(f"{value.name} is unknown; say what stands there instead: | default('…')")
        if isinstance(value, bool) or value is None:
            raise Unspeakable("yes or no is no text; write {{ '…' if … else '…' }}")
        if isinstance(value, float):
            return f"{value:.15g}"
        if not isinstance(value, str):
            return str(value)
        if isinstance(value, Ready | Markup) or form is Form.HTML:
            return value
        return markdown(value) if form is Form.MARKDOWN else plain(value)

    return say


def plain(value: str) -> str:
    """For plain text, in which some messengers still see tags: Feishu's `<at>`, the links of a WeCom application.

    https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot, https://developer.work.weixin.qq.com/document/path/90236
    """
    return value.replace("<", "＜").replace(">", "＞")


def markdown(value: str) -> str:
    """For Markdown of any dialect: the signs that mean something become full width.

    No dialect of the messengers promises that a backslash works. A `_` within a word means nothing, and stays: ids have it.
    """
    value = _AT_A_BORDER.sub(lambda found: "＿" * len(found[0]), value.translate(_FULL_WIDTH))
    value = _ENTITY.sub("＆", value)
    return _beginning(value)


def _beginning(value: str) -> str:
    """A value may stand at the beginning of a line, where more signs mean something."""
    found = _BLOCK.match(value)
    if found is None:
        return value
    return "".join(_wide(sign) for sign in found[0]) + value[found.end() :]


def _wide(sign: str) -> str:
    return sign if sign.isalnum() else chr(ord(sign) + 0xFEE0)
