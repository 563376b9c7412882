"""One model call of a run: recorded exactly as sent, tried again where that can help, on another model when this fails."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langgraph.errors import GraphBubbleUp

from core.agent import retry, semconv
from core.agent.state import RunState
from core.errors import StudyError
from core.events import Usage
from core.ollama.errors import ModelMissing, NoToolSupport, StreamCut, explain
from core.settings import Settings
from core.text import clean

MAX_BODY_CHARS = 400_000
"""A longer request body is not kept in the trace."""

_sent: ContextVar[dict[str, Any] | None] = ContextVar("request_sent", default=None)
"""Where the request of the call going on is noted."""

Handler = Callable[[Any], Awaitable[Any]]


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
        options: dict[str, Any] | None = None,
        format: Any = None,
        after: Callable[[dict[str, Any], AIMessage], None] | None = None,
    ) -> Any:
        """Call the model.

        Args:
            options: Of the model; the settings' by default.
            format: JSON schema the answer must follow.
            after: Looks at the answer while its span is open.

        Raises:
            NoToolSupport: The model refuses tools: the caller takes another route.
            StudyError: Every attempt failed.
        """
        run = self.run
        models = [run.model_name, *fallbacks(run.settings, run.model_name)]
        for place, model in enumerate(models):
            run.model_name = model
            try:
                return await self._with_retries(request, handler, messages, system, options, format, after)
            except NoToolSupport:
                raise
            except StudyError as error:
                last = place == len(models) - 1
                if last or not (isinstance(error, ModelMissing) or retry.can_be_retried(error)):
                    raise
        raise AssertionError("there is always a model")

    async def _with_retries(
        self, request: Any, handler: Handler, messages: Sequence[BaseMessage], system: str,
        options: dict[str, Any] | None, format: Any, after: Callable[[dict[str, Any], AIMessage], None] | None,
    ) -> Any:  # fmt: skip
        run = self.run
        attempt = 1
        while True:
            mark = run.recorder.mark()
            try:
                return await self._once(request, handler, messages, system, options, format, after, attempt)
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

    async def _once(
        self, request: Any, handler: Handler, messages: Sequence[BaseMessage], system: str,
        options: dict[str, Any] | None, format: Any, after: Callable[[dict[str, Any], AIMessage], None] | None,
        attempt: int,
    ) -> Any:  # fmt: skip
        run = self.run
        sent = options or options_of(run.settings)
        settings: dict[str, Any] = {"options": options} if options else {}
        if format is not None:
            settings["format"] = format
        attributes: dict[str, Any] = {
            semconv.SCHEMA: semconv.CONVENTION,
            semconv.OPERATION: "chat",
            semconv.PROVIDER: "ollama",
            semconv.REQUEST_MODEL: run.model_name,
            semconv.REQUEST_TEMPERATURE: sent["temperature"],
            semconv.REQUEST_SEED: sent["seed"],
            semconv.REQUEST_MAX_TOKENS: sent["num_predict"],
            semconv.NUM_CTX: sent["num_ctx"],
            semconv.INPUT_MESSAGES: [part("system", system), *(record_of(item) for item in messages)],
        }
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
            token = _sent.set(seen)
            try:
                response = await handler(
                    request.override(
                        model=run.chat_model(run.model_name),
                        messages=list(messages),
                        system_message=SystemMessage(system),
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
            message = response.result[-1]
            self._account(seen, message)
            # With options of its own the length is meant: a small model's wording, which is checked.
            run.cut = options is None and message.response_metadata.get("done_reason") == "length"
            if after is not None:
                after(seen, message)
        return response

    def _account(self, seen: dict[str, Any], message: AIMessage) -> None:
        """Write the engine's own counts and times into the span, and add them to the run's."""
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
