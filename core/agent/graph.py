"""The LangGraph graph of one run: ``create_agent`` with one middleware of ours that chooses tools and keeps the trace."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from core.agent import check, prompts, semconv
from core.agent.routing import Decision, Router
from core.agent.spans import Recorder
from core.agent.tools import Toolbox, langchain_tools, passages
from core.errors import StudyError
from core.events import Route, Usage
from core.session.chat import new_id
from core.settings import Settings
from core.text import clean

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@dataclass
class RunState:
    """What one run knows while it goes on."""

    question: str
    recorder: Recorder
    toolbox: Toolbox
    router: Router
    settings: Settings
    route: Route
    route_reason: str
    model_name: str
    small: bool
    """The model is too small to be trusted with wording a tool's result."""
    tools: Sequence[str]
    forced: Decision | None = None
    dropped: int = 0
    """Earlier messages left out for lack of room."""
    usage: Usage = field(default_factory=Usage)
    generation_s: float = 0.0
    first_token_at: float | None = None
    """``time.perf_counter()`` of the first token the model wrote (its end token, when it writes nothing)."""
    call_began_at: float = 0.0
    call_first_at: float | None = None
    held: list[str] | None = None
    """A small model's wording of a tool's result, held back until it is checked."""

    def take(self, raw: str) -> None:
        """Take streamed text of the model."""
        now = time.perf_counter()
        self.call_first_at = self.call_first_at or now
        self.first_token_at = self.first_token_at or now
        if not raw:
            return
        if self.held is not None:
            self.held.append(raw)
            return
        self.recorder.add_text(raw)


class TraceAndRoute(AgentMiddleware):
    """Wraps every model and tool call: chooses the tool on the routed route, fits the prompt, records spans."""

    def __init__(self, state: RunState) -> None:
        super().__init__()
        self.state = state

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Choose a tool, or let the model speak."""
        run = self.state
        last = request.messages[-1]
        if isinstance(last, HumanMessage) and (run.route == "routed" or run.forced):
            decision = await self._decide()
            if decision.tool:
                call = {"name": decision.tool, "args": dict(decision.arguments), "id": f"call_{new_id()}"}
                return AIMessage(content="", tool_calls=[{**call, "type": "tool_call"}])
        if run.route == "native":
            return await self._speak(request, handler, request.messages, {}, system=prompts.NATIVE)
        if isinstance(last, ToolMessage) and run.small:
            return await self._word_result(request, handler, last)
        messages, system = self._plain_messages(request.messages)
        return await self._speak(request.override(tools=[]), handler, messages, {}, system=system)

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Run a tool inside a span; a failure becomes its result, so that the run goes on."""
        call = request.tool_call
        attributes = {
            semconv.OPERATION: "execute_tool",
            semconv.TOOL_NAME: call["name"],
            semconv.TOOL_CALL_ID: call["id"],
            semconv.TOOL_ARGUMENTS: call["args"],
        }
        async with self.state.recorder.span(f"execute_tool {call['name']}", "tool", attributes) as seen:
            try:
                message = await handler(request)
            except StudyError as error:
                seen["status"] = "error"
                seen[semconv.ERROR_TYPE], seen[semconv.ERROR_MESSAGE] = error.key, str(error)
                message = ToolMessage(str(error), tool_call_id=call["id"], name=call["name"], status="error")
            seen[semconv.TOOL_RESULT] = clean(str(message.content), max_chars=20_000)
            if getattr(message, "status", "success") == "error":
                seen["status"] = "error"
        return message

    async def _decide(self) -> Decision:
        run = self.state
        if run.forced:
            decision, run.forced = run.forced, None
            return decision
        async with run.recorder.span("route", "route", {semconv.ROUTE: run.route}) as attributes:
            decision = await run.router.decide(run.question, run.tools)
            attributes["name"] = f"route → {decision.tool or 'answer'}"
            attributes[semconv.ROUTE_REASON] = run.route_reason
            if decision.score is not None:
                attributes[semconv.DECISION_SCORE] = round(decision.score, 4)
                attributes[semconv.DECISION_NEAREST] = decision.nearest
        return decision

    def _plain_messages(self, messages: Sequence[BaseMessage]) -> tuple[list[BaseMessage], str]:
        """Rewrite tool calls and results as plain text, for a model that knows no tools; also the system text."""
        run = self.state
        last = messages[-1]
        if not isinstance(last, ToolMessage):
            return [message for message in messages if not isinstance(message, ToolMessage)], prompts.SYSTEM
        if last.name == "search_documents" and run.toolbox.citations:
            room = (
                run.settings.num_ctx - prompts.estimate_tokens(run.question) - 160 - run.settings.num_predict
            )
            found = passages(prompts.fit_passages(run.toolbox.citations, room))
            return [HumanMessage(f"{found}\n\n{run.question}")], prompts.WITH_PASSAGES
        return [HumanMessage(f"{run.question}\n\n{last.name}: {last.content}")], prompts.WITH_RESULT

    async def _word_result(
        self, request: Any, handler: Callable[[Any], Awaitable[Any]], tool: ToolMessage
    ) -> Any:
        """Let a small model word a tool's result, and keep its words only when the result bears them out."""
        run, result, name = self.state, str(tool.content), tool.name or ""
        citations = run.toolbox.citations
        told: list[BaseMessage] = [
            HumanMessage(text) if role == "user" else AIMessage(text)
            for role, text in prompts.for_small_model(name, run.question, result, citations)
        ]
        options = {**options_of(run.settings), "num_predict": prompts.SMALL_MODEL_TOKENS, "stop": ["\n"]}
        if self._quotes(tool):
            # The passage itself needs no model: it is on screen while the model still reads.
            run.recorder.add_text(prompts.plain_result(name, result, citations))
        run.held = []
        try:
            response = await self._speak(
                request.override(tools=[]),
                handler,
                told,
                {"options": options},
                system=prompts.WITH_RESULT,
                checked=tool,
            )
        finally:
            run.held = None
        return response

    def _checked(self, tool: ToolMessage, words: str, seen: dict[str, Any]) -> None:
        """Show what may be shown of a small model's wording."""
        run, result = self.state, str(tool.content)
        text = clean(words).strip()
        if self._quotes(tool):
            best = run.toolbox.citations[0]
            kept = check.says_nothing_new(text, best.text, run.question) and check.adds_to_question(
                text, run.question
            )
            answer = f"\n\n{text} [{best.number}]" if kept else ""
        else:
            same_language = prompts.has_hangul(text) or not prompts.has_hangul(run.question)
            kept = (
                tool.status != "error" and same_language and check.states_result(text, result, run.question)
            )
            answer = text if kept else prompts.plain_result(tool.name or "", result, ())
        seen[semconv.CHECK] = "kept" if kept else "replaced"
        run.recorder.add_text(answer)

    def _quotes(self, tool: ToolMessage) -> bool:
        return tool.name == "search_documents" and bool(self.state.toolbox.citations)

    async def _speak(
        self,
        request: Any,
        handler: Callable[[Any], Awaitable[Any]],
        messages: Sequence[BaseMessage],
        model_settings: dict[str, Any],
        *,
        system: str,
        checked: ToolMessage | None = None,
    ) -> Any:
        run = self.state
        options = model_settings.get("options") or options_of(run.settings)
        attributes: dict[str, Any] = {
            semconv.SCHEMA: semconv.CONVENTION,
            semconv.OPERATION: "chat",
            semconv.PROVIDER: "ollama",
            semconv.REQUEST_MODEL: run.model_name,
            semconv.REQUEST_TEMPERATURE: options["temperature"],
            semconv.REQUEST_SEED: options["seed"],
            semconv.REQUEST_MAX_TOKENS: options["num_predict"],
            semconv.NUM_CTX: options["num_ctx"],
            semconv.INPUT_MESSAGES: [_part("system", system), *(_message(item) for item in messages)],
        }
        if run.dropped:
            attributes[semconv.HISTORY_DROPPED] = run.dropped
        async with run.recorder.span(f"chat {run.model_name}", "model", attributes) as seen:
            run.call_began_at, run.call_first_at = time.perf_counter(), None
            response = await handler(
                request.override(
                    messages=list(messages),
                    system_message=SystemMessage(system),
                    model_settings=model_settings,
                )
            )
            self._account(seen, response.result[-1])
            if checked:
                self._checked(checked, "".join(run.held or []), seen)
        return response

    def _account(self, seen: dict[str, Any], message: AIMessage) -> None:
        """Write the engine's own counts and times into the span, and add them to the run's."""
        from core.ollama.errors import StreamCut

        run, meta = self.state, message.response_metadata
        if not meta.get("done"):
            raise StreamCut()
        counts = message.usage_metadata or {"input_tokens": 0, "output_tokens": 0}
        usage = Usage(counts["input_tokens"], counts["output_tokens"])
        run.usage = Usage(
            run.usage.input_tokens + usage.input_tokens, run.usage.output_tokens + usage.output_tokens
        )
        generation = (meta.get("eval_duration") or 0) / 1e9
        run.generation_s += generation
        seen |= {
            semconv.INPUT_TOKENS: usage.input_tokens,
            semconv.OUTPUT_TOKENS: usage.output_tokens,
            semconv.FINISH_REASONS: [meta.get("done_reason", "")],
            semconv.LOAD_MS: (meta.get("load_duration") or 0) / 1e6,
            semconv.PROMPT_MS: (meta.get("prompt_eval_duration") or 0) / 1e6,
            semconv.GENERATION_MS: generation * 1e3,
            semconv.OUTPUT_MESSAGES: [_message(message)],
        }
        if run.call_first_at is not None:
            seen[semconv.TIME_TO_FIRST_CHUNK] = run.call_first_at - run.call_began_at
        # The first token's time is the prompt's: one token alone has no rate.
        if generation and usage.output_tokens > 1:
            seen[semconv.TOKENS_PER_S] = usage.output_tokens / generation


def _part(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": clean(text, max_chars=20_000)}]}


_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def _message(message: BaseMessage) -> dict[str, Any]:
    """Write a message in the conventions' form."""
    record = _part(_ROLES.get(message.type, message.type), str(message.content))
    if isinstance(message, AIMessage) and message.tool_calls:
        record["parts"] += [
            {"type": "tool_call", "id": call["id"], "name": call["name"], "arguments": call["args"]}
            for call in message.tool_calls
        ]
    return record


def options_of(settings: Settings) -> dict[str, Any]:
    """Return the model options sent with every request. ``num_ctx`` is always among them: without it Ollama
    silently cuts the front of long prompts."""
    return {
        "num_ctx": settings.num_ctx,
        "num_predict": settings.num_predict,
        "temperature": settings.temperature,
        "repeat_penalty": settings.repeat_penalty,
        "seed": settings.seed,
    }


def build(model: BaseChatModel, state: RunState) -> Any:
    """Compile the graph of one run."""
    return create_agent(
        model, tools=langchain_tools(state.toolbox, state.tools), middleware=[TraceAndRoute(state)]
    )
