"""A policy in words: what a person should have meant who wrote it."""

from collections.abc import Iterator

from services.contracts.channels import Category
from services.notifier.policy.models import Cap, Consent, Policy, QuietHours

_CONSENT = {
    Consent.REQUIRED: "goes only to those who agreed",
    Consent.IMPLIED: "goes to those who did not refuse",
    Consent.IGNORED: "goes to everybody, whatever they said",
}


def lines(policy: Policy) -> Iterator[str]:
    """One sentence for every thing that a policy settles, defaults included."""
    for category in Category:
        cap = policy.cap_for(category)
        held = "" if cap is None else f"; {_cap(cap)}"
        yield f"{category.value}: {_CONSENT[policy.consent_for(category)]}{held}"
    for quiet in policy.quiet_hours:
        yield f"quiet {quiet.hours}: {_quiet(quiet)}"
    if not policy.quiet_hours:
        yield "quiet hours: none"
    if policy.holdout is not None:
        categories = ", ".join(policy.holdout.categories)
        yield f"control group {policy.holdout.name}: {policy.holdout.share * 100:g} % of all customers get no {categories}"
    where = "in the business time zone" if policy.unknown_zone == "business" else f"in {policy.unknown_zone}"
    yield f"who has not said where they live, lives {where}"
    yield f"hash {policy.hash}"


def _cap(cap: Cap) -> str:
    day = "any number a day" if cap.day is None else f"at most {cap.day} a day"
    week = "any number in 7 days" if cap.week is None else f"at most {cap.week} in 7 days"
    return f"{day}, {week}"


def _quiet(quiet: QuietHours) -> str:
    whom = " and ".join("customers" if recipient == "customer" else "colleagues" for recipient in quiet.recipients)
    over = "" if quiet.channels is None else f" over {', '.join(quiet.channels)}"
    return f"{', '.join(quiet.categories)} to {whom}{over} wait until it is over, by the clock on the recipient's wall"
