"""Will it fit? The header from wherever the model is, the estimate and the verdict from :mod:`core.fit`."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.embedded.config import batch_size, default_threads
from core.embedded.names import parse
from core.errors import StudyError, UsageError
from core.events import EngineKind
from core.fit.types import FitReport, LoadPlan, Verdict
from core.gguf import GgufError, Header, read_header
from core.i18n import tr
from core.models import sources
from core.ollama.errors import PullFailed
from core.settings import Settings
from core.text import clean_line, without_secrets

if TYPE_CHECKING:
    from core.containers.types import ContainerStatus
    from core.engines import Engine
    from core.ollama import ModelDetails

REGISTRY_VARIABLE = "LLM_STUDY_REGISTRY"
_UNREACHED = ("error.fit.remote.unreachable", "error.fit.remote.stalled")
OWN_ENGINE = frozenset(
    {
        "bert", "deepseek2", "deepseekocr", "gemma3", "gemma3n", "gemma4", "gptoss", "gpt-oss", "laguna", "llama4",
        "mistral3", "mllama", "nemotron_h", "nemotron_h_moe", "nemotron_h_omni", "nomic-bert", "olmo3", "qwen25vl",
        "qwen3", "qwen3moe", "qwen35", "qwen35moe", "qwen3next", "qwen3vl", "qwen3vlmoe", "glm4moelite", "glmocr",
        "lfm2", "lfm2moe",
    }
)  # fmt: skip
"""What Ollama runs with an engine of its own instead of llama.cpp before 0.30 (``OllamaEngineRequired`` of 0.24)."""
OLLAMA_NUM_PARALLEL = 1
"""Slots of a real Ollama, unless its own environment says otherwise, which it does not tell."""


@dataclass(frozen=True, slots=True)
class Found:
    """A header, and what it cost to have it."""

    header: Header
    source: str
    download_bytes: int | None = None
    metadata_bytes: int | None = None
    projector_bytes: int = 0


class Fitter:
    """Estimates models for one engine.

    Args:
        settings: Context and slots when a caller does not say.
        container: Asks how the service's container is; only for an engine in one.
    """

    def __init__(
        self, settings: Settings, container: Callable[[], Future[ContainerStatus]] | None = None
    ) -> None:
        self._settings = settings
        self._container = container

    def plan(
        self, kind: EngineKind, header: Header, num_ctx: int | None, parallel: int | None, version: str = ""
    ) -> LoadPlan:
        """How the engine would load it, with a context of ``num_ctx`` tokens or the settings'."""
        ours = kind == "embedded"
        slots = parallel or (self._settings.parallel if ours else OLLAMA_NUM_PARALLEL)
        wanted = num_ctx or self._settings.num_ctx
        trained = header.number("context_length")
        wanted = min(wanted, trained) if trained else wanted
        if not ours:
            # Ollama copies the weights where there is no graphics card.
            own = header.architecture in OWN_ENGINE and _before_030(version)
            return LoadPlan(wanted, slots, mmap=False, tied_twice=own)
        threads = self._settings.threads or default_threads()
        return LoadPlan(max(256, -(-wanted // 256) * 256), slots, batch=batch_size(threads, slots))

    async def report(
        self, engine: Engine | None, source: str, num_ctx: int | None, parallel: int | None
    ) -> FitReport:
        """The whole answer for a model of the engine, a registry's name, an address, a path or a package.

        Raises:
            StudyError: nothing of that name can be found, or what is found is no model.
        """
        kind: EngineKind = engine.kind if engine is not None else "embedded"
        found = await self._find(engine, source, kind)
        container = None
        if kind == "docker" and self._container is not None:
            container = await asyncio.wrap_future(self._container())
        freed = await _loaded(engine)
        pids = engine.root_pids() if engine is not None else []
        version = engine.version if engine is not None else ""
        plan = self.plan(kind, found.header, num_ctx, parallel, version)
        return await asyncio.to_thread(_judge, found, plan, source, pids, container, freed)

    async def _find(self, engine: Engine | None, source: str, kind: EngineKind) -> Found:
        if engine is not None and parse(source) is not None:
            try:
                details = await engine.client.show(source)
                sizes = {model.name: model.size_bytes for model in await engine.client.tags()}
                return await asyncio.to_thread(_of_engine, details, engine, sizes.get(_short(source)))
            except StudyError as error:
                if not error.key.startswith("error.model.missing"):
                    raise
        plan = await asyncio.to_thread(sources.classify, source, kind)
        if plan.kind == "url":
            from core.gguf.remote import read_remote_header

            remote = await read_remote_header(plan.value)
            return Found(remote.header, without_secrets(plan.value), remote.file_bytes, remote.transferred)
        if plan.kind == "registry":
            return await _registry(plan.value)
        return await asyncio.to_thread(_local, plan)


def _before_030(version: str) -> bool:
    """Whether an Ollama is older than 0.30; one that does not tell, or a development build (0.0.0), is not."""
    found = re.match(r"0\.(\d+)\.", version)
    return found is not None and 0 < int(found[1]) < 30


async def _registry(name: str) -> Found:
    from core.fit import known
    from core.gguf.ollama_registry import find
    from core.gguf.remote import read_remote_header

    try:
        model = await find(name, base_url=os.environ.get(REGISTRY_VARIABLE, ""))
        remote = await read_remote_header(model.url)
    except StudyError as error:
        # Without a network, what is known of the well-known models is better than no answer.
        shape = known(name) if error.key in _UNREACHED else None
        if shape is None:
            raise
        header = shape.header()
        return Found(
            header,
            tr("fit.source.table", name=shape.name, reason=error.message.rstrip(".")),
            header.tensors.bytes,
        )
    return Found(
        remote.header, without_secrets(model.url), model.size, remote.transferred, model.projector_bytes
    )


def _short(source: str) -> str:
    name = parse(source)
    return name.short if name is not None else source


def _of_engine(details: ModelDetails, engine: Engine, size: int | None) -> Found:
    """From the model's own file where it can be read, else from what the engine tells of it."""
    from core.fit import header_from_show

    path = Path(details.file) if details.file else None
    if path is not None and engine.kind != "docker":
        try:
            return Found(read_header(path), clean_line(str(path)))
        except (GgufError, OSError):
            pass
    return Found(header_from_show(dict(details.model_info), size or 0), engine.url)


def _local(plan: sources.Plan) -> Found:
    from core.embedded.download import DownloadError
    from core.embedded.sources import package_files

    try:
        paths = package_files(plan.value).paths if plan.kind == "package" else (Path(plan.value),)
    except DownloadError as error:
        raise PullFailed(error.code, **error.params) from None
    path = paths[0]
    if not path.is_file():
        raise UsageError("error.pull.path", what=clean_line(str(path)))
    try:
        return Found(read_header(path), clean_line(str(path)))
    except (GgufError, OSError) as error:
        raise PullFailed("not_gguf", reason=str(error)) from None


async def _loaded(engine: Engine | None) -> int:
    """What the embedded engine gives back before it loads: it holds one chat model at a time."""
    if engine is None or engine.kind != "embedded":
        return 0
    try:
        loaded = await engine.client.ps()
    except StudyError:
        return 0
    return sum(model.size_bytes or 0 for model in loaded if model.name != f"{engine.embed_model}:latest")


def _judge(
    found: Found, plan: LoadPlan, source: str, pids: list[int], container: ContainerStatus | None, freed: int
) -> FitReport:
    from core import fit

    model = clean_line(without_secrets(source), max_chars=120)
    available = fit.availability(root_pids=pids, container=container, freed=freed)
    try:
        return fit.report(
            found.header, plan, available, model=model, source=clean_line(found.source),
            projector_bytes=found.projector_bytes, download_bytes=found.download_bytes,
            metadata_bytes=found.metadata_bytes,
        )  # fmt: skip
    except (GgufError, ValueError, ZeroDivisionError):
        # A header that lacks what the formula needs, for example an architecture without layers.
        return FitReport(model, clean_line(found.source), available, Verdict("unknown"))
