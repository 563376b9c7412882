"""A child process of :mod:`core.embedded` together with the client that talks to it, across restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import NoEngineError, StudyError
from core.ollama import OllamaClient
from core.text import clean_line

if TYPE_CHECKING:
    from core.embedded.supervisor import EngineConfig

OnState = Callable[[str, str], None]


class Supervised:
    """One embedded engine. :attr:`client` always leads to the process that runs now.

    Args:
        config: What to run.
        log_file: Where the process logs.
        timeout: The client's read timeout, seconds.
        on_state: Told ``starting``, ``ready``, ``restarting`` or ``down`` and a reason; the client is already the
            new one then.
    """

    def __init__(self, config: EngineConfig, *, log_file: Path, timeout: float, on_state: OnState) -> None:
        from core.embedded.supervisor import Supervisor

        self._supervisor = Supervisor(config, log_file=log_file, on_state=self._changed)
        self._log_file = log_file
        self._timeout = timeout
        self._tell = on_state
        self._closing: set[asyncio.Task[None]] = set()
        self.client: OllamaClient | None = None
        self.url = ""
        self.token: str | None = None
        self.state = "down"

    async def start(self) -> OllamaClient:
        """Start the process and wait until it listens.

        Raises:
            StudyError: It could not be started; says where its log is.
        """
        try:
            await self._supervisor.start()
        except StudyError:
            raise
        except (OSError, TimeoutError, ValueError, json.JSONDecodeError) as error:
            reason = clean_line(str(error) or type(error).__name__)
            raise NoEngineError("error.engine.embedded", reason=reason, log=self._log_file) from error
        return self._follow()

    async def stop(self) -> None:
        """Stop the process and close the client."""
        await self._supervisor.stop()
        client, self.client = self.client, None
        if client is not None:
            await client.aclose()
        if self._closing:
            await asyncio.wait(self._closing)

    def pids(self) -> list[int]:
        """The process id while it runs; ``[]`` in between, when another process may have got the number."""
        endpoint = self._supervisor.endpoint
        return [endpoint.pid] if endpoint is not None and self.state == "ready" else []

    def _changed(self, state: str, reason: str) -> None:
        self.state = state
        if state == "ready":
            self._follow()
        self._tell(state, reason)

    def _follow(self) -> OllamaClient:
        endpoint = self._supervisor.endpoint
        if endpoint is None:
            raise NoEngineError("error.engine.embedded", reason="?", log=self._log_file)
        if self.client is not None and (endpoint.url, endpoint.token) == (self.url, self.token):
            return self.client
        if self.client is not None:
            task = asyncio.get_running_loop().create_task(self.client.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self.url, self.token = endpoint.url, endpoint.token
        self.client = OllamaClient(self.url, token=self.token, timeout=self._timeout)
        return self.client
