"""Which tools there are."""

from __future__ import annotations

import functools
import importlib
from importlib.util import find_spec

from core.agent.tools.mcp.servers import attached
from core.agent.types import Tool, ToolContext
from core.settings import Settings

BUILTIN = (
    "calculator",
    "weather",
    "web_search",
    "fetch_page",
    "documents",
    "now",
    "system_status",
    "remember",
)
"""Modules of this package with a ``TOOL``, in the order they are listed."""


def builtin() -> dict[str, Tool]:
    """Return the tools that come with the program, by name."""
    return dict(_builtin())


@functools.cache
def _builtin() -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    for module in BUILTIN:
        name = f"{__package__}.{module}"
        if find_spec(name) is not None:
            tool: Tool = importlib.import_module(name).TOOL
            found[tool.name] = tool
    return found


def tools_for(context: ToolContext, settings: Settings) -> dict[str, Tool]:
    """Return the tools that can be used now, by name. Quick: nothing is started or asked for."""
    found = builtin()
    if context.search is None:
        found.pop("search_documents", None)
    servers = attached(context.store)
    if servers is not None:
        # A server's tool never takes the place of one of ours.
        found = {**servers.tools(), **found}
    return found
