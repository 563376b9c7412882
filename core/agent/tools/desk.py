"""The tools for the interface: which there are, whether they may be used, how the MCP servers are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.agent.tools import registry, runner
from core.agent.tools.mcp import config, servers
from core.agent.tools.mcp.servers import Servers, ServerStatus
from core.agent.tools.permission import default_of, permission_of, remember
from core.agent.types import Permission, Tool, ToolContext, ToolResult
from core.errors import UsageError
from core.events import Notice
from core.ground import Ground
from core.session import Store, tool_rules

if TYPE_CHECKING:
    from core.settings import Settings


@dataclass(frozen=True, slots=True)
class ToolRow:
    """One tool in a list."""

    name: str
    description: str
    permission: Permission
    default: Permission
    source: str
    leaves: str
    """Message key of what leaves the machine; empty: nothing."""


def rows(store: Store, settings: Settings, tools: dict[str, Tool]) -> list[ToolRow]:
    """Return tools with their permissions. Reads the store in the caller's thread."""
    return [
        ToolRow(
            name=tool.name,
            description=tool.description,
            permission=permission_of(store, settings, tool),
            default=default_of(tool),
            source=tool.source,
            leaves=tool.leaves,
        )
        for tool in tools.values()
    ]


class Tools:
    """See :attr:`core.runtime.Runtime.tools`."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._servers: Servers | None = None

    def attach(self, store: Store) -> None:
        """Make the user's MCP servers known to the agent. On the runtime's loop; starts nothing that is waited for."""
        path = self._ground.paths.config / config.FILE
        self._servers = servers.attach(path, store, lambda text: self._ground.emit(Notice(text, "warning")))

    def all(self) -> dict[str, Tool]:
        """Return every tool known now, by name."""
        found = registry.builtin()
        return {**(self._servers.tools() if self._servers else {}), **found}

    def list(self) -> list[ToolRow]:
        """Return the tools and their permissions. Blocking: reads the store."""
        store = self._ground.store_now()
        return rows(store, self._ground.settings, self.all()) if store is not None else []

    def set(self, name: str, permission: Permission) -> Future[None]:
        """Remember a permission for good.

        Raises:
            UsageError: There is no such tool.
        """
        if name not in self.all():
            raise UsageError("error.tools.unknown", name=name)
        return self._ground.call(self._remember(name, permission))

    async def _remember(self, name: str, permission: Permission) -> None:
        await asyncio.wrap_future(remember(await self._ground.store(), name, permission))

    def forget(self, name: str) -> Future[None]:
        """Forget what was said about a tool: its default holds again."""

        async def work() -> None:
            await asyncio.wrap_future(tool_rules.remove_rule(await self._ground.store(), name))

        return self._ground.call(work())

    def run(self, tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Future[ToolResult]:
        """Call a tool outside of any run, see :mod:`core.agent.tools.trial`."""
        return self._ground.call(runner.run(tool, context, arguments))

    def servers(self) -> tuple[ServerStatus, ...]:
        """Return how each MCP server is."""
        return tuple(self._servers.statuses()) if self._servers else ()

    def refresh(self) -> Future[tuple[ServerStatus, ...]]:
        """Ask every MCP server for its tools now."""

        async def work() -> tuple[ServerStatus, ...]:
            return tuple(await self._servers.refresh()) if self._servers else ()

        return self._ground.call(work())

    async def close(self) -> None:
        """End the servers that were started."""
        if self._servers is not None:
            await self._servers.close()
