"""Rows about models, pulls and loads. Plain data, light to import.

Times are Unix seconds, sizes bytes, rates bytes per second; what is not known is ``None``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.events import EngineKind, Route
from core.fit.types import Verdict
from core.text import without_secrets

PullStatus = Literal["queued", "running", "verifying", "done", "failed", "cancelled", "interrupted"]
LoadOutcome = Literal["ok", "failed", "out_of_memory"]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model of the engine, as the table shows it."""

    name: str
    size_bytes: int | None = None
    """On disk."""
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    context_length: int | None = None
    """Tokens it was trained for."""
    capabilities: tuple[str, ...] = ()
    digest: str = ""
    modified_at: float | None = None
    loaded: bool = False
    memory_bytes: int | None = None
    """As the engine says, while loaded."""
    loaded_context: int | None = None
    """Tokens it is loaded with."""
    expires_at: float | None = None
    """When it will be unloaded."""
    current: bool = False
    """It is the chat model in use."""
    verdict: Verdict | None = None
    """``None`` until it was estimated."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything known about one model."""

    row: ModelRow
    architecture: str = ""
    parameter_count: int | None = None
    embedding_length: int | None = None
    template: str = ""
    """Cleaned, bounded."""
    licence: str = ""
    """First line or identifier, cleaned."""
    route: Route | None = None
    """How tools would be chosen with it, and why."""
    route_reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Further keys worth showing, values as text, cleaned."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of a pull."""

    digest: str
    total_bytes: int | None
    done_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Pull:
    """One download, on disk as a row of ``pulls``: what it is, how far, how fast."""

    id: str
    source: str
    """What was asked for: a model name, a URL, a path, a wheel."""
    model: str
    """The name it gets."""
    engine: EngineKind
    status: PullStatus
    total_bytes: int | None = None
    done_bytes: int = 0
    bytes_per_s: float | None = None
    """Over the last seconds while it runs; over the whole download when it is done."""
    eta_s: float | None = None
    seconds: float = 0.0
    """Time spent downloading, pauses and waits left out."""
    resumed_bytes: int = 0
    """What an earlier attempt had left."""
    attempts: int = 0
    layers: tuple[Layer, ...] = ()
    queued_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    note: str = ""
    """What it waits for or does, a sentence."""
    error: str = ""
    fix: str = ""
    sha256: str = ""
    """What the file must hash to, when that was asked for."""

    @property
    def shown_source(self) -> str:
        """What was asked for, as it may be shown: the token in an address stays with whoever typed it."""
        return without_secrets(self.source)

    @property
    def live(self) -> bool:
        """Whether it still may change by itself."""
        return self.status in ("queued", "running", "verifying")


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """One load of a model: predicted and measured."""

    id: str
    ts: float
    model: str
    digest: str
    architecture: str
    engine: EngineKind
    engine_version: str
    num_ctx: int
    parallel: int
    outcome: LoadOutcome
    load_ms: float | None = None
    predicted_bytes: int | None = None
    predicted: Mapping[str, int] = field(default_factory=dict)
    """By term."""
    measured_bytes: int | None = None
    """Peak PSS of the engine's process tree minus what it took before the load."""
    anon_bytes: int | None = None
    file_bytes: int | None = None
    container_bytes: int | None = None
    """The container's memory without inactive file cache."""
    implicit: bool = False
    """Nobody asked for it by name: the engine's first load, or one a question caused."""
    error: str = ""

    @property
    def difference(self) -> float | None:
        """(predicted − measured) / measured; ``None`` when one of them is missing."""
        if not self.measured_bytes or self.predicted_bytes is None:
            return None
        return (self.predicted_bytes - self.measured_bytes) / self.measured_bytes
