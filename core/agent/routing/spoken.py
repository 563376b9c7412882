"""Numbers written as words, in English and Korean (Sino-Korean and native), as digits."""

from __future__ import annotations

import re

_ONES = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
}
_ENGLISH = "|".join(sorted([*_ONES, *_TENS, "hundred", "thousand", "million"], key=len, reverse=True))
_ENGLISH_RUN = re.compile(rf"\b(?:{_ENGLISH})(?:(?:[\s-]+|\s+and\s+)(?:{_ENGLISH}))*\b", re.IGNORECASE)

_DIGITS = {char: value for value, char in enumerate("영일이삼사오육칠팔구")}
_UNITS = {"십": 10, "백": 100, "천": 1000}
_BIG = {"만": 10_000, "억": 100_000_000}
_NATIVE_ONES = {
    "하나": 1, "둘": 2, "셋": 3, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9,
}  # fmt: skip
_NATIVE_TENS = {
    "열": 10, "스물": 20, "서른": 30, "마흔": 40, "쉰": 50, "예순": 60, "일흔": 70, "여든": 80, "아흔": 90,
}  # fmt: skip
_OPERATOR = r"더하기|빼기|곱하기|나누기|플러스|마이너스|에서|을|를|의|은|는|이면|퍼센트|프로"
_SINO = r"[영일이삼사오육칠팔구십백천만억]+"
_NATIVE = rf"(?:{'|'.join(_NATIVE_TENS)})?(?:{'|'.join(_NATIVE_ONES)})|(?:{'|'.join(_NATIVE_TENS)})"
_KOREAN_RUN = re.compile(rf"(?<![가-힣])({_NATIVE}|{_SINO})(?=\s*(?:{_OPERATOR})|\s*[?.!]?\s*$)")


def with_digits(text: str) -> str:
    """Return the text with numbers in words as digits. Korean ones only where arithmetic is around them."""
    return _KOREAN_RUN.sub(_korean, _ENGLISH_RUN.sub(_english, text))


def _english(match: re.Match[str]) -> str:
    total = group = 0
    for word in re.split(r"[\s-]+", match[0].lower()):
        if word in _ONES:
            group += _ONES[word]
        elif word in _TENS:
            group += _TENS[word]
        elif word == "hundred":
            group = max(1, group) * 100
        elif word in ("thousand", "million"):
            total += max(1, group) * (1000 if word == "thousand" else 1_000_000)
            group = 0
    return str(total + group)


def _korean(match: re.Match[str]) -> str:
    text = match[1]
    for tens, value in _NATIVE_TENS.items():
        if text.startswith(tens):
            return str(value + _NATIVE_ONES.get(text[len(tens) :], 0))
    if text in _NATIVE_ONES:
        return str(_NATIVE_ONES[text])
    total = group = digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _UNITS:
            group += max(1, digit) * _UNITS[char]
            digit = 0
        else:
            total += max(1, group + digit) * _BIG[char]
            group = digit = 0
    return str(total + group + digit)
