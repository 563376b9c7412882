"""FAKE servers and a FAKE supervisor for the tests of the engines room, and the fixtures that set them up."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.embedded import supervisor as supervisor_module
from core.embedded.supervisor import Endpoint, EngineConfig
from core.engines import Engine, connect, container, discovery
from core.events import EngineStatus
from core.paths import Paths
from core.settings import Settings


class FakeServer:
    """FAKE HTTP server: a table from path to JSON answer (or raw text); records headers and bodies."""

    def __init__(self, routes: dict[str, Any]) -> None:
        self.routes = routes
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.url = ""

    async def start(self) -> FakeServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"null")
        path = head[0].split()[1].partition("?")[0]
        self.asked.append((path, headers, body))
        found = next((value for key, value in self.routes.items() if path.endswith(key)), None)
        if callable(found):
            found = found(body)
        status = 200
        if isinstance(found, tuple):
            status, found = found
        if found is None:
            status, found = 404, {"error": "not found"}
        content = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        start = f"HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: application/json\r\n"
        writer.write(f"{start}content-length: {len(content)}\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()


def ollama(*models: str, version: str = "0.33.0", **more: Any) -> dict[str, Any]:
    """Routes of a FAKE Ollama; the models are listed newest last."""

    def show(body: dict[str, Any]) -> Any:
        kind = "embedding" if "embed" in body["model"] else "completion"
        return {"capabilities": [kind], "model_info": {"general.parameter_count": 7_000_000_000}}

    listed = [
        {"model": name, "modified_at": f"2026-01-0{day}T00:00:00Z"}
        for day, name in enumerate(models, start=1)
    ]
    return {
        "/api/version": {"version": version},
        "/api/tags": {"models": listed},
        "/api/show": show,
        "/api/ps": {"models": [{"model": models[-1] if models else "", "context_length": 4096}]},
        **more,
    }


class FakeSupervisor:
    """FAKE supervisor: its "process" is a FakeServer of the test; deaths happen when the test says so."""

    made: list[FakeSupervisor] = []
    server: FakeServer
    fail: Exception | None = None

    def __init__(self, config: EngineConfig, *, log_file: Path, on_state: Callable[[str, str], None]) -> None:
        self.config, self.log_file, self.on_state = config, log_file, on_state
        self.endpoint: Endpoint | None = None
        self.stopped = 0
        FakeSupervisor.made.append(self)

    async def start(self) -> Endpoint:
        self.on_state("starting", "")
        if FakeSupervisor.fail:
            self.on_state("down", "")
            raise FakeSupervisor.fail
        self.endpoint = Endpoint(FakeSupervisor.server.url, "s3cret", 4242)
        self.on_state("ready", "")
        return self.endpoint

    async def stop(self) -> None:
        self.stopped += 1
        self.endpoint = None

    def die(self) -> None:
        self.on_state("restarting", "killed")

    def come_back(self, server: FakeServer) -> None:
        self.endpoint = Endpoint(server.url, "s3cret", 4343)
        self.on_state("ready", "")


Serve = Callable[[dict[str, Any]], Awaitable[FakeServer]]


@pytest.fixture(name="serve")
async def serve_fixture() -> AsyncIterator[Serve]:
    running: list[FakeServer] = []

    async def one(routes: dict[str, Any]) -> FakeServer:
        running.append(await FakeServer(routes).start())
        return running[-1]

    yield one
    for server in running:
        server.stop()


def embedded_routes() -> dict[str, Any]:
    vectors = {"/api/embed": lambda body: {"embeddings": [[float(len(text))] for text in body["input"]]}}
    status = {"/api/status": {"engine": {"running": 1, "waiting": 2, "parallel": 4, "loading": False}}}
    return ollama("smollm2:135m", **vectors, **status) | {
        "/api/version": {"version": "0.33.0", "engine": "llm-study 9.9"}
    }


@pytest.fixture(name="embedded")
async def embedded_fixture(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> list[FakeSupervisor]:
    FakeSupervisor.made, FakeSupervisor.fail = [], None
    FakeSupervisor.server = await serve(embedded_routes())
    monkeypatch.setattr(supervisor_module, "Supervisor", FakeSupervisor)
    return FakeSupervisor.made


@dataclasses.dataclass
class World:
    paths: Paths
    statuses: list[EngineStatus]
    engines: list[Engine]

    async def connect(self, *, environ: dict[str, str] | None = None, **settings: Any) -> Engine:
        engine = await connect(Settings(**settings), self.paths, self.statuses.append, environ or {})
        self.engines.append(engine)
        return engine


@pytest.fixture(name="world")
async def world_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded: list[FakeSupervisor]
) -> AsyncIterator[World]:
    """Nothing of the real machine is found: no Ollama on the usual port, no Docker."""
    monkeypatch.setattr(
        discovery, "parse_host", lambda value: parse(value) if value else "http://127.0.0.1:1"
    )
    monkeypatch.setattr(container, "SOCKET", tmp_path / "no-docker.sock")
    monkeypatch.setattr(container, "OTHER_SOCKETS", ())
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    one = World(Paths(tmp_path, tmp_path, tmp_path), [], [])
    yield one
    for engine in one.engines:
        await engine.close()


parse = discovery.parse_host
