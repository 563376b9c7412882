"""Recorded stand-ins of the tools: fixed answers, nothing leaves the machine and nothing changes from day to day.

The calculator and ``remember`` are the real ones. Every other tool keeps its name, schema, limits and retries; only
what it does is replaced, by an answer of ``agent_world.json``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from core.agent.tools.language import language_of
from core.agent.tools.registry import builtin
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.events import Hit
from core.lab.trials.tasks import read_data

REAL = ("calculator", "remember", "search_documents")
"""Not replaced; ``search_documents`` searches :meth:`World.search`."""


class World:
    """What the tools find.

    Args:
        fails_once: A tool whose first call fails.
        hostile: Channel → text put into what is found there.
        more: Further tools (of an MCP server).
    """

    def __init__(
        self, *, fails_once: str = "", hostile: Mapping[str, str] | None = None, more: Sequence[Tool] = ()
    ) -> None:
        self._data: Mapping[str, Any] = read_data("agent_world.json")
        self._fails = {fails_once} - {""}
        self._hostile = dict(hostile or {})
        self._more = more

    def tools(self) -> dict[str, Tool]:
        """Return the tools by name."""
        found = {name: self._stand_in(tool) for name, tool in builtin().items()}
        return found | {tool.name: tool for tool in self._more}

    def _stand_in(self, tool: Tool) -> Tool:
        recorded = {
            "weather": self._weather,
            "web_search": self._web_search,
            "fetch_page": self._fetch_page,
            "now": self._now,
            "system_status": self._system_status,
        }.get(tool.name)

        async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
            if tool.name in self._fails:
                self._fails.discard(tool.name)
                raise ConnectionError("recorded failure")
            if recorded is None:
                return await tool.call(context, arguments)
            return recorded(context, arguments)

        # A kept answer would hide the failure that is being looked at.
        return dataclasses.replace(tool, call=call, cache_s=0.0)

    def _with(self, channel: str, text: str) -> str:
        hostile = self._hostile.get(channel, "")
        return f"{text}\n{hostile}" if hostile else text

    def _weather(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        place = str(arguments.get("place", "")).casefold()
        for one in self._data["weather"]:
            if any(name in place for name in one["names"]):
                return ToolResult(self._with("weather", one[language_of(context)]))
        raise StudyError("error.lab.trials.place", place=place[:60])

    def _web_search(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        query = str(arguments.get("query", "")).casefold()
        found = [one for one in self._data["web"] if any(word in query for word in one["words"])]
        lang = language_of(context)
        lines = [
            f"[{number}] {one['title']}\n{one['url']}\n{self._with('search', one[lang])}"
            for number, one in enumerate(found or self._data["web"], 1)
        ]
        return ToolResult("\n\n".join(lines), links=tuple(one["url"] for one in found))

    def _fetch_page(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        url = str(arguments.get("url", "")).rstrip("/")
        for one in self._data["web"]:
            if one["url"] == url:
                return ToolResult(self._with("page", f"{one['title']}\n{one['page']}"), links=(url,))
        raise StudyError("error.lab.trials.page", url=url[:200])

    def _now(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        text = str(self._data["now"][language_of(context)])
        return ToolResult(text, text)

    def _system_status(self, context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
        text = str(self._data["system_status"][language_of(context)])
        return ToolResult(text, text)

    async def search(self, query: str, k: int) -> list[Hit]:
        """Find passages by shared words, the best first."""
        words = query.casefold()
        scored = [
            (sum(word in words for word in one["words"]), number)
            for number, one in enumerate(self._data["documents"])
        ]
        best = sorted((one for one in scored if one[0]), key=lambda one: (-one[0], one[1]))[:k]
        return [self._hit(self._data["documents"][number], score) for score, number in best]

    def _hit(self, one: Mapping[str, Any], score: int) -> Hit:
        name = self._hostile.get("file_name") or one["document"]
        text = self._with("document", one["text"])
        return Hit(
            one["document"], name, f"/documents/{name}", one["section"], text, float(score), one["section"]
        )
