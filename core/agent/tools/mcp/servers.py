"""The user's MCP servers: their tools, connections made when needed and kept, and how each server is.

What a server listed the last time is kept in the store, so that its tools are there at once and the server itself is
only started when one of them is called.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.agent.tools.failures import ServerGone
from core.agent.tools.mcp import config as configuration
from core.agent.tools.mcp.config import ServerConfig
from core.agent.tools.mcp.connection import Connection, connect
from core.agent.tools.mcp.results import text_of
from core.agent.tools.mcp.schema import Flat, flatten, restored
from core.agent.types import Tool, ToolContext, ToolResult
from core.errors import StudyError
from core.session import Store, tool_cache
from core.text import clean_line

log = logging.getLogger(__name__)

CALL_S = 60.0
RESULT_CHARS = 8_000
RETRY_S = (5.0, 30.0, 120.0)
"""A server that failed is left alone this long, longer each time."""

State = Literal["unknown", "listed", "open", "failed", "misconfigured"]


@dataclass(frozen=True)
class ServerStatus:
    """How a server is, for people."""

    name: str
    kind: Literal["stdio", "http"]
    state: State
    tools: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    """Tools that cannot be used: name and why."""
    problem: str = ""


class _Server:
    """One server: what is known of it and its connection."""

    def __init__(self, config: ServerConfig, store: Store, tell: Callable[[str], None]) -> None:
        self.config = config
        self.store = store
        self.tell = tell
        self.tools: dict[str, Tool] = {}
        self.left_out: list[tuple[str, str]] = []
        self.problem: StudyError | None = config.problem
        self.connection: Connection | None = None
        self.lock = asyncio.Lock()
        self.failures = 0
        self.not_before = 0.0
        self.listed = False

    @property
    def key(self) -> str:
        return f"mcp:{self.config.name}:{self.config.digest}"

    def remember(self) -> bool:
        """Take the tools that were listed the last time; says whether there were any kept."""
        kept = tool_cache.get(self.store, self.key)
        listed = kept.result.get("tools") if kept else None
        if not isinstance(listed, list):
            return False
        self.take(listed)
        return True

    def take(self, listed: list[dict[str, Any]]) -> None:
        """Make the server's tools ours; those that cannot be are noted with the reason."""
        tools: dict[str, Tool] = {}
        left_out: list[tuple[str, str]] = []
        for item in listed:
            try:
                flat = flatten(self.config.name, item, set(tools))
            except StudyError as error:
                left_out.append((clean_line(str(item.get("name")), max_chars=60), str(error)))
                continue
            tools[flat.name] = self._tool(flat, again=item.get("again") is True)
        self.tools, self.left_out, self.listed = tools, left_out, True

    def _tool(self, flat: Flat, *, again: bool) -> Tool:
        async def call(context: ToolContext, arguments: Mapping[str, Any]) -> ToolResult:
            return await self.call(flat, arguments)

        return Tool(
            name=flat.name,
            description=flat.description,
            schema=flat.schema,
            call=call,
            timeout_s=CALL_S,
            # Only what the server says may be repeated is: another call might do its work twice.
            retries=1 if again else 0,
            max_chars=RESULT_CHARS,
            leaves="tool.leaves.mcp",
            untrusted=True,
            source=f"mcp:{self.config.name}",
        )

    async def call(self, flat: Flat, arguments: Mapping[str, Any]) -> ToolResult:
        given = await asyncio.to_thread(restored, flat, arguments)
        connection = await self.connected()
        try:
            result = await connection.call(flat.remote, given, CALL_S)
        except ServerGone as error:
            # It had worked: the next call may start it again at once.
            self.failed(error, wait=False)
            raise
        text = text_of(result, RESULT_CHARS)
        if result.is_error:
            reason = clean_line(text, max_chars=300) or "—"
            raise StudyError("error.mcp.tool", server=self.config.name, reason=reason)
        return ToolResult(text, data={"server": self.config.name, "tool": flat.remote})

    async def connected(self) -> Connection:
        """Return an open connection, making one when there is none.

        Raises:
            StudyError: It cannot be reached, or failed so recently that it is not tried again yet.
        """
        if self.config.problem is not None:
            raise self.config.problem
        async with self.lock:
            if self.connection is not None and self.connection.open:
                return self.connection
            wait = self.not_before - time.monotonic()
            if wait > 0 and self.problem is not None:
                raise StudyError(
                    "error.mcp.waiting",
                    server=self.config.name,
                    seconds=f"{wait:.0f}",
                    reason=self.problem.message,
                )
            await self._drop()
            try:
                connection = await connect(self.config)
                try:
                    listed = await asyncio.wait_for(connection.tools(), CALL_S)
                except BaseException:
                    await connection.close()
                    raise
            except TimeoutError:
                problem = StudyError("error.mcp.slow", server=self.config.name, seconds=f"{CALL_S:g}")
                self.failed(problem)
                raise problem from None
            except StudyError as error:
                self.failed(error)
                raise
            self.connection = connection
            self.problem, self.failures, self.not_before = None, 0, 0.0
            self.take(listed)
            await self._keep(listed)
            return connection

    def failed(self, error: StudyError, *, wait: bool = True) -> None:
        """Note a failure, and say it once; ``wait``: leave the server alone for a while."""
        first = self.problem is None
        self.problem = error
        if wait:
            self.not_before = time.monotonic() + RETRY_S[min(self.failures, len(RETRY_S) - 1)]
            self.failures += 1
        log.warning("MCP server %s: %s", self.config.name, error.key)
        if first:
            self.tell(error.message)

    async def _keep(self, listed: list[dict[str, Any]]) -> None:
        with contextlib.suppress(StudyError, TypeError, ValueError):
            put = tool_cache.put(self.store, self.key, "mcp", {"tools": listed}, time.time(), float("inf"))
            await asyncio.wrap_future(put)

    async def _drop(self) -> None:
        if self.connection is not None:
            await self.connection.close()
            self.connection = None

    def status(self) -> ServerStatus:
        state: State = "listed" if self.listed else "unknown"
        if self.config.problem is not None:
            state = "misconfigured"
        elif self.connection is not None and self.connection.open:
            state = "open"
        elif self.problem is not None:
            state = "failed"
        return ServerStatus(
            name=self.config.name,
            kind="http" if self.config.url else "stdio",
            state=state,
            tools=tuple(self.tools),
            left_out=tuple(self.left_out),
            problem=self.problem.message if self.problem is not None else "",
        )


class Servers:
    """All MCP servers of one program. Belongs to the event loop it was made on.

    Args:
        path: ``mcp.json``.
        tell: Called with a sentence when a server fails. Returns at once.
    """

    def __init__(self, path: Path, store: Store, tell: Callable[[str], None]) -> None:
        self.problem: StudyError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            configs = configuration.load(path)
        except StudyError as error:
            self.problem, configs = error, []
            tell(str(error))
        self._servers = [_Server(config, store, tell) for config in configs]

    def recall(self) -> None:
        """Take what each server listed the last time."""
        for server in self._servers:
            if server.config.problem is None:
                server.remember()

    def begin(self) -> None:
        """Take what is known of each server; those never seen are asked in the background. Returns at once."""
        self.recall()
        for server in self._servers:
            if server.config.problem is None and not server.listed:
                self._spawn(server)

    def _spawn(self, server: _Server) -> None:
        async def ask() -> None:
            with contextlib.suppress(StudyError):
                await server.connected()

        task = asyncio.create_task(ask(), name=f"mcp list {server.config.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def tools(self) -> dict[str, Tool]:
        """Return the tools known now, by name. A failed server's stay: a call tries again, or says why not."""
        found: dict[str, Tool] = {}
        for server in self._servers:
            found |= server.tools
        return found

    async def refresh(self) -> list[ServerStatus]:
        """Ask every server for its tools now, all at once, and return how they are."""

        async def ask(server: _Server) -> None:
            server.not_before = 0.0
            with contextlib.suppress(StudyError):
                await server.connected()

        await asyncio.gather(*(ask(server) for server in self._servers))
        return self.statuses()

    def statuses(self) -> list[ServerStatus]:
        """Return how each server is."""
        return [server.status() for server in self._servers]

    async def close(self) -> None:
        """Close every connection and end the servers that were started."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(server._drop() for server in self._servers), return_exceptions=True)


_attached: weakref.WeakKeyDictionary[Store, Servers] = weakref.WeakKeyDictionary()


def attach(path: Path, store: Store, tell: Callable[[str], None]) -> Servers:
    """Make the servers of a store's program known to :func:`core.agent.tools.registry.tools_for`."""
    servers = Servers(path, store, tell)
    _attached[store] = servers
    servers.begin()
    return servers


def attached(store: Store) -> Servers | None:
    """Return the servers made known for a store."""
    return _attached.get(store)
