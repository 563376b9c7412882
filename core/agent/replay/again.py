"""Making model calls again: a recorded one, or one prompt many times."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.agent import prompts, semconv
from core.agent.replay.calls import write_answer
from core.agent.replay.types import Call
from core.agent.replay.words import first_difference
from core.agent.spans import Recorder
from core.errors import StudyError, UsageError
from core.events import MemoryUse, ReplayChanged, RunEnded, Usage
from core.session import Store, chat, forks, replays
from core.session.rows import Rerun
from core.text import clean

if TYPE_CHECKING:
    from core.engines import Engine
    from core.events import Event
    from core.settings import Settings

MOST = 100
"""Times a call is repeated at most."""

Emit = Callable[["Event"], None]


@dataclass
class Answer:
    """What one call was answered."""

    pieces: list[str] = field(default_factory=list)
    """As they streamed: of the engines here each is a token."""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    ttft_ms: float | None = None
    duration_ms: float | None = None
    finish: str = ""
    generation_ms: float = 0.0
    error: str = ""

    @property
    def text(self) -> str:
        """Cleaned, as the trace has answers."""
        return write_answer("".join(self.pieces), self.calls)


def accepted(count: int) -> int:
    """Return a number of repetitions.

    Raises:
        UsageError: It is none, or too many.
    """
    if not 1 <= count <= MOST:
        raise UsageError("error.trace.count", count=count, most=MOST)
    return count


async def send(engine: Engine, body: Mapping[str, Any]) -> Answer:
    """Send a chat request as it is; a failure is in the answer."""
    answer = Answer()
    began = time.perf_counter()
    try:
        async with contextlib.aclosing(engine.client.send_chat(body)) as chunks:
            async for chunk in chunks:
                if answer.ttft_ms is None and (chunk.text or chunk.tool_calls):
                    answer.ttft_ms = (time.perf_counter() - began) * 1e3
                if chunk.text:
                    answer.pieces.append(chunk.text)
                answer.calls += [(call.name, dict(call.arguments)) for call in chunk.tool_calls]
                if chunk.done:
                    answer.input_tokens = chunk.prompt_eval_count or 0
                    answer.output_tokens = chunk.eval_count or 0
                    answer.finish = chunk.done_reason
                    answer.generation_ms = (chunk.eval_duration or 0) / 1e6
    except StudyError as error:
        answer.error = clean(str(error))
    answer.duration_ms = (time.perf_counter() - began) * 1e3
    return answer


async def rerun(store: Store, engine: Engine, emit: Emit, call: Call, count: int) -> list[Rerun]:
    """Make a recorded call again, one after the other; each answer is a row before it is told."""
    found: list[Rerun] = []
    words = call.text.split()
    for done in range(1, count + 1):
        at = time.time()
        answer = await send(engine, call.body)
        same = None if answer.error else answer.text == call.text
        row = Rerun(
            chat.new_id(),
            call.span_id,
            "call",
            call.model,
            at,
            answer.text,
            same,
            None if same is not False else first_difference(words, answer.text.split()),
            call.seed,
            answer.input_tokens,
            answer.output_tokens,
            answer.ttft_ms,
            answer.duration_ms,
            "",
            answer.error,
        )
        await _keep(store, emit, row, done, count)
        found.append(row)
    return found


async def determinism(
    store: Store,
    engine: Engine,
    emit: Emit,
    settings: Settings,
    prompt: str,
    count: int,
    seeded: bool,
    temperature: float | None = None,
) -> list[Rerun]:
    """Put one prompt to the model many times; the first answer is what the others are held against.

    A run of a hidden session, each call a span of it: what it took is counted, and each can be repeated.
    """
    from core.agent.speak import options_of, part, request_attributes

    prompt = prompts.accepted(prompt, settings.num_ctx)
    options = options_of(settings)
    if temperature is not None:
        options["temperature"] = temperature
    if not seeded:
        del options["seed"]
    body: dict[str, Any] = {
        "model": engine.model,
        "stream": True,
        "options": options,
        "keep_alive": settings.keep_alive,
        "messages": [{"role": "system", "content": prompts.SYSTEM}, {"role": "user", "content": prompt}],
    }
    session = await asyncio.wrap_future(forks.hidden_session(store, prompt[: chat.TITLE_CHARS]))
    kept = {**options, "seeded": seeded, "count": count}
    run = await asyncio.wrap_future(
        chat.begin_run(
            store, session.id, prompt, engine=engine.kind, engine_version=engine.version, model=engine.model,
            options=kept, kind="determinism",
        )
    )  # fmt: skip
    recorder = Recorder(store, emit, run)
    found: list[Rerun] = []
    first: Answer | None = None
    spent = Usage()
    status: Any = "ok"
    try:
        for done in range(1, count + 1):
            at = time.time()
            attributes = request_attributes(engine.model, options) | {
                semconv.REQUEST_BODY: body,
                semconv.SERVER_ADDRESS: f"{engine.url}/api/chat",
            }
            async with recorder.span(f"chat {engine.model}", "model", attributes) as seen:
                answer = await send(engine, body)
                spent = Usage(
                    spent.input_tokens + answer.input_tokens, spent.output_tokens + answer.output_tokens
                )
                seen[semconv.INPUT_TOKENS] = answer.input_tokens
                seen[semconv.OUTPUT_TOKENS] = answer.output_tokens
                seen[semconv.FINISH_REASONS] = [answer.finish]
                seen[semconv.OUTPUT_MESSAGES] = [part("assistant", answer.text)]
                if answer.ttft_ms is not None:
                    seen[semconv.TIME_TO_FIRST_CHUNK] = answer.ttft_ms / 1e3
                if answer.error:
                    seen["status"], seen[semconv.ERROR_MESSAGE] = "error", answer.error
            if first is None and not answer.error:
                first = answer
            other = first is not None and first is not answer and not answer.error
            differs = first_difference(first.pieces, answer.pieces) if other and first else None
            row = Rerun(
                chat.new_id(),
                run.run_id,
                "determinism",
                engine.model,
                at,
                answer.text,
                first is not None and answer.text == first.text if other else None,
                differs,
                settings.seed if seeded else None,
                answer.input_tokens,
                answer.output_tokens,
                answer.ttft_ms,
                answer.duration_ms,
                run.run_id,
                answer.error,
            )
            await _keep(store, emit, row, done, count)
            found.append(row)
        if first is None:
            status = "error"
    except asyncio.CancelledError:
        status = "cancelled"
        raise
    finally:
        ended = RunEnded(
            run.run_id, session.id, run.assistant_message_id, status, first.text if first else "", None,
            engine.kind, engine.model, spent, None, None, MemoryUse(), error=found[-1].error if found else "",
        )  # fmt: skip
        await asyncio.shield(asyncio.wrap_future(chat.end_run(store, ended)))
        emit(ended)
    return found


async def _keep(store: Store, emit: Emit, row: Rerun, done: int, total: int) -> None:
    await asyncio.wrap_future(replays.put(store, row))
    emit(ReplayChanged(row, done, total))
