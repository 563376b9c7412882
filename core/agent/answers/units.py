"""Units and number words of Korean and English text."""

from __future__ import annotations

import re

MAGNITUDES: dict[str, float] = {
    "천만": 1e7, "백만": 1e6, "십만": 1e5, "조": 1e12, "억": 1e8, "만": 1e4, "천": 1e3, "백": 1e2,
}  # fmt: skip
MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            ("January", "Jan"), ("February", "Feb"), ("March", "Mar"), ("April", "Apr"), ("May",), ("June", "Jun"),
            ("July", "Jul"), ("August", "Aug"), ("September", "Sept", "Sep"), ("October", "Oct"),
            ("November", "Nov"), ("December", "Dec"),
        ), 1,
    )
    for name in names
}  # fmt: skip
ENGLISH: dict[str, float] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90, "twice": 2,
}  # fmt: skip
KOREAN_NATIVE: dict[str, float] = {
    "한": 1, "두": 2, "세": 3, "석": 3, "네": 4, "넉": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9,
    "열": 10, "열한": 11, "열두": 12, "스무": 20, "스물": 20, "서른": 30, "마흔": 40, "쉰": 50,
}  # fmt: skip
KOREAN_DAYS: dict[str, tuple[float, str]] = {
    "일주일": (7, "day"), "이주일": (14, "day"), "하루": (1, "day"), "이틀": (2, "day"), "사흘": (3, "day"),
    "나흘": (4, "day"), "닷새": (5, "day"), "열흘": (10, "day"), "보름": (15, "day"),
}  # fmt: skip

_UNITS: dict[str, tuple[str, float]] = {
    word: (name, factor)
    for name, factor, words in (
        ("krw", 1, "원 won KRW ₩"),
        ("usd", 1, "달러 dollar dollars USD $"),
        ("eur", 1, "유로 euro euros EUR €"),
        ("gbp", 1, "파운드 pounds GBP £"),
        ("%", 1, "% 퍼센트 프로 percent"),
        ("point", 1, "점 point points 포인트"),
        ("second", 1, "초 초간 sec secs second seconds s"),
        ("second", 60, "분 분간 min mins minute minutes"),
        ("second", 3600, "시간 hour hours hr hrs h"),
        ("day", 1, "일 일간 일째 영업일 day days"),
        ("day", 7, "주 주간 주일 week weeks"),
        ("months", 1, "개월 개월간 달 달간 month months"),
        ("months", 12, "년 년간 해 year years yr yrs"),
        ("month", 1, "월"),
        ("person", 1, "명 인 사람 people person persons"),
        ("count", 1, "개 대 건 장 권 가지 곳 세트 pieces piece items item units unit times time requests"),
        ("times", 1, "회 번 차례 배 time times"),
        ("step", 1, "단계 step steps"),
        ("page", 1, "쪽 페이지 page pages"),
        ("floor", 1, "층 floor"),
        ("grade", 1, "급 등급 grade"),
        ("char", 1, "자 자리 글자 characters character chars digits"),
        ("degree", 1, "도 °C ℃ degrees"),
        ("gram", 1, "g 그램 grams"),
        ("gram", 1000, "kg 킬로그램 킬로 kilograms kilogram"),
        ("gram", 1e6, "톤 tons tonnes"),
        ("metre", 1e-3, "mm 밀리미터"),
        ("metre", 1e-2, "cm 센티미터 센티"),
        ("metre", 1, "m 미터 metres meters metre meter"),
        ("metre", 1e3, "km 킬로미터 kilometres kilometers"),
        ("litre", 1, "l L 리터 litres liters litre liter"),
        ("litre", 1e-3, "ml mL 밀리리터"),
        ("bar", 1, "bar 바"),
        ("volt", 1, "V 볼트 volts"),
        ("hertz", 1, "Hz 헤르츠"),
        ("watt", 1e3, "kW 킬로와트"),
        ("watt", 1, "W 와트 watts"),
        ("byte", 1e6, "MB 메가바이트"),
        ("byte", 1e9, "GB 기가바이트 기가"),
        ("byte", 1e12, "TB 테라바이트"),
        ("newtonmetre", 1, "Nm N·m 뉴턴미터"),
        ("decibel", 1, "dB 데시벨"),
    )
    for word in words.split()
}
_KOREAN = "|".join(sorted((one for one in _UNITS if "가" <= one[0] <= "힣"), key=len, reverse=True))
_LATIN = "|".join(
    re.escape(one)
    for one in sorted((one for one in _UNITS if not "가" <= one[0] <= "힣"), key=len, reverse=True)
)
UNIT = re.compile(
    rf"(?:\s?(?:full |paid |calendar |working |business )?[-\s]?(?P<u>{_KOREAN}|(?:{_LATIN})(?![A-Za-z]|(?<=[€$₩£])\s?\d)))"
)
"""A unit behind a number."""
CLOSE_UNITS: tuple[frozenset[str], ...] = (
    frozenset({"count", ""}),
    frozenset({"count", "times"}),
    frozenset({"person", "count"}),
)
"""Units that may stand for each other: counters are many, and often left out."""


def unit_of(word: str, value: float) -> tuple[str, float] | None:
    """Return a unit's canonical name and the factor to its base; ``None`` for what is no unit.

    ``2025년`` is a year, ``3년`` are 36 months; a day of the month cannot be told from a number of days.
    """
    found = _UNITS.get(word)
    if found is None:
        return None
    if word in ("년", "year") and value >= 1000:
        return "year", 1.0
    return found[0], float(found[1])
