"""The client over real loopback HTTP, against a small FAKE server that answers byte for byte what a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from core.ollama import Chunk, OllamaClient
from core.ollama import client as client_module
from core.ollama.errors import (
    BadAnswer,
    EngineBusy,
    EngineOutOfMemory,
    EngineRefused,
    EngineUnreachable,
    ModelMissing,
    NoToolSupport,
    StreamCut,
)


class RawServer:
    """FAKE: answers every request with the same bytes and closes; keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.parts: list[bytes] = []
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.hold = False
        self.gone = asyncio.Event()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append((head[0], headers, json.loads(body) if body else None))
        for part in self.parts:
            writer.write(part)
            await writer.drain()
        if self.hold:
            await reader.read()
            self.gone.set()
        writer.close()

    def json(self, value: Any, status: int = 200) -> None:
        self.body(json.dumps(value).encode(), status, "application/json")

    def body(self, content: bytes, status: int = 200, kind: str = "text/plain", more: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {len(content)}\r\n\r\n"
        self.parts = [head.encode() + content]

    def stream(self, *pieces: bytes, end: bool = True) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        chunked = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
        self.parts = [head, *chunked] + ([b"0\r\n\r\n"] if end else [])


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    one = RawServer()
    one.url = await one.start()
    yield one
    one.stop()


@pytest.fixture
async def client(server: RawServer) -> AsyncIterator[OllamaClient]:
    async with OllamaClient(server.url, token="t0ken", timeout=10) as one:
        yield one


def line(text: str = "", **more: Any) -> bytes:
    return json.dumps({"message": {"role": "assistant", "content": text}, **more}).encode() + b"\n"


DONE = line(done=True, done_reason="stop", prompt_eval_count=7, eval_count=20, eval_duration=500_000_000)


async def chat(client: OllamaClient, **more: Any) -> list[Chunk]:
    return [chunk async for chunk in client.chat("m", [{"role": "user", "content": "hi"}], **more)]


async def test_a_streamed_answer_arrives_with_its_measurements(
    client: OllamaClient, server: RawServer
) -> None:
    server.stream(line("Hel"), line("lo"), DONE)
    chunks = await chat(client, options={"seed": 7}, format="json", keep_alive="5m")
    assert "".join(chunk.text for chunk in chunks) == "Hello"
    last = chunks[-1]
    assert (last.done, last.done_reason, last.prompt_eval_count, last.eval_count) == (True, "stop", 7, 20)
    assert last.tokens_per_s == 40.0
    request, headers, body = server.asked[0]
    assert request.startswith("POST /api/chat ") and headers["authorization"] == "Bearer t0ken"
    assert body["options"] == {"seed": 7} and body["stream"] is True and "tools" not in body


async def test_lines_are_cut_at_newlines_only_wherever_the_packets_are_cut(
    client: OllamaClient, server: RawServer
) -> None:
    text = "a\u2028b\u2029c\x85d\x0b\x0c\x1c한글🙂"
    raw = (
        json.dumps({"message": {"content": text}}, ensure_ascii=False).encode()
        + b"\r\n\n  \n"
        + DONE.rstrip()
    )
    server.stream(*(raw[i : i + 1] for i in range(len(raw))))
    chunks = await chat(client)
    assert "".join(chunk.text for chunk in chunks) == text
    assert chunks[-1].done


async def test_tool_calls_and_thinking_are_read(client: OllamaClient, server: RawServer) -> None:
    call = {"id": "call_1", "function": {"name": "calculator", "arguments": {"expression": "12*34"}}}
    server.stream(
        json.dumps({"message": {"thinking": "hm", "tool_calls": [call, "junk"]}, "done": True}).encode()
    )
    (chunk,) = await chat(client, tools=[{"type": "function"}])
    assert chunk.thinking == "hm"
    assert chunk.tool_calls[0].name == "calculator" and chunk.tool_calls[0].arguments == {
        "expression": "12*34"
    }
    assert chunk.tool_calls[1].name == ""


@pytest.mark.parametrize(
    ("pieces", "end", "error"),
    [
        ((line("Hel"),), True, StreamCut),  # ends cleanly, but too soon
        ((line("Hel"),), False, StreamCut),  # the connection breaks
        ((line("Hel"), DONE[:20]), True, StreamCut),  # inside a line
        ((), False, StreamCut),
        ((line("Hel"), b'{"error":"model runner has unexpectedly stopped"}\n'), True, EngineOutOfMemory),
        ((line("Hel"), b'{"error":"x does not support tools"}\n'), True, NoToolSupport),
        ((line("Hel"), b'{"error": {"message": "server busy"}}\n'), True, EngineBusy),
        ((b"<html>\n",), True, BadAnswer),
        ((b"[1]\n",), True, BadAnswer),
        ((b"[" * 200_000 + b"\n",), True, BadAnswer),
        ((b"\xff\xfe\n",), True, BadAnswer),
    ],
)
async def test_a_stream_that_goes_wrong(
    client: OllamaClient, server: RawServer, pieces: tuple[bytes, ...], end: bool, error: type[Exception]
) -> None:
    server.stream(*pieces, end=end)
    with pytest.raises(error):
        await chat(client)


async def test_a_line_without_end_is_not_collected_for_ever(
    client: OllamaClient, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_LINE_BYTES", 1 << 16)
    server.stream(*[b"x" * 4096] * 64, end=False)
    with pytest.raises(BadAnswer):
        await chat(client)


async def test_closing_the_iterator_drops_the_connection(client: OllamaClient, server: RawServer) -> None:
    server.stream(line("Hel"), end=False)
    server.hold = True
    async with aclosing(client.chat("m", [])) as stream:  # type: ignore[type-var]
        assert (await anext(stream)).text == "Hel"
    await asyncio.wait_for(server.gone.wait(), 10)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"error": "model 'm' not found"}, ModelMissing),
        (503, {"error": "server busy, please try again.  maximum pending requests exceeded"}, EngineBusy),
        (
            500,
            {"error": "model requires more system memory (9 GiB) than is available (1 GiB)"},
            EngineOutOfMemory,
        ),
        (401, {"error": "unauthorized"}, EngineRefused),
        (400, {"error": "invalid model name"}, EngineRefused),
        (404, "404 page not found", BadAnswer),
        (500, ["x"], BadAnswer),
    ],
)
async def test_statuses_mean_the_same_on_every_route(
    client: OllamaClient, server: RawServer, status: int, body: Any, error: type[Exception]
) -> None:
    server.json(body, status)
    with pytest.raises(error):
        await chat(client)
    with pytest.raises(error):
        await client.show("m")
    with pytest.raises(error):
        await client.embed("m", ["x"])


async def test_another_program_on_the_port_is_named(client: OllamaClient, server: RawServer) -> None:
    server.body(b"<html>\x1b[31mIt works!</html>", kind="text/html", more="server: nginx/1.22\r\n")
    with pytest.raises(BadAnswer) as caught:
        await client.version()
    assert "nginx/1.22" in caught.value.message and "It works!" in caught.value.message
    assert "\x1b" not in caught.value.message
    server.body(b"", 302, more="location: https://login.example/\r\n")
    with pytest.raises(BadAnswer, match=r"login\.example"):
        await client.version()
    server.json({"hello": "world"})
    with pytest.raises(BadAnswer, match="hello"):
        await client.version()


async def test_bytes_that_are_no_http(client: OllamaClient, server: RawServer) -> None:
    server.parts = [b"SSH-2.0-OpenSSH_9.2\r\n"]
    with pytest.raises(StreamCut):
        await client.version()


async def test_nobody_there_and_a_silent_server(server: RawServer) -> None:
    url = server.url
    server.hold = True
    async with OllamaClient(url) as client:
        with pytest.raises(EngineUnreachable, match="stopped answering"):
            await client.version(timeout=0.05)
    server.stop()
    async with OllamaClient("http://127.0.0.1:1") as client:
        with pytest.raises(EngineUnreachable, match=r"127\.0\.0\.1:1 "):
            await client.version()
        with pytest.raises(EngineUnreachable):
            await chat(client)


async def test_models_are_listed_whatever_a_server_leaves_out(
    client: OllamaClient, server: RawServer
) -> None:
    full = {
        "model": "a:latest", "size": 5, "digest": "d" * 64, "modified_at": "2026-11-23T10:00:00.123456789+09:00",
        "details": {"family": "llama", "parameter_size": "7B", "quantization_level": "Q4_0"},
        "capabilities": ["completion", "tools", 3],
    }  # fmt: skip
    server.json(
        {"models": [full, {"name": "b\x1b[31m"}, 7, {"size": "x", "modified_at": "soon", "details": None}]}
    )
    first, second, third = await client.tags()
    assert (first.name, first.size_bytes, first.quantization) == ("a:latest", 5, "Q4_0")
    assert first.modified_at == pytest.approx(1795395600.123456)
    assert first.capabilities == ("completion", "tools")
    assert (second.name, second.capabilities) == ("b", None)
    assert (third.name, third.size_bytes, third.modified_at) == ("", None, None)
    server.json({"models": None})
    assert await client.tags() == []
    server.json({"data": []})
    with pytest.raises(BadAnswer):
        await client.tags()


async def test_details_of_a_model(client: OllamaClient, server: RawServer) -> None:
    info = {
        "general.architecture": "llama",
        "general.parameter_count": 134515008,
        "llama.context_length": 8192,
    }
    server.json({"capabilities": ["completion"], "model_info": info, "details": {"family": "llama"}})
    details = await client.show("smollm2:135m")
    assert (details.parameter_count, details.context_length, details.family) == (134515008, 8192, "llama")
    server.json({"model_info": None, "details": {"parameter_size": "134.52M"}})
    assert (await client.show("x")).parameter_count == 134_520_000


async def test_loaded_models_and_how_busy_the_embedded_engine_is(
    client: OllamaClient, server: RawServer
) -> None:
    server.json({"models": [{"model": "a", "size": 9, "context_length": 2048}]})
    (loaded,) = await client.ps()
    assert (loaded.name, loaded.size_bytes, loaded.context_length) == ("a", 9, 2048)
    server.json({"cloud": {}, "engine": {"running": 1, "waiting": 2, "parallel": 4, "loading": True}})
    load = await client.load_now()
    assert (load.running, load.waiting, load.slots, load.loading) == (1, 2, 4, True)
    server.json({"cloud": {"disabled": True}})
    assert (await client.load_now()).running is None


async def test_the_embedded_engines_version_is_what_really_answers(
    client: OllamaClient, server: RawServer
) -> None:
    server.json({"version": "0.33.0"})
    assert await client.version() == "0.33.0"
    server.json({"version": "0.33.0", "engine": "llama.cpp b1"})
    assert await client.version() == "llama.cpp b1"


async def test_embeddings_match_their_texts(client: OllamaClient, server: RawServer) -> None:
    server.json({"embeddings": [[0.5, 0.5]]})
    assert await client.embed("e", ["x"]) == [[0.5, 0.5]]
    assert await client.embed("e", []) == []
    with pytest.raises(BadAnswer):
        await client.embed("e", ["x", "y"])


async def test_load_and_unload(client: OllamaClient, server: RawServer) -> None:
    server.json({"done": True, "done_reason": "load"})
    await client.load("m", options={"num_ctx": 512}, keep_alive="30m")
    await client.unload("m")
    first, second = (body for _, _, body in server.asked)
    assert first == {"model": "m", "stream": False, "options": {"num_ctx": 512}, "keep_alive": "30m"}
    assert second["keep_alive"] == 0


async def test_a_client_closed_by_a_restart_says_cut(server: RawServer) -> None:
    client = OllamaClient(server.url)
    await client.aclose()
    with pytest.raises(StreamCut):
        await client.tags()
    with pytest.raises(StreamCut):
        await chat(client)


async def test_a_proxy_setting_does_not_come_between_us_and_loopback(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.json({"version": "0.33.0"})
    async with OllamaClient(server.url) as client:
        assert await client.version() == "0.33.0"
