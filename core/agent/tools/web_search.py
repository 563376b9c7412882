"""``web_search``: results with title, address and snippet, from search engines (ddgs) or one's own SearXNG."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.agent.tools.failures import HttpFailed, Unreachable
from core.agent.tools.language import in_language, language_of
from core.agent.tools.web import get_json, unreachable
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.i18n import Lang
from core.ollama import is_loopback
from core.text import clean_line, shorten

RESULTS = 6
SHOWN = 3
"""Results in the sentence for the user; the model reads all."""
MAX_QUERY_CHARS = 400
ENGINE_TIMEOUT_S = 6


@dataclass(frozen=True, slots=True)
class Found:
    """One result, cleaned."""

    title: str
    url: str
    snippet: str


async def _call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
    lang = language_of(context)
    query = clean_line(arguments["query"], max_chars=MAX_QUERY_CHARS)
    if context.settings.searxng_url:
        raw = await _searxng(context.settings.searxng_url, query, lang)
    else:
        raw = await _engines(query, lang)
    found = _results(raw)
    if not found:
        text = in_language(lang, "search.nothing", query=query)
        return ToolResult(text, text)
    return ToolResult(
        "\n\n".join(f"[{n}] {one.title}\n{one.url}\n{one.snippet}" for n, one in enumerate(found, 1)),
        _answer(query, found, lang),
        links=tuple(one.url for one in found),
        data={"results": len(found)},
    )


def _answer(query: str, found: Sequence[Found], lang: Lang) -> str:
    lines = [in_language(lang, "search.found", query=query)]
    for number, one in enumerate(found[:SHOWN], 1):
        snippet = f" — {shorten(one.snippet, 160)}" if one.snippet else ""
        lines.append(f"{number}. {one.title}{snippet}\n   {one.url}")
    return "\n".join(lines)


async def _searxng(base: str, query: str, lang: Lang) -> Sequence[Mapping[str, Any]]:
    """Ask a SearXNG server: ``/search?format=json``, results as title, url, content."""
    address = base.rstrip("/")
    address = address if address.endswith("/search") else f"{address}/search"
    try:
        answer = await get_json(
            address,
            {"q": query, "format": "json", "language": lang, "safesearch": 1},
            service="SearXNG",
            local=is_loopback(base),
        )
    except HttpFailed as error:
        if error.status == 403:
            # What SearXNG says when its settings leave the JSON format out.
            raise StudyError("error.search.json", url=base) from error
        raise
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise StudyError("error.tool.answer", service="SearXNG")
    return [item for item in results if isinstance(item, dict)]


async def _engines(query: str, lang: Lang) -> Sequence[Mapping[str, Any]]:
    """Ask search engines directly, in a thread: the library is synchronous."""

    def search() -> list[dict[str, Any]]:
        # It writes every address it asks, search words and all, into the log.
        logging.getLogger("ddgs").setLevel(logging.CRITICAL)
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException

        region = "kr-kr" if lang == "ko" else "us-en"
        try:
            return list(DDGS(timeout=ENGINE_TIMEOUT_S).text(query, region=region, max_results=RESULTS))
        except RatelimitException as error:
            raise HttpFailed("ddgs", 429, reason=clean_line(str(error))) from error
        except TimeoutException as error:
            raise unreachable("ddgs", error) from error
        except DDGSException as error:
            # The library says the same for "nothing matches" and for "no network".
            if "no results" in str(error).lower() and _online():
                return []
            raise Unreachable("ddgs", _kind(str(error))) from error

    return await asyncio.to_thread(search)


def _kind(text: str) -> str:
    """Return what kind of error the library met: its text holds the whole request."""
    return clean_line(text.split(":", 1)[0], max_chars=60) or "DDGS"


def _online() -> bool:
    """Say whether a name of the public internet can be looked up at all."""
    import socket

    try:
        return bool(socket.getaddrinfo("wikipedia.org", 443, type=socket.SOCK_STREAM))
    except OSError:
        return False


def _results(raw: Sequence[Mapping[str, Any]]) -> list[Found]:
    found: dict[str, Found] = {}
    for item in raw:
        url = item.get("href") or item.get("url")
        if not isinstance(url, str) or len(url) > 1_000 or url != clean_line(url, max_chars=2_000):
            continue
        try:
            parts = urlsplit(url)
        except ValueError:
            continue
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            continue
        title = clean_line(str(item.get("title") or ""), max_chars=160) or parts.hostname
        snippet = clean_line(str(item.get("body") or item.get("content") or ""), max_chars=500)
        found.setdefault(url, Found(title, url, snippet))
        if len(found) == RESULTS:
            break
    return list(found.values())


TOOL = Tool(
    name="web_search",
    description="Search the web for current or public information. Returns numbered results with address and snippet.",
    schema={
        "type": "object",
        "properties": {"query": {"type": "string", "description": "Search words."}},
        "required": ["query"],
    },
    call=_call,
    timeout_s=25.0,
    retries=1,
    cache_s=3_600.0,
    max_chars=6_000,
    leaves="tool.leaves.web_search",
    untrusted=True,
)
