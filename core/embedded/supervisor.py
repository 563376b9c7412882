"""Starts the engine's process, watches it, restarts it when it dies, and stops it. Runs on an asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from core.embedded.config import EngineConfig
from core.embedded.errors import EngineStartError, PortTakenError
from core.i18n import tr

__all__ = ["Endpoint", "EngineConfig", "Supervisor", "SupervisorState"]

SupervisorState = Literal["starting", "ready", "restarting", "down"]
OnState = Callable[[SupervisorState, str], None]

BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each restart; after as many quick crashes the supervisor gives up."""
QUICK = 60.0
"""An engine that ran this many seconds had a good start: its crash counts as the first again."""
START_SECONDS = 60.0
STOP_SECONDS = 5.0
LOG_LIMIT = 4 << 20


@dataclass(frozen=True)
class Endpoint:
    """Where the engine answers."""

    url: str
    token: str
    pid: int


def _describe_exit(code: int) -> str:
    """Say how a process ended, for people."""
    if code == -signal.SIGKILL:
        return tr("embedded.exit.killed")
    if code < 0:
        with contextlib.suppress(ValueError):
            return tr("embedded.exit.signal", signal=signal.Signals(-code).name)
    return tr("embedded.exit.code", code=code)


def _nothing(state: SupervisorState, reason: str) -> None:
    """For callers that do not want to know."""


class Supervisor:
    """Keeps one engine process running.

    Args:
        config: What to run. A port of 0 is chosen at the first start and asked for again at every restart.
        log_file: Where everything the process prints goes; it is kept below about 4 MB.
        on_state: Told about every change, on the loop's thread, with a reason for people.
        token: Bearer token clients must send; by default a fresh random one, ``""`` for none.
    """

    def __init__(
        self, config: EngineConfig, *, log_file: Path, on_state: OnState = _nothing, token: str | None = None
    ) -> None:
        self._config = config
        self._log_file = log_file
        self._on_state = on_state
        self._token = secrets.token_urlsafe(32) if token is None else token
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False
        self.endpoint: Endpoint | None = None
        """Where it answers now; its port may be another one after a restart."""
        self.state: SupervisorState = "down"

    def _set(self, state: SupervisorState, reason: str = "") -> None:
        self.state = state
        self._on_state(state, reason)

    async def start(self) -> Endpoint:
        """Start the engine and wait until it listens (its model loads on in the background).

        Raises:
            EngineStartError: it ended or said nothing.
            PortTakenError: the port asked for is in use.
        """
        self._stopping = False
        self._set("starting")
        try:
            endpoint = await self._launch()
        except BaseException:
            self._set("down")
            raise
        self._watcher = asyncio.create_task(self._watch())
        self._set("ready")
        return endpoint

    async def stop(self) -> None:
        """Stop the engine: its running answers may end, for a few seconds; then it is killed."""
        self._stopping = True
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        process, self._process = self._process, None
        if process is not None:
            await _end(process)
        self.endpoint = None
        if self.state != "down":
            self._set("down")

    async def _launch(self) -> Endpoint:
        process = await asyncio.to_thread(self._spawn)
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await asyncio.to_thread(_announcement, process)
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            await asyncio.to_thread(process.wait)
            raise
        answer = json.loads(line) if line else {}
        if "url" not in answer:
            await _end(process)
            if answer.get("errno") == errno.EADDRINUSE:
                raise PortTakenError("error.embedded.port", port=self._config.port)
            reason = str(answer.get("error") or _describe_exit(process.returncode))
            raise EngineStartError("error.embedded.start", reason=reason, log=self._log_file)
        self._process = process
        self.endpoint = Endpoint(answer["url"], self._token, int(answer["pid"]))
        return self.endpoint

    def _spawn(self) -> subprocess.Popen[bytes]:
        try:
            self._log_file.parent.mkdir(parents=True, exist_ok=True)
            if self._log_file.exists() and self._log_file.stat().st_size > LOG_LIMIT:
                self._log_file.replace(self._log_file.with_suffix(".log.1"))
            with self._log_file.open("ab") as log:
                # A session of its own: Ctrl-C in the terminal must reach the app and not the engine.
                process = subprocess.Popen(
                    [sys.executable, "-m", "core.embedded"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=log, start_new_session=True, env=_environment(),
                )  # fmt: skip
        except OSError as error:
            raise EngineStartError("error.embedded.start", reason=error, log=self._log_file) from error
        config = dataclasses.asdict(self._config) | {"token": self._token}
        with contextlib.suppress(BrokenPipeError):
            _pipe(process.stdin).write(json.dumps(config).encode() + b"\n")
            _pipe(process.stdin).flush()
        return process

    async def _watch(self) -> None:
        """Restart the engine whenever it dies, until it dies too often."""
        crashes = 0
        while self._process is not None:
            started = time.monotonic()
            code = await _exit_of(self._process)
            reason = _describe_exit(code)
            crashes = 1 if time.monotonic() - started >= QUICK else crashes + 1
            self._close_pipes()
            self._set("restarting", reason)
            while True:
                if crashes > len(BACKOFF):
                    self._process = None
                    self._set("down", reason)
                    return
                await asyncio.sleep(BACKOFF[crashes - 1])
                try:
                    await self._relaunch()
                    break
                except (EngineStartError, TimeoutError) as error:
                    reason, crashes = str(error), crashes + 1
            self._set("ready", reason)

    async def _relaunch(self) -> None:
        """Start again on the same port if it is still free: clients then need not notice."""
        wished = self._config
        if self.endpoint is not None and not wished.port:
            self._config = dataclasses.replace(wished, port=int(self.endpoint.url.rsplit(":", 1)[1]))
        try:
            await self._launch()
        except PortTakenError:
            if wished.port:
                raise
            self._config = wished
            await self._launch()
        finally:
            self._config = wished

    def _close_pipes(self) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("the engine's process has no pipe")
    return pipe


def _environment() -> dict[str, str]:
    """The child's environment: this checkout's packages first, and a C++ locale that cannot break numbers."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path), "LC_NUMERIC": "C"}


def _announcement(process: subprocess.Popen[bytes]) -> bytes:
    return _pipe(process.stdout).readline(65_536)


async def _exit_of(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process to end without keeping a thread busy where the system can."""
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        # No pidfd here (macOS): a thread waits. It ends with the process.
        return await asyncio.to_thread(process.wait)
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()


async def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, then make it."""
    with contextlib.suppress(OSError):
        _pipe(process.stdin).close()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await _exit_of(process)
    except TimeoutError:
        process.kill()
        await asyncio.to_thread(process.wait)
    with contextlib.suppress(OSError):
        _pipe(process.stdout).close()
