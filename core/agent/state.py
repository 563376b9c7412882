"""What a run knows while it goes on: in memory (:class:`RunState`) and in its checkpoint (:class:`Place`)."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NotRequired

from langchain.agents import AgentState
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from core.agent.context.counter import Counter, Estimate
from core.agent.context.fit import Summary
from core.agent.routing import Router
from core.agent.spans import Recorder
from core.agent.types import Plan, RecordedTool, Step, Tool, ToolContext, ToolResult
from core.events import Citation, Event, Route, Usage
from core.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class Place(AgentState[Any]):
    """What the checkpoint holds beside the messages; JSON values only."""

    run_id: NotRequired[str]
    """The run the checkpoint belongs to."""
    plan: NotRequired[dict[str, Any]]
    """:func:`plan_to_json`; empty where the model chooses its tools itself."""
    facts: NotRequired[list[str]]
    """What the user asked to remember and belongs to the question, best first."""


@dataclass
class RunState:
    """One run. Everything here can be made again from the store and the checkpoint."""

    question: str
    recorder: Recorder
    context: ToolContext
    tools: Mapping[str, Tool]
    router: Router
    settings: Settings
    route: Route
    route_reason: str
    model_name: str
    small: bool
    """The model is too small to be trusted with wording a tool's result."""
    chat_model: Callable[[str], BaseChatModel]
    """The client of a model as the engine is now: after a restart it is somewhere else."""
    engine_ready: Callable[[], Any]
    """Waits until the engine answers again, for a limited time."""
    emit: Callable[[Event], None]
    reroute: Callable[[str], tuple[Route, str]]
    """Told that a model refuses tools; gives its route from now on."""
    digest: str = ""
    """Of the model, when the engine tells it."""
    counter: Counter = field(default_factory=Estimate)
    """Counts tokens before they are sent."""
    summary: Summary | None = None
    """Stands for the oldest messages of the session, once one had to be made."""
    forced: Plan | None = None
    recorded: list[RecordedTool] | None = None
    """Results to be given instead of calling the tools (a replay); ``None``: tools are called."""
    dropped: int = 0
    """Earlier messages left out for lack of room."""
    calls: int = 0
    """Model and tool calls so far."""
    began: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    """Seconds spent waiting for the user: nobody's time."""
    waited_first: float = 0.0
    """Of those, before the first token."""
    usage: Usage = field(default_factory=Usage)
    generation_s: float = 0.0
    first_token_at: float | None = None
    """``time.perf_counter()`` of the first token the model wrote (its end token, when it writes nothing)."""
    call_began_at: float = 0.0
    call_first_at: float | None = None
    told: list[str] = field(default_factory=list)
    """What other tools than the document search returned, and facts of the user's: an answer may rest on them too."""
    abstained: bool = False
    """The answer is that the documents do not tell."""
    cut: bool = False
    """The last answer stopped at ``num_predict`` or the end of the context window."""
    take_text: Callable[[str], None] | None = None
    """Where streamed text goes instead of the answer: held back, or parsed first."""

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Make a call nobody reads: its text is neither the answer nor the first token of one."""
        before = self.take_text, self.first_token_at, self.cut
        self.take_text = lambda _: None
        try:
            yield
        finally:
            self.take_text, self.first_token_at, self.cut = before

    def take(self, raw: str, tokens: int) -> None:
        """Take streamed text of the model."""
        if self.context.hub is not None:
            self.context.hub.note_tokens(tokens)
        now = time.perf_counter()
        self.call_first_at = self.call_first_at or now
        self.first_token_at = self.first_token_at or now
        if raw:
            (self.take_text or self.recorder.add_text)(raw)


running: ContextVar[RunState] = ContextVar("running")
"""The run whose steps this task takes."""


# -- plans ---------------------------------------------------------------------------------------------


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as it is kept in the checkpoint."""
    return {"steps": [[step.tool, dict(step.arguments)] for step in plan.steps], "ask": plan.ask}


def plan_of(state: Mapping[str, Any]) -> Plan:
    """Return the plan of a checkpoint's state."""
    kept = state.get("plan") or {}
    steps = tuple(Step(str(tool), dict(arguments)) for tool, arguments in kept.get("steps", ()))
    return Plan(steps, ask=str(kept.get("ask", "")))


# -- turns and results ---------------------------------------------------------------------------------


def this_turn(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return what came after the last question."""
    last = max((at for at, one in enumerate(messages) if isinstance(one, HumanMessage)), default=-1)
    return list(messages[last + 1 :])


def calls_of(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the tool calls made in some messages, in order."""
    return [dict(call) for one in messages if isinstance(one, AIMessage) for call in one.tool_calls]


def results_of(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    """Return the tool results in some messages in the order of their calls: they come in the order they end."""
    place = {call["id"]: at for at, call in enumerate(calls_of(messages))}
    found = [one for one in messages if isinstance(one, ToolMessage)]
    return sorted(found, key=lambda one: place.get(one.tool_call_id, len(place)))


def artifact_of(result: ToolResult) -> dict[str, Any]:
    """Return a result as it goes into the checkpoint: JSON values."""
    return {
        "ok": result.ok,
        "answer": result.answer,
        "error": result.error,
        "citations": [dataclasses.asdict(item) for item in result.citations],
    }


def answer_of(message: ToolMessage) -> str:
    """Return the sentence for the user that came with a result, if one did."""
    return str((message.artifact or {}).get("answer", "")) if isinstance(message.artifact, dict) else ""


def is_ok(message: ToolMessage) -> bool:
    """Say whether a tool did what it was asked."""
    return message.status != "error"


def citations_of(messages: Sequence[BaseMessage]) -> list[Citation]:
    """Return the passages found in some messages."""
    return [
        Citation(**item)
        for one in results_of(messages)
        if isinstance(one.artifact, dict)
        for item in one.artifact.get("citations", ())
    ]
