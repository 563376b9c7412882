"""One connection to an MCP server, held by a task of its own: the SDK wants to be left by the task that entered it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

import anyio

from core.agent.tools.failures import ServerGone
from core.agent.tools.mcp.config import ServerConfig
from core.errors import StudyError
from core.ollama import is_loopback
from core.text import clean_line

if TYPE_CHECKING:
    from mcp import Client

CONNECT_S = 20.0
CLOSE_S = 5.0
"""The SDK gives a server 2 s to end by itself and 2 s more after SIGTERM."""
MAX_PAGES = 20
MAX_TOOLS = 200

log = logging.getLogger(__name__)


class Connection:
    """An open connection; made by :func:`connect`."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.open = False
        self._client: Client | None = None
        self._stop = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stderr: IO[bytes] | None = None
        self._task = asyncio.create_task(self._hold(), name=f"mcp {config.name}")

    async def start(self) -> None:
        """Wait until it is open.

        Raises:
            StudyError: Why it cannot be.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.shield(self._ready)
        except TimeoutError:
            self._scope.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_S)
            raise StudyError("error.mcp.slow", server=self.config.name, seconds=f"{CONNECT_S:g}") from None
        except asyncio.CancelledError:
            self._scope.cancel()
            raise

    async def tools(self) -> list[dict[str, Any]]:
        """Return the server's tools as it lists them: ``name``, ``description``, ``schema``, ``again``.

        Raises:
            StudyError: It did not answer.
        """
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._talk(functools.partial(_list, cursor))
            found += [
                {
                    "name": tool.name,
                    "description": tool.description or "",
                    "schema": tool.input_schema,
                    "again": bool(
                        tool.annotations
                        and (tool.annotations.read_only_hint or tool.annotations.idempotent_hint)
                    ),
                }
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if not cursor or len(found) >= MAX_TOOLS:
                break
        return found[:MAX_TOOLS]

    async def call(self, name: str, arguments: dict[str, Any], timeout_s: float) -> Any:
        """Call a tool; returns ``mcp.types.CallToolResult``.

        Raises:
            ServerGone: The connection ended.
            StudyError: The server answered with a protocol error.
        """
        return await self._talk(
            lambda client: client.call_tool(name, arguments, read_timeout_seconds=timeout_s)
        )

    async def close(self) -> None:
        """Close it; a server that does not end by itself is ended."""
        self._stop.set()
        await asyncio.wait({self._task}, timeout=CLOSE_S)
        if not self._task.done():
            self._scope.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_S)

    async def _talk(self, ask: Callable[[Client], Any]) -> Any:
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED

        if self._client is None or not self.open:
            raise ServerGone(self.config.name, self._last_words() or "closed")
        try:
            return await ask(self._client)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                self.open = False
                raise ServerGone(self.config.name, self._last_words() or "connection closed") from error
            reason = clean_line(self.config.redacted(error.message), max_chars=300)
            raise StudyError("error.mcp.refused", server=self.config.name, reason=reason) from error
        except (OSError, asyncio.IncompleteReadError) as error:
            self.open = False
            raise ServerGone(self.config.name, self._said(error)) from error
        except Exception as error:
            # The SDK's own kinds (HTTP transport, validation): the connection is not to be trusted further.
            self.open = False
            raise ServerGone(self.config.name, self._said(error)) from error

    # -- the task that holds it -----------------------------------------------------------------------

    async def _hold(self) -> None:
        try:
            # Some 0.5 s of imports the first time.
            await asyncio.to_thread(_import)
            # The scope, not the task, is what is cancelled: a task's own cancellation would break off the SDK's ending of
            # the server's process, and leave it running.
            with self._scope:
                async with contextlib.AsyncExitStack() as stack:
                    transport = await self._transport(stack)
                    self._client = await stack.enter_async_context(_client(transport))
                    self.open = True
                    if not self._ready.done():
                        self._ready.set_result(None)
                    await self._stop.wait()
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(ServerGone(self.config.name, self._said(_innermost(error))))
                self._ready.exception()  # Nobody may be waiting any more.
            else:
                log.warning(
                    "the connection to MCP server %s ended: %s", self.config.name, type(error).__name__
                )
        finally:
            self.open = False
            self._client = None
            if not self._ready.done():
                self._ready.cancel()
            if self._stderr is not None:
                self._stderr.close()
                self._stderr = None

    async def _transport(self, stack: contextlib.AsyncExitStack) -> Any:
        config = self.config
        if config.command:
            from mcp.client.stdio import StdioServerParameters, stdio_client

            # Never our own standard error: it is the screen the app is drawn on.
            # Closed when all is over, so that its last words can still be read.
            self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
            text = stack.enter_context(os.fdopen(os.dup(self._stderr.fileno()), "w"))
            parameters = StdioServerParameters(
                command=config.command,
                args=list(config.args),
                env=dict(config.env),
                encoding_error_handler="replace",
            )
            return _noticed(stdio_client(parameters, errlog=text), self._ended)
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        client = await stack.enter_async_context(
            httpx2.AsyncClient(
                headers=dict(config.headers),
                timeout=httpx2.Timeout(10.0, read=120.0),
                trust_env=not is_loopback(config.url),
            )
        )
        return _noticed(streamable_http_client(config.url, http_client=client), self._ended)

    def _ended(self) -> None:
        self.open = False

    def _said(self, error: BaseException) -> str:
        text = clean_line(self.config.redacted(str(error)), max_chars=200)
        words = self._last_words()
        return words or text or type(error).__name__

    def _last_words(self) -> str:
        """Return the last line a server wrote to its standard error: mostly why it ended."""
        if self._stderr is None:
            return ""
        try:
            end = os.fstat(self._stderr.fileno()).st_size
            data = os.pread(self._stderr.fileno(), 4096, max(0, end - 4096))
        except (OSError, ValueError):
            return ""
        lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
        return clean_line(self.config.redacted(lines[-1]), max_chars=200) if lines else ""


async def _list(cursor: str | None, client: Client) -> Any:
    return await client.list_tools(cursor=cursor)


def _import() -> None:
    import mcp
    import mcp.client.streamable_http

    # Their records may hold what a server sent, and addresses with tokens in them.
    for name in ("mcp", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    del mcp


def _client(transport: Any) -> Any:
    from mcp import Client
    from mcp_types import Implementation

    # No sampling, no elicitation, no roots: a server gets nothing that the user was not asked about.
    return Client(transport, cache=None, client_info=Implementation(name="llm-study", version="0"))


def _innermost(error: BaseException) -> BaseException:
    """Return what really went wrong of a group of errors."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


class _Reader:
    """A read stream that tells when it ends."""

    def __init__(self, inner: Any, ended: Callable[[], None]) -> None:
        self._inner = inner
        self._ended = ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __aiter__(self) -> _Reader:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._inner.__anext__()
        except StopAsyncIteration:
            self._ended()
            raise

    async def __aenter__(self) -> _Reader:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._inner.__aexit__(*error)


@contextlib.asynccontextmanager
async def _noticed(
    transport: contextlib.AbstractAsyncContextManager[Sequence[Any]], ended: Callable[[], None]
) -> AsyncIterator[tuple[Any, Any]]:
    async with transport as (read, write):
        yield _Reader(read, ended), write


async def connect(config: ServerConfig) -> Connection:
    """Open a connection.

    Raises:
        StudyError: Why there is none; what was begun is ended.
    """
    connection = Connection(config)
    await connection.start()
    return connection
