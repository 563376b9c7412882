"""``now``: date, time, weekday and time zone, here or elsewhere."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from core.agent.tools import zones
from core.agent.tools.language import in_language, language_of
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.i18n import Lang
from core.text import clean_line


def clock() -> datetime.datetime:
    """Return the time now with this machine's time zone."""
    return datetime.datetime.now().astimezone()


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    lang = language_of(context)
    moment, here = clock(), True
    wanted = clean_line(str(arguments.get("zone") or ""), max_chars=60)
    if wanted:
        zone = zones.find(wanted)
        if zone is None:
            raise StudyError("error.now.zone", zone=wanted)
        moment, here = moment.astimezone(zone), False
    text = sentence(moment, lang, wanted if not here else "")
    return ToolResult(text, text, data={"iso": moment.isoformat(timespec="seconds"), "zone": _zone(moment)})


def sentence(moment: datetime.datetime, lang: Lang, where: str = "") -> str:
    """Write a moment: date, weekday, time, zone and its offset."""
    date = in_language(
        lang,
        "now.date",
        year=moment.year,
        month=in_language(lang, f"now.month.{moment.month}"),
        day=moment.day,
        weekday=in_language(lang, f"now.weekday.{moment.weekday()}"),
    )
    time = in_language(
        lang,
        "now.time",
        half=in_language(lang, "now.am" if moment.hour < 12 else "now.pm"),
        hour=moment.hour % 12 or 12,
        minute=moment.minute,
    )
    key = "now.there" if where else "now.here"
    return in_language(lang, key, where=where, date=date, time=time, zone=_zone(moment))


def _zone(moment: datetime.datetime) -> str:
    """Write the zone: its name where there is one, and the offset."""
    offset = moment.strftime("%z")
    shown = f"UTC{offset[:3]}:{offset[3:5]}"
    name = getattr(moment.tzinfo, "key", None) or moment.tzname() or ""
    return shown if not name or (name.startswith("UTC") and name != "UTC") else f"{name}, {shown}"


TOOL = Tool(
    name="now",
    description="The current date, weekday and time, here or in another time zone.",
    schema={
        "type": "object",
        "properties": {
            "zone": {
                "type": "string",
                "description": "City, country or IANA zone, e.g. New York, 도쿄, Europe/Paris. Leave out for here.",
            }
        },
        "required": [],
    },
    call=_call,
    timeout_s=5.0,
    retries=1,
    max_chars=500,
)
