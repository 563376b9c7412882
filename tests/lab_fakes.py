"""A FAKE Ollama server for the lab's tests: it has no model, and delays that are known to the test.

It runs in a process of its own, so that its waiting and the client's measuring do not share an event loop; sleeps end
in a short spin, so that a delay of 20 ms is 20.0 ms. Run as a script it prints its address and serves until its
standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SPIN_S = 0.002


@dataclass
class Behaviour:
    """What the server does to a chat request. Times are milliseconds."""

    ttft: float = 30.0
    itl: float = 10.0
    slots: int = 64
    """Requests served at the same time; others wait in line."""
    reject_above: int = 1000
    """More requests than this inside (served and waiting), and one is answered 503."""
    load: float = 0.0
    """A request to an unloaded model waits this long first."""
    deaf: int = 0
    """So often an unload changes nothing, as while a load is under way."""
    mode: str = ""
    """``cut``: the connection ends in the answer; ``garbage``: no JSON; ``stall``: silence after two tokens;
    ``error``: an error line; ``html``: another server's answer; ``nohttp``: not even HTTP."""
    empty_first: bool = False
    """A chunk without text comes at once, as some servers send the role."""
    burst: int = 1
    """Tokens in one chunk."""
    no_usage: bool = False
    stall_at_s: float = -1.0
    """Seconds after the first request at which everything stops once …"""
    stall_for: float = 0.0
    """… for so long."""


class Fake:
    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.slots = asyncio.Semaphore(behaviour.slots)
        self.inside = 0
        self.loaded = True
        self.first: float | None = None
        self.asked = 0
        self.deaf = behaviour.deaf

    async def until(self, moment: float) -> None:
        """Wait until a moment, precisely."""
        left = moment - time.perf_counter() - SPIN_S
        if left > 0:
            await asyncio.sleep(left)
        while time.perf_counter() < moment:
            await asyncio.sleep(0)

    async def unstalled(self, moment: float) -> float:
        """Move a moment that falls into the stall to its end."""
        one = self.behaviour
        if one.stall_at_s < 0 or self.first is None:
            return moment
        start = self.first + one.stall_at_s
        return start + one.stall_for / 1e3 if start <= moment < start + one.stall_for / 1e3 else moment

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            arrived = time.perf_counter()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
            await self.answer(head.split(" ")[1], body, writer, arrived)
            await writer.drain()
        writer.close()

    async def answer(
        self, path: str, body: dict[str, Any], writer: asyncio.StreamWriter, arrived: float
    ) -> None:
        if path == "/behave":
            self.__init__(Behaviour(**body))  # type: ignore[misc]
            return reply(writer, {})
        if path == "/asked":
            return reply(writer, {"asked": self.asked})
        if path == "/api/chat" and body.get("messages"):
            return await self.chat(body, writer, arrived)
        if path in ("/api/generate", "/api/chat"):
            unload = body.get("keep_alive") in (0, "0")
            if unload and self.deaf:
                self.deaf -= 1
            else:
                self.loaded = not unload
            return reply(writer, {"model": body["model"], "done": True, "done_reason": "load"})
        if path == "/api/pull":
            return await self.pull(writer)
        routes: dict[str, Any] = {
            "/api/version": {"version": "0.0.0-fake"},
            "/api/tags": {"models": [{"model": "fake:1b", "digest": "f" * 64, "size": 1}]},
            "/api/ps": {"models": [{"model": "fake:1b", "context_length": 4096}] if self.loaded else []},
            "/api/show": {"capabilities": ["completion"], "model_info": {}, "modelfile": "FROM fake"},
            "/api/status": {},
        }
        found = routes.get(path)
        reply(
            writer, found if found is not None else {"error": "not found"}, 200 if found is not None else 404
        )
        return None

    async def chat(self, body: dict[str, Any], writer: asyncio.StreamWriter, arrived: float) -> None:
        one = self.behaviour
        self.asked += 1
        self.first = self.first or arrived
        if one.mode == "nohttp":
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            return
        if one.mode == "html":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>")
            return
        if self.inside >= one.reject_above:
            reply(writer, {"error": "server busy, please try again.  maximum pending requests exceeded"}, 503)
            return
        self.inside += 1
        try:
            async with self.slots:
                await self.stream(body, writer, arrived)
        finally:
            self.inside -= 1

    async def stream(self, body: dict[str, Any], writer: asyncio.StreamWriter, arrived: float) -> None:
        one = self.behaviour
        start = time.perf_counter() if one.slots < 64 else arrived
        if not self.loaded:
            start += one.load / 1e3
            self.loaded = True
        loaded_for = max(1, round((start - arrived) * 1e9))
        tokens = int(body.get("options", {}).get("num_predict", 8))
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        if one.empty_first:
            line(writer, {"message": {"role": "assistant", "content": ""}, "done": False})
        sent, number = 0, 0
        while sent < tokens:
            await self.until(await self.unstalled(start + (one.ttft + number * one.itl) / 1e3))
            if one.mode == "stall" and number == 2:
                await asyncio.Event().wait()  # until the program ends
            if one.mode and number == 2:
                if one.mode == "cut":
                    return
                line(
                    writer,
                    {"error": "an error was encountered while running the model"}
                    if one.mode == "error"
                    else None,
                )
                writer.write(b"0\r\n\r\n")
                return
            now = min(one.burst, tokens - sent)
            line(writer, {"message": {"role": "assistant", "content": "word " * now}, "done": False})
            sent, number = sent + now, number + 1
        words = len(body["messages"][0]["content"].split())
        final: dict[str, Any] = {
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "length",
        }
        if not one.no_usage:
            final |= {
                "prompt_eval_count": 20 + words, "eval_count": tokens, "load_duration": loaded_for,
                "prompt_eval_duration": round(one.ttft * 1e6), "eval_duration": round((tokens - 1) * one.itl * 1e6) or 1,
            }  # fmt: skip
        line(writer, final)
        writer.write(b"0\r\n\r\n")

    async def pull(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        line(writer, {"status": "pulling manifest"})
        start = time.perf_counter()
        for part in range(6):
            await self.until(start + part * 0.01)
            line(
                writer,
                {
                    "status": "pulling",
                    "digest": "sha256:ab",
                    "total": 5_000_000,
                    "completed": part * 1_000_000,
                },
            )
        line(writer, {"status": "success"})
        writer.write(b"0\r\n\r\n")


def line(writer: asyncio.StreamWriter, value: dict[str, Any] | None) -> None:
    data = b"\xff\xfenot json\n" if value is None else json.dumps(value).encode() + b"\n"
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def reply(writer: asyncio.StreamWriter, value: Any, status: int = 200) -> None:
    data = json.dumps(value).encode()
    writer.write(
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data
    )


async def _main() -> None:
    fake = Fake(Behaviour())
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextlib.contextmanager
def fake_server() -> Iterator[str]:
    """Run the server in a process of its own; gives its address."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def behave(url: str, **changes: Any) -> None:
    """Set the server's behaviour, everything else as by default."""
    post(url + "/behave", asdict(Behaviour(**changes)))


def post(url: str, body: Any = None) -> Any:
    """Send one request."""
    import urllib.request

    request = urllib.request.Request(
        url, json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


if __name__ == "__main__":
    asyncio.run(_main())
