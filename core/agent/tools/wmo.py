"""WMO weather codes (table 4677 as forecast services use it) in words."""

from __future__ import annotations

from core.i18n import Lang

_WORDS: dict[int, tuple[str, str]] = {
    0: ("clear sky", "맑음"),
    1: ("mainly clear", "대체로 맑음"),
    2: ("partly cloudy", "구름 조금"),
    3: ("overcast", "흐림"),
    45: ("fog", "안개"),
    48: ("fog with rime", "상고대를 만드는 안개"),
    51: ("light drizzle", "약한 이슬비"),
    53: ("drizzle", "이슬비"),
    55: ("heavy drizzle", "강한 이슬비"),
    56: ("light freezing drizzle", "약한 어는 이슬비"),
    57: ("freezing drizzle", "어는 이슬비"),
    61: ("light rain", "약한 비"),
    63: ("rain", "비"),
    65: ("heavy rain", "강한 비"),
    66: ("light freezing rain", "약한 어는 비"),
    67: ("freezing rain", "어는 비"),
    71: ("light snow", "약한 눈"),
    73: ("snow", "눈"),
    75: ("heavy snow", "강한 눈"),
    77: ("snow grains", "싸락눈"),
    80: ("light showers", "약한 소나기"),
    81: ("showers", "소나기"),
    82: ("violent showers", "강한 소나기"),
    85: ("light snow showers", "약한 소낙눈"),
    86: ("snow showers", "소낙눈"),
    95: ("thunderstorm", "뇌우"),
    96: ("thunderstorm with hail", "우박을 동반한 뇌우"),
    99: ("thunderstorm with heavy hail", "강한 우박을 동반한 뇌우"),
}


def weather_words(code: int | None, lang: Lang) -> str:
    """Return a code in words; an unknown one as its number, so that nothing is guessed."""
    if code is None:
        return "N/A"
    words = _WORDS.get(code)
    if words is None:
        return f"WMO {code}"
    return words[lang == "ko"]
