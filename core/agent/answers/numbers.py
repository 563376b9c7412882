"""Numbers of a text with their units, so written that ``3만원`` is ``30,000 won``, and ``two weeks`` is ``14일``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.agent.answers.units import (
    CLOSE_UNITS,
    ENGLISH,
    KOREAN_DAYS,
    KOREAN_NATIVE,
    MAGNITUDES,
    MONTHS,
    UNIT,
    unit_of,
)


@dataclass(frozen=True, slots=True)
class Number:
    """One number as a text has it."""

    value: float
    """In the unit's base: seconds, days, months."""
    unit: str
    """Canonical; empty: none, or one that is not known."""
    direction: int
    """1: at least, over; -1: at most, under, within; 0: neither is said."""
    start: int
    end: int
    text: str


_CODE = re.compile(
    r"(?<![\w가-힣])[A-Za-z]{1,24}[-_.]?\d[A-Za-z0-9]{0,24}(?:[-_.][A-Za-z0-9]{1,24}){0,6}(?![A-Za-z0-9])"
)
"""``GB-350``, ``v3.2``, ``E26``: names, no numbers."""
_WHOLE = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_ISO = re.compile(r"(?<!\d)(\d{4})[-./](\d{1,2})[-./](\d{1,2})(?!\d)")
_CLOCK = re.compile(
    r"(?P<half>오전|오후|낮|밤|새벽|저녁|아침)?\s*(?<!\d)(?P<h>\d{1,2})\s*시(?!간|속)(?:\s*(?P<m>\d{1,2})\s*분|\s*(?P<b>반))?"
    r"|(?<![\d:])(?P<h2>\d{1,2}):(?P<m2>\d{2})(?![\d:])(?:\s*(?P<x2>[ap])\.?\s?m\b\.?)?"
    r"|(?<![\d.,])(?P<h3>\d{1,2})\s*(?P<x3>[ap])\.?\s?m\b\.?"
    r"|(?P<noon>정오|자정|\bnoon\b|\bmidnight\b)",
    re.IGNORECASE,
)
_MONTH = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?)?(?P<name>{'|'.join(MONTHS)})\b\.?"
    r"(?:\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?(?!\d))?"
)
_MAY = re.compile(r"(?:\b(?:in|of|until|by|since|from|to|end|early|late|mid|before|after|and)\s+|\d\s*)$")
_KOREAN_NUMBER = re.compile(
    rf"(?P<sign>(?<![\w가-힣.,)])[-−](?=[\d€$₩£]))?(?P<cur>[€$₩£])?\s?(?P<n>{_WHOLE})"
    rf"(?P<more>(?:\s?(?:{'|'.join(MAGNITUDES)})(?:\s?{_WHOLE})?)*)"
)
_NATIVE = re.compile(
    rf"(?<![가-힣])(?P<w>{'|'.join(sorted(KOREAN_NATIVE, key=len, reverse=True))})\s?"
    r"(?P<u>명|사람|개월|개|번|달|주|시간|시(?!간)|살|건|대|가지|곳|차례|배|해|장|권|분(?=[이가은는의])|단계|쪽)(?![가-힣]{3})"
)
_DAYS = re.compile(rf"(?<![가-힣])(?P<w>{'|'.join(KOREAN_DAYS)})(?!종일)")
_WORDS = "|".join(sorted(ENGLISH, key=len, reverse=True))
_ENGLISH = re.compile(
    rf"\b(?P<a>{_WORDS})(?:[-\s](?P<b>one|two|three|four|five|six|seven|eight|nine|hundred|thousand))?\b",
    re.IGNORECASE,
)
_ONE = re.compile(r"(?:1(?![\d.,])|한\s?[^\d]|하루|일주일|one\b)", re.IGNORECASE)
_UP_AFTER = re.compile(
    r"\s?(?:이상|초과|[을를]?\s?(?:넘|초과)|보다 (?:많|크|길|높)|or more|and (?:above|over)|or (?:above|older|longer))"
)
_DOWN_AFTER = re.compile(
    r"\s?(?:이하|미만|이내|안에|내에|까지|미달|보다 (?:적|작|짧|낮)|or (?:less|fewer|below)|(?:at )?(?:the )?(?:most|maximum)\b)"
)
_UP_BEFORE = re.compile(
    r"(?:최소(?:한)?|적어도|at least|more than|over|above|exceed(?:s|ing)?|minimum(?: of)?|longer than|no(?:t)? less than)\s*[€$₩£]?$",
    re.IGNORECASE,
)
_DOWN_BEFORE = re.compile(
    r"(?:최대(?:한)?|많아야|at most|up to|less than|fewer than|under|below|within|maximum(?: of)?|max\.?|"
    r"no(?:t)? more than|limited to|shorter than)\s*(?:of |a )?[€$₩£]?$",
    re.IGNORECASE,
)


def codes(text: str) -> list[tuple[str, int, int]]:
    """Return the names with digits in them (``GB-350``, ``v3.2``), folded, with their places."""
    return [(match[0].casefold().replace("_", "-"), *match.span()) for match in _CODE.finditer(text)]


def numbers(text: str) -> list[Number]:
    """Return the numbers of a text, in order. Dates are their parts, times of day minutes after midnight."""
    masked = _masked(text, [(start, end) for _, start, end in codes(text)])
    found: list[Number] = []
    for reader in (_dates, _clocks, _months, _digits, _natives, _days, _english):
        new = list(reader(masked))
        found += new
        masked = _masked(masked, [(one.start, one.end) for one in new])
    return sorted(found, key=lambda one: (one.start, one.end))


def same(a: Number, b: Number) -> bool:
    """Say whether two numbers are the same amount of the same thing, as far as their units are known."""
    if a.unit and b.unit and a.unit != b.unit and {a.unit, b.unit} not in CLOSE_UNITS:
        return False
    if math.isinf(a.value) or math.isinf(b.value):
        return a.text == b.text
    if abs(a.value - b.value) <= 1e-9 * max(1.0, abs(a.value)):
        return True
    # 6시 and 오후 6시: half a day apart where one of them does not say which.
    return a.unit == b.unit == "clock" and abs(a.value - b.value) == 720 and min(a.value, b.value) < 720


def is_one(number: Number) -> bool:
    """Say whether a number is one of something ("once a week", 하루, 1인): often said along without being a claim."""
    return bool(_ONE.match(number.text))


def opposite(a: Number, b: Number) -> bool:
    """Say whether one is a lower and the other an upper bound."""
    return a.direction * b.direction < 0


def rivals(number: Number, others: Sequence[Number]) -> list[Number]:
    """Return the numbers that speak of the same kind of thing with another value."""
    return [
        one
        for one in others
        if (one.unit == number.unit or {one.unit, number.unit} in CLOSE_UNITS) and not same(one, number)
    ]


def _masked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + "\x00" * (end - start) + text[end:]
    return text


def _number(text: str, value: float, unit: str, start: int, end: int) -> Number:
    return Number(value, unit, _direction(text, start, end), start, end, text[start:end].strip())


def _direction(text: str, start: int, end: int) -> int:
    before, after = text[max(0, start - 24) : start], text[end : end + 12]
    if _UP_AFTER.match(after):
        return 1
    if _DOWN_AFTER.match(after):
        return -1
    if _UP_BEFORE.search(before):
        return 1
    return -1 if _DOWN_BEFORE.search(before) else 0


def _dates(text: str) -> Iterator[Number]:
    for match in _ISO.finditer(text):
        year, month, day = (int(part) for part in match.groups())
        if 1 <= month <= 12 and 1 <= day <= 31:
            for value, unit, group in ((year, "year", 1), (month, "month", 2), (day, "day", 3)):
                yield Number(value, unit, 0, *match.span(group), match[group])


def _clocks(text: str) -> Iterator[Number]:
    for match in _CLOCK.finditer(text):
        if match["noon"]:
            value = 720 if match["noon"].casefold() in ("정오", "noon") else 0
        else:
            hour = int(match["h"] or match["h2"] or match["h3"])
            minute = int(match["m"] or match["m2"] or (30 if match["b"] else 0))
            half = match["half"] or (match["x2"] or match["x3"] or "").casefold()
            if hour > 24 or minute > 59:
                continue
            late = half in ("오후", "저녁", "p") or (half in ("밤", "낮") and hour < 12 and hour != 0)
            value = (hour % 12 + 12 if late else hour % 12 if half in ("오전", "a") else hour) * 60 + minute
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        yield _number(text, value, "clock", start, match.end())


def _months(text: str) -> Iterator[Number]:
    for match in _MONTH.finditer(text):
        if (
            match["name"] in ("May", "March")
            and not (match["d1"] or match["d2"])
            and not _MAY.search(text[: match.start()])
        ):
            continue
        yield Number(MONTHS[match["name"]], "month", 0, *match.span("name"), match["name"])
        for group in ("d1", "d2"):
            if match[group]:
                yield Number(int(match[group]), "day", 0, *match.span(group), match[group])


def _digits(text: str) -> Iterator[Number]:
    for match in _KOREAN_NUMBER.finditer(text):
        if match.start("n") and text[match.start("n") - 1] in "\x00.":
            continue
        value = _amount(match["n"], match["more"])
        end = match.end()
        unit = UNIT.match(text, end)
        name, factor = ("", 1.0)
        if unit is not None and (found := unit_of(unit["u"], value)) is not None:
            name, factor = found
            end = unit.end("u")
        if match["cur"]:
            name, factor = unit_of(match["cur"], value) or ("", 1.0)
        value = (-value if match["sign"] else value) * factor
        start = (
            match.start("sign") if match["sign"] else match.start("cur") if match["cur"] else match.start("n")
        )
        yield _number(text, value, name, start, end)


def _amount(first: str, more: str) -> float:
    """Read ``3만 5,000``: what stands before a magnitude counts by it, what follows is added."""
    total, current = 0.0, float(first.replace(",", ""))
    for part in re.finditer(rf"({'|'.join(MAGNITUDES)})\s?({_WHOLE})?", more):
        current *= MAGNITUDES[part[1]]
        if part[2]:
            total, current = total + current, float(part[2].replace(",", ""))
        elif part.end() < len(more.rstrip()) and MAGNITUDES[part[1]] >= 10_000:
            total, current = total + current, 0.0
    return total + current


def _natives(text: str) -> Iterator[Number]:
    for match in _NATIVE.finditer(text):
        if match["u"] == "시":
            yield _number(text, KOREAN_NATIVE[match["w"]] * 60, "clock", *match.span())
        elif (found := unit_of(match["u"], 1)) is not None:
            yield _number(text, KOREAN_NATIVE[match["w"]] * found[1], found[0], *match.span())


def _days(text: str) -> Iterator[Number]:
    for match in _DAYS.finditer(text):
        value, unit = KOREAN_DAYS[match["w"]]
        yield _number(text, value, unit, *match.span())


def _english(text: str) -> Iterator[Number]:
    for match in _ENGLISH.finditer(text):
        first, second = match["a"].casefold(), (match["b"] or "").casefold()
        value: float = ENGLISH[first]
        end = match.end("a")
        if second in ("hundred", "thousand"):
            value, end = value * (100 if second == "hundred" else 1000), match.end()
        elif second and value >= 20 and value % 10 == 0:
            value, end = value + ENGLISH[second], match.end()
        unit = UNIT.match(text, end)
        found = unit_of(unit["u"], value) if unit is not None else None
        # "one of them" is no number; "one week" is.
        if found is None and first == "one":
            continue
        name, factor = found or ("", 1.0)
        yield _number(text, value * factor, name, match.start(), unit.end("u") if found and unit else end)
