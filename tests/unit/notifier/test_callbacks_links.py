"""Links by which a reader unsubscribes."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from services.contracts.channels import Category
from services.notifier.callback_settings import CallbackSettings
from services.notifier.unsubscribing import Unsubscription, link, read

SECRET, OTHER = SecretStr("whsec_a29pcG9uZC1rb2lwb25k"), SecretStr("whsec_b3RoZXJvdGhlcm90aGVy")
ids = st.text(min_size=1, max_size=128)
categories = st.sampled_from(list(Category))


@given(ids, ids, categories)
def test_a_link_is_read_as_it_was_made(customer: str, command: str, category: Category) -> None:
    """For any ids; it is a plain web address."""
    made = link("https://notify.example.com/koi/", SECRET, customer, command, category)
    parts = urlsplit(made)
    assert made.isascii()
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "notify.example.com", "/koi/unsubscribe")
    assert read(parts.query, SECRET) == Unsubscription(customer, command, category)
    assert read(parts.query, OTHER) is None


@given(ids, ids, categories, st.sampled_from(["c", "k", "g", "s"]), st.text(max_size=20))
def test_a_link_that_was_changed_is_none(
    customer: str, command: str, category: Category, name: str, value: str
) -> None:
    """Whichever part of it."""
    query = dict(parse_qsl(urlsplit(link("https://x", SECRET, customer, command, category)).query))
    if query[name] != value:
        assert read(urlencode(query | {name: value}), SECRET) is None


@given(st.text(max_size=60))
def test_any_query_is_read_or_not(query: str) -> None:
    """Whatever stands in it, nothing is raised."""
    assert read(query, SECRET) is None


@pytest.mark.parametrize(
    "query", ["c=a&k=b&g=marketing", "&".join(["c=a"] * 9), "c=%ff&k=b&g=marketing&s=x", "x" * 5000]
)
def test_what_is_no_link_is_none(query: str) -> None:
    """Without a signature, with too many parts, not UTF-8, too long."""
    assert read(query, SECRET) is None


def test_no_two_readers_share_a_signature() -> None:
    """Where one id ends and the next begins is signed, too."""
    one = dict(parse_qsl(urlsplit(link("https://x", SECRET, "ab", "c", Category.SERVICE)).query))
    other = dict(parse_qsl(urlsplit(link("https://x", SECRET, "a", "bc", Category.SERVICE)).query))
    assert one["s"] != other["s"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "callback_secret",
            "whsec_",
            "there is nothing behind whsec_; make one with: echo whsec_$(openssl rand -base64 32)",
        ),
        ("callback_secret", "whsec_a", "this is not whsec_ followed by base64; make one with: "),
        (
            "callback_url",
            "notify.example.com",
            "this is no address under which somebody is reached; write https://host",
        ),
        ("callback_url", "https://x/?a=b", "this is no address under which somebody is reached; write https://host"),
    ],
)
def test_a_wrong_setting_is_told(name: str, value: str, says: str) -> None:
    """With what to write instead; a secret is not shown."""
    with pytest.raises(ValidationError) as caught:
        CallbackSettings.model_validate({name: value})
    assert says in str(caught.value)
    assert "input_value" not in str(caught.value)


def test_both_may_be_left_out() -> None:
    """And an empty text is the same."""
    assert CallbackSettings.model_validate({"callback_secret": "", "callback_url": ""}) == CallbackSettings()
