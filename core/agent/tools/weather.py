"""``weather``: current weather and the next days, from Open-Meteo or a server that answers as it does.

Two requests: the place's coordinates (geocoding), then the forecast there. Nothing is ever made up: what the service
does not say is left out, and without a service there is the last answer with its age, or a sentence.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.agent.tools.language import in_language, language_of
from core.agent.tools.web import get_json
from core.agent.tools.wmo import weather_words
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.i18n import Lang
from core.ollama import is_loopback
from core.text import clean_line

SERVICE = "Open-Meteo"
ATTRIBUTION = "Weather data by Open-Meteo.com (CC BY 4.0)"
DAYS = 7

_CURRENT = (
    "temperature_2m,apparent_temperature,relative_humidity_2m,precipitation,weather_code,wind_speed_10m"
)
_DAILY = "weather_code,temperature_2m_max,temperature_2m_min,precipitation_probability_max,precipitation_sum"
_REGIONS = ("admin1", "admin2", "admin3", "country", "country_code")
_ALSO = {
    "usa": "United States", "us": "United States", "america": "United States", "uk": "United Kingdom",
    "england": "United Kingdom", "korea": "South Korea", "한국": "대한민국",
}  # fmt: skip
"""Countries as people call them, and as the service does."""
_SUFFIX = re.compile(r"(?:특별자치시|특별자치도|특별시|광역시|시|도|군|구)$")
_IMPERIAL = {"temperature_unit": "fahrenheit", "wind_speed_unit": "mph", "precipitation_unit": "inch"}
_METRIC = {"temperature_unit": "celsius", "wind_speed_unit": "ms", "precipitation_unit": "mm"}


@dataclass(frozen=True, slots=True)
class Place:
    """A place as the geocoder knows it."""

    name: str
    """With its region and country."""
    latitude: float
    longitude: float


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    lang = language_of(context)
    settings = context.settings
    units = arguments.get("units") or settings.units
    place = await _find(settings.geocoding_url, arguments["place"], lang)
    answer = await get_json(
        _address(settings.weather_url, "/v1/forecast"),
        {
            "latitude": place.latitude,
            "longitude": place.longitude,
            "current": _CURRENT,
            "daily": _DAILY,
            "timezone": "auto",
            "forecast_days": DAYS,
            **(_IMPERIAL if units == "imperial" else _METRIC),
        },
        service=SERVICE,
        local=is_loopback(settings.weather_url),
    )
    if not isinstance(answer, dict):
        raise StudyError("error.tool.answer", service=SERVICE)
    lines = _lines(answer, place, arguments.get("day", "today"), units, lang)
    if not lines:
        raise StudyError("error.tool.answer", service=SERVICE)
    text = " ".join(lines[:2]) if len(lines) < 3 else "\n".join(lines)
    return ToolResult(
        f"{text}\n{ATTRIBUTION}",
        f"{text} ({ATTRIBUTION})" if "\n" not in text else f"{text}\n({ATTRIBUTION})",
        data={"place": place.name, "latitude": place.latitude, "longitude": place.longitude, "units": units},
    )


def _address(base: str, path: str) -> str:
    return base.rstrip("/") + path


# -- the place ----------------------------------------------------------------------------------------


async def _find(base: str, wanted: str, lang: Lang) -> Place:
    """Look a place up, in each reading of what was written until one is known."""
    name = clean_line(wanted, max_chars=100)
    if _is_korean(name):
        lang = "ko"
    for query, within in _readings(name):
        answer = await get_json(
            _address(base, "/v1/search"),
            {"name": query, "count": 10, "language": lang, "format": "json"},
            service=SERVICE,
            local=is_loopback(base),
        )
        found = _best(answer.get("results") if isinstance(answer, dict) else None, within)
        if found is not None:
            return found
    raise StudyError("error.weather.place", place=name)


def _is_korean(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


def _readings(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return what to look up, each with the regions it has to be in.

    The service knows bare names: 부산시 is 부산 there, ``Paris, Texas`` is Paris in Texas, 경기도 광주 is 광주 in 경기도.
    """
    readings: list[tuple[str, tuple[str, ...]]] = [(name, ())]
    bare = _SUFFIX.sub("", name)
    if len(bare) > 1:
        readings.append((bare, ()))
    for own, regions in _splits(name):
        readings += [(own, regions), (_SUFFIX.sub("", own) or own, regions)]
    return list(dict.fromkeys(readings))


def _splits(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """Part a place from its regions: at commas, else before each word (Korean: the place is the last word)."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    words = name.split()
    if len(parts) > 1:
        found = [(parts[0], tuple(parts[1:]))]
    elif _is_korean(name):
        found = [(words[-1], tuple(words[:-1]))] if len(words) > 1 else []
    else:
        found = [(" ".join(words[:n]), (" ".join(words[n:]),)) for n in range(len(words) - 1, 0, -1)]
    return [
        (own, tuple(_ALSO.get(region.casefold(), _SUFFIX.sub("", region) or region) for region in regions))
        for own, regions in found[:3]
    ]


def _best(results: Any, within: tuple[str, ...]) -> Place | None:
    """Return the first result (the service sorts them by importance) that lies in the regions named."""
    for item in results if isinstance(results, list) else []:
        if not isinstance(item, dict):
            continue
        latitude, longitude = _number(item.get("latitude")), _number(item.get("longitude"))
        if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
            continue
        regions = [clean_line(str(item[key])) for key in _REGIONS if item.get(key)]
        if not all(any(_in(region, known) for known in regions) for region in within):
            continue
        parts = [clean_line(str(item[key])) for key in ("name", "admin1", "country") if item.get(key)]
        return Place(", ".join(dict.fromkeys(parts)) or "—", latitude, longitude)
    return None


def _in(wanted: str, known: str) -> bool:
    """Say whether a region is the one meant: 경기 is 경기도; a code (``US``) only itself."""
    one, other = wanted.casefold(), known.casefold()
    return one == other or (len(one) > 1 and len(other) > 2 and other.startswith(one))


# -- sentences ----------------------------------------------------------------------------------------


def _lines(answer: Mapping[str, Any], place: Place, day: str, units: str, lang: Lang) -> list[str]:
    days = _days(answer, units, lang)
    if day == "tomorrow":
        return [in_language(lang, "weather.day.of", place=place.name, day=days[1])] if len(days) > 1 else []
    now = _now(answer, place, units, lang)
    if day == "week":
        head = now or in_language(lang, "weather.week", place=place.name)
        return [head, *(f"- {line}" for line in days)] if days else []
    return ([now] if now else []) + (
        [in_language(lang, "weather.day.today", day=days[0])] if days and now else []
    )


def _now(answer: Mapping[str, Any], place: Place, units: str, lang: Lang) -> str:
    current = answer.get("current")
    if not isinstance(current, dict):
        return ""
    temperature = _number(current.get("temperature_2m"))
    if temperature is None:
        return ""
    degree = "°F" if units == "imperial" else "°C"
    parts = [f"{temperature:g}{degree}"]
    felt = _number(current.get("apparent_temperature"))
    if felt is not None:
        parts[0] += in_language(lang, "weather.felt", value=f"{felt:g}{degree}")
    for key, name, unit in (
        ("relative_humidity_2m", "weather.humidity", "%"),
        ("precipitation", "weather.precipitation", " in" if units == "imperial" else " mm"),
        ("wind_speed_10m", "weather.wind", " mph" if units == "imperial" else " m/s"),
    ):
        value = _number(current.get(key))
        if value is not None and not (key == "precipitation" and value == 0):
            parts.append(in_language(lang, name, value=f"{value:g}{unit}"))
    return in_language(
        lang,
        "weather.now",
        place=place.name,
        sky=weather_words(_code(current.get("weather_code")), lang),
        parts=", ".join(parts),
        time=clean_line(str(current.get("time") or ""), max_chars=20).replace("T", " ") or "—",
    )


def _days(answer: Mapping[str, Any], units: str, lang: Lang) -> list[str]:
    daily = answer.get("daily")
    if not isinstance(daily, dict) or not isinstance(daily.get("time"), list):
        return []
    degree = "°F" if units == "imperial" else "°C"
    lines: list[str] = []
    for index, date in enumerate(daily["time"][:DAYS]):
        high, low = _at(daily, "temperature_2m_max", index), _at(daily, "temperature_2m_min", index)
        if high is None or low is None:
            break
        text = in_language(
            lang,
            "weather.day",
            date=_date(str(date), lang),
            sky=weather_words(_code(_at(daily, "weather_code", index)), lang),
            low=f"{low:g}{degree}",
            high=f"{high:g}{degree}",
        )
        chance = _at(daily, "precipitation_probability_max", index)
        if chance is not None:
            text += in_language(lang, "weather.chance", value=f"{chance:g}%")
        lines.append(text)
    return lines


def _date(text: str, lang: Lang) -> str:
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return clean_line(text, max_chars=20)
    weekday = in_language(lang, f"now.weekday.{day.weekday()}")
    month = in_language(lang, f"now.month.{day.month}")
    return in_language(lang, "weather.date", month=month, day=day.day, weekday=weekday)


def _at(daily: Mapping[str, Any], name: str, index: int) -> float | None:
    values = daily.get(name)
    return _number(values[index]) if isinstance(values, list) and index < len(values) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 < value < 1e6:
        return None
    return float(value)


def _code(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


TOOL = Tool(
    name="weather",
    description="Current weather and forecast for a place (city or region name).",
    schema={
        "type": "object",
        "properties": {
            "place": {"type": "string", "description": "City or region, e.g. Seoul, 부산, Paris."},
            "day": {
                "type": "string",
                "enum": ["today", "tomorrow", "week"],
                "description": "today (with the weather now), tomorrow, or the next seven days.",
                "default": "today",
            },
            "units": {
                "type": "string",
                "enum": ["metric", "imperial"],
                "description": "Only when the user names one.",
            },
        },
        "required": ["place"],
    },
    call=_call,
    timeout_s=20.0,
    retries=2,
    cache_s=600.0,
    max_chars=3_000,
    leaves="tool.leaves.weather",
)
