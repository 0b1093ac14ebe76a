"""Addresses under seal."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from services.runtime.sealing import KEY_BYTES, CannotOpen, Seal, SealingSettings, read_keys

OLD, NEW = bytes(64), bytes(range(64))
WRITTEN = base64.b64encode(NEW).decode()
ADDRESS = "+8613800138000"

addresses = st.text(min_size=1, max_size=64)
channels = st.sampled_from(["sms", "email", "wecom_app", "apprise"])
keys = st.sampled_from(KEY_BYTES).flatmap(lambda size: st.binary(min_size=size, max_size=size))


@given(keys, addresses, channels)
def test_what_was_sealed_is_opened(key: bytes, address: str, channel: str) -> None:
    """With a key of any length, any address of any channel comes back as it was, and looks the same every time."""
    sealed = Seal([key]).seal(address, channel)
    assert Seal([key]).open(sealed, channel) == address
    assert Seal([key]).seal(address, channel) == sealed
    assert sealed.isascii()


@given(st.lists(keys, min_size=1, max_size=4, unique=True), addresses, st.data())
def test_every_key_opens_and_the_first_seals(ring: list[bytes], address: str, data: st.DataObject) -> None:
    """What any of the keys has sealed is opened by all of them together, in whatever order they stand."""
    sealed = Seal([data.draw(st.sampled_from(ring))]).seal(address, "sms")
    assert Seal(data.draw(st.permutations(ring))).open(sealed, "sms") == address
    assert Seal(ring).seal(address, "sms") == Seal(ring[:1]).seal(address, "sms")


def test_an_address_is_opened_for_its_own_channel_only() -> None:
    """One that was sealed for text messages is none for e-mail."""
    sealed = Seal([NEW]).seal(ADDRESS, "sms")
    with pytest.raises(CannotOpen):
        Seal([NEW]).open(sealed, "email")


@given(addresses, st.integers(0, 10_000), st.integers(1, 255))
def test_whoever_changes_a_byte_is_found_out(address: str, at: int, change: int) -> None:
    """No other address comes of it."""
    content = bytearray(base64.urlsafe_b64decode(Seal([NEW]).seal(address, "sms")))
    content[at % len(content)] ^= change
    with pytest.raises(CannotOpen):
        Seal([NEW]).open(base64.urlsafe_b64encode(content).decode(), "sms")


def test_another_key_says_what_to_do() -> None:
    """And nothing of what is sealed."""
    with pytest.raises(CannotOpen) as refusal:
        Seal([NEW]).open(Seal([OLD]).seal(ADDRESS, "sms"), "sms")
    assert str(refusal.value) == (
        "the address for sms was sealed with another key; keep the key of then behind that of now in KOI_CONTACTS_KEY, "
        "with a comma between"
    )


@pytest.mark.parametrize("sealed", [ADDRESS, "小明@例子.example", "", "AAAA", "=" * 3, "ab+/"])
def test_what_is_not_sealed_is_not_opened(sealed: str) -> None:
    """An address in the clear, text that is no base64, and too little of it; none of them shows in the error."""
    with pytest.raises(CannotOpen) as refusal:
        Seal([NEW]).open(sealed, "sms")
    assert not sealed or sealed not in str(refusal.value)


def test_keys_are_read() -> None:
    """One, or several with commas between, blanks around them or not."""
    assert read_keys(WRITTEN) == (NEW,)
    assert read_keys(f" {WRITTEN} ,{base64.b64encode(OLD).decode()}\n") == (NEW, OLD)


_HINT = "make one with: openssl rand -base64 64 | tr -d '\\n'"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("secret!", f"the key is not base64; {_HINT}"),
        ("密钥", f"the key is not base64; {_HINT}"),
        ("c2VjcmV0", f"the key has 6 bytes, not 32, 48 or 64; {_HINT}"),
        (f"{WRITTEN},", f"key 2 of 2 is empty; {_HINT}"),
        (f"{WRITTEN},c2VjcmV0", f"key 2 of 2 has 6 bytes, not 32, 48 or 64; {_HINT}"),
    ],
)
def test_a_wrong_key_is_told_without_it(written: str, says: str) -> None:
    """Which of them, what is wrong, and how to make one."""
    with pytest.raises(ValueError) as refusal:
        read_keys(written)
    assert str(refusal.value) == says


def test_a_setting_that_is_wrong_shows_no_key() -> None:
    """Neither in the error nor in the settings' own writing."""
    with pytest.raises(ValidationError) as refusal:
        SealingSettings(contacts_key=SecretStr("c2VjcmV0"))
    assert "c2VjcmV0" not in str(refusal.value)
    assert "the key has 6 bytes" in str(refusal.value)
    assert WRITTEN not in repr(SealingSettings(contacts_key=SecretStr(WRITTEN)))


def test_without_a_key_there_is_no_seal() -> None:
    """An empty text is the same as none."""
    assert Seal.of(SealingSettings().contacts_key) is None
    seal = Seal.of(SecretStr(WRITTEN))
    assert seal is not None
    assert seal.open(Seal([NEW]).seal(ADDRESS, "sms"), "sms") == ADDRESS
