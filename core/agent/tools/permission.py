"""Whether a tool may be used: allowed, to be asked about, or denied.

A ``deny`` of the settings always holds; else what the user said ("always") counts, then the settings, then the
default: a tool that lets nothing leave the machine is allowed, any other asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, cast, get_args
from urllib.parse import urlsplit

from core.agent.tools.language import in_language
from core.agent.types import Permission, Tool
from core.i18n import language
from core.session import Store, tool_rules
from core.settings import Settings
from core.text import clean_line

PERMISSIONS: tuple[str, ...] = get_args(Permission)


def default_of(tool: Tool) -> Permission:
    """Return what holds when nobody said anything."""
    return "ask" if tool.leaves else "allow"


def permission_of(
    store: Store, settings: Settings, tool: Tool, *, after_documents: bool = False
) -> Permission:
    """Return whether a tool may be used. Reads the store in the caller's thread.

    Args:
        after_documents: The model has passages of documents before it. What a passage says may be behind the call, and
            the passage in its arguments: an earlier "always" does not cover that.
    """
    configured = _configured(settings, tool)
    if configured == "deny":
        return "deny"
    remembered = tool_rules.rules(store).get(tool.name)
    if remembered == "allow" and after_documents and tool.leaves and configured != "allow":
        return "ask"
    if remembered in PERMISSIONS:
        return cast(Permission, remembered)
    return configured or default_of(tool)


def _configured(settings: Settings, tool: Tool) -> Permission | None:
    """Return what the settings say of it: by its name, else (``server__*``, ``mcp``) by where it comes from."""
    names = [tool.name]
    if tool.source.startswith("mcp:"):
        names += [f"{tool.name.split('__', 1)[0]}__*", "mcp"]
    for name in names:
        found = settings.tools.get(name)
        if found in PERMISSIONS:
            return cast(Permission, found)
    return None


def remember(store: Store, tool: str, permission: Permission) -> Future[None]:
    """Keep what the user said for good."""
    return tool_rules.put_rule(store, tool, permission)


def leaves(tool: Tool, settings: Settings, arguments: Mapping[str, Any]) -> str:
    """Say in a sentence, in the interface's language, what leaves the machine by a call; empty when nothing does."""
    if not tool.leaves:
        return ""
    values = {key: clean_line(str(value), max_chars=300) for key, value in arguments.items()}
    searxng = _host(settings.searxng_url)
    key = f"{tool.leaves}.searxng" if searxng and tool.name == "web_search" else tool.leaves
    weather = {_host(settings.weather_url), _host(settings.geocoding_url)}
    hosts = ", ".join(sorted(weather - {""})) if tool.name == "weather" else searxng
    return in_language(
        language(),
        key,
        place=values.get("place") or "—",
        query=values.get("query") or "—",
        url=values.get("url") or "—",
        host=clean_line(hosts),
        server=clean_line(tool.source.removeprefix("mcp:")),
        arguments=", ".join(f"{key}={value}" for key, value in values.items()) or "—",
    )


def _host(url: str) -> str:
    """Return the server of an address, without user name and password."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
