"""The card holds the last word on everything, in whatever order it hears of it."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.channels import Category, ChannelName
from services.contracts.contacts import ALL_CHANNELS, ContactsUpdated
from services.notifier.customer.card import Card

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
MARKETING, SERVICE = Category.MARKETING, Category.SERVICE

CHANNELS = st.sampled_from(["sms", "email", "wecom_app", "pigeon"])
SPOKEN_OF = st.sampled_from(["sms", "email", ALL_CHANNELS, "pigeon"])
INSTANTS = st.integers(0, 3).map(lambda second: NOON + timedelta(seconds=second))
TEXTS = st.sampled_from(["", "甲", "b"])
ANSWERS = st.none() | st.booleans()
UPDATES = st.builds(
    ContactsUpdated,
    customer_id=st.just("客户一"),
    occurred_at=INSTANTS,
    cause_id=st.sampled_from(["e1", "e2", "e3"]),
    contacts=st.dictionaries(CHANNELS, st.none() | TEXTS, max_size=3),
    consent=st.dictionaries(SPOKEN_OF, st.dictionaries(st.sampled_from(Category), ANSWERS, max_size=2), max_size=3),
    channels=st.none() | st.lists(CHANNELS, max_size=3).map(tuple),
    language=st.none() | TEXTS,
    personalised=ANSWERS,
    owner=st.none() | TEXTS,
    timezone=st.none() | TEXTS,
)


def update(
    second: int = 0,
    cause_id: str = "e1",
    *,
    contacts: dict[str, str | None] | None = None,
    consent: dict[str, dict[Category, bool | None]] | None = None,
    channels: tuple[str, ...] | None = None,
    language: str | None = None,
    personalised: bool | None = None,
    owner: str | None = None,
    timezone: str | None = None,
) -> ContactsUpdated:
    return ContactsUpdated(
        customer_id="客户一",
        occurred_at=NOON + timedelta(seconds=second),
        cause_id=cause_id,
        contacts=contacts or {},
        consent=consent or {},
        channels=channels,
        language=language,
        personalised=personalised,
        owner=owner,
        timezone=timezone,
    )


def card(*updates: ContactsUpdated) -> Card:
    return reduce(Card.said, updates, Card())


@given(st.lists(UPDATES, max_size=6), st.data())
def test_neither_order_nor_repeats_matter(updates: list[ContactsUpdated], data: st.DataObject) -> None:
    """Any permutation with any repeats gives the same card, to the byte, and so does laying two cards together."""
    shuffled = data.draw(st.permutations(updates + updates[:3]))
    split = data.draw(st.integers(0, len(shuffled)))
    once, again = card(*updates), card(*shuffled)
    assert msgspec.msgpack.encode(again) == msgspec.msgpack.encode(once)
    assert card(*shuffled[:split]).union(card(*shuffled[split:])) == again == once
    assert once.union(once) == once


@given(st.lists(UPDATES, max_size=3), st.lists(UPDATES, max_size=3), st.lists(UPDATES, max_size=3))
def test_cards_are_laid_together_in_any_grouping(
    one: list[ContactsUpdated], two: list[ContactsUpdated], three: list[ContactsUpdated]
) -> None:
    """Three cards that turn out to be one customer's may be joined two by two, whichever come first."""
    a, b, c = card(*one), card(*two), card(*three)
    assert a.union(b).union(c) == a.union(b.union(c))
    assert a.union(b) == b.union(a)


@given(st.lists(UPDATES, max_size=8))
def test_the_last_word_counts(updates: list[ContactsUpdated]) -> None:
    """Of all addresses that were said of a channel, the one of the newest event stands there."""
    distinct = [msgspec.structs.replace(each, cause_id=f"e{i}") for i, each in enumerate(updates)]
    said = [(u.occurred_at, u.cause_id, u.contacts["sms"]) for u in distinct if "sms" in u.contacts]
    newest = max(said, key=lambda each: each[:2])[2] if said else None
    assert card(*distinct).address("sms") == (newest or None)


@given(st.lists(UPDATES, max_size=8))
def test_a_card_cannot_grow(updates: list[ContactsUpdated]) -> None:
    """Channels that there are not take no room."""
    found = card(*updates)
    assert set(found.contacts) <= set(ChannelName)
    assert set(found.consent) <= {*ChannelName, ALL_CHANNELS}
    assert len(found.channels) <= len(ChannelName)


@given(st.lists(UPDATES, max_size=4))
def test_a_card_survives_storage(updates: list[ContactsUpdated]) -> None:
    """What is stored is what is read."""
    found = card(*updates)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Card) == found


@pytest.mark.parametrize(
    ("statements", "agreed"),
    [
        ([], None),
        ([("sms", 0, True)], True),
        ([("sms", 0, False)], False),
        ([("email", 0, True)], None),
        ([(ALL_CHANNELS, 0, True)], True),
        ([(ALL_CHANNELS, 0, False), ("sms", 1, True)], True),
        ([("sms", 0, True), (ALL_CHANNELS, 1, False)], False),
        ([("sms", 0, True), (ALL_CHANNELS, 0, False)], False),
        ([("sms", 0, False), (ALL_CHANNELS, 0, True)], False),
        ([("sms", 0, True), ("sms", 0, False)], False),
        ([("sms", 0, False), ("sms", 1, None)], None),
        ([(ALL_CHANNELS, 0, True), ("sms", 1, False), ("sms", 2, None)], True),
        ([("sms", 0, None), ("sms", 0, False)], False),
    ],
)
def test_the_later_of_channel_and_all_channels_counts(
    statements: list[tuple[str, int, bool | None]], agreed: bool | None
) -> None:
    """A statement about all channels outweighs an earlier one about one, and the reverse; at a tie a refusal counts."""
    for ordered in (statements, statements[::-1]):
        said = [update(at, f"e{i}", consent={name: {MARKETING: yes}}) for i, (name, at, yes) in enumerate(ordered)]
        assert card(*said).agrees("sms", MARKETING) is agreed
        assert card(*said).agrees("sms", SERVICE) is None


def test_a_refusal_counts_whatever_the_ids() -> None:
    """Of two statements of one instant it is never the higher id that lets a message pass."""
    yes, no = update(0, "e9", consent={"sms": {MARKETING: True}}), update(0, "e1", consent={"sms": {MARKETING: False}})
    assert card(yes, no).agrees("sms", MARKETING) is False
    assert card(update(0, "e9", personalised=True), update(0, "e1", personalised=False)).personalised is False


def test_the_higher_id_counts_at_the_same_instant() -> None:
    """Where nothing is refused, the id decides between two statements of one instant."""
    one, other = update(0, "e1", contacts={"sms": "sealed-1"}), update(0, "e2", contacts={"sms": "sealed-2"})
    assert card(one, other).address("sms") == card(other, one).address("sms") == "sealed-2"


@pytest.mark.parametrize("channel", ["sms", ALL_CHANNELS])
def test_who_unsubscribes_has_refused(channel: str) -> None:
    """Refusing over a provider is like any other statement: it counts until something later is said."""
    agreed = card(update(0, consent={ALL_CHANNELS: {MARKETING: True, SERVICE: True}}))
    refused = agreed.refused(channel, MARKETING, NOON + timedelta(seconds=5), "f1")
    assert refused.agrees("sms", MARKETING) is False
    assert refused.agrees("sms", SERVICE) is True
    assert refused.agrees("email", MARKETING) is (channel != ALL_CHANNELS)
    assert refused.said(update(9, consent={"sms": {MARKETING: True}})).agrees("sms", MARKETING) is True


def test_a_refusal_of_a_channel_that_there_is_not_is_nothing() -> None:
    """A name nobody knows leaves no trace."""
    assert Card().refused("pigeon", MARKETING, NOON, "f1") == Card()


def test_an_address_can_be_taken_back() -> None:
    """A later None removes the address, and an earlier one that arrives late does not bring it back."""
    told = update(0, contacts={"sms": "sealed"})
    assert card(update(1, contacts={"sms": None}), told).address("sms") is None
    assert card(told).address("email") is None


def test_empty_text_takes_back() -> None:
    """Language, owner and time zone can be unsaid."""
    told = card(update(0, language="zh", owner="张店长", timezone="Asia/Shanghai"))
    assert (told.language, told.owner, told.zone) == ("zh", "张店长", "Asia/Shanghai")
    unsaid = told.said(update(1, language="", owner="", timezone=""))
    assert (unsaid.language, unsaid.owner, unsaid.zone) == (None, None, None)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (("sms", "email", "sms"), ("sms", "email")),
        (("pigeon", "sms"), ("sms",)),
        (("pigeon", "raven"), ("pigeon",)),
        ((), ()),
    ],
)
def test_who_wants_only_unknown_channels_does_not_want_any(said: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """Names nobody knows are dropped, but a wish never becomes the wish for anything."""
    assert card(update(channels=said)).channels == wanted


def test_nobody_said_anything() -> None:
    """An empty card knows nothing, and forbids nothing personal."""
    nobody = Card()
    assert (nobody.channels, nobody.language, nobody.owner, nobody.zone) == ((), None, None, None)
    assert nobody.personalised is True


def test_a_card_shows_nothing() -> None:
    """No address, not even a sealed one, and no owner stands in the repr."""
    assert repr(card(update(contacts={"sms": "sealed"}, owner="zhang"))) == "Card(…)"
