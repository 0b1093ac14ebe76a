"""The shape of a template file: what may stand in it."""

import keyword
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from services.contracts.channels import ChannelName
from services.contracts.parameters import JUMP_PARAMETERS, PARAMETERS
from services.notifier.templates.card import CARD, CUSTOMER
from services.notifier.templates.tokens import KEYWORDS, MAX_SOURCE
from services.notifier.written import Part

LANGUAGES = ("zh", "en")
ANY = "any"
MAX_PARAMS = 32
MAX_FIELDS = 20
MAX_EXAMPLE = 256

_NAME = re.compile(r"\w[\w.-]{0,63}")
_ANY_SCRIPT = {"type": "string", "minLength": 1, "maxLength": 64}
"""A name to an editor, whose `\\w` knows no Chinese."""
_CODE = re.compile("SMS_[0-9]{1,20}")
_PARAM = re.compile(r"[^\W\d_]\w{0,63}")
_FIELD_PATTERN = "^[A-Za-z][A-Za-z0-9_]{0,31}$"


def _name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not a name here; use letters, digits, _ . and -, no blanks")
    return name


def _code(code: str) -> str:
    if _CODE.fullmatch(code) is None:
        raise ValueError(f"{code!r} is no code of a text message; it looks like SMS_123456789")
    return code


def _own_name(name: str) -> str:
    if _PARAM.fullmatch(name) is None or name in KEYWORDS or keyword.iskeyword(name):
        raise ValueError(f"{name} cannot name a parameter; use letters, digits and _, and no word of the language")
    if name in PARAMETERS or name in JUMP_PARAMETERS or name in {CARD, CUSTOMER}:
        raise ValueError(f"every message has its {name} already; choose another name, or leave it out here")
    return name


Name = Annotated[str, StringConstraints(strict=True), AfterValidator(_name), WithJsonSchema(_ANY_SCRIPT)]
Code = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_code),
    WithJsonSchema({"type": "string", "pattern": f"^{_CODE.pattern}$"}),
]
Source = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_SOURCE)]
ParamName = Annotated[str, StringConstraints(strict=True), AfterValidator(_own_name), WithJsonSchema(_ANY_SCRIPT)]
FieldName = Annotated[str, StringConstraints(strict=True, pattern=_FIELD_PATTERN)]
Example = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_EXAMPLE)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
YesNo = Annotated[bool, Field(strict=True)]

_TEXT = "In plain words. `{{ recency_days }}` stands for a value: see docs/templates.md."
_MARKDOWN = "In the Markdown that the channel understands."
_TITLE = "One line: a subject."
_HTML = "The same once more as HTML, for those who see it; values cannot break it."
_OF = "What is said over the channel {}."


class Param(Part):
    """A value that the rule gives by its `params`."""

    about: Annotated[str, Field(min_length=1, max_length=200, description="What it is, for whoever writes the rule.")]
    example: Annotated[YesNo | Whole | Number | Example, Field(description="What such a value looks like.")]


class _Words(Part):
    text: Source | None = Field(None, description=_TEXT)

    @model_validator(mode="after")
    def _says_something_at_all(self) -> "_Words":
        forms = [name for name in ("text", "markdown") if name in type(self).model_fields]
        if not any(getattr(self, form) for form in forms):
            raise ValueError(f"there is nothing to read here; write {' or '.join(forms)}")
        return self


class AnyWords(_Words):
    """What is said over every channel that has no words of its own; each takes the best form it can show."""

    markdown: Source | None = Field(None, description="For channels that show Markdown; the others take text.")
    title: Source | None = Field(None, description="A subject, for channels that have one.")
    html: Source | None = Field(None, description=_HTML)


class PlainWords(_Words):
    """What is said over a channel of plain text."""

    title: Source | None = Field(None, description=_TITLE)


class EmailWords(_Words):
    """What an e-mail says."""

    title: Source = Field(description=_TITLE)
    html: Source | None = Field(None, description=_HTML)


class WecomWords(_Words):
    """What WeCom shows: text or Markdown."""

    markdown: Source | None = Field(None, description=_MARKDOWN)

    @model_validator(mode="after")
    def _is_sent_once(self) -> "WecomWords":
        if self.text and self.markdown:
            raise ValueError("one of text and markdown is sent; leave the other out")
        return self


class RobotWords(WecomWords):
    """What a robot says: text or Markdown, and a title."""

    title: Source | None = Field(None, description=_TITLE)


class SmsWords(Part):
    """A text message. Its wording lies with the provider under `code`; `${name}` in it is filled by `fields`."""

    code: Code | None = Field(
        None, description="The name the provider gave it, such as SMS_123456789. Without it nothing is sent."
    )
    kind: Literal["marketing", "notice"] = Field(
        description="As what it is registered: 推广短信 or 短信通知. A notice must not carry marketing."
    )
    text: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500)] = Field(
        description="Word for word as registered, without the signature: 好久不见，已经${days}天了。"
    )
    fields: Annotated[Mapping[FieldName, Source], Field(max_length=MAX_FIELDS)] = Field(
        {},
        description="What stands for each `${name}`: `days: '{{ recency_days }}'`.",
        json_schema_extra={"additionalProperties": False},
    )


class Wordings(Part):
    """The words of one language, by channel."""

    any: AnyWords | None = Field(None, description="For every channel that has no words of its own, but for sms.")
    console: PlainWords | None = Field(None, description=_OF.format("console"))
    webhook: PlainWords | None = Field(None, description=_OF.format("webhook"))
    wecom_robot: WecomWords | None = Field(None, description=_OF.format("wecom_robot"))
    wecom_app: WecomWords | None = Field(None, description=_OF.format("wecom_app"))
    dingtalk_robot: RobotWords | None = Field(None, description=_OF.format("dingtalk_robot"))
    feishu_robot: RobotWords | None = Field(None, description=_OF.format("feishu_robot"))
    email: EmailWords | None = Field(None, description=_OF.format("email"))
    sms: SmsWords | None = Field(None, description=_OF.format("sms"))
    apprise: PlainWords | None = Field(None, description=_OF.format("apprise"))

    @model_validator(mode="after")
    def _has_words(self) -> "Wordings":
        if not self.model_fields_set:
            raise ValueError(f"there are no words here; write any: {{text: …}} or {', '.join(ChannelName)}")
        return self


class TemplateFile(Part):
    """One template: what a message says, per language and channel."""

    template: Name = Field(description="What rules call it.")
    params: Annotated[Mapping[ParamName, Param], Field(max_length=MAX_PARAMS)] = Field(
        {}, description="What the rule must add by its `params`, beyond what every message carries."
    )
    zh: Wordings | None = Field(None, description="In Chinese.")
    en: Wordings | None = Field(None, description="In English.")

    @model_validator(mode="after")
    def _has_a_language(self) -> "TemplateFile":
        if self.zh is None and self.en is None:
            raise ValueError("there are no words in any language; write zh: {any: {text: …}}")
        return self
