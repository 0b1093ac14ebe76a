"""Whether rules and templates go together."""

from textwrap import dedent, indent

import pytest

from services.cli.templates.usage import misuses, odd_uses, uses
from services.notifier.templates.collection import Templates
from services.rules.book.compiler import compile_rulebook
from services.rules.book.rulebook import Rulebook


def campaign(notify: str) -> Rulebook:
    """A ladder, and a campaign with one message."""
    ladder = "kind: ladder\nname: clients\ntiers:\n  - name: 访客\n  - name: 贵宾\n    enter: [m >= 5]\n---\n"
    text = f"{ladder}kind: campaign\nname: a\nwhen: [orders >= 3]\nsteps:\n  - notify:\n"
    return compile_rulebook({"r.yaml": text + indent(dedent(notify), " " * 6)})


def jump(notify: str) -> Rulebook:
    text = "kind: ladder\nname: clients\ntiers:\n  - name: 访客\n  - name: 贵宾\n    enter: [m >= 5]\non_jump:\n"
    return compile_rulebook({"r.yaml": f"{text}  - to: 贵宾\n    notify:\n" + indent(dedent(notify), " " * 6)})


def templates(*texts: str, params: str = "") -> Templates:
    """Templates a, b, … with these words for any channel, or else as they are written."""
    files = {}
    for name, text in zip("abc", texts, strict=False):
        said = text if text.startswith("{") and not text.startswith(("{{", "{%")) else f"{{any: {{text: {text!r}}}}}"
        files[f"{name}.yaml"] = f"template: {name}\n{params}zh: {said}\n"
    return Templates.of(files)


SERVICE = "template: a\nchannels: [console]\ncategory: service"
OWNER = "template: a\nchannels: [wecom_robot]\nto: owner"
SMS = "template: a\nchannels: [sms, console]\ncategory: %s"
VARIANTS = """\
channels: [console]
category: service
variants:
  - {name: one, template: a}
  - {name: two, template: b, params: {coupon: B}}"""
COUPON = "params: {coupon: {about: 券码, example: WB20}}\n"


@pytest.mark.parametrize(
    ("notify", "known", "said"),
    [
        (SERVICE, templates("好"), []),
        (SERVICE, templates("{{ tier.clients }} {{ segment }}"), []),
        (SERVICE, Templates(), ["13:17: unknown_template: there is no template a"]),
        (
            SERVICE.replace("template: a", "template: we_mis_you"),
            Templates.of({"t.yaml": "template: we_miss_you\nzh: {any: {text: 好}}"}),
            ["13:17: unknown_template: there is no template we_mis_you (did you mean we_miss_you?)"],
        ),
        (
            "template: a\nchannels: [console, email]\ncategory: service",
            templates("{wecom_robot: {text: 好}}"),
            ["14:27: no_words: a has no words for email"],
        ),
        (
            "template: a\nchannels: [email]\ncategory: service",
            templates("好"),
            ["14:18: does_not_fit: template a (zh, email): email needs a title"],
        ),
        (
            SMS % "service",
            templates("{any: {text: 好}}"),
            ["14:18: no_words: a has no words for sms"],
        ),
        (
            SMS % "service",
            templates("{any: {text: 好}, sms: {kind: notice, text: 好}}"),
            ["14:18: no_code: a has no code yet, so no text message is sent; see docs/templates.md"],
        ),
        (SMS % "service", templates("{any: {text: 好}, sms: {kind: notice, code: SMS_1, text: 好}}"), []),
        (
            SMS % "marketing",
            templates("{any: {text: 好}, sms: {kind: notice, code: SMS_1, text: 好}}"),
            ["15:17: bad_category: a is registered as a notice, and must not carry marketing"],
        ),
        (SMS % "marketing", templates("{any: {text: 好}, sms: {kind: marketing, code: SMS_1, text: 好}}"), []),
        (
            SERVICE,
            templates("{{ tier.club }}"),
            ["13:17: unknown_value: a asks for tier.club, and there is no ladder club"],
        ),
        (
            SERVICE,
            templates("{{ tier['client'] }}"),
            ["13:17: unknown_value: a asks for tier.client, and there is no ladder client (did you mean clients?)"],
        ),
        (
            SERVICE,
            templates("{{ from_tier }}"),
            [
                "13:17: unknown_value: a asks for from_tier, which only a ladder's on_jump tells; a campaign tells tier.…"
            ],
        ),
        (
            SERVICE,
            templates("{{ card }}"),
            ["13:17: not_allowed: a shows card, which is for colleagues only; this goes to the customer"],
        ),
        (
            SERVICE + "\npersonalised: false",
            templates("{{ segment }}"),
            ["13:17: not_allowed: this says personalised: false, but a asks for segment"],
        ),
        (SERVICE + "\npersonalised: false\nparams: {coupon: A}", templates("{{ coupon }}", params=COUPON), []),
        (
            SERVICE,
            templates("{{ coupon }}", params=COUPON),
            ["13:17: missing_param: a asks for coupon (券码); write params: {coupon: WB20}"],
        ),
        (SERVICE + "\nparams: {coupon: A}", templates("{{ coupon }}", params=COUPON), []),
        (SERVICE + "\nparams: {coupon: '= segment'}", templates("{{ coupon }}", params=COUPON), []),
        (
            SERVICE + "\nparams: {coupon: 好}",
            templates("{{ coupon | date }}", params=COUPON.replace("WB20", '"2026-11-30"')),
            ["14:18: does_not_fit: template a (zh, console): date takes a day such as 2026-11-11"],
        ),
        (
            f"{VARIANTS}\n  - {{name: x, template: c}}\nparams: {{coupon: A}}",
            templates("{{ coupon }}", "{{ coupon }}", params=COUPON),
            ["18:31: unknown_template: there is no template c"],
        ),
        (
            VARIANTS,
            templates("{{ coupon }}", "{{ coupon }}", params=COUPON),
            ["16:33: missing_param: a asks for coupon (券码); write params: {coupon: WB20}"],
        ),
        (
            OWNER,
            templates("{any: {text: 好}, wecom_robot: {text: '%s'}}" % ("好" * 682)),
            [],
        ),
        (
            OWNER,
            templates("{any: {text: '%s'}}" % ("好" * 683)),
            [
                "14:18: does_not_fit: template a (zh, wecom_robot): the text has 2,049 bytes, and wecom_robot takes 2,048 at most"
            ],
        ),
    ],
)
def test_what_would_leave_a_message_without_its_text(notify: str, known: Templates, said: list[str]) -> None:
    """At the place in the rule file where it can be mended."""
    found = [str(problem).removeprefix("r.yaml:") for problem in misuses(campaign(notify), known)]
    assert found == said


def test_a_jump_tells_of_its_own_ladder_alone() -> None:
    """Where from and where to."""
    assert list(misuses(jump(SERVICE), templates("{{ tier }} {{ from_tier }} {{ ladder }}"))) == []
    (problem,) = misuses(jump(SERVICE), templates("{{ tier.clients }}"))
    assert str(problem) == (
        "r.yaml:10:17: unknown_value: a asks for tier.clients, which only campaigns tell; a jump tells tier and from_tier"
    )


@pytest.mark.parametrize(
    ("notify", "known", "codes"),
    [
        (OWNER, templates("{{ card }}"), []),
        (OWNER, templates("{{ customer_id }}"), []),
        (OWNER, templates("好"), ["no_card"]),
        (OWNER, templates("{any: {text: '{{ card }}'}, wecom_robot: {text: 好}}"), ["no_card"]),
        (OWNER, templates("{any: {text: 好}, wecom_robot: {text: '{{ card }}'}}"), []),
        (SERVICE, templates("好"), []),
        (OWNER, Templates(), []),
        (OWNER + "\nparams: {coupon: A}", templates("{{ card }}"), ["unused"]),
        (SERVICE + "\nparams: {coupon: A}", templates("好"), []),
    ],
)
def test_what_is_probably_not_meant(notify: str, known: Templates, codes: list[str]) -> None:
    """A clerk must know who it is about; what is passed on as data may be for somebody else."""
    assert [problem.code for problem in odd_uses(campaign(notify), known)] == codes


def test_every_use_is_found() -> None:
    """Of steps, of jumps, of variants."""
    text = "channels: [console]\ncategory: service\nvariants:\n  - {name: x, template: a}\n  - {name: y, template: b}"
    assert [(use.template, use.jump) for use in uses(campaign(text))] == [("a", False), ("b", False)]
    assert [(use.template, use.jump) for use in uses(jump(text))] == [("a", True), ("b", True)]
