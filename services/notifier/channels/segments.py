"""How many text messages a text is sent, and paid for, as. Pure.

Rules: https://help.aliyun.com/document_detail/44335.html (the limits, and that a message at home is counted in UCS-2
whatever it holds), 3GPP TS 23.038 §6.2.1 (the GSM 7-bit alphabet).
"""

from collections.abc import Iterable

_WIDE_SINGLE, _WIDE_PART = 70, 67
_GSM_SINGLE, _GSM_PART = 160, 153
_LAST_OF_BASIC_PLANE = "\uffff"

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Each takes two places."""


def segments(text: str, *, abroad: bool = False) -> int:
    """Messages that `text`, as it is received, with its signature 【…】, takes; 0 of an empty one.

    In mainland China 70 units of UTF-16, or 67 in each part of a longer one, whatever the script. `abroad`, where all of
    it is in the GSM alphabet, 160, or 153. What takes two places is never split.
    """
    if abroad and all(mark in _GSM or mark in _GSM_EXTENDED for mark in text):
        return _parts([2 if mark in _GSM_EXTENDED else 1 for mark in text], _GSM_SINGLE, _GSM_PART)
    return _parts([2 if mark > _LAST_OF_BASIC_PLANE else 1 for mark in text], _WIDE_SINGLE, _WIDE_PART)


def _parts(places: Iterable[int], single: int, part: int) -> int:
    places = list(places)
    if sum(places) <= single:
        return 1 if places else 0
    parts, used = 1, 0
    for place in places:
        used += place
        if used > part:
            parts, used = parts + 1, place
    return parts
