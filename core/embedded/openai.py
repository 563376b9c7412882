"""The ``/v1`` routes, for clients that speak OpenAI's protocol: chat, completions, embeddings, models."""

from __future__ import annotations

import base64
import json
import math
import secrets
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.embedded.engine import Engine
from core.embedded.llama import Delta, Final, Job
from core.embedded.messages import native_messages
from core.embedded.native import UNKNOWN_EMBED, Whole, embed_texts
from core.embedded.options import parse_options
from core.embedded.registry import Model
from core.embedded.wire import ApiError, Exchange, dump, take

_SSE = b"text/event-stream"

#: OpenAI's field to Ollama's option.
_OPTIONS = {
    "max_tokens": "num_predict", "max_completion_tokens": "num_predict", "seed": "seed", "temperature": "temperature",
    "top_p": "top_p", "frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty",
}  # fmt: skip


def _params(body: Mapping[str, Any]) -> dict[str, Any]:
    raw: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0}
    raw |= {ours: body[theirs] for theirs, ours in _OPTIONS.items() if body.get(theirs) is not None}
    stop = body.get("stop")
    raw["stop"] = [stop] if isinstance(stop, str) else stop
    try:
        options = parse_options(raw)
    except ApiError as error:
        raise ApiError(400, error.text) from None
    params = {**options.sampling, "n_predict": options.num_predict, "max_tokens": options.num_predict}
    if options.stop:
        params["stop"] = list(options.stop)
    return params


def _schema(body: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = take(body, "response_format", dict, {})
    kind = wanted.get("type")
    if kind == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema")
        if not isinstance(schema, dict):
            raise ApiError(400, "response_format.json_schema.schema must be an object")
        return schema
    return {"type": "object"} if kind == "json_object" else None


@dataclass
class _Shape:
    """How chat and text completions differ."""

    object: str
    chunk_object: str
    prefix: str
    delta: Callable[[Delta, bool], dict[str, Any]]
    """A streamed piece (and whether it is the first) as fields of a choice."""
    whole: Callable[[Whole], dict[str, Any]]
    empty: dict[str, Any]
    """The fields of the finishing chunk's choice."""


def _calls(calls: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Tool calls with their arguments as text, as this protocol wants them."""
    return [
        {
            "index": call["function"]["index"], "id": call["id"], "type": "function",
            "function": {
                "name": call["function"]["name"],
                "arguments": json.dumps(call["function"]["arguments"], ensure_ascii=False),
            },
        }
        for call in calls or ()
    ]  # fmt: skip


def _chat_delta(delta: Delta, first: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": "assistant"} if first else {}
    fields["content"] = delta.text
    if delta.thinking:
        fields["reasoning"] = delta.thinking
    if delta.tool_calls:
        fields["tool_calls"] = _calls(delta.tool_calls)
    return {"delta": fields} | ({"logprobs": {"content": delta.logprobs}} if delta.logprobs else {})


def _chat_whole(whole: Whole) -> dict[str, Any]:
    text, thinking, calls = whole.fields
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thinking:
        message["reasoning"] = thinking
    if calls:
        message["tool_calls"] = _calls(calls)
    return {"message": message} | ({"logprobs": {"content": whole.logprobs}} if whole.logprobs else {})


_CHAT = _Shape(
    "chat.completion", "chat.completion.chunk", "chatcmpl", _chat_delta, _chat_whole, {"delta": {}}
)
_TEXT = _Shape(
    "text_completion", "text_completion", "cmpl",
    lambda delta, first: {"text": delta.text}, lambda whole: {"text": whole.fields[0]}, {"text": ""},
)  # fmt: skip


async def chat_completions(engine: Engine, exchange: Exchange) -> None:
    """``POST /v1/chat/completions``."""
    body = exchange.body
    model = engine.model(body, missing="400")
    messages = native_messages(take(body, "messages", list, []))
    if not messages:
        raise ApiError(400, "[] is too short - 'messages'")
    _must_complete(model, body)
    tools = take(body, "tools", list, []) or None
    if tools and "tools" not in model.capabilities:
        raise ApiError(400, f"{model.name.full} does not support tools")
    schema = _schema(body)
    effort = take(body, "reasoning_effort", str) or take(take(body, "reasoning", dict, {}), "effort", str)
    wants_logprobs = take(body, "logprobs", bool, False)
    job = Job(
        params=_params(body), messages=messages, tools=tools, schema=schema,
        top_logprobs=min(20, max(0, take(body, "top_logprobs", int, 0))) if wants_logprobs else None,
        think=effort != "none" if "thinking" in model.capabilities else None,
        parsed=bool(tools) or schema is None,
    )  # fmt: skip
    await _complete(engine, exchange, model, job, _CHAT)


async def completions(engine: Engine, exchange: Exchange) -> None:
    """``POST /v1/completions``."""
    body = exchange.body
    model = engine.model(body, missing="400")
    prompt = take(body, "prompt", str, "")
    _must_complete(model, body)
    if take(body, "suffix", str, ""):
        raise ApiError(400, f"{model.name.full} does not support insert")
    job = Job(params=_params(body), messages=[{"role": "user", "content": prompt}])
    await _complete(engine, exchange, model, job, _TEXT)


def _must_complete(model: Model, body: Mapping[str, Any]) -> None:
    if model.kind != "chat":
        raise ApiError(400, f"{json.dumps(body.get('model'), ensure_ascii=False)} does not support chat")


async def _complete(engine: Engine, exchange: Exchange, model: Model, job: Job, shape: _Shape) -> None:
    body = exchange.body
    stream = take(body, "stream", bool, False)
    with_usage = bool(take(body, "stream_options", dict, {}).get("include_usage"))
    head = {
        "id": f"{shape.prefix}-{secrets.randbelow(1000)}", "object": shape.chunk_object if stream else shape.object,
        "created": int(time.time()), "model": body.get("model"), "system_fingerprint": "fp_ollama",
    }  # fmt: skip
    lease = await engine.scheduler.acquire(model)
    generation = lease.run(job)
    whole, first, final = Whole(), True, None
    try:
        async for items in generation.batches():
            events: list[bytes] = []
            for item in items:
                if isinstance(item, Final):
                    final = item
                    continue
                whole.add(item)
                choice = {"index": 0, **shape.delta(item, first), "finish_reason": None}
                events.append(_event({**head, "choices": [choice]}))
                first = False
            if stream and events:
                await exchange.write(b"".join(events), _SSE)
        if final is None:
            return
        reason = "tool_calls" if whole.calls else final.reason
        usage = _usage(final)
        if stream:
            ending = [{**head, "choices": [{"index": 0, **shape.empty, "finish_reason": reason}]}]
            ending += [{**head, "choices": [], "usage": usage}] if with_usage else []
            await exchange.write(b"".join(map(_event, ending)) + b"data: [DONE]\n\n", _SSE)
            await exchange.finish()
        else:
            choice = {"index": 0, **shape.whole(whole), "finish_reason": reason}
            await exchange.answer({**head, "choices": [choice], "usage": usage})
    finally:
        generation.cancel()


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + dump(value) + b"\n\n"


def _usage(final: Final) -> dict[str, Any]:
    return {
        "prompt_tokens": final.prompt_tokens, "completion_tokens": final.tokens,
        "total_tokens": final.prompt_tokens + final.tokens,
        "prompt_tokens_details": {"cached_tokens": final.cached_tokens},
    }  # fmt: skip


async def embeddings(engine: Engine, exchange: Exchange) -> None:
    """``POST /v1/embeddings``."""
    body = exchange.body
    model = engine.model(body, missing="400", unknown=UNKNOWN_EMBED)
    if not body.get("input"):
        raise ApiError(400, "invalid input")
    found = await embed_texts(
        engine, model, body["input"], keep_alive=None, dimensions=take(body, "dimensions", int, 0)
    )
    encode = _base64 if body.get("encoding_format") == "base64" else list
    data = [
        {"object": "embedding", "embedding": encode(vector), "index": index}
        for index, vector in enumerate(found.vectors)
    ]
    usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
    await exchange.answer({"object": "list", "data": data, "model": body.get("model"), "usage": usage})


def _base64(vector: list[float]) -> str:
    """Little-endian 32-bit floats."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def _entry(model: Model) -> dict[str, Any]:
    created = math.floor(model.modified)
    return {"id": model.name.short, "object": "model", "created": created, "owned_by": model.name.namespace}


async def models(engine: Engine, exchange: Exchange) -> None:
    """``GET /v1/models``."""
    data = [_entry(model) for model in engine.registry.all()]
    await exchange.answer({"object": "list", "data": data or None})


async def model(engine: Engine, exchange: Exchange) -> None:
    """``GET /v1/models/NAME``."""
    found = engine.model({"model": str(exchange.parameters["model"])}, missing="404")
    await exchange.answer(_entry(found))
