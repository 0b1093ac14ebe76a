"""The gates are asked in their order, and each says why in words."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any, TypeAlias

import msgspec
import pytest

from services.contracts.calendar import to_ms
from services.contracts.channels import Category, Recipient
from services.contracts.contacts import ALL_CHANNELS
from services.contracts.receipt import Reason
from services.notifier.customer.card import Card
from services.notifier.customer.history import History
from services.notifier.effects import Route
from services.notifier.policy.gates import Case, Hold, Later, Pass, Verdict, decide
from services.notifier.policy.models import Holdout, Policy, QuietHours
from services.notifier.policy.staff import Staff
from tests.unit.notifier.policy.policy_cases import CARD, COMMAND, NOW, case, command, said, silence, silences

MARKETING, SERVICE, TRANSACTIONAL = Category.MARKETING, Category.SERVICE, Category.TRANSACTIONAL
HOUR = timedelta(hours=1)
NIGHT = NOW + timedelta(hours=10)
"""22:00 in Shanghai."""
MORNING = NOW + timedelta(hours=21)
WAITING = "quiet hours 21:00–09:00 Asia/Shanghai: not before 2026-03-03 09:00 Asia/Shanghai"
ONE_SENT = History().took(b"k", MARKETING, NOW - HOUR)

Change: TypeAlias = Callable[[Case], Case]


def policy(**changes: Any) -> Policy:
    return Policy.model_validate(changes)


def with_command(one: Case, **changes: Any) -> Case:
    return replace(one, command=msgspec.structs.replace(one.command, **changes))


def with_said(one: Case, **what: Any) -> Case:
    return replace(one, card=one.card.said(said(NOW, **what)))


def with_policy(one: Case, **changes: Any) -> Case:
    return replace(one, policy=one.policy.model_copy(update=changes))


HOLDOUT = Holdout.model_validate({"share": "99.9%", "name": "2026"})
ALL_DAY = QuietHours.model_validate({"from": "00:00", "to": "24:00"})

AGAINST: dict[Reason, Change] = {
    Reason.ERASED: lambda one: replace(one, erased_ms=to_ms(COMMAND.decided_at)),
    Reason.EXPIRED: lambda one: with_command(one, expires_at=NOW),
    Reason.SILENCED: lambda one: replace(one, silences=silences(silence())),
    Reason.NO_CHANNEL: lambda one: replace(one, channels=frozenset()),
    Reason.NO_CONSENT: lambda one: with_said(one, consent={ALL_CHANNELS: {MARKETING: False}}),
    Reason.HOLDOUT: lambda one: with_policy(one, holdout=HOLDOUT),
    Reason.NO_CONTACT: lambda one: with_said(one, contacts={"sms": None, "email": None}),
    Reason.CAPPED: lambda one: replace(one, history=ONE_SENT),
    Reason.QUIET_HOURS: lambda one: with_policy(one, quiet_hours=(ALL_DAY,)),
}
"""By reason, in the order of the gates: what speaks against a case that would pass."""


def held(verdict: Verdict) -> Hold:
    assert isinstance(verdict, Hold)
    return verdict


def passed(verdict: Verdict) -> tuple[str, ...]:
    assert isinstance(verdict, Pass), verdict
    return tuple(route.channel for route in verdict.routes)


def test_what_nothing_speaks_against_passes() -> None:
    """With the sealed addresses, in the order of the rule, and with the languages to look for a text in."""
    assert decide(case()) == Pass(
        (Route("sms", "sealed-sms", sealed=True), Route("email", "sealed-mail", sealed=True)), ("zh-CN", "zh")
    )


@pytest.mark.parametrize("reason", AGAINST)
def test_each_gate_names_its_reason(reason: Reason) -> None:
    """What speaks against a message alone is the reason why it is held."""
    assert held(decide(AGAINST[reason](case()))).reason is reason


@pytest.mark.parametrize(("first", "second"), list(combinations(AGAINST, 2)))
def test_the_earlier_gate_wins(first: Reason, second: Reason) -> None:
    """Of two reasons the one of the earlier gate is told, in whichever order they came about."""
    for ordered in ((first, second), (second, first)):
        one = case()
        for reason in ordered:
            one = AGAINST[reason](one)
        assert held(decide(one)).reason is first


def test_the_order_is_that_of_the_contract() -> None:
    """The reasons that the policy knows stand in `Reason` in the order of the gates, but for no_channel."""
    of_contract = [reason for reason in Reason if reason in AGAINST and reason is not Reason.NO_CHANNEL]
    assert of_contract == [reason for reason in AGAINST if reason is not Reason.NO_CHANNEL]


SENTENCES: list[tuple[Case, Reason, str]] = [
    (
        case(erased_ms=to_ms(NOW)),
        Reason.ERASED,
        "the customer was erased or merged at 2026-03-02T04:00:00+00:00, after the message was decided",
    ),
    (case(now=COMMAND.expires_at), Reason.EXPIRED, "expired at 2026-03-03T04:00:00+00:00"),
    (
        case(now=COMMAND.expires_at, deferred=True),
        Reason.EXPIRED,
        "expired at 2026-03-03T04:00:00+00:00, while it waited",
    ),
    (case(silences=silences(silence())), Reason.SILENCED, "silence s1 until 2026-03-02T05:00:00+00:00"),
    (
        case(silences=silences(silence("s1", channel="sms"), silence("s2", channel="email"))),
        Reason.SILENCED,
        "sms: silence s1 until 2026-03-02T05:00:00+00:00; email: silence s2 until 2026-03-02T05:00:00+00:00",
    ),
    (case(command=command(channels=())), Reason.NO_CHANNEL, "the rule names no channel"),
    (case(channels=frozenset({"webhook"})), Reason.NO_CHANNEL, "sms: not configured; email: not configured"),
    (case(command=command(channels=("pigeon",)), channels={"pigeon"}), Reason.NO_CHANNEL, "pigeon: not configured"),
    (
        case(command=command(channels=("wecom_app",))),
        Reason.NO_CHANNEL,
        "wecom_app: it may not carry marketing messages",
    ),
    (
        case(command=command(channels=("email", "sms")), channels={"sms"}, silences=silences(silence(channel="sms"))),
        Reason.NO_CHANNEL,
        "sms: silence s1 until 2026-03-02T05:00:00+00:00; email: not configured",
    ),
    (
        case(card=Card().said(said(consent={"email": {MARKETING: False}}))),
        Reason.NO_CONSENT,
        "sms: the customer never agreed to marketing messages; email: the customer refused marketing messages",
    ),
    (
        with_said(case(), channels=("wecom_app",)),
        Reason.NO_CONSENT,
        "sms: not among the channels that the customer wants; email: not among the channels that the customer wants",
    ),
    (
        with_said(case(), personalised=False),
        Reason.NO_CONSENT,
        "the customer wants no marketing that is personalised",
    ),
    (with_policy(case(), holdout=HOLDOUT), Reason.HOLDOUT, "the customer is of the control group 2026 (99.9 % of all)"),
    (
        case(card=CARD.said(said(NOW, contacts={"sms": None, "email": None}))),
        Reason.NO_CONTACT,
        "sms: no address is known; email: no address is known",
    ),
    (
        case(command=command(channels=("wecom_app",), category=SERVICE)),
        Reason.NO_CONTACT,
        "wecom_app: it reaches no customer",
    ),
    (
        case(history=ONE_SENT),
        Reason.CAPPED,
        "1 marketing message since 2026-03-02 00:00 Asia/Shanghai, of at most 1 a day",
    ),
    (
        case(
            history=ONE_SENT.took(b"l", MARKETING, NOW - 2 * HOUR),
            policy=policy(caps={"marketing": {"day": "none", "week": 2}}),
        ),
        Reason.CAPPED,
        "2 marketing messages since 2026-02-23 12:00 Asia/Shanghai, of at most 2 in 7 days",
    ),
    (
        with_policy(case(), quiet_hours=(ALL_DAY,)),
        Reason.QUIET_HOURS,
        "quiet hours 00:00–24:00 Asia/Shanghai, and no other time of the day is left",
    ),
    (
        with_command(case(now=NIGHT), expires_at=MORNING),
        Reason.QUIET_HOURS,
        f"{WAITING}, but it expires at 2026-03-03 09:00 Asia/Shanghai",
    ),
]


@pytest.mark.parametrize(("one", "reason", "detail"), SENTENCES)
def test_each_reason_is_told_in_words(one: Case, reason: Reason, detail: str) -> None:
    """The sentence has the facts and no address."""
    assert decide(one) == Hold(reason, detail)


def test_at_night_it_waits_for_the_morning() -> None:
    """Until the first instant that is not quiet, by the clock on the customer's wall."""
    assert decide(case(now=NIGHT)) == Later(Reason.QUIET_HOURS, WAITING, MORNING)
    assert passed(decide(case(now=MORNING, deferred=True))) == ("sms", "email")


@pytest.mark.parametrize(
    ("zone", "waits"),
    [("America/New_York", True), ("Asia/Shanghai", False), ("Mars/Olympus", False), ("../etc", False)],
)
def test_the_night_is_the_customers(zone: str, waits: bool) -> None:
    """Noon in Shanghai is night in New York; a zone that there is not is the business zone."""
    assert isinstance(decide(with_said(case(), timezone=zone)), Later if waits else Pass)


def test_the_unknown_zone_can_be_said() -> None:
    """Customers whose zone nobody knows live where the policy says."""
    late = decide(case(policy=policy(unknown_zone="America/New_York")))
    assert isinstance(late, Later)
    assert "America/New_York" in late.detail


def test_a_channel_that_is_open_carries_it() -> None:
    """Quiet hours of one channel leave the others, and a message goes over those at once."""
    only_sms = policy(quiet_hours=[{"from": "00:00", "to": "24:00", "channels": ["sms"]}])
    assert passed(decide(case(policy=only_sms, now=NIGHT))) == ("email",)


def test_the_first_opening_of_any_channel_counts() -> None:
    """It waits until one of its channels is open, not all of them."""
    hours = [
        {"from": "21:00", "to": "09:00", "channels": ["sms"]},
        {"from": "21:00", "to": "07:00", "channels": ["email"]},
    ]
    late = decide(case(policy=policy(quiet_hours=hours), now=NIGHT))
    assert isinstance(late, Later)
    assert late.until == MORNING - 2 * HOUR


def test_transactional_messages_do_not_wait() -> None:
    """Unless the policy names them."""
    one = case(command=command(category=TRANSACTIONAL), now=NIGHT)
    assert passed(decide(one)) == ("sms", "email")
    named = policy(quiet_hours=[{"from": "21:00", "to": "09:00", "categories": ["transactional"]}])
    assert isinstance(decide(replace(one, policy=named)), Later)


def test_silenced_and_missing_channels_leave_the_others() -> None:
    """A gate that takes one channel lets the message pass over another."""
    assert passed(decide(case(silences=silences(silence(channel="sms"))))) == ("email",)
    assert passed(decide(case(channels={"email"}))) == ("email",)
    assert passed(decide(with_said(case(), contacts={"sms": None}))) == ("email",)
    assert passed(decide(with_said(case(), consent={"sms": {MARKETING: False}}))) == ("email",)


def test_a_channel_named_twice_is_one() -> None:
    """It is tried once."""
    assert passed(decide(case(command=command(channels=("email", "sms", "email"))))) == ("email", "sms")


@pytest.mark.parametrize(
    ("needed", "agreed", "passes"),
    [
        ("required", None, False),
        ("required", False, False),
        ("required", True, True),
        ("implied", None, True),
        ("implied", False, False),
        ("implied", True, True),
        ("ignored", None, True),
        ("ignored", False, True),
        ("ignored", True, True),
    ],
)
@pytest.mark.parametrize("category", Category)
def test_consent_is_asked_as_the_policy_says(
    category: Category, needed: str, agreed: bool | None, passes: bool
) -> None:
    """Required: a yes. Implied: no no. Ignored: nothing."""
    card = Card().said(said(contacts={"sms": "sealed"}, consent={"sms": {category: agreed}}))
    one = case(card=card, command=command(category=category), policy=policy(consent={category.value: needed}))
    assert isinstance(decide(one), Pass) is passes


def test_the_customers_order_of_channels_wins() -> None:
    """What they want is tried in their order; what they did not name is not tried."""
    assert passed(decide(with_said(case(), channels=("email", "sms", "wecom_app")))) == ("email", "sms")
    assert passed(decide(with_said(case(), channels=("email",)))) == ("email",)


def test_where_consent_is_ignored_wishes_only_order() -> None:
    """Channels that the customer does not want are then the last resort."""
    ignoring = policy(consent={"marketing": "ignored"})
    assert passed(decide(with_said(case(policy=ignoring), channels=("email",)))) == ("email", "sms")


def test_who_wants_nothing_personalised_gets_what_all_get() -> None:
    """The same wording for everybody passes, and so does service; consent that is ignored changes nothing about that."""
    one = with_said(case(policy=policy(consent={"marketing": "ignored"})), personalised=False)
    assert held(decide(one)).reason is Reason.NO_CONSENT
    assert passed(decide(with_command(one, personalised=False)))
    assert passed(decide(with_command(one, category=SERVICE)))


def test_the_control_group_gets_what_is_not_compared() -> None:
    """Categories that the holdout does not name pass."""
    assert passed(decide(with_command(with_policy(case(), holdout=HOLDOUT), category=SERVICE)))


def test_a_customer_erased_before_the_decision_is_a_new_one() -> None:
    """What was decided after the erasure is about somebody who came back."""
    assert passed(decide(case(erased_ms=to_ms(COMMAND.decided_at) - 1)))


def test_what_has_no_address_of_its_own_needs_none() -> None:
    """A webhook knows itself whom to reach."""
    assert decide(case(command=command(channels=("webhook",)))) == Pass((Route("webhook"),), ("zh-CN", "zh"))


def test_caps_count_the_customers_day() -> None:
    """A message of an hour ago was yesterday's where midnight lies between; the week still has it."""
    just_after_midnight = NOW + timedelta(hours=12, minutes=30)
    open_at_night = policy(quiet_hours=[], caps={"marketing": {"day": 1, "week": 2}})
    sent = History().took(b"k", MARKETING, just_after_midnight - HOUR)
    one = case(policy=open_at_night, history=sent, now=just_after_midnight)
    assert passed(decide(one))
    assert held(decide(with_said(one, timezone="Europe/Berlin"))).reason is Reason.CAPPED
    assert held(decide(replace(one, history=sent.took(b"l", MARKETING, NOW - HOUR)))).reason is Reason.CAPPED


def test_transactional_messages_know_no_cap() -> None:
    """However much was sent before."""
    sent = History()
    for key in range(50):
        sent = sent.took(bytes([key]), SERVICE, NOW - HOUR)
    assert passed(decide(case(command=command(category=TRANSACTIONAL), history=sent)))
    assert held(decide(case(command=command(category=SERVICE), history=sent))).reason is Reason.CAPPED


TO_OWNER = command(recipient=Recipient.OWNER, category=SERVICE, channels=("wecom_app", "email", "wecom_robot"))
STAFF = Staff.model_validate(
    {
        "colleagues": {
            "张店长": {"contacts": {"email": "zhang@shop.example"}, "language": "zh", "timezone": "Asia/Shanghai"},
            "Ann": {"contacts": {"wecom_app": "ann"}, "timezone": "America/New_York"},
        }
    }
)


def test_a_colleague_is_reached_as_the_directory_says() -> None:
    """Over the channels it names, plainly, in the colleague's language; a robot of a group needs no address."""
    routes = (Route("email", "zhang@shop.example"), Route("wecom_robot"))
    assert decide(case(command=TO_OWNER, staff=STAFF)) == Pass(routes, ("zh",))


def test_a_colleague_whom_the_directory_does_not_know_is_reached_over_wecom() -> None:
    """By the id itself, which is their user id there."""
    assert decide(case(command=TO_OWNER)) == Pass((Route("wecom_app", "张店长"), Route("wecom_robot")), ())


def test_a_customer_without_an_owner_has_the_group() -> None:
    """Channels that need an address fall away; the robot still tells the group."""
    nobody = case(command=TO_OWNER, card=Card())
    assert decide(nobody) == Pass((Route("wecom_robot"),), ())
    alone = with_command(nobody, channels=("wecom_app", "email"))
    assert decide(alone) == Hold(
        Reason.NO_CONTACT, "wecom_app: the customer has no owner; email: the customer has no owner"
    )
    unreached = with_command(case(command=TO_OWNER, staff=STAFF), channels=("sms", "wecom_app"))
    why = "the staff directory has no address of the owner"
    assert decide(replace(unreached, channels={"sms", "wecom_app"})) == Hold(
        Reason.NO_CONTACT, f"sms: {why}; wecom_app: {why}"
    )


@pytest.mark.parametrize("reason", [Reason.NO_CONSENT, Reason.HOLDOUT, Reason.CAPPED])
def test_restraint_towards_the_customer_is_none_towards_a_colleague(reason: Reason) -> None:
    """Consent, wishes, control group and caps are the customer's."""
    marketing = with_said(case(staff=STAFF), personalised=False, channels=("sms",))
    one = with_command(AGAINST[reason](marketing), recipient=Recipient.OWNER, channels=("email",))
    assert passed(decide(one)) == ("email",)


def test_quiet_hours_of_colleagues_are_theirs() -> None:
    """They have none unless the policy names them, and then by the clock where they work."""
    at_night = policy(quiet_hours=[{"from": "21:00", "to": "09:00", "recipients": ["owner"]}])
    ann = with_said(case(command=TO_OWNER, staff=STAFF, policy=at_night), owner="Ann")
    late = decide(ann)
    assert isinstance(late, Later)
    assert "America/New_York" in late.detail
    assert passed(decide(replace(ann, policy=Policy()))) == ("wecom_app", "wecom_robot")
    assert passed(decide(case(policy=at_night, now=NIGHT))) == ("sms", "email")


def test_no_verdict_shows_an_address() -> None:
    """Neither verdicts nor cases print where somebody is reached."""
    passing = case(command=TO_OWNER, staff=STAFF)
    shown = repr((decide(case()), decide(passing), passing))
    assert "sealed-" not in shown
    assert "zhang" not in shown


def test_a_shared_address_stands_in_for_a_colleagues_and_never_for_a_customers() -> None:
    """What is said to a group of colleagues may be said there; a customer without an address is not reached."""
    owner = replace(with_command(case(command=TO_OWNER), channels=("apprise",)), channels={"apprise"})
    assert decide(owner) == Pass((Route("apprise"),), ())
    customer = with_command(owner, recipient=Recipient.CUSTOMER)
    assert held(decide(customer)).reason in {Reason.NO_CONTACT, Reason.NO_CONSENT}
