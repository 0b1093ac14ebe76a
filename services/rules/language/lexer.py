"""The words of a condition: numbers with their units, quoted text, names and signs, each with its column."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from services.contracts.durations import parse_duration
from services.rules.language.currencies import CURRENCIES, minor_units


class Sort(StrEnum):
    """What a word is."""

    NUMBER = "number"
    LENGTH = "length of time"
    MONEY = "money"
    TEXT = "text"
    NAME = "name"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Word:
    """One word, `text` as written, from column `start` to before `end` (characters from 0).

    `value` is the number, the length in milliseconds, the minor units of money, or the text within the quotes; `unit` the
    currency of money.
    """

    sort: Sort
    text: str
    start: int
    end: int
    value: int | float | str | None = None
    unit: str = ""


class NotAWordError(ValueError):
    """Something at column `start` that no condition has; the message says what, and what to write instead."""

    def __init__(self, start: int, message: str, code: str = "syntax") -> None:
        super().__init__(message)
        self.start = start
        self.code = code


_BLANK = re.compile(r"\s+")
_NUMBER = re.compile(r"(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ZEROS = re.compile("0[0-9]")
_NUMBER_BEFORE = re.compile(r"([0-9.]+)\s+$")
_UNIT = re.compile(r"%|(?:[^\W\d_]|_)\w*")
_CURRENCY = re.compile(r"\s?(?!AND|NOT)([A-Z]{3}|元)(?!\w)")
_ALMOST_CURRENCY = re.compile(r"\s?([A-Za-z]{3})(?!\w)")
_DATE = re.compile(r"(?:19|20)[0-9]{2}([-/.])[0-9]{1,2}\1[0-9]{1,2}")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'")
_NAME = re.compile(r"[^\W\d]\w*")
_SIGN = re.compile(r"==|!=|<=|>=|[<>()\[\],+\-*/.]")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
_LENGTH_UNITS = frozenset("smhdw")
_MILLISECOND = timedelta(milliseconds=1)
_YUAN = "元"
_MOST_DIGITS = 40
_HINTS = (
    (re.compile("=>"), "write >="),
    (re.compile("=<"), "write <="),
    (re.compile("="), "write == to compare"),
    (re.compile("&"), "write and"),
    (re.compile(r"\|"), "write or"),
    (re.compile("!"), "write not"),
    (re.compile("[“”‘’「」]"), 'write plain quotes: "'),
    (re.compile("[（）【】，＝＞＜！％＋－＊／。０-９]"), "write it in half width"),
    (re.compile("[≥≤≠]"), "write >=, <= or !="),
    (re.compile("[¥￥$€£]"), "write the currency behind the amount, such as 500 CNY"),
    (re.compile("[\"']"), "the quote is never closed"),
    (re.compile(r"%\s*(?!(?:and|or)\b)[\w(.]"), "there is no remainder"),
)


def words(text: str) -> Iterator[Word]:
    """All words of a condition and an END behind them. Raise `NotAWordError`."""
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
            continue
        word = _word(text, at)
        at = word.end
        yield word
    yield Word(Sort.END, "", len(text), len(text))


def _word(text: str, at: int) -> Word:
    if number := _NUMBER.match(text, at):
        return _number(text, number)
    if quoted := _TEXT.match(text, at):
        return Word(Sort.TEXT, quoted[0], at, quoted.end(), _unescaped(quoted[0][1:-1], at + 1))
    if name := _NAME.match(text, at):
        return Word(Sort.NAME, name[0], at, name.end())
    if sign := _SIGN.match(text, at):
        return Word(Sort.SIGN, sign[0], at, sign.end())
    hint = next((f"; {hint}" for shape, hint in _HINTS if shape.match(text, at)), "")
    if not hint and text[at] == "%" and (number := _NUMBER_BEFORE.search(text, 0, at)):
        hint = f"; write {number[1]}% without a blank"
    raise NotAWordError(at, f"this is not a condition: {text[at]} means nothing here{hint}")


def _number(text: str, found: re.Match[str]) -> Word:
    start, digits = found.start(), found[0].replace("_", "")
    if day := _DATE.match(text, start):
        message = f"{day[0]} is a date, and a date is no number; count days, such as recency_days >= 45"
        raise NotAWordError(start, message, "type")
    if currency := _CURRENCY.match(text, found.end()):
        return _money(Word(Sort.MONEY, text[start : currency.end()], start, currency.end()), digits, currency[1])
    almost = _ALMOST_CURRENCY.match(text, found.end())
    if almost and almost[1].upper() in CURRENCIES:
        message = f"there is no currency {almost[1]}; write {almost[1].upper()}"
        raise NotAWordError(start, message, "unknown_value")
    unit = _UNIT.match(text, found.end())
    if unit is None:
        if _ZEROS.match(digits):
            message = f"{found[0]} is no number; write {digits.lstrip('0') or '0'} (a date is no number either)"
            raise NotAWordError(start, message)
        return Word(Sort.NUMBER, found[0], start, found.end(), _value(digits))
    written = text[start : unit.end()]
    if unit[0] == "%":
        return Word(Sort.NUMBER, written, start, unit.end(), float(_decimal(digits, start) / 100))
    if unit[0] in _LENGTH_UNITS:
        try:
            length = parse_duration(digits + unit[0])
        except ValueError as error:
            raise NotAWordError(start, str(error), "type") from None
        return Word(Sort.LENGTH, written, start, unit.end(), length // _MILLISECOND)
    message = f"{written} is no number; write a unit such as 45d, 36h, 30% or 500 CNY, or the number alone"
    raise NotAWordError(start, message)


def _money(word: Word, digits: str, currency: str) -> Word:
    code = "CNY" if currency == _YUAN else currency
    if code not in CURRENCIES:
        raise NotAWordError(word.start, f"there is no currency {code}; write a code such as CNY", "unknown_value")
    try:
        minor = minor_units(_decimal(digits, word.start), code)
    except ValueError as error:
        raise NotAWordError(word.start, str(error), "type") from None
    return Word(word.sort, word.text, word.start, word.end, minor, code)


def _decimal(digits: str, start: int) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        number = None
    if number is None or abs(number.adjusted()) > _MOST_DIGITS:
        raise NotAWordError(start, "nothing counts that far", "too_large")
    return number


def _value(digits: str) -> int | float:
    return int(digits) if digits.isdecimal() else float(digits)


def _unescaped(text: str, start: int) -> str:
    if "\\" not in text:
        return text

    def escaped(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            message = f"\\{found[1]} means nothing in a text; write \\\\ for a backslash"
            raise NotAWordError(start + found.start(), message)
        return _ESCAPES[found[1]]

    return _ESCAPE.sub(escaped, text)
