"""Routes that tell: models, one model, what is loaded, version, status."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.metadata
import json
import math
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from core.embedded.engine import API_VERSION, Engine
from core.embedded.registry import Model
from core.embedded.wire import ApiError, Exchange

_FOREVER_SECONDS = 200 * 365 * 86_400
"""What "for ever" is as a date; the CLI says Forever beyond 20 years."""


def _timestamp(seconds: float) -> str:
    limited = min(seconds, time.time() + _FOREVER_SECONDS)
    return datetime.fromtimestamp(limited, UTC).astimezone().isoformat(timespec="microseconds")


@cache
def engine_version() -> str:
    """The llama.cpp that answers, by its build number: the last part of the wheel's version."""
    try:
        return "llama.cpp b" + importlib.metadata.version("xllamacpp").rsplit(".", 1)[-1]
    except importlib.metadata.PackageNotFoundError:
        return "llama.cpp"


async def root(engine: Engine, exchange: Exchange) -> None:
    """``GET /``."""
    await exchange.answer_bytes(b"Ollama is running", 200, b"text/plain; charset=utf-8")


async def version(engine: Engine, exchange: Exchange) -> None:
    """``GET /api/version``: the API spoken, and in a field of its own what really answers."""
    await exchange.answer({"version": API_VERSION, "engine": engine_version()})


async def status(engine: Engine, exchange: Exchange) -> None:
    """``GET /api/status``: no cloud here. ``engine`` is ours: slots and queue, for the resource pane."""
    runners = list(engine.scheduler.runners.values())
    ours = {
        "running": sum(runner.running for runner in runners),
        "waiting": engine.scheduler.waiting,
        "parallel": engine.config.parallel,
        "queue": engine.config.queue,
        "loading": any(not runner.ready for runner in runners),
        **engine.scheduler.speeds(),
        **await _kv(engine),
        "pid": os.getpid(),
        "loads": [dataclasses.asdict(load) for load in list(engine.scheduler.loads)],
    }
    await exchange.answer({"cloud": {"disabled": True, "source": "config"}, "engine": ours})


async def _kv(engine: Engine) -> dict[str, int]:
    """Tokens in the KV caches of all slots, and how many fit; empty while nothing is loaded."""
    used = total = 0
    for runner in list(engine.scheduler.runners.values()):
        if runner.llama is None or not runner.ready:
            continue
        try:
            filled, size = await asyncio.to_thread(runner.llama.cache)
        except ApiError:
            return {}
        used, total = used + filled, total + size
    return {"kv_used": used, "kv_total": total} if total else {}


async def tags(engine: Engine, exchange: Exchange) -> None:
    """``GET /api/tags``."""
    models = []
    for model in engine.registry.all():
        try:
            models.append(_listed(model))
        except (ApiError, OSError):
            # A damaged file of the user's must not hide the other models; using it says what is wrong.
            continue
    await exchange.answer({"models": models})


def _listed(model: Model) -> dict[str, Any]:
    details = model.details()
    for name in ("context_length", "embedding_length"):
        if model.header.number(name):
            details[name] = model.header.number(name)
    return {
        "name": model.name.short, "model": model.name.short, "modified_at": _timestamp(model.modified),
        "size": model.size, "digest": model.digest, "details": details, "capabilities": model.capabilities,
    }  # fmt: skip


async def ps(engine: Engine, exchange: Exchange) -> None:
    """``GET /api/ps``."""
    found: list[tuple[float, Model, int]] = []
    for runner in engine.scheduler.runners.values():
        if runner.ready:
            expires = time.time() + runner.keep_alive if runner.running else runner.expires_at
            found.append((expires, runner.model, runner.spec.num_ctx))
    for embedder in engine.embed_runners():
        found.append((embedder.expires_at, embedder.model, embedder.model.header.number("context_length")))
    models = [
        {
            "name": model.name.short, "model": model.name.short, "size": _in_memory(engine, model, num_ctx),
            "digest": model.digest, "details": model.details(),
            "expires_at": _timestamp(math.inf if math.isinf(expires) else expires),
            "size_vram": 0, "context_length": num_ctx,
        }
        for expires, model, num_ctx in sorted(found, key=lambda item: -item[0])
    ]  # fmt: skip
    await exchange.answer({"models": models})


def _in_memory(engine: Engine, model: Model, num_ctx: int) -> int:
    """Predicted bytes: weights plus the KV cache in f16 for every slot."""
    header = model.header
    heads = header.number("attention.head_count")
    if model.kind == "embedding" or not heads:
        return model.size
    per_head = header.number("attention.key_length") or header.number("embedding_length") // heads
    kv_heads = header.number("attention.head_count_kv") or heads
    per_token = 2 * 2 * header.number("block_count") * kv_heads * per_head
    return model.size + per_token * num_ctx * engine.config.parallel


async def show(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/show``."""
    model = engine.model(exchange.body, missing="400", unknown="model '{1}' not found")
    hidden = ("general.name", "tokenizer.chat_template")
    info = {key: value for key, value in model.header.metadata.items() if key not in hidden}
    info["general.parameter_count"] = model.header.parameter_count
    answer: dict[str, Any] = {
        "modelfile": f'# Modelfile generated by "ollama show"\nFROM {model.path}\n',
        "details": model.details(), "model_info": info, "capabilities": model.capabilities,
        "modified_at": _timestamp(model.modified),
    }  # fmt: skip
    if model.header.chat_template:
        answer["template"] = model.header.chat_template
    licence = model.licence or info.get("general.license")
    if isinstance(licence, str) and licence:
        answer["license"] = licence
    if model.system:
        answer["system"] = model.system
    if model.parameters:
        answer["parameters"] = _parameters(model.parameters)
    await exchange.answer(answer)


def _parameters(parameters: Mapping[str, Any]) -> str:
    """As Ollama prints them: one a line, the name padded to 30 columns; each item of a list by itself."""
    lines: list[str] = []
    for name, value in sorted(parameters.items()):
        for item in value if isinstance(value, list) else [value]:
            lines.append(f"{name:<30} {json.dumps(item)}")
    return "\n".join(lines)


async def me(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/me``: there are no accounts."""
    raise ApiError(503, "account unavailable")


async def recommendations(engine: Engine, exchange: Exchange) -> None:
    """``GET /api/experimental/model-recommendations``."""
    await exchange.answer({"recommendations": []})
