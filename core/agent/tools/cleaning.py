"""Whatever a tool returned, made text that is harmless, bounded and says what was done to it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import urlsplit

from core.agent.tools.language import in_language
from core.agent.types import Tool, ToolResult
from core.errors import StudyError
from core.i18n import Lang
from core.text import clean, clean_line

MAX_LINKS = 50
MAX_LINK_CHARS = 2_000
MAX_DATA_CHARS = 20_000
"""Of ``data`` as JSON: more is left out of the trace."""

_ODD = frozenset(map(chr, (*range(9), 11, *range(14, 27), *range(28, 32), 0xFFFD)))
"""Characters that text does not have: in number they mean binary data. Escape is left to the cleaner."""


def cleaned(value: Any, tool: Tool, lang: Lang, attempt: int = 1) -> ToolResult:
    """Return a result fit to be shown, stored and read by a model.

    Raises:
        StudyError: ``error.tool.not_text`` or ``error.tool.binary``.
    """
    result = value if isinstance(value, ToolResult) else ToolResult(value)
    raw: Any = result.text
    notes: list[str] = []
    if isinstance(raw, bytes | bytearray | memoryview):
        raw = _decoded(bytes(raw), tool, lang, notes)
    if not isinstance(raw, str):
        raise StudyError("error.tool.not_text", tool=tool.name)
    if _looks_binary(raw):
        raise StudyError("error.tool.binary", tool=tool.name, size=f"{len(raw):,}")
    text, total = _cut(raw, tool.max_chars)
    if total:
        key = "tool.cut"
        notes.append(in_language(lang, key, shown=f"{len(text):,}", total=f"{total:,}"))
    if not text.strip():
        text = in_language(lang, "tool.empty", tool=tool.name)
    data = _data(result.data)
    if total:
        data["cut_from"] = total
    return dataclasses.replace(
        result,
        text="\n".join([text, *notes]),
        answer=clean(result.answer, max_chars=tool.max_chars) if isinstance(result.answer, str) else "",
        error=clean_line(result.error) if isinstance(result.error, str) else "",
        ok=bool(result.ok),
        links=_links(result.links),
        data=data,
        attempts=attempt,
    )


def _decoded(data: bytes, tool: Tool, lang: Lang, notes: list[str]) -> str:
    """Decode bytes; a few bad ones are replaced and said, many mean that it was no text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data[: 4 * tool.max_chars].decode("utf-8", "replace")
    if _looks_binary(text):
        raise StudyError("error.tool.binary", tool=tool.name, size=f"{len(data):,}")
    notes.append(in_language(lang, "tool.bytes"))
    return text


def _looks_binary(text: str) -> bool:
    sample = text[:20_000]
    return sum(char in _ODD for char in sample) * 10 > len(sample)


def _cut(raw: str, max_chars: int) -> tuple[str, int]:
    """Return cleaned text within the limit, and the whole length when something was cut (else 0)."""
    # Cleaning drops characters: twice the limit is looked at, so that a few escapes do not cost text.
    text = clean(raw[: 2 * max_chars + 1000])
    if len(raw) <= 2 * max_chars + 1000 and len(text) <= max_chars:
        return text, 0
    return text[:max_chars], len(raw)


def _links(links: Any) -> tuple[str, ...]:
    if not isinstance(links, tuple | list):
        return ()
    found: list[str] = []
    for link in links[:MAX_LINKS]:
        if (
            isinstance(link, str)
            and len(link) <= MAX_LINK_CHARS
            and link == clean_line(link, max_chars=2 * MAX_LINK_CHARS)
        ):
            try:
                parts = urlsplit(link)
            except ValueError:
                continue
            if parts.scheme in ("http", "https") and parts.netloc and link not in found:
                found.append(link)
    return tuple(found)


def _data(data: Any) -> dict[str, Any]:
    """Return the trace's data as JSON values with cleaned text; too much or not JSON is left out."""
    try:
        text = json.dumps(dict(data), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return {}
    if len(text) > MAX_DATA_CHARS:
        return {"left_out_chars": len(text)}
    found: dict[str, Any] = _clean_json(json.loads(text))
    return found


def _clean_json(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_line(key): _clean_json(item) for key, item in value.items()}
    return value
