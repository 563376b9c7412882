"""What the core tells whoever watches it: frozen dataclasses, all of them plain data.

Times are Unix seconds (``time.time()``), durations milliseconds, sizes bytes, rates per second. A value that
could not be measured is ``None``; it is shown as N/A, never as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.events.answers import AnswerSupport, Citation, SentenceSupport, SourceNote, SupportStatus
from core.events.documents import Document, DocumentStatus, Hit, IngestProgress

if TYPE_CHECKING:
    from core.agent.types import Budget
    from core.containers.types import ContainerStatus, UpProgress
    from core.models.types import Pull
    from core.session.rows import PermissionRequest, Rerun

__all__ = [
    "AnswerSupport",
    "Citation",
    "ContainerChanged",
    "ContainerLog",
    "ContainerUse",
    "ContextMeasured",
    "Detail",
    "Document",
    "DocumentStatus",
    "EngineChanged",
    "EngineKind",
    "EngineState",
    "EngineStatus",
    "Event",
    "Gpu",
    "Hit",
    "IngestProgress",
    "LabChanged",
    "LoadedUse",
    "MemoryUse",
    "ModelsChanged",
    "Notice",
    "PermissionAnswered",
    "PermissionAsked",
    "PullChanged",
    "QueueChanged",
    "ReplayChanged",
    "Route",
    "RunEnded",
    "RunStarted",
    "RunStatus",
    "RunWaits",
    "Sample",
    "SentenceSupport",
    "SourceNote",
    "Span",
    "SpanEnded",
    "SpanKind",
    "SpanStarted",
    "SpanStatus",
    "StoreChanged",
    "SupportStatus",
    "TextReplaced",
    "TokenDelta",
    "Usage",
]

SpanKind = Literal[
    "agent", "route", "model", "tool", "retrieval", "embedding", "retry", "permission", "memory", "summary"
]
SpanStatus = Literal["running", "ok", "error", "cancelled"]
RunStatus = Literal["running", "waiting", "ok", "error", "cancelled", "interrupted"]
Route = Literal["native", "constrained", "routed"]
EngineKind = Literal["ollama", "docker", "embedded"]
EngineState = Literal["starting", "ready", "loading", "generating", "restarting", "down"]


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a run, named as in the OpenTelemetry GenAI conventions (:mod:`core.agent.semconv`)."""

    id: str
    run_id: str
    parent_id: str | None
    name: str
    """For example ``execute_tool calculator`` or ``chat smollm2:135m``."""
    kind: SpanKind
    status: SpanStatus
    start: float
    """Unix seconds."""
    duration_ms: float | None
    """``None`` while it runs."""
    attributes: Mapping[str, Any]
    """JSON values only, foreign text in them already cleaned."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the engine counted them."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """The engine's memory (PSS of its process tree, else RSS) around one generation."""

    before_bytes: int | None = None
    peak_bytes: int | None = None
    after_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A question was accepted: both message rows and the run row are on disk."""

    run_id: str
    session_id: str
    user_message_id: str
    assistant_message_id: str


@dataclass(frozen=True, slots=True)
class TokenDelta:
    """More text of the answer, cleaned. Shown at once, on disk within 250 ms."""

    run_id: str
    session_id: str
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TextReplaced:
    """The answer so far is this, whole: a model call broke off and is made again. On disk."""

    run_id: str
    session_id: str
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class SpanStarted:
    """A step began; its row is on disk."""

    session_id: str
    span: Span


@dataclass(frozen=True, slots=True)
class SpanEnded:
    """A step ended; its row is on disk."""

    session_id: str
    span: Span


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The answer is complete, cancelled or failed; everything about it is on disk."""

    run_id: str
    session_id: str
    message_id: str
    status: RunStatus
    answer: str
    route: Route | None
    engine: str
    model: str
    usage: Usage
    ttft_ms: float | None
    """Question sent → first answer token received."""
    tokens_per_s: float | None
    """Output tokens / generation time, as the engine timed it."""
    memory: MemoryUse
    citations: tuple[Citation, ...] = ()
    error: str = ""
    """What went wrong, a sentence for the user; empty when nothing did."""
    fix: str = ""
    support: AnswerSupport | None = None
    """``None``: the answer is not from documents."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics card, as its driver says. Board-level: other programs' use is in it."""

    name: str
    utilisation_percent: float | None = None
    """Share of the time in which any kernel ran."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    engine_memory_bytes: int | None = None
    """What the engine's processes have of it."""
    power_w: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class LoadedUse:
    """One model in the engine's memory, from ``/api/ps``."""

    name: str
    size_bytes: int | None = None
    size_vram_bytes: int | None = None
    context_length: int | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class ContainerUse:
    """What the service's container uses."""

    name: str
    state: str
    """See :data:`core.containers.types.ContainerState`."""
    cpu_percent: float | None = None
    """100 is one core."""
    memory_bytes: int | None = None
    """Without inactive file cache."""
    memory_limit: int | None = None
    restarts: int | None = None
    oom_killed: bool | None = None
    oom_kills: int | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """The finer figures of a sample: what only a large panel shows. Rates are bytes per second."""

    cores_percent: tuple[float, ...] = ()
    load_average: tuple[float, float, float] | None = None
    """Runnable processes, averaged over 1, 5 and 15 minutes."""
    swap_total_bytes: int | None = None
    disk_read: float | None = None
    disk_write: float | None = None
    network_received: float | None = None
    network_sent: float | None = None
    engine_threads: int | None = None
    engine_read: float | None = None
    """What the engine's processes really read from disks."""
    engine_write: float | None = None
    engine_pss_anon_bytes: int | None = None
    engine_pss_file_bytes: int | None = None
    gpus: tuple[Gpu, ...] = ()
    pressure_cpu: float | None = None
    """PSI ``some avg10``: share of the last 10 s in which some task waited for it, percent."""
    pressure_memory: float | None = None
    pressure_io: float | None = None
    cgroup_memory_bytes: int | None = None
    """Of the cgroup this program runs in, without inactive file cache."""
    cgroup_limit_bytes: int | None = None
    oom_kills: int | None = None
    """Kernel out-of-memory kills counted by that cgroup, else by the machine."""
    container: ContainerUse | None = None
    loaded: tuple[LoadedUse, ...] = ()
    kv_used_tokens: int | None = None
    """Tokens in the KV cache of all slots."""
    kv_total_tokens: int | None = None
    prompt_tokens_per_s: float | None = None
    """Of the last finished request, as the engine timed it."""
    generated_tokens_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of the machine and of the engine's process tree."""

    ts: float
    run_id: str | None = None
    cpu_percent: float | None = None
    """Whole machine, 0–100."""
    memory_used_bytes: int | None = None
    """Total minus available."""
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    swap_used_bytes: int | None = None
    engine_pss_bytes: int | None = None
    """Proportional set size, summed over the tree; RSS where PSS is not readable."""
    engine_rss_bytes: int | None = None
    engine_anon_bytes: int | None = None
    """The part of :attr:`engine_pss_bytes` that belongs to no file: KV cache, buffers, copied weights."""
    engine_file_bytes: int | None = None
    """The rest of :attr:`engine_pss_bytes`: mapped from files (weights), shared memory included."""
    engine_cpu_percent: float | None = None
    """100 is one core."""
    engine_processes: int | None = None
    tokens_per_s: float | None = None
    """While an answer streams: tokens in the last second."""
    detail: Detail | None = None
    """``None`` where nobody looked closer."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine in use, as the header shows it."""

    kind: EngineKind
    state: EngineState
    url: str = ""
    version: str = ""
    model: str = ""
    route: Route | None = None
    route_reason: str = ""
    pid: int | None = None
    """Root of the engine's process tree, when it runs on this machine and is known."""
    detail: str = ""
    """A sentence for the user when the state needs one (why it is down, what it waits for)."""
    context_length: int | None = None
    queue: int | None = None
    slots_busy: int | None = None
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class EngineChanged:
    """The engine's status changed."""

    status: EngineStatus


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """Rows of the session store changed and are committed."""

    table: str
    ids: tuple[str, ...] = ()
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a user should know that belongs to no run."""

    text: str
    severity: Literal["information", "warning", "error"] = "information"


@dataclass(frozen=True, slots=True)
class PullChanged:
    """A pull began, moved on or ended; its row is on disk (progress at most every 250 ms)."""

    pull: Pull


@dataclass(frozen=True, slots=True)
class ModelsChanged:
    """The engine's models are not what they were: one came, went, was loaded, unloaded or chosen."""


@dataclass(frozen=True, slots=True)
class ContainerChanged:
    """The service's container changed, or was read again."""

    status: ContainerStatus
    progress: UpProgress | None = None
    """Set while it is being started."""


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """Lines of the container's log, cleaned."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabChanged:
    """A run of the lab moved on; its rows are on disk."""

    run_id: str
    status: str
    done: int
    """Measurements made, of ``total``."""
    total: int
    eta_s: float | None = None
    now: str = ""
    """What is being measured now, a sentence."""


@dataclass(frozen=True, slots=True)
class PermissionAsked:
    """A run waits for the user's word; the question is on disk and survives a restart."""

    request: PermissionRequest


@dataclass(frozen=True, slots=True)
class PermissionAnswered:
    """The user answered (or the run was cancelled: ``request.answer`` is ``deny``)."""

    request: PermissionRequest


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """The questions that wait for their session's run to end: id and text, oldest first; on disk."""

    session_id: str
    waiting: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ContextMeasured:
    """Where the context window of a model call went; sent before the call and once more after it."""

    run_id: str
    session_id: str
    budget: Budget


@dataclass(frozen=True, slots=True)
class RunWaits:
    """A run waits for something that is not the user: a retry, a place in the engine's queue, the engine's restart."""

    run_id: str
    session_id: str
    text: str
    """A sentence; empty when it goes on."""


@dataclass(frozen=True, slots=True)
class ReplayChanged:
    """A repeated call or run ended; its row is on disk."""

    rerun: Rerun
    done: int
    total: int


Event = (
    RunStarted
    | TokenDelta
    | TextReplaced
    | SpanStarted
    | SpanEnded
    | RunEnded
    | Sample
    | EngineChanged
    | IngestProgress
    | StoreChanged
    | Notice
    | PullChanged
    | ModelsChanged
    | ContainerChanged
    | ContainerLog
    | LabChanged
    | PermissionAsked
    | PermissionAnswered
    | QueueChanged
    | ContextMeasured
    | RunWaits
    | ReplayChanged
)
