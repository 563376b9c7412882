"""A scripted stand-in for an Ollama server (a FAKE, for unit tests of what surrounds the engine).

It answers ``POST /api/chat`` from a list of scripts, one per request, and keeps the requests' bodies.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Script:
    """How one chat request is answered."""

    words: Sequence[str] = ("Hello", " there", ".")
    tool_calls: Sequence[dict[str, Any]] = ()
    status: int = 200
    error: str = ""
    cut: bool = False
    """Close the connection before the last line."""
    prompt_tokens: int = 20
    """What it says the prompt took."""
    hold_after: int | None = None
    """After this many words, wait for :attr:`FakeOllama.release`."""


@dataclass
class FakeOllama:
    """The fake server. ``await start()``, then talk to ``url``."""

    scripts: list[Script] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def start(self) -> FakeOllama:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                length = next(
                    (int(x.split(":")[1]) for x in lines if x.lower().startswith("content-length")), 0
                )
                body = json.loads(await reader.readexactly(length) or b"{}")
                await self._answer(lines[0].split()[1], body, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, path: str, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if path != "/api/chat":
            return self._plain(writer, 200, {"version": "0.0-fake"})
        self.requests.append(body)
        script = self.scripts.pop(0) if self.scripts else Script()
        if script.status != 200:
            return self._plain(writer, script.status, {"error": script.error})
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        base = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
        for index, word in enumerate(script.words):
            if script.hold_after == index:
                await self._hold(reader)
            self._line(writer, {**base, "message": {"role": "assistant", "content": word}, "done": False})
            await writer.drain()
        if script.cut:
            writer.close()
            raise ConnectionResetError
        if script.error:
            self._line(writer, {"error": script.error})
        else:
            message: dict[str, Any] = {"role": "assistant", "content": ""}
            if script.tool_calls:
                message["tool_calls"] = list(script.tool_calls)
            counts = {"eval_count": len(script.words), "eval_duration": 10**8}
            counts["prompt_eval_count"] = script.prompt_tokens
            self._line(writer, {**base, "message": message, "done": True, "done_reason": "stop", **counts})
        writer.write(b"0\r\n\r\n")

    async def _hold(self, reader: asyncio.StreamReader) -> None:
        """Wait for the release, or for the client to hang up."""
        release, hang_up = asyncio.create_task(self.release.wait()), asyncio.create_task(reader.read(1))
        await asyncio.wait({release, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        released = release.done()
        release.cancel(), hang_up.cancel()
        if not released:
            self.disconnected.set()
            raise ConnectionResetError

    @staticmethod
    def _line(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode() + b"\n"
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    @staticmethod
    def _plain(writer: asyncio.StreamWriter, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
