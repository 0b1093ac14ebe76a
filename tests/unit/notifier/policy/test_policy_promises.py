"""What the policy promises of every case there can be."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.contracts.channels import CHANNELS, Category, ChannelName, Recipient
from services.contracts.contacts import ALL_CHANNELS, ContactsUpdated
from services.contracts.silence import Silence
from services.notifier.customer.card import Card
from services.notifier.customer.history import History
from services.notifier.policy.gates import Case, Hold, Later, Pass, decide
from services.notifier.policy.models import Consent, Policy
from services.notifier.policy.silencing import Silences
from services.notifier.policy.staff import Staff
from tests.unit.notifier.policy.policy_cases import CARD, NOW, SHANGHAI, case, command, said, silence

MINUTE = timedelta(minutes=1)
BEFORE_CLOCKS_ARE_SET = datetime.fromisoformat("2026-03-28T12:00+00:00")
CAPPED = [Category.MARKETING, Category.SERVICE]

CHANNEL = st.sampled_from(["sms", "email", "wecom_app", "wecom_robot", "webhook", "pigeon"])
KNOWN = st.sampled_from(["sms", "email", "wecom_app"])
CATEGORY = st.sampled_from(Category)
ZONE = st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "Mars/Olympus", ""])
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))


def listed(some: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(some, min_size=1, max_size=3, unique=True)


CAPS = st.integers(1, 4).map(lambda day: {"day": day, "week": day + 2}) | st.just({"day": "none", "week": "none"})
HOURS = st.fixed_dictionaries(
    {"from": CLOCK, "to": CLOCK.map(lambda clock: clock[:4] + "7")},
    optional={
        "categories": listed(CATEGORY),
        "channels": listed(KNOWN),
        "recipients": listed(st.sampled_from(Recipient)),
    },
)
HOURS_OF_ALL = st.fixed_dictionaries(
    {"from": st.sampled_from(["09:00", "20:30"]), "to": st.sampled_from(["02:10", "02:40", "08:50"])},
    optional={"channels": listed(KNOWN)},
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "consent": st.dictionaries(CATEGORY.map(str), st.sampled_from(Consent)),
        "caps": st.fixed_dictionaries({"marketing": CAPS, "service": CAPS}),
        "quiet_hours": st.lists(HOURS, max_size=2),
        "holdout": st.just({"share": "40%", "name": "2026"}),
        "unknown_zone": st.just("America/New_York"),
    },
).map(Policy.model_validate)
UPDATES = st.builds(
    ContactsUpdated,
    customer_id=st.just("客户一"),
    occurred_at=st.integers(-9, 0).map(lambda minutes: NOW + minutes * MINUTE),
    cause_id=st.sampled_from(["e1", "e2"]),
    contacts=st.dictionaries(KNOWN, st.none() | st.just("sealed"), max_size=3),
    consent=st.dictionaries(
        st.sampled_from(["sms", "email", ALL_CHANNELS]),
        st.dictionaries(CATEGORY, st.none() | st.booleans()),
        max_size=2,
    ),
    channels=st.none() | st.lists(KNOWN, max_size=2).map(tuple),
    personalised=st.none() | st.booleans(),
    owner=st.none() | st.sampled_from(["张店长", "Ann"]),
    timezone=ZONE,
)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    card = draw(st.sampled_from([CARD, CARD, Card()]))
    for update in draw(st.lists(UPDATES, max_size=2)):
        card = card.said(update)
    return card


SILENCES: st.SearchStrategy[list[Silence]] = st.lists(
    st.builds(
        silence,
        channel=st.none() | KNOWN,
        category=st.none() | CATEGORY,
        ends_at=st.sampled_from([NOW, NOW + timedelta(days=400)]),
    ),
    max_size=1,
) | st.just([])
COMMANDS = st.builds(
    command,
    channels=st.just(("sms", "email", "webhook")) | st.lists(CHANNEL, max_size=4).map(tuple),
    category=CATEGORY,
    recipient=st.sampled_from(Recipient),
    personalised=st.booleans(),
    customer_id=st.sampled_from([f"客户-{number}" for number in range(5)]),
    expires_at=st.integers(0, 120).map(lambda hours: BEFORE_CLOCKS_ARE_SET + timedelta(hours=hours)),
)
HISTORIES = st.lists(st.tuples(st.sampled_from(CAPPED), st.integers(0, 9 * 24)), max_size=4)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    now = BEFORE_CLOCKS_ARE_SET + draw(st.integers(0, 36 * 60)) * MINUTE
    history = History()
    for number, (category, hours) in enumerate(draw(HISTORIES)):
        history = history.took(bytes([number]), category, now - timedelta(hours=hours))
    return case(
        command=draw(COMMANDS),
        card=draw(cards()),
        history=history,
        erased_ms=draw(st.none() | st.just(0)),
        silences=Silences.of(draw(SILENCES), NOW - MINUTE),
        policy=draw(POLICIES),
        channels=draw(st.just(frozenset(ChannelName)) | st.frozensets(CHANNEL)),
        staff=Staff.model_validate({"colleagues": {"Ann": {"contacts": {"email": "ann@shop.example"}}}}),
        now=now,
    )


@st.composite
def nights(draw: st.DrawFn) -> Case:
    """Cases that only quiet hours speak against, most of the time."""
    return case(
        command=command(category=draw(st.sampled_from(CAPPED)), expires_at=NOW + timedelta(days=90)),
        card=CARD.said(said(NOW, timezone=draw(ZONE))),
        policy=Policy.model_validate({"quiet_hours": draw(st.lists(HOURS_OF_ALL, min_size=1, max_size=2))}),
        now=BEFORE_CLOCKS_ARE_SET + draw(st.integers(0, 36 * 60)) * MINUTE,
    )


def is_quiet(one: Case, channel: str) -> bool:
    """Whether the clock on the reader's wall shows a quiet minute, read off the policy."""
    theirs = one.card.zone if one.command.recipient is Recipient.CUSTOMER else None
    unknown = "Asia/Shanghai" if one.policy.unknown_zone == "business" else one.policy.unknown_zone
    zone = ZoneInfo(theirs if theirs and theirs != "Mars/Olympus" else unknown)
    wall = one.now.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    return any(
        (quiet.from_ <= minute < quiet.to) if quiet.from_ < quiet.to else not (quiet.to <= minute < quiet.from_)
        for quiet in one.policy.quiet_hours
        if one.command.category in quiet.categories
        and one.command.recipient in quiet.recipients
        and (quiet.channels is None or channel in quiet.channels)
    )


def of_silence(one: Case) -> list[Silence]:
    return [
        each
        for each in one.silences.about_all
        if each.matcher.category in (None, one.command.category) and one.now < each.ends_at
    ]


@settings(max_examples=150)
@given(cases())
def test_what_passes_may_pass(one: Case) -> None:
    """Every route is configured, open, fit, wanted and agreed to, and leads where the customer or the colleague is."""
    verdict = decide(one)
    assume(isinstance(verdict, Pass))
    assert isinstance(verdict, Pass)
    sent, category = one.command, one.command.category
    names = [route.channel for route in verdict.routes]
    assert names
    assert len(set(names)) == len(names)
    assert one.now < sent.expires_at
    assert not [each for each in of_silence(one) if each.matcher.channel is None]
    for route in verdict.routes:
        facts = CHANNELS[ChannelName(route.channel)]
        assert route.channel in sent.channels
        assert route.channel in one.channels
        assert category in facts.categories
        assert sent.recipient in facts.reaches
        assert route.channel not in {each.matcher.channel for each in of_silence(one)}
        assert not is_quiet(one, route.channel)
        assert (route.address is not None) is facts.addressed
        if sent.recipient is Recipient.CUSTOMER:
            needed, agreed = one.policy.consent_for(category), one.card.agrees(route.channel, category)
            assert needed is not Consent.REQUIRED or agreed is True
            assert needed is Consent.IGNORED or agreed is not False
            assert route.address == (one.card.address(route.channel) if facts.addressed else None)
            assert route.sealed is facts.addressed
        else:
            assert not route.sealed
    if category is Category.MARKETING and sent.personalised and sent.recipient is Recipient.CUSTOMER:
        assert one.card.personalised


@settings(max_examples=80)
@given(nights())
def test_later_is_the_first_instant_that_is_open(one: Case) -> None:
    """Decided anew before that, it still waits for the same instant; at that instant it passes."""
    verdict = decide(one)
    assume(isinstance(verdict, Later))
    assert isinstance(verdict, Later)
    assert one.now < verdict.until < one.command.expires_at
    assert isinstance(decide(replace(one, now=verdict.until, deferred=True)), Pass)
    asked = one.now
    while asked < verdict.until:
        again = decide(replace(one, now=asked, deferred=True))
        assert isinstance(again, Later)
        assert again.until == verdict.until
        asked += 13 * MINUTE
    assert isinstance(decide(replace(one, now=verdict.until - timedelta(microseconds=1))), Later)


@given(cases())
def test_there_is_always_a_verdict_and_always_the_same(one: Case) -> None:
    """No case breaks the policy; what is held or waits says why, and shows no address."""
    verdict = decide(one)
    assert decide(one) == verdict
    if isinstance(verdict, Hold | Later):
        assert verdict.detail
        assert "sealed" not in verdict.detail
        assert "@" not in verdict.detail
        assert "Ann" not in verdict.detail


@settings(max_examples=60)
@given(
    caps=st.fixed_dictionaries({"marketing": CAPS, "service": CAPS}),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
    course=st.lists(st.tuples(st.integers(0, 20 * 60), st.sampled_from(CAPPED), st.booleans()), max_size=40),
)
def test_no_course_of_events_goes_beyond_the_caps(
    caps: dict[str, dict[str, int | str]], zone: str, course: list[tuple[int, Category, bool]]
) -> None:
    """However commands come and whichever fail, no calendar day and no 7 × 24 hours has more than it may."""
    policy = Policy.model_validate({"caps": caps, "quiet_hours": [], "consent": {"marketing": "implied"}})
    card = CARD.said(said(NOW, timezone=zone))
    history, now = History(), BEFORE_CLOCKS_ARE_SET
    sent: list[tuple[Category, datetime]] = []
    for number, (minutes, category, fails) in enumerate(course):
        now += minutes * MINUTE
        one = command(category=category, expires_at=now + MINUTE)
        if isinstance(decide(case(command=one, card=card, policy=policy, history=history, now=now)), Hold):
            continue
        key = bytes([number])
        history = history.took(key, category, now)
        if fails:
            history = history.gave_back(key)
        else:
            sent.append((category, now))
    for category in CAPPED:
        cap = policy.cap_for(category)
        assert cap is not None
        instants = [at for of, at in sent if of is category]
        days = Counter(at.astimezone(ZoneInfo(zone)).date() for at in instants)
        weeks = [sum(at <= other < at + timedelta(days=7) for other in instants) for at in instants]
        assert cap.day is None or max(days.values(), default=0) <= cap.day
        assert cap.week is None or max(weeks, default=0) <= cap.week


@given(st.integers(1, 4), st.integers(0, 3))
def test_caps_are_used_up(day: int, spare: int) -> None:
    """Restraint is not silence: as many as the cap allows do pass, at once."""
    policy = Policy.model_validate({"caps": {"marketing": {"day": day, "week": day + spare}}})
    history, passing = History(), 0
    for number in range(10):
        verdict = decide(case(policy=policy, history=history, zone=SHANGHAI))
        if isinstance(verdict, Pass):
            passing += 1
            history = history.took(bytes([number]), Category.MARKETING, NOW)
    assert passing == day


@given(cases())
def test_the_customers_part_is_nothing_to_a_colleague(one: Case) -> None:
    """Towards a colleague a verdict is the same whatever the customer agreed to, wanted and got."""
    to_owner = replace(one, command=msgspec.structs.replace(one.command, recipient=Recipient.OWNER))
    bare = Card(clerk=one.card.clerk)
    assert decide(replace(to_owner, card=bare, history=History())) == decide(to_owner)
