"""The engine in use: one object for a real Ollama, its container and the embedded engine."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from core.engines.local import ServerProcess
from core.engines.models import choose_model
from core.engines.supervised import Supervised
from core.errors import StudyError
from core.events import EngineKind, EngineState, EngineStatus
from core.i18n import tr
from core.ollama import EngineLoad, LoadedModel, ModelDetails, OllamaClient, is_loopback, show_url
from core.ollama.errors import EngineUnreachable
from core.paths import Paths
from core.settings import Settings

EMBED_MODEL = "use-multilingual-v3"
"""The embedding model of the documents: 512 dimensions, in the embedded engine."""

EMBED_BATCH = 32
"""Texts in one embedding request."""

REFRESH_SECONDS = 5.0
"""Longest wait of :meth:`Engine.refresh`: a busy machine may be slow to answer."""

OnStatus = Callable[[EngineStatus], None]


class Engine:
    """An engine that answers. Made by :func:`core.engines.connect`; belongs to that call's event loop."""

    def __init__(self, kind: EngineKind, settings: Settings, paths: Paths, on_status: OnStatus) -> None:
        self.kind: EngineKind = kind
        self.version = ""
        self.model = ""
        self.details: ModelDetails | None = None
        self.loaded: tuple[LoadedModel, ...] = ()
        """Models in its memory at the last :meth:`refresh`."""
        self.load = EngineLoad()
        """How busy it was then; of a real Ollama nothing is known."""
        self._settings = settings
        self._paths = paths
        self._on_status = on_status
        self._status = EngineStatus(kind=kind, state="starting")
        self._remote: OllamaClient | None = None
        self._token: str | None = None
        self._process: ServerProcess | None = None
        self._child: Supervised | None = None
        self._embedder: Supervised | None = None
        self._embedder_lock = asyncio.Lock()
        self._closed = False

    @property
    def client(self) -> OllamaClient:
        """The client; another one after the embedded engine was restarted elsewhere, so do not keep it."""
        client = self._child.client if self._child is not None else self._remote
        if client is None:
            raise EngineUnreachable(self.url, self._status.detail)
        return client

    @property
    def url(self) -> str:
        """Where the engine answers now."""
        if self._child is not None:
            return self._child.url
        return self._remote.base_url if self._remote is not None else ""

    @property
    def token(self) -> str | None:
        """The bearer token it wants, if any. Secret."""
        return self._child.token if self._child is not None else self._token

    @property
    def status(self) -> EngineStatus:
        """The last status told."""
        return self._status

    @property
    def embed_model(self) -> str:
        """The model :meth:`embed` uses."""
        return EMBED_MODEL

    def chat_client_kwargs(self) -> dict[str, Any]:
        """Return what another HTTP client needs: ``base_url``, ``headers``, and whether proxies may be used.

        A proxy of the environment (``HTTP_PROXY``) cannot reach this machine's loopback: ``trust_env`` is false then.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"base_url": self.url, "headers": headers, "trust_env": not is_loopback(self.url)}

    def root_pids(self) -> list[int]:
        """Return the roots of the engine's process tree; ``[]`` when it runs elsewhere or is down. Any thread."""
        if self._child is not None:
            return self._child.pids()
        return self._process.pids() if self._process is not None else []

    async def attach(
        self, client: OllamaClient, version: str, *, token: str | None = None, pid: int | None = None
    ) -> None:
        """Use a server that answers: choose the model there and tell the status.

        Raises:
            StudyError: It has no suitable model.
        """
        self._remote, self._token, self.version = client, token, version
        self.model, self.details = await choose_model(client, self._settings.model)
        self._process = ServerProcess(client.base_url, pid)
        pids = await asyncio.to_thread(self._process.pids)
        self._set(state="ready", pid=pids[0] if pids else None)

    async def start_embedded(self, model: str, files: dict[str, str]) -> None:
        """Start the embedded engine and use it.

        Args:
            model: The chat model's name there.
            files: GGUF files of the user's own, name → path.

        Raises:
            StudyError: It could not be started, or has no such model.
        """
        from core.embedded.supervisor import EngineConfig

        settings = self._settings
        self._set(detail=tr("engine.starting"))
        config = EngineConfig(
            models=files,
            parallel=settings.parallel,
            num_ctx=settings.num_ctx,
            threads=settings.threads,
            queue=settings.queue,
            keep_alive=settings.keep_alive,
            models_dir=str(self._paths.models_dir),
            first=model,
        )
        self._child = Supervised(
            config,
            log_file=self._paths.engine_log,
            timeout=settings.request_timeout,
            on_state=self._child_changed,
        )
        client = await self._child.start()
        self.version = await client.version()
        self.model, self.details = await choose_model(client, model)
        self._set(
            state="ready",
            pid=_first(self._child.pids()),
            context_length=settings.num_ctx,
            slots=settings.parallel,
        )

    def _child_changed(self, state: str, reason: str) -> None:
        if self._closed or not self.model:
            return  # closing, or still starting: start_embedded tells when all is known
        if state == "ready" and self._child is not None:
            self._set(state="ready", pid=_first(self._child.pids()))
            return
        gone: dict[str, Any] = {"pid": None, "queue": None, "slots_busy": None}
        if state in ("starting", "restarting"):
            self._set(state="restarting", detail=tr("engine.restarting", reason=reason), **gone)
        else:
            self._set(state="down", detail=tr("engine.down", reason=reason), **gone)

    async def use_model(self, name: str) -> None:
        """Chat with another model from now on.

        Raises:
            ModelMissing: The engine does not have it.
        """
        self.model, self.details = await choose_model(self.client, name)
        self._set(context_length=self._settings.num_ctx if self._child is not None else None)

    def note(self, detail: str) -> None:
        """Add a sentence for the user to the status (why this engine and not the one asked for)."""
        self._set(detail=detail)

    def _set(self, **changes: Any) -> None:
        """Tell a new status. A sentence about a state goes when the state does."""
        if "state" in changes and changes["state"] != self._status.state:
            changes.setdefault("detail", "")
        status = dataclasses.replace(
            self._status, url=show_url(self.url), version=self.version, model=self.model, **changes
        )
        if status != self._status:
            self._status = status
            self._on_status(status)

    async def refresh(self) -> EngineStatus:
        """Ask the engine how it is and tell the status if it changed. Never raises."""
        if self._closed or self._status.state in ("starting", "restarting"):
            return self._status
        try:
            client = self.client
            loaded = await client.ps(timeout=REFRESH_SECONDS)
            load = await client.load_now(timeout=REFRESH_SECONDS) if self._child is not None else None
            self.loaded, self.load = tuple(loaded), load or EngineLoad()
        except StudyError as error:
            # Slow is not down: an engine that computes on every core may be late to answer.
            if error.key == "error.engine.unreachable" and self._child is None and not self._closed:
                self._set(state="down", detail=error.message, pid=None)
            return self._status
        if self._closed or (self._child is not None and self._child.state != "ready"):
            return self._status
        mine = next((one for one in loaded if one.name == self.model), None)
        changes: dict[str, Any] = {"pid": _first(await asyncio.to_thread(self.root_pids))}
        if mine is not None and mine.context_length:
            changes["context_length"] = mine.context_length
        state: EngineState = "ready"
        if load is not None:
            changes |= {"queue": load.waiting, "slots_busy": load.running, "slots": load.slots}
            state = "loading" if load.loading else "generating" if load.running else "ready"
        # "ready", "loading" and "generating" come and go; a sentence about the choice of engine stays through them.
        detail = "" if self._status.state == "down" else self._status.detail
        self._set(state=state, detail=detail, **changes)
        return self._status

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """Return the embedding of each text.

        Beside a real Ollama, an embedded engine that only embeds is started at the first call.

        Raises:
            StudyError: The engine failed or could not be started.
        """
        if not texts:
            return []
        client = self.client if self._child is not None else await self._embedding_client()
        vectors: list[list[float]] = []
        for start in range(0, len(texts), EMBED_BATCH):
            vectors += await client.embed(EMBED_MODEL, texts[start : start + EMBED_BATCH])
        return vectors

    async def _embedding_client(self) -> OllamaClient:
        async with self._embedder_lock:
            if self._closed:
                raise EngineUnreachable(reason=EMBED_MODEL)
            if self._embedder is not None and self._embedder.state == "down":
                # It was given up after many crashes: a new question is a reason to try once more.
                await self._embedder.stop()
                self._embedder = None
            if self._embedder is None:
                self._embedder = await self._start_embedder()
            if self._embedder.client is None:
                raise EngineUnreachable(self._embedder.url)
            return self._embedder.client

    async def _start_embedder(self) -> Supervised:
        from core.embedded.supervisor import EngineConfig

        child = Supervised(
            EngineConfig(chat=False, keep_alive=self._settings.keep_alive),
            log_file=self._paths.engine_log.with_name("engine-embed.log"),
            timeout=self._settings.request_timeout,
            on_state=lambda state, reason: None,
        )
        try:
            await child.start()
        except BaseException:
            await child.stop()
            raise
        return child

    async def close(self) -> None:
        """Stop what was started and close every connection. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        async with self._embedder_lock:
            children = [child for child in (self._embedder, self._child) if child is not None]
            await asyncio.gather(*(child.stop() for child in children))
        if self._remote is not None:
            await self._remote.aclose()


def _first(pids: list[int]) -> int | None:
    return pids[0] if pids else None
