"""What the answer to "will it fit?" is made of. Plain data, light to import: the interface shows it as it is.

Sizes are bytes throughout. A number that is not known is ``None``, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

TermName = Literal[
    "weights", "tied", "repack", "kv_cache", "state", "compute", "output", "runtime", "projector"
]
VerdictKind = Literal["fits", "smaller_context", "too_big", "unknown"]
RoomName = Literal["memory", "swap", "cgroup", "container", "gpu"]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How a model would be loaded: what the estimate is for."""

    num_ctx: int
    """Context of each slot, tokens."""
    parallel: int = 1
    """Slots; each has a full context."""
    batch: int = 512
    """Most tokens computed at once (llama.cpp's ``n_ubatch``)."""
    kv_type: str = "f16"
    """Type of the KV cache's elements: ``f16``, ``q8_0``, ``q4_0``."""
    mmap: bool = True
    """Weights mapped from the file (reclaimable page cache) or copied to anonymous memory."""
    tied_twice: bool = False
    """An embedding table that is the output matrix too is kept twice, as Ollama's own engine (before 0.30) does."""


@dataclass(frozen=True, slots=True)
class Term:
    """One part of the sum. Its name and explanation are the messages ``fit.term.<name>`` and ``….help``."""

    name: TermName
    bytes: int
    formula: str
    """The formula with its numbers filled in, ASCII and ``×`` only, for example ``2 × 32 layers × …``."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Memory a model will take, term by term."""

    model: str
    architecture: str
    plan: LoadPlan
    terms: tuple[Term, ...]
    exact_weights: bool = True
    """False: the sizes of the tensors are not known (only the file's size, or counts)."""
    reclaimable: int = 0
    """Part of the weights that stays in the page cache but is not read again, because a copy in the processor's
    layout is used (term ``repack``), bytes. The kernel takes it back when memory gets short."""

    @property
    def total(self) -> int:
        """Sum of all terms, bytes: what will be measured when there is plenty."""
        return sum(term.bytes for term in self.terms)

    @property
    def needed(self) -> int:
        """What must be there for the model to run, bytes: the total without what can be taken back for free."""
        return self.total - self.reclaimable


@dataclass(frozen=True, slots=True)
class Room:
    """One place memory could come from, or one limit on it."""

    name: RoomName
    available: int
    total: int | None = None
    detail: str = ""
    """Where the number is from, for example a cgroup's path or a GPU's name; foreign text cleaned."""


@dataclass(frozen=True, slots=True)
class Availability:
    """What is available to the engine, each source named."""

    rooms: tuple[Room, ...] = ()
    binding: RoomName | None = None
    """The source that decides: the smallest limit that applies. ``None``: nothing could be read."""

    @property
    def bytes(self) -> int | None:
        """What may be used before the machine swaps or the kernel kills, bytes."""
        return next((room.available for room in self.rooms if room.name == self.binding), None)


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do, with its price: the message ``fit.advice.<key>`` filled with ``params``."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """JSON values; sizes are already written with their unit. ``enough`` false: it does not help alone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Fits or not, by how much, and what to do."""

    kind: VerdictKind
    needed: int | None = None
    available: int | None = None
    num_ctx: int | None = None
    """Largest context per slot, tokens, that fits; set for ``smaller_context``."""
    advice: tuple[Advice, ...] = ()

    @property
    def short(self) -> int | None:
        """Bytes missing; 0 when it fits, ``None`` when not known."""
        if self.needed is None or self.available is None:
            return None
        return max(0, self.needed - self.available)


@dataclass(frozen=True, slots=True)
class FitReport:
    """The whole answer for one model."""

    model: str
    source: str
    """Where the header came from: a path, a URL, an engine; cleaned."""
    availability: Availability
    verdict: Verdict
    estimate: Estimate | None = None
    """``None`` when the header could not be had; then the verdict is ``unknown``."""
    download_bytes: int | None = None
    """What a pull would download; ``None`` when the model is here already or it is not known."""
    metadata_bytes: int | None = None
    """Bytes that were transferred to know (of a remote header)."""
