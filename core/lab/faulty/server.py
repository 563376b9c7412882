"""An Ollama-compatible server on loopback that answers by script, or passes on to a real engine, and fails as told.

It speaks HTTP by itself, byte by byte: a web framework would repair much of what has to go wrong here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import httpx

FaultKind = Literal[
    "none", "refused", "reset", "status", "html", "plain", "no_body", "cut", "error_line", "garbage", "half_line",
    "stall", "silent", "slow", "load", "empty", "length", "killed", "no_tools", "bad_call", "unknown_tool", "same_call",
    "endless",
]  # fmt: skip
"""What can go wrong with a chat request."""
Stage = Literal["first", "answer"]
"""Which request a fault begins with: the first, or the first that carries a tool's result."""

BASE = {"created_at": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Args:
        kind: What.
        times: With so many requests; ``None`` with every one.
        stage: From which request on.
        status: Of ``status``.
        text: The error's words.
        retry_after: The header's value, when there is one.
        wait_s: Of ``slow`` and ``killed``: how long.
    """

    kind: FaultKind = "none"
    times: int | None = 1
    stage: Stage = "first"
    status: int = 500
    text: str = "injected"
    retry_after: str = ""
    wait_s: float = 0.05


@dataclass(frozen=True, slots=True)
class Reply:
    """What the scripted model says."""

    words: tuple[str, ...] = ()
    tool_calls: tuple[Mapping[str, Any], ...] = ()


Brain = Callable[[Mapping[str, Any]], Reply]
"""The scripted model: the request's body → what it says."""


@dataclass
class FaultyServer:
    """The server: ``async with FaultyServer(brain=...) as server``, then talk to ``server.url``.

    Args:
        brain: The scripted model, used when there is no ``upstream``.
        fault: What goes wrong.
        upstream: Address of a real engine that answers what does not fail.
        token: The real engine's.
        model: Name answered with.
        has_result: Says whether a request carries a tool's result.
    """

    brain: Brain
    fault: Fault = field(default_factory=Fault)
    upstream: str = ""
    token: str | None = None
    model: str = "scripted"
    has_result: Callable[[Mapping[str, Any]], bool] = lambda body: False
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of the chat requests, in order."""
    struck: int = 0
    """Times the fault was done."""
    _port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _begun: bool = False

    async def __aenter__(self) -> Self:
        await self._listen()
        if self.fault.kind == "refused":
            self.struck += 1
            await self._close()
            if self.fault.times is not None:
                self._later(self._return(self.fault.wait_s))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close()
        for writer in list(self._writers):
            writer.close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, limit=2**24, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _return(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                length = next(
                    (int(one.split(":")[1]) for one in lines if one.lower().startswith("content-length")), 0
                )
                raw = await reader.readexactly(length)
                try:
                    body = json.loads(raw or b"{}")
                except ValueError:
                    body = {}
                method, path = lines[0].split()[:2]
                if not await self._answer(method, path, body, writer):
                    break
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # The client hung up, or the server is being closed.
        finally:
            self._writers.discard(writer)
            if task is not None:
                self._tasks.discard(task)
            writer.close()

    async def _answer(
        self, method: str, path: str, body: dict[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; false closes the connection."""
        if path != "/api/chat":
            return await self._other(method, path, body, writer)
        self.requests.append(body)
        fault = self._due(body)
        if fault.kind != "none":
            self.struck += 1
        return await self._chat(fault, body, writer)

    def _due(self, body: Mapping[str, Any]) -> Fault:
        fault = self.fault
        if fault.kind in ("none", "refused"):
            return Fault()
        if fault.kind == "no_tools" and not body.get("tools"):
            return Fault()
        if fault.stage == "answer" and not self._begun:
            self._begun = self.has_result(body)
            if not self._begun:
                return Fault()
        return fault if fault.times is None or self.struck < fault.times else Fault()

    async def _chat(self, fault: Fault, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        kind = fault.kind
        if kind == "reset":
            _reset(writer)
            return False
        if kind == "silent":
            await asyncio.Event().wait()
        if kind == "slow":
            await asyncio.sleep(fault.wait_s)
        if kind == "status":
            extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return _whole(writer, fault.status, {"error": fault.text}, extra)
        if kind == "no_tools":
            return _whole(writer, 400, {"error": f"{body.get('model')} does not support tools"})
        if kind == "html":
            return _whole(writer, 200, "<html><body>Welcome to the router.</body></html>", kind="text/html")
        if kind == "plain":
            return _whole(writer, 200, "OK", kind="text/plain")
        if self.upstream and kind in ("none", "slow"):
            return await self._pass_on(body, writer)
        reply = self.brain(body)
        if kind == "no_body":
            _head(writer)
            await writer.drain()
            return False
        return await self._stream(fault, reply, writer)

    async def _stream(self, fault: Fault, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        kind, words = fault.kind, list(reply.words)
        _head(writer)
        if kind == "load":
            self._done(writer, {}, "load", counts=False)
            return _end(writer)
        if kind == "empty":
            self._done(writer, {}, "stop")
            return _end(writer)
        if kind in ("cut", "error_line", "garbage", "half_line", "stall", "killed", "length") and not words:
            words = ["{"] if reply.tool_calls and kind != "length" else [""]
        half = max(1, len(words) // 2)
        broken = kind in ("cut", "error_line", "garbage", "half_line", "stall", "killed", "length")
        for word in words[:half] if broken else words:
            _line(writer, {**self._base(), "message": {"role": "assistant", "content": word}, "done": False})
        await writer.drain()
        if kind == "killed":
            await self._close()
            for one in list(self._writers):
                _reset(one)
            self._later(self._return(fault.wait_s))
            return False
        if kind == "cut":
            return False
        if kind == "stall":
            await asyncio.Event().wait()
        if kind == "error_line":
            _line(writer, {"error": fault.text})
            return _end(writer)
        if kind == "garbage":
            _chunk(writer, b"\x00\xffnot json\n")
            return _end(writer)
        if kind == "half_line":
            _chunk(writer, b'{"model": "x", "message": {"role": "assist')
            return _end(writer)
        message = {"tool_calls": [dict(one) for one in reply.tool_calls]} if reply.tool_calls else {}
        self._done(writer, message, "length" if kind == "length" else "stop", tokens=len(words))
        return _end(writer)

    def _base(self) -> dict[str, Any]:
        return {"model": self.model, **BASE}

    def _done(
        self,
        writer: asyncio.StreamWriter,
        message: Mapping[str, Any],
        reason: str,
        *,
        counts: bool = True,
        tokens: int = 1,
    ) -> None:
        numbers = {
            "total_duration": 10**7, "load_duration": 10**5, "prompt_eval_count": 20, "prompt_eval_duration": 10**6,
            "eval_count": tokens, "eval_duration": 10**6,
        }  # fmt: skip
        _line(
            writer,
            {
                **self._base(), "message": {"role": "assistant", "content": "", **message}, "done": True,
                "done_reason": reason, **(numbers if counts else {}),
            },
        )  # fmt: skip

    async def _other(
        self, method: str, path: str, body: dict[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        if self.upstream:
            async with self._client() as client:
                found = await client.request(method, path, json=body or None)
            return _whole(writer, found.status_code, found.text, kind=found.headers.get("content-type", ""))
        answers: dict[str, Any] = {
            "/api/version": {"version": "0.0.0-scripted"},
            "/api/tags": {
                "models": [{"name": self.model, "model": self.model, "digest": "0" * 64, "size": 1}]
            },
            "/api/ps": {"models": []},
            "/api/show": {"model_info": {}, "capabilities": ["completion"], "details": {}},
            "/api/generate": {"model": self.model, "response": "", "done": True, "done_reason": "load"},
        }
        return _whole(writer, 200 if path in answers else 404, answers.get(path, {"error": "not found"}))

    async def _pass_on(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        async with self._client() as client, client.stream("POST", "/api/chat", json=body) as answer:
            if answer.status_code != 200:
                text = (await answer.aread()).decode("utf-8", "replace")
                return _whole(writer, answer.status_code, text, kind="application/json")
            _head(writer)
            async for raw in answer.aiter_raw():
                _chunk(writer, raw)
                await writer.drain()
        return _end(writer)

    def _client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.AsyncClient(base_url=self.upstream, headers=headers, timeout=120, trust_env=False)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset, as when a process is killed."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _head(writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    )


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    if data:
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _line(writer: asyncio.StreamWriter, value: Mapping[str, Any]) -> None:
    _chunk(writer, json.dumps(value).encode() + b"\n")


def _end(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"0\r\n\r\n")
    return True


def _whole(
    writer: asyncio.StreamWriter,
    status: int,
    value: object,
    headers: Mapping[str, str] | None = None,
    *,
    kind: str = "application/json; charset=utf-8",
) -> bool:
    data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {text}" for name, text in (headers or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    return True
