"""Addresses under seal: ingest seals what publishers send, the notifier opens it right before it sends.

AES-SIV (RFC 5297) needs no nonce, so the same address under the same key always looks the same, and a record that is
published again after a crash is byte-equal. The price: whoever reads the topic sees that two customers have the same
address, and how long it is, but not which. The channel is authenticated with it: an address sealed for one cannot be
opened for another.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.contracts.errors import KoipondError
from services.runtime.settings import Settings

KEY_BYTES = (32, 48, 64)
"""Two keys of AES in one, of 128, 192 or 256 bits each."""
_MAKE = "openssl rand -base64 64 | tr -d '\\n'"
_HINT = f"make one with: {_MAKE}"


class CannotOpen(KoipondError):  # noqa: N818 - what it is
    """What should be a sealed address cannot be opened. Says nothing of what is in it."""


class Seal:
    """The first key seals, all of them open: to change keys, put the new one first and keep the old one behind it."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys`: at least one, each of `KEY_BYTES`."""
        self._ciphers = [AESSIV(key) for key in keys]

    @classmethod
    def of(cls, written: SecretStr) -> "Seal | None":
        """The seal of `SealingSettings.contacts_key`; None if it is empty. Raise `ValueError`, as `read_keys` does."""
        text = written.get_secret_value()
        return cls(read_keys(text)) if text else None

    def seal(self, address: str, channel: str) -> str:
        """base64url of the tag and the ciphertext: 16 bytes more than the address has, then a third."""
        sealed = self._ciphers[0].encrypt(address.encode(), [channel.encode()])
        return base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, channel: str) -> str:
        """Raise `CannotOpen`."""
        try:
            content = base64.b64decode(sealed.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise CannotOpen(f"what is kept for {channel} is no sealed address") from None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(content, [channel.encode()]).decode()
            except InvalidTag:
                continue
        raise CannotOpen(
            f"the address for {channel} was sealed with another key; "
            "keep the key of then behind that of now in KOI_CONTACTS_KEY, with a comma between"
        )


def read_keys(text: str) -> tuple[bytes, ...]:
    """The keys of `KOI_CONTACTS_KEY`. Raise `ValueError`, which says which one is wrong and shows none."""
    written = text.split(",")
    keys = []
    for number, one in enumerate(written, start=1):
        which = f"key {number} of {len(written)}" if len(written) > 1 else "the key"
        if not one.strip():
            raise ValueError(f"{which} is empty; {_HINT}")
        try:
            key = base64.b64decode(one.strip(), validate=True)
        except (ValueError, binascii.Error):
            raise ValueError(f"{which} is not base64; {_HINT}") from None
        if len(key) not in KEY_BYTES:
            raise ValueError(f"{which} has {len(key)} bytes, not 32, 48 or 64; {_HINT}")
        keys.append(key)
    return tuple(keys)


def _sound(written: SecretStr) -> SecretStr:
    if written.get_secret_value():
        read_keys(written.get_secret_value())
    return written


class SealingSettings(Settings):
    """The key under which addresses lie: ingest and the notifier need the same. An empty text is the same as none."""

    # an error must not print the value it is about
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    contacts_key: Annotated[SecretStr, AfterValidator(_sound)] = Field(
        SecretStr(""),
        description="seals addresses of customers, the same for ingest and notifier: base64 of 32, 48 or 64 bytes "
        f"({_MAKE}); several with commas between: the first seals, all open",
    )
