"""Links by which the reader of a message wants no more of its kind: made for one message, and signed.

    https://notify.example.com/unsubscribe?c=<customer>&k=<command>&g=<category>&s=<signature>

Nobody can make one for another customer without the secret. A link never expires: a message may be read years later.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from pydantic import SecretStr

from services.contracts.channels import Category

PATH = "/unsubscribe"
_PURPOSE = b"koipond unsubscribe link 1"
"""The secret also signs callbacks; what is signed here can never pass for one of them."""
_TAG_BYTES = 16
_MAX_QUERY = 2048
_CUSTOMER, _COMMAND, _CATEGORY, _SIGNATURE = "c", "k", "g", "s"


@dataclass(slots=True, frozen=True)
class Unsubscription:
    """Who wants no more messages of which category, and which message made them say so."""

    customer_id: str
    command_id: str
    category: Category


def link(base: str, secret: SecretStr, customer_id: str, command_id: str, category: Category) -> str:
    """`base` is where the notifier is reached from outside, such as `https://notify.example.com`."""
    query = {_CUSTOMER: customer_id, _COMMAND: command_id, _CATEGORY: category.value}
    signature = _sign(secret, Unsubscription(customer_id, command_id, category))
    return f"{base.rstrip('/')}{PATH}?{urlencode(query | {_SIGNATURE: signature})}"


def read(query: str, secret: SecretStr) -> Unsubscription | None:
    """What the query of such a link says; None unless it was signed with the secret."""
    if len(query) > _MAX_QUERY:
        return None
    try:
        said = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=8, errors="strict"))
        asked = Unsubscription(said[_CUSTOMER], said[_COMMAND], Category(said[_CATEGORY]))
        genuine = hmac.compare_digest(_sign(secret, asked).encode(), said[_SIGNATURE].encode())
    except (KeyError, ValueError):
        return None
    return asked if genuine else None


def _sign(secret: SecretStr, asked: Unsubscription) -> str:
    key = hmac.digest(secret.get_secret_value().encode(), _PURPOSE, hashlib.sha256)
    # a NUL is in none of them, so no two sets of three look alike
    said = f"{asked.customer_id}\0{asked.command_id}\0{asked.category.value}"
    tag = hmac.digest(key, said.encode(), hashlib.sha256)[:_TAG_BYTES]
    return base64.urlsafe_b64encode(tag).rstrip(b"=").decode()
