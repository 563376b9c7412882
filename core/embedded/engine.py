"""What the routes share: the models, the scheduler, and finding the model a request names."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.embedded.config import EngineConfig, default_threads
from core.embedded.embedder import Embedded, Embedder
from core.embedded.names import parse
from core.embedded.options import parse_keep_alive
from core.embedded.registry import EMBED_TOKENS, Model, Registry
from core.embedded.scheduler import BUSY, Scheduler
from core.embedded.store import ModelStore
from core.embedded.wire import ApiError, take

API_VERSION = "0.33.0"
"""The release of Ollama whose HTTP API this engine speaks."""


@dataclass
class EmbedRunner:
    """The embedding model's keep-alive, as the scheduler keeps it for chat models."""

    model: Model
    embedder: Embedder
    default: float
    keep_alive: float
    running: int = 0
    expires_at: float = math.inf
    timer: asyncio.TimerHandle | None = None

    def unload(self) -> None:
        """Free the weights unless somebody is using them."""
        if not self.running:
            self.embedder.unload()
            # Loaded again, it starts with the default again: one "unload now" must not last for ever.
            self.keep_alive = self.default


class Engine:
    """The models and who may use them."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.store = ModelStore(Path(config.models_dir)) if config.models_dir and config.chat else None
        self.registry = Registry(config.models, chat=config.chat, store=self.store)
        self.trusted = False
        """Clients have to know a token."""
        default = parse_keep_alive(config.keep_alive)
        self.scheduler = Scheduler(
            parallel=config.parallel, queue=config.queue, num_ctx=config.num_ctx,
            threads=config.threads or default_threads(), keep_alive=300.0 if default is None else default,
            beside=lambda: [(key, one.embedder.loaded) for key, one in list(self._embedders.items())],
        )  # fmt: skip
        self._embedders: dict[str, EmbedRunner] = {}
        self._embed_threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed")

    def model(self, body: Mapping[str, Any], *, missing: str, unknown: str = "") -> Model:
        """Find the model a request names.

        Args:
            body: The request; the old field ``name`` counts too.
            missing: ``"404"``: an absent name is an unknown model; else 400.
            unknown: Text for an unknown model with ``{0}`` for the name as requested and ``{1}`` for its short form.

        Raises:
            ApiError: 400 or 404, with the texts of Ollama's routes.
        """
        text = take(body, "model", str) or take(body, "name", str) or ""
        unknown = unknown or "model '{0}' not found"
        if not text:
            if missing == "404":
                raise ApiError(404, "model '' not found")
            raise ApiError(400, "model is required")
        name = parse(text)
        if name is None:
            raise ApiError(400, "invalid model name")
        found = self.registry.find(name)
        if found is None and name.is_cloud:
            raise ApiError(403, "ollama cloud is disabled: remote model is unavailable")
        if found is None:
            raise ApiError(404, unknown.format(text, name.short))
        return found

    def embed_runners(self) -> list[EmbedRunner]:
        """Embedding models in memory."""
        return [runner for runner in self._embedders.values() if runner.embedder.loaded]

    def _embed_runner(self, model: Model) -> EmbedRunner:
        runner = self._embedders.get(model.digest)
        if runner is None:
            keep_alive = parse_keep_alive(self.config.keep_alive)
            embedder = Embedder(model.path, EMBED_TOKENS)
            default = 300.0 if keep_alive is None else keep_alive
            runner = EmbedRunner(model, embedder, default, default)
            self._embedders[model.digest] = runner
        return runner

    async def embed(self, model: Model, texts: list[str], keep_alive: float | None) -> tuple[Embedded, int]:
        """Embed texts, loading the model if need be.

        Returns:
            The vectors, and the nanoseconds spent waiting and loading.

        Raises:
            ApiError: 503 when too many requests wait.
        """
        runner = self._embed_runner(model)
        if runner.running > max(1, self.config.queue) + 1:
            raise ApiError(503, BUSY)
        runner.running += 1
        if runner.timer is not None:
            runner.timer.cancel()
        if keep_alive is not None:
            runner.keep_alive = keep_alive
        loop = asyncio.get_running_loop()
        started = time.monotonic_ns()
        try:
            await loop.run_in_executor(self._embed_threads, runner.embedder.load)
            loaded = time.monotonic_ns() - started
            result = await loop.run_in_executor(self._embed_threads, runner.embedder.embed, texts)
        finally:
            runner.running -= 1
            if not runner.running:
                runner.expires_at = time.time() + runner.keep_alive
                if runner.keep_alive < math.inf:
                    runner.timer = loop.call_later(runner.keep_alive, runner.unload)
        return result, loaded

    def unload(self, model: Model) -> None:
        """Unload a model as soon as nobody uses it."""
        if model.kind == "chat":
            self.scheduler.unload(model)
        elif model.digest in self._embedders:
            self._embedders[model.digest].unload()

    async def load(self, model: Model, *, num_ctx: int | None, keep_alive: float | None) -> None:
        """Load a model without asking it anything."""
        if model.kind == "embedding":
            await self.embed(model, [], keep_alive)
        else:
            lease = await self.scheduler.acquire(model, num_ctx=num_ctx, keep_alive=keep_alive)
            lease.release()


def say(text: str) -> None:
    """Write a line to the engine's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()
