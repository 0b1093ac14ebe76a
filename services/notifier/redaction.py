"""Takes what may be an address out of a sentence that a provider wrote, before it enters a receipt."""

import re

_ELLIPSIS = "…"
_MAIL = re.compile(r"[^\s<>()\[\]\"',;:]{1,128}@[^\s<>()\[\]\"',;:]{1,255}")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://\S+", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d(?:[ ()-]{0,2}\d){6,}")
"""Seven digits or more: a telephone number, an account, or a token. Codes of answers are shorter."""


def redacted(text: str, most: int = 200) -> str:
    """At most `most` characters on one line, with `…` for every mail address, web address and long number."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 4 * most]).split())
    for pattern in (_URL, _MAIL, _NUMBER):
        line = pattern.sub(_ELLIPSIS, line)
    return line if len(line) <= most else line[: most - 1] + _ELLIPSIS
