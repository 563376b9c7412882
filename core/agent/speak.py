"""One model call of a run: recorded exactly as sent, tried again where that can help, on another model when this fails."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.errors import GraphBubbleUp

from core.agent import prompts, retry, semconv
from core.agent.context.counter import estimate
from core.agent.context.fit import Passage
from core.agent.context.record import budget_to_json
from core.agent.context.truncated import was_cut
from core.agent.state import RunState
from core.agent.streamed import taking
from core.agent.types import Budget
from core.agent.window import Window, window_of
from core.errors import StudyError
from core.events import ContextMeasured, Usage
from core.ollama.errors import ModelMissing, NoToolSupport, StreamCut, explain
from core.session import chat
from core.settings import Settings
from core.text import clean

MAX_BODY_CHARS = 400_000
"""A longer request body is not kept in the trace."""

_sent: ContextVar[dict[str, Any] | None] = ContextVar("request_sent", default=None)
"""Where the request of the call going on is noted."""

Handler = Callable[[Any], Awaitable[Any]]
After = Callable[[dict[str, Any], AIMessage], None]


@dataclass(frozen=True)
class Call:
    """One model call, fitted into its window."""

    request: Any
    handler: Handler
    messages: Sequence[BaseMessage]
    system: str
    options: dict[str, Any] | None = None
    format: Any = None
    after: After | None = None
    window: Window | None = None
    """``None``: a call of our own (a summary), which is no part of the conversation."""


async def note_request(request: Any) -> None:
    """Keep the body of a request as it was sent; an httpx event hook of the model's client."""
    seen = _sent.get()
    if seen is None or not str(request.url.path).endswith("/chat"):
        return
    body = request.content
    if len(body) <= MAX_BODY_CHARS:
        seen[semconv.REQUEST_BODY] = json.loads(body)
        seen[semconv.SERVER_ADDRESS] = (
            f"{request.url.scheme}://{request.url.netloc.decode()}{request.url.path}"
        )


class Speaker:
    """Lets the model speak, for the middleware."""

    def __init__(self, run: RunState) -> None:
        self.run = run

    async def speak(
        self,
        request: Any,
        handler: Handler,
        messages: Sequence[BaseMessage],
        *,
        system: str,
        memory: str = "",
        passages: Sequence[Passage] = (),
        options: dict[str, Any] | None = None,
        format: Any = None,
        after: After | None = None,
    ) -> Any:
        """Call the model, with what fits into its window.

        Args:
            messages: History, question, and this turn's calls and results.
            memory: Facts as prompt text.
            passages: Retrieved texts that go before the question.
            options: Of the model; the settings' by default.
            format: JSON schema the answer must follow.
            after: Looks at the answer while its span is open.

        Raises:
            NoToolSupport: The model refuses tools: the caller takes another route.
            StudyError: Every attempt failed, or the question does not fit.
        """
        run = self.run
        reserve = min((options or options_of(run.settings))["num_predict"], run.settings.num_ctx // 2)
        window = await window_of(
            run,
            messages,
            system,
            reserve=reserve,
            tools=schemas_of(run) if request.tools else (),
            memory=memory,
            passages=passages,
            # A model too small to word a result cannot be trusted with what was said either.
            summarise=None if run.small else lambda text: self._summarise(request, handler, text),
        )
        run.dropped = len(window.fitted.dropped)
        self._measured(window, window.budget)
        call = Call(request, handler, window.messages, window.system, options, format, after, window)
        models = [run.model_name, *fallbacks(run.settings, run.model_name)]
        for place, model in enumerate(models):
            run.model_name = model
            try:
                return await self._with_retries(call)
            except NoToolSupport:
                raise
            except StudyError as error:
                last = place == len(models) - 1
                if last or not (isinstance(error, ModelMissing) or retry.can_be_retried(error)):
                    raise
        raise AssertionError("there is always a model")

    def _measured(self, window: Window, budget: Budget) -> None:
        """Tell where the window went, once it is on disk."""
        ids = self.run.recorder.run
        estimated = None if budget.cut_by_server else window.estimated
        record = budget_to_json(budget, window.fitted, estimated)
        written = chat.set_context(self.run.recorder.store, ids, record)
        told = ContextMeasured(ids.run_id, ids.session_id, budget)
        loop, emit = asyncio.get_running_loop(), self.run.emit
        # Nobody waits for it: the call itself is sent meanwhile.
        written.add_done_callback(lambda _: _soon(loop, lambda: emit(told)))

    async def _summarise(self, request: Any, handler: Handler, transcript: str) -> str:
        """Let the model say shortly what was said; empty when it cannot."""
        run = self.run
        room = run.settings.num_ctx - prompts.SUMMARY_TOKENS - estimate(prompts.SUMMARY) - 32
        text = transcript
        while text and await run.counter.count(text) > room:
            text = text[len(text) // 5 + 1 :]
        if not text:
            return ""
        options = {**options_of(run.settings), "num_predict": prompts.SUMMARY_TOKENS}
        call = Call(request.override(tools=[]), handler, [HumanMessage(text)], prompts.SUMMARY, options)
        try:
            with run.aside():
                async with run.recorder.span("summary", "summary", {semconv.OPERATION: "summarise"}) as seen:
                    response = await self._with_retries(call)
                    summary = clean(str(response.result[-1].content)).strip()
                    seen[semconv.OUTPUT_MESSAGES] = [part("assistant", summary)]
                    return summary
        except StudyError:
            return ""

    async def call(self, call: Call) -> Any:
        """Make a call of our own, outside the conversation, with the retries of any other.

        Raises:
            StudyError: Every attempt failed.
        """
        return await self._with_retries(call)

    async def _with_retries(self, call: Call) -> Any:
        run = self.run
        attempt = 1
        while True:
            mark = run.recorder.mark()
            try:
                return await self._once(call, attempt)
            except (GraphBubbleUp, StudyError) as error:
                if isinstance(error, GraphBubbleUp):
                    raise
                failure = error
            except Exception as error:
                failure = explain(error, url=run.context.engine.url, model=run.model_name)
            if attempt > run.settings.retries or not retry.can_be_retried(failure):
                raise failure
            # What it said before it broke off is not part of the answer.
            await run.recorder.rewind(mark)
            await retry.pause(run, failure, attempt)
            attempt += 1

    async def _once(self, call: Call, attempt: int) -> Any:
        run, options, window = self.run, call.options, call.window
        sent = options or options_of(run.settings)
        settings: dict[str, Any] = {"options": options} if options else {}
        if call.format is not None:
            settings["format"] = call.format
        attributes = request_attributes(run.model_name, sent)
        attributes[semconv.INPUT_MESSAGES] = [
            part("system", call.system),
            *(record_of(item) for item in call.messages),
        ]
        if run.digest:
            attributes[semconv.MODEL_DIGEST] = run.digest
        if attempt > 1:
            attributes[semconv.ATTEMPT] = attempt
        if run.dropped:
            attributes[semconv.HISTORY_DROPPED] = run.dropped
        check_limits(run)
        run.calls += 1
        async with run.recorder.span(f"chat {run.model_name}", "model", attributes) as seen:
            run.call_began_at, run.call_first_at = time.perf_counter(), None
            token, taken = _sent.set(seen), taking.set(run.take)
            try:
                response = await call.handler(
                    call.request.override(
                        model=run.chat_model(run.model_name),
                        messages=list(call.messages),
                        system_message=SystemMessage(call.system),
                        model_settings=settings,
                    )
                )
            except StudyError:
                raise
            except Exception as error:
                if isinstance(error, GraphBubbleUp):
                    raise
                raise explain(error, url=run.context.engine.url, model=run.model_name) from error
            finally:
                _sent.reset(token)
                taking.reset(taken)
            message = response.result[-1]
            reported = self._account(seen, message)
            if window is not None:
                cut = was_cut(window.budget, reported)
                if cut:
                    seen[semconv.CUT_BY_SERVER] = True
                self._measured(
                    window, dataclasses.replace(window.budget, reported=reported, cut_by_server=cut)
                )
            # With options of its own the length is meant: a small model's wording, which is checked.
            run.cut = options is None and message.response_metadata.get("done_reason") == "length"
            if call.after is not None:
                call.after(seen, message)
        return response

    def _account(self, seen: dict[str, Any], message: AIMessage) -> int | None:
        """Write the engine's own counts and times into the span, and add them to the run's.

        Returns:
            Tokens of the prompt as the server counted them, when it did.
        """
        run, meta = self.run, message.response_metadata
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
            semconv.OUTPUT_MESSAGES: [record_of(message)],
        }
        if run.call_first_at is not None:
            seen[semconv.TIME_TO_FIRST_CHUNK] = run.call_first_at - run.call_began_at
        # The first token's time is the prompt's: one token alone has no rate.
        if generation and usage.output_tokens > 1:
            seen[semconv.TOKENS_PER_S] = usage.output_tokens / generation
        return usage.input_tokens or None


def check_limits(run: RunState) -> None:
    """Raise when the run has used up what one run may use.

    Raises:
        StudyError: ``error.agent.limit.*``, with the setting that says so.
    """
    settings = run.settings
    if settings.run_calls and run.calls >= settings.run_calls:
        raise StudyError("error.agent.limit.calls", limit=settings.run_calls)
    tokens = run.usage.input_tokens + run.usage.output_tokens
    if settings.run_tokens and tokens >= settings.run_tokens:
        raise StudyError("error.agent.limit.tokens", limit=settings.run_tokens, used=tokens)
    if settings.run_seconds and time.monotonic() - run.began - run.waited >= settings.run_seconds:
        raise StudyError("error.agent.limit.seconds", limit=f"{settings.run_seconds:g}")


def fallbacks(settings: Settings, model: str) -> list[str]:
    """Return the models to try when one fails, in order."""
    names = [name.strip() for name in settings.fallback_models.split(",")]
    return [name for name in names if name and name != model]


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


def request_attributes(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a chat request asks for, in the conventions' names."""
    attributes: dict[str, Any] = {
        semconv.SCHEMA: semconv.CONVENTION,
        semconv.OPERATION: "chat",
        semconv.PROVIDER: "ollama",
        semconv.REQUEST_MODEL: model,
        semconv.REQUEST_TEMPERATURE: options["temperature"],
        semconv.REQUEST_MAX_TOKENS: options["num_predict"],
        semconv.NUM_CTX: options["num_ctx"],
    }
    if "seed" in options:
        attributes[semconv.REQUEST_SEED] = options["seed"]
    return attributes


def schemas_of(run: RunState) -> list[dict[str, Any]]:
    """Return the tools' schemas as a native call sends them."""
    return [
        {
            "type": "function",
            "function": {"name": one.name, "description": one.description, "parameters": dict(one.schema)},
        }
        for one in run.tools.values()
    ]


def _soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    # The loop of a program that ends may be closed already: then nobody listens.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(work)


def part(role: str, text: str) -> dict[str, Any]:
    """Write a text as a message in the conventions' form."""
    return {"role": role, "parts": [{"type": "text", "content": clean(text, max_chars=20_000)}]}


_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def record_of(message: BaseMessage) -> dict[str, Any]:
    """Write a message in the conventions' form."""
    record = part(_ROLES.get(message.type, message.type), str(message.content))
    if isinstance(message, AIMessage) and message.tool_calls:
        record["parts"] += [
            {"type": "tool_call", "id": call["id"], "name": call["name"], "arguments": call["args"]}
            for call in message.tool_calls
        ]
    return record
