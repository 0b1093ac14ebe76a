"""Signature V3 of Alibaba Cloud's API gateway, ACS3-HMAC-SHA256. Pure.

Source: https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

from pydantic import SecretStr

ALGORITHM = "ACS3-HMAC-SHA256"


@dataclass(slots=True, frozen=True)
class AccessKey:
    """Who calls."""

    id: str
    secret: SecretStr


@dataclass(slots=True, frozen=True)
class Action:
    """What is called: an operation in the RPC style, all of whose parameters lie in the query."""

    name: str
    version: str


def query_of(parameters: Mapping[str, str]) -> str:
    """The parameters in the one form that is signed, and sent: by name, percent-encoded in UTF-8 after RFC 3986."""
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(parameters.items()))


def signed(key: AccessKey, action: Action, host: str, query: str, *, nonce: str, at: datetime) -> dict[str, str]:
    """The headers of a POST to `host` with this `query` (see `query_of`) and without a body.

    `host` as the Host header will say it. `nonce` is never used twice. `at` is aware, of any zone; the gateway takes what
    is not older than 15 minutes.
    """
    headers = {
        "host": host,
        "x-acs-action": action.name,
        "x-acs-content-sha256": sha256(b"").hexdigest(),
        "x-acs-date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": action.version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(("POST", "/", query, lines, names, headers["x-acs-content-sha256"]))
    to_sign = f"{ALGORITHM}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key.secret.get_secret_value().encode(), to_sign.encode(), "sha256").hex()
    return headers | {"authorization": f"{ALGORITHM} Credential={key.id},SignedHeaders={names},Signature={signature}"}


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
