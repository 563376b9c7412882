"""What the agent's parts hand each other. Plain data, light to import.

Times are Unix seconds, durations seconds where a name ends in ``_s`` and milliseconds in ``_ms``, money US dollars.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.events import Citation, Hit
from core.session.rows import Answer as Answer
from core.session.rows import Fact as Fact
from core.session.rows import PermissionRequest as PermissionRequest
from core.session.rows import Rerun as Rerun

if TYPE_CHECKING:
    from core.agent.spans import Recorder
    from core.engines import Engine
    from core.rag.types import SearchResult
    from core.session import Store
    from core.settings import Settings
    from core.telemetry import Hub

Permission = Literal["allow", "ask", "deny"]
Search = Callable[..., Awaitable["list[Hit] | SearchResult"]]
"""Finds passages: query, how many; ``collection=`` only in the collection of this id or name. A bare list does not say whether
it has the answer."""
Docs = bool | str
"""Whether documents are searched whatever the router says; a text: in the collection of this id or name only."""
DecidedBy = Literal["code", "examples", "documents", "model", "user", "none"]


# -- tools -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ToolContext:
    """What a tool may use. Made once a run."""

    run_id: str
    session_id: str
    store: Store
    engine: Engine
    settings: Settings
    recorder: Recorder
    hub: Hub | None = None
    search: Search | None = None
    """``None``: there are no documents."""
    question: str = ""
    """The user's own words of this run."""
    citations: list[Citation] = field(default_factory=list)
    """Passages found so far, numbered on through the run; each search adds its own."""


@dataclass(frozen=True)
class ToolResult:
    """What a tool found."""

    text: str
    """What a model reads: cleaned, within the tool's size limit."""
    answer: str = ""
    """A sentence for the user in the user's language, when a small model's wording is not to be trusted."""
    ok: bool = True
    error: str = ""
    """Key of the error when not ok (``text`` is its sentence)."""
    citations: tuple[Citation, ...] = ()
    links: tuple[str, ...] = ()
    """Addresses a later ``fetch_page`` may open."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """For the trace; JSON values."""
    cached: bool = False
    attempts: int = 1


@dataclass(frozen=True)
class Tool:
    """One tool. Its arguments are flat and typed: nested schemas are lost on Ollama's wire."""

    name: str
    description: str
    """For the model: one or two short sentences."""
    schema: Mapping[str, Any]
    """JSON schema of the arguments: an object of strings, numbers, integers, booleans or enums."""
    call: Callable[[ToolContext, Mapping[str, Any]], Awaitable[ToolResult]]
    timeout_s: float = 20.0
    retries: int = 0
    """Times it is tried again after what can be tried again (transport, 5xx, 429)."""
    cache_s: float = 0.0
    """How long an answer stays good; 0 is never kept, ``inf`` does not age."""
    max_chars: int = 8_000
    """A longer result is cut, and says so."""
    leaves: str = ""
    """Message key of the sentence that says what leaves the machine; empty: nothing does."""
    untrusted: bool = False
    """Whether its result was written by others (pages, documents): information, never instruction."""
    source: str = "builtin"
    """``builtin`` or ``mcp:<server>``."""


@dataclass(frozen=True)
class RecordedTool:
    """A tool call of an earlier run with its result, for a replay: the tool is not called again."""

    tool: str
    arguments: Mapping[str, Any]
    result: ToolResult


# -- routing -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One tool call decided on."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What was decided for a question on the routed route, before any untrusted text was read."""

    steps: tuple[Step, ...] = ()
    """Tools in order; none: the model answers."""
    by: DecidedBy = "none"
    score: float | None = None
    """Cosine that decided, ``None`` when code did."""
    nearest: str = ""
    """The nearest labelled example, to see why."""
    unsure: tuple[str, ...] = ()
    """The classes it was between, when the model was asked (or could not be)."""
    ask: str = ""
    """A question to the user, when an argument is missing: the answer instead of a tool call."""


# -- context -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the context window went, in tokens, for one model call.

    ``system + tools + memory + retrieved + history + question + reserve <= num_ctx``.
    """

    num_ctx: int
    system: int = 0
    tools: int = 0
    memory: int = 0
    retrieved: int = 0
    history: int = 0
    question: int = 0
    reserve: int = 0
    """Kept free for the answer."""
    counted: bool = False
    """True: by the model's own tokenizer; False: estimated, calibrated by earlier counts."""
    reported: int | None = None
    """The server's ``prompt_eval_count``, once it answered."""
    cut_results: int = 0
    """Old tool results cleared for room."""
    summarised: int = 0
    """Messages that a summary stands for."""
    dropped: int = 0
    """Messages left out."""
    cut_by_server: bool = False
    """The server read clearly fewer tokens than were sent: it cut the front."""

    @property
    def prompt(self) -> int:
        """Tokens of the prompt."""
        return self.system + self.tools + self.memory + self.retrieved + self.history + self.question


# -- money -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostedPrice:
    """What the same tokens would cost at a hosted model."""

    model: str
    provider: str
    usd: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call, a run or a session took."""

    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    """Of the machine, while the engine worked."""
    energy_wh: float | None = None
    energy_measured: bool = False
    """True: from a meter (RAPL, NVML); False: from the power in the settings."""
    local_usd: float | None = None
    """Hardware and power by the settings; ``None`` when they say nothing."""
    hosted: tuple[HostedPrice, ...] = ()
    prices_date: str = ""
    """Of the hosted prices, ISO."""
