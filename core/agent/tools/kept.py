"""Results as they are kept in the store, and how old they are in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from core.agent.tools.language import in_language
from core.agent.types import ToolResult
from core.i18n import Lang


def write(result: ToolResult) -> dict[str, Any]:
    """Return what is kept of a result."""
    return {
        "text": result.text,
        "answer": result.answer,
        "links": list(result.links),
        "data": dict(result.data),
    }


def read(values: Mapping[str, Any]) -> ToolResult | None:
    """Return a kept result, marked as such; ``None`` when the row is not one."""
    try:
        return ToolResult(
            text=str(values["text"]),
            answer=str(values.get("answer", "")),
            links=tuple(str(link) for link in values.get("links", ())),
            data=dict(values.get("data", {})),
            cached=True,
        )
    except (KeyError, TypeError, ValueError):
        return None


def age(seconds: float, lang: Lang) -> str:
    """Write an age: minutes, hours or days."""
    if seconds < 5400:
        return in_language(lang, "tool.age.minutes", count=max(1, round(seconds / 60)))
    if seconds < 2 * 86_400:
        return in_language(lang, "tool.age.hours", count=round(seconds / 3600))
    return in_language(lang, "tool.age.days", count=round(seconds / 86_400))


def with_head(found: ToolResult, head: str, failure: ToolResult, ts: float) -> ToolResult:
    """Return an old result that says at its head that it is old, and why there is no new one."""
    return dataclasses.replace(
        found,
        text=f"{head}\n{found.text}",
        answer=f"{head}\n{found.answer}" if found.answer else "",
        attempts=failure.attempts,
        data={**found.data, "stale": True, "found_at": ts, "error": failure.error},
    )
