"""The engine as an experiment needs it: where it answers now, its memory, loading and unloading."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from core.errors import StudyError
from core.lab.client import Target, call
from core.lab.wire import clock
from core.ollama import OllamaClient, is_loopback
from core.paths import Paths
from core.settings import Settings
from core.telemetry.process import ProcessTree

if TYPE_CHECKING:
    from core.engines import Engine

BACK_S = 60.0
"""So long an engine that died may take to come back before the run is given up."""
AGAIN_S = 1.0
"""After so long a model that was told to go is told again."""
GONE_S = 30.0
"""So long a model may take to leave the memory."""
SAMPLE_S = 0.2


class EngineLike(Protocol):
    """What of an engine is used here."""

    @property
    def client(self) -> OllamaClient: ...
    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str | None: ...
    def root_pids(self) -> list[int]: ...


class Control:
    """One engine and one model of it.

    Args:
        engine: The engine.
        model: The model measured.
        options: Sent with every request.
        keep_alive: Sent with every request.
        stall_s: Seconds without a byte after which a request counts as dead.
    """

    def __init__(
        self,
        engine: EngineLike,
        model: str,
        *,
        options: dict[str, Any],
        keep_alive: str | None,
        stall_s: float,
    ) -> None:
        self.engine = engine
        self.model = model
        self.options = options
        self._keep_alive = keep_alive
        self._stall_s = stall_s

    def target(self) -> Target:
        """Where requests go now: an engine that was restarted may be elsewhere."""
        return Target(
            self.engine.url,
            self.model,
            self.engine.token,
            dict(self.options),
            self._keep_alive,
            self._stall_s,
        )

    def root_pids(self) -> list[int]:
        """Roots of the engine's process tree."""
        return self.engine.root_pids()

    async def load(self, num_ctx: int | None = None) -> None:
        """Load the model, by default with the run's context."""
        options = {**self.options, **({"num_ctx": num_ctx} if num_ctx else {})}
        await self.engine.client.load(self.model, options=options, keep_alive=self._keep_alive)

    async def unload(self) -> None:
        """Take the model out of memory and wait until it is gone.

        Raises:
            StudyError: It did not go.
        """
        deadline = clock() + GONE_S
        while True:
            await self.engine.client.unload(self.model)
            if await self._is_gone(min(deadline, clock() + AGAIN_S)):
                return
            # A load that was under way as it was told to go has brought it back: once more.
            if clock() > deadline:
                raise StudyError("error.lab.unload", model=self.model, seconds=round(GONE_S))

    async def wait_gone(self) -> None:
        """Wait until the model is not in memory.

        Raises:
            StudyError: It is still there after :data:`GONE_S`.
        """
        if not await self._is_gone(clock() + GONE_S):
            raise StudyError("error.lab.unload", model=self.model, seconds=round(GONE_S))

    async def _is_gone(self, deadline: float) -> bool:
        while any(one.name == self.model for one in await self.engine.client.ps()):
            if clock() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def wait_back(self) -> None:
        """Wait for an engine that stopped answering.

        Raises:
            StudyError: It did not come back.
        """
        deadline = clock() + BACK_S
        while True:
            try:
                await self.engine.client.version(timeout=5)
                return
            except StudyError:
                if clock() > deadline:
                    raise
            await asyncio.sleep(0.25)

    async def digest(self) -> str:
        """Return the model's digest, or ``""``."""
        with contextlib.suppress(StudyError):
            return next((one.digest for one in await self.engine.client.tags() if one.name == self.model), "")
        return ""

    async def model_file(self) -> Path | None:
        """Return the model's file if it is on this machine and readable: mapped by the engine, or named by it."""
        if not is_loopback(self.engine.url):
            return None
        found = await asyncio.to_thread(_mapped_model, self.root_pids())
        if found is None:
            with contextlib.suppress(StudyError, OSError):
                _status, answer = await call(self.target(), "POST", "/api/show", {"model": self.model})
                match = re.search(r"(?m)^FROM\s+(/\S+)\s*$", str(answer.get("modelfile", "")))
                path = Path(match[1]) if match else None
                found = path if path is not None and path.is_file() else None
        return found


def _mapped_model(pids: Sequence[int]) -> Path | None:
    """Return the largest GGUF file (or Ollama blob) mapped by the processes or their children."""
    import psutil

    best: tuple[int, Path] | None = None
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            for one in [process, *process.children(recursive=True)]:
                for line in Path(f"/proc/{one.pid}/maps").read_text("utf-8", "replace").splitlines():
                    name = line.partition("/")[1] + line.partition("/")[2]
                    if name.endswith(".gguf") or "/blobs/sha256-" in name:
                        path = Path(name)
                        size = path.stat().st_size
                        if best is None or size > best[0]:
                            best = (size, path)
    return best[1] if best else None


class MemoryProbe:
    """Reads the engine's memory while a step runs: ``async with MemoryProbe(control) as probe``."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._tree = ProcessTree()
        self._task: asyncio.Task[None] | None = None
        self.before: int | None = None
        self.peak: int | None = None
        self.last: int | None = None
        self.anon: int | None = None
        self.file: int | None = None

    async def __aenter__(self) -> Self:
        await self._read()
        self.before = self.peak
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if kind is None:
            await self._read()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            await self._read()

    async def _read(self) -> None:
        reading = await asyncio.to_thread(lambda: self._tree.read(self._control.root_pids()))
        self.last = reading.pss
        if reading.pss is not None and (self.peak is None or reading.pss > self.peak):
            self.peak, self.anon, self.file = reading.pss, reading.anon, reading.file

    def data(self) -> dict[str, int]:
        """Return what was read, in bytes; empty when there is no process to look at."""
        found = {
            "before_bytes": self.before, "after_bytes": self.last, "peak_bytes": self.peak, "anon_bytes": self.anon, "file_bytes": self.file,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


class PrivateEngine:
    """An embedded engine of the lab's own, with other slots than the one in use."""

    def __init__(self, settings: Settings, paths: Paths, slots: int, models: dict[str, str]) -> None:
        from core.embedded.supervisor import EngineConfig
        from core.engines.supervised import Supervised

        config = EngineConfig(
            models=models, parallel=slots, num_ctx=settings.num_ctx, threads=settings.threads,
            queue=max(settings.queue, 256), keep_alive=settings.keep_alive,
        )  # fmt: skip
        self._child = Supervised(
            config,
            log_file=paths.engine_log.with_name("engine-lab.log"),
            timeout=settings.request_timeout,
            on_state=lambda state, reason: None,
        )

    @property
    def client(self) -> OllamaClient:
        """Its client."""
        if self._child.client is None:
            raise StudyError("error.engine.unreachable", url=self._child.url, reason="stopped")
        return self._child.client

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._child.url

    @property
    def token(self) -> str | None:
        """Its bearer token. Secret."""
        return self._child.token

    def root_pids(self) -> list[int]:
        """Its process."""
        return self._child.pids()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[PrivateEngine]:
        """Start it and stop it, whatever happens."""
        try:
            await self._child.start()
            yield self
        finally:
            await asyncio.shield(self._child.stop())


def control_of(engine: Engine, settings: Settings) -> Control:
    """Return the control of the engine in use."""
    return Control(
        engine,
        engine.model,
        options={"temperature": 0, "num_ctx": settings.num_ctx},
        keep_alive=settings.keep_alive,
        stall_s=settings.request_timeout,
    )
