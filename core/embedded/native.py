"""The native text routes: ``/api/chat``, ``/api/generate``, ``/api/embed`` and ``/api/embeddings``."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.embedded.engine import Engine
from core.embedded.llama import Delta, Final, Job
from core.embedded.messages import check_images, native_messages
from core.embedded.options import Options, parse_format, parse_keep_alive, parse_options, wants_thinking
from core.embedded.registry import Model
from core.embedded.wire import ApiError, Exchange, dump, take

Shape = Callable[[str, str, list[dict[str, Any]] | None], dict[str, Any]]
"""Text, thinking and tool calls as the fields of one chunk."""

_plain = json.JSONEncoder(separators=(",", ":")).encode


def now() -> str:
    """The time as Ollama writes ``created_at``."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")


@dataclass
class Request:
    """What chat and generate have in common, checked."""

    model: Model
    asked: str
    """The model's name as requested; answers echo it."""
    stream: bool
    options: Options
    keep_alive: float | None
    schema: dict[str, Any] | None
    top_logprobs: int | None
    think: bool | None
    received: int = field(default_factory=time.monotonic_ns)

    @property
    def params(self) -> dict[str, Any]:
        """Sampling and limits for llama.cpp."""
        params = {**self.options.sampling, "n_predict": self.options.num_predict}
        params["max_tokens"] = self.options.num_predict
        if self.options.stop:
            params["stop"] = list(self.options.stop)
        return params


def read_request(engine: Engine, body: dict[str, Any], *, missing: str) -> Request:
    """Check the fields chat and generate share, in Ollama's order.

    Raises:
        ApiError: as section "Error table" of the contract.
    """
    received = time.monotonic_ns()
    top = take(body, "top_logprobs", int, 0)
    if not 0 <= top <= 20:
        raise ApiError(400, "top_logprobs must be between 0 and 20")
    stream = take(body, "stream", bool, True)
    keep_alive = parse_keep_alive(body.get("keep_alive"))
    model = engine.model(body, missing=missing)
    asked = body.get("model") or body.get("name") or ""
    think = wants_thinking(body.get("think"))
    if think and "thinking" not in model.capabilities:
        raise ApiError(400, f"{json.dumps(asked, ensure_ascii=False)} does not support thinking")
    return Request(
        model=model,
        asked=asked,
        stream=stream,
        options=parse_options(with_parameters(model, body.get("options"))),
        keep_alive=keep_alive,
        schema=parse_format(body.get("format")),
        top_logprobs=top if take(body, "logprobs", bool, False) else None,
        think=(body.get("think") is not False) if "thinking" in model.capabilities else None,
        received=received,
    )


def with_parameters(model: Model, options: Any) -> Any:
    """The request's options over those stored with the model."""
    if not model.parameters or not isinstance(options, dict | None):
        return options
    return {
        **model.parameters,
        **{name: value for name, value in (options or {}).items() if value is not None},
    }


def _no_ability(asked: str, what: str) -> ApiError:
    return ApiError(400, f"{json.dumps(asked, ensure_ascii=False)} does not support {what}")


async def chat(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/chat``."""
    body = exchange.body
    request = read_request(engine, body, missing="400")
    messages = native_messages(take(body, "messages", list, []))
    if "completion" not in request.model.capabilities:
        raise _no_ability(request.asked, "chat")
    if request.model.system and messages and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": request.model.system})
    if not messages:
        await _load_or_unload(engine, exchange, request, {"message": {"role": "assistant", "content": ""}})
        return
    tools = take(body, "tools", list, []) or None
    if tools and "tools" not in request.model.capabilities:
        raise ApiError(400, f"{request.model.name.full} does not support tools")
    job = Job(
        params=request.params, messages=messages, tools=tools, schema=request.schema,
        top_logprobs=request.top_logprobs, think=request.think,
        # With a schema the text is constrained from its first token on, so there is nothing to take out of it.
        parsed=bool(tools) or request.schema is None,
    )  # fmt: skip

    def shape(text: str, thinking: str, calls: list[dict[str, Any]] | None) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = calls
        return {"message": message}

    await _generate(engine, exchange, request, job, shape)


async def generate(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/generate``."""
    body = exchange.body
    request = read_request(engine, body, missing="404")
    prompt, system = take(body, "prompt", str, ""), take(body, "system", str, "")
    raw, context = take(body, "raw", bool, False), _context(take(body, "context", list, []))
    if "completion" not in request.model.capabilities:
        raise _no_ability(request.asked, "generate")
    system = system or ("" if raw else request.model.system)
    if not prompt:
        await _load_or_unload(engine, exchange, request, {"response": ""})
        return
    if take(body, "suffix", str, ""):
        raise ApiError(400, f"{request.model.name.full} does not support insert")
    if raw and (take(body, "template", str, "") or system or context):
        raise ApiError(400, "raw mode does not support template, system, or context")
    if take(body, "template", str, ""):
        raise ApiError(
            400, "this engine uses the model's own template; send raw: true with a rendered prompt"
        )
    check_images(take(body, "images", list, []))
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    job = Job(
        params=request.params, messages=None if raw else messages, prompt=prompt if raw else None,
        schema=request.schema, top_logprobs=request.top_logprobs, think=request.think, context=context,
        want_context=not raw, parsed=bool(request.think) and request.schema is None and not raw,
    )  # fmt: skip

    def shape(text: str, thinking: str, calls: list[dict[str, Any]] | None) -> dict[str, Any]:
        return {"response": text, "thinking": thinking} if thinking else {"response": text}

    await _generate(engine, exchange, request, job, shape)


def _context(ids: list[Any]) -> tuple[int, ...]:
    if not all(isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**31 for item in ids):
        raise ApiError(400, "json: cannot unmarshal into Go struct field context of type []int")
    return tuple(ids)


async def _load_or_unload(
    engine: Engine, exchange: Exchange, request: Request, empty: dict[str, Any]
) -> None:  # fmt: skip
    if request.keep_alive == 0:
        engine.unload(request.model)
        reason = "unload"
    else:
        await engine.load(request.model, num_ctx=request.options.num_ctx, keep_alive=request.keep_alive)
        reason = "load"
    await exchange.answer(
        {"model": request.asked, "created_at": now(), **empty, "done": True, "done_reason": reason}
    )


async def _generate(engine: Engine, exchange: Exchange, request: Request, job: Job, shape: Shape) -> None:
    """Run a job and answer with its pieces, one line each, or with one object."""
    options = request.options
    lease = await engine.scheduler.acquire(
        request.model, num_ctx=options.num_ctx, threads=options.num_thread, keep_alive=request.keep_alive
    )
    loaded = time.monotonic_ns() - request.received
    generation = lease.run(job)
    whole = Whole()
    head = f'{{"model":{_plain(request.asked)},"created_at":"'
    try:
        async for items in generation.batches():
            lines: list[str] = []
            for item in items:
                if isinstance(item, Final):
                    end = _metrics(item, request, loaded)
                    fields = shape(*whole.fields) if not request.stream else shape("", "", whole.calls)
                    if whole.logprobs and not request.stream:
                        end["logprobs"] = whole.logprobs
                    lines.append(f'{head}{now()}",{_plain({**fields, "done": True, **end})[1:]}\n')
                elif request.stream:
                    lines += _line(item, head, shape, whole)
                else:
                    whole.add(item)
            if lines and request.stream:
                await exchange.write("".join(lines).encode("ascii"))
        if request.stream:
            await exchange.finish()
        elif lines:
            await exchange.answer_bytes(lines[-1].encode("ascii"), 200, b"application/json; charset=utf-8")
    finally:
        generation.cancel()


@dataclass
class Whole:
    """An answer collected for a client that wants one object; tool calls also for one that streams."""

    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] | None = None
    logprobs: list[dict[str, Any]] = field(default_factory=list)

    def add(self, delta: Delta) -> None:
        """Append a piece."""
        self.text.append(delta.text)
        self.thinking.append(delta.thinking)
        self.calls = delta.tool_calls or self.calls
        self.logprobs += delta.logprobs or ()

    @property
    def fields(self) -> tuple[str, str, list[dict[str, Any]] | None]:
        """Text, thinking, tool calls."""
        return "".join(self.text), "".join(self.thinking), self.calls


def _line(item: Delta, head: str, shape: Shape, whole: Whole) -> list[str]:
    """A piece as a line; tool calls wait for the final one."""
    if item.tool_calls:
        whole.calls = item.tool_calls
        return []
    fields = {**shape(item.text, item.thinking, None), "done": False}
    if item.logprobs:
        fields["logprobs"] = item.logprobs
    return [f'{head}{now()}",{_plain(fields)[1:]}\n']


def _metrics(final: Final, request: Request, loaded: int) -> dict[str, Any]:
    metrics: dict[str, Any] = {
        "done_reason": final.reason,
        "total_duration": time.monotonic_ns() - request.received,
        "load_duration": max(1, loaded),
        "prompt_eval_count": final.prompt_tokens,
        "prompt_eval_duration": final.prompt_ns,
        "eval_count": final.tokens,
        "eval_duration": final.tokens_ns,
    }
    if final.context:
        metrics["context"] = final.context
    return metrics


UNKNOWN_EMBED = 'model "{0}" not found, try pulling it first'
NO_EMBEDDINGS = "This server does not support embeddings. Start it with `--embeddings`"


def _cut(vector: list[float], dimensions: int) -> list[float]:
    """The first ``dimensions`` values, made a vector of length 1 again."""
    if not 0 < dimensions < len(vector):
        return vector
    part = vector[:dimensions]
    length = math.sqrt(sum(value * value for value in part)) or 1.0
    return [value / length for value in part]


@dataclass
class Vectors:
    """What an embedding route answers from."""

    vectors: list[list[float]]
    tokens: int
    loaded: int


async def embed_texts(
    engine: Engine,
    model: Model,
    value: Any,
    *,
    keep_alive: float | None,
    truncate: bool = True,
    dimensions: int = 0,
) -> Vectors:
    """Embed a text or a list of texts.

    Raises:
        ApiError: 400 for another type or a text that is too long and must not be cut; 501 on a chat model.
    """
    texts = [value] if isinstance(value, str) and value else value or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ApiError(400, "invalid input type")
    if model.kind != "embedding":
        raise ApiError(501, NO_EMBEDDINGS)
    result, loaded = await engine.embed(model, texts, keep_alive)
    limit = model.header.number("context_length")
    if not truncate and any(count > limit for count in result.tokens):
        raise ApiError(400, "the input length exceeds the context length")
    vectors = [_cut(vector, dimensions) for vector in result.vectors]
    return Vectors(vectors, sum(min(count, limit) for count in result.tokens), max(1, loaded))


async def embed(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/embed``."""
    started, body = time.monotonic_ns(), exchange.body
    keep_alive = parse_keep_alive(body.get("keep_alive"))
    model = engine.model(body, missing="404", unknown=UNKNOWN_EMBED)
    parse_options(body.get("options"))
    found = await embed_texts(
        engine, model, body.get("input"), keep_alive=keep_alive, truncate=take(body, "truncate", bool, True),
        dimensions=take(body, "dimensions", int, 0),
    )  # fmt: skip
    answer: dict[str, Any] = {"model": body.get("model"), "embeddings": found.vectors}
    if found.vectors:
        answer |= {"total_duration": time.monotonic_ns() - started, "load_duration": found.loaded}
        answer["prompt_eval_count"] = found.tokens
    await exchange.answer(answer)


async def embeddings(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/embeddings``, the old route for one text."""
    body = exchange.body
    keep_alive = parse_keep_alive(body.get("keep_alive"))
    model = engine.model(body, missing="400", unknown=UNKNOWN_EMBED)
    parse_options(body.get("options"))
    try:
        found = await embed_texts(engine, model, take(body, "prompt", str, ""), keep_alive=keep_alive)
    except ApiError as error:
        raise ApiError(500 if error.status == 501 else error.status, error.text) from None
    await exchange.answer_bytes(
        dump({"embedding": found.vectors[0] if found.vectors else []}),
        200,
        b"application/json; charset=utf-8",
    )
