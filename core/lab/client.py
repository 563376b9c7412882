"""Measures one request against an Ollama-compatible server. Front door: :func:`measure`.

A lean client of its own on asyncio's sockets. Each request opens its own connection (its time is kept), so that no
request waits for another's. Tokens are the server's count; chunks are counted apart.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from core.lab.wire import Answer, Wire, WireError, clock
from core.ollama.errors import error_text
from core.text import clean_line

Outcome = Literal["ok", "rejected", "error", "cut", "stalled", "garbage", "unreachable", "cancelled"]
CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go and what is the same in all of them."""

    url: str
    model: str
    token: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    keep_alive: str | int | None = None
    stall_s: float = 120.0
    """So long without a byte, and a request counts as dead."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    prompt: str
    num_predict: int
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    """Over the target's."""
    keep_alive: str | int | None = None


@dataclass(slots=True)
class Measured:
    """What one request took. Moments are seconds of :data:`core.lab.wire.clock`."""

    scheduled: float
    started: float
    outcome: Outcome = "cut"
    connected: float | None = None
    sent: float | None = None
    first_byte: float | None = None
    chunks: list[float] = field(default_factory=list)
    """When each chunk with text arrived."""
    ended: float | None = None
    status: int = 0
    error: str = ""
    """The server's own words, cleaned."""
    finish: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    token_source: str = ""
    """``usage``: the server counted; ``chunks``: it did not, one token per chunk is assumed."""
    load_ms: float | None = None
    prefill_ms: float | None = None
    decode_ms: float | None = None
    total_ms: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the answer came whole."""
        return self.outcome == "ok"

    def data(self, origin: float) -> dict[str, Any]:
        """Return it as the data of a row: durations in ms; moments in ms after ``origin``."""
        first = self.chunks[0] if self.chunks else None
        ttft, e2e = _ms(first, self.started), _ms(self.ended, self.started)
        wait = _ms(self.started, self.scheduled) or 0.0
        n = self.output_tokens
        tpot = (
            (e2e - ttft) / (n - 1)
            if self.ok and e2e is not None and ttft is not None and n and n > 1
            else None
        )
        found: dict[str, Any] = {
            "outcome": self.outcome,
            "scheduled_ms": round((self.scheduled - origin) * 1e3, 3),
            "started_ms": round((self.started - origin) * 1e3, 3),
            "ended_ms": _ms(self.ended, origin),
            "wait_ms": wait,
            "connect_ms": _ms(self.connected, self.started),
            "first_byte_ms": _ms(self.first_byte, self.started),
            "ttft_ms": ttft,
            "e2e_ms": e2e,
            "tpot_ms": None if tpot is None else round(tpot, 4),
            "itl_ms": [round((b - a) * 1e3, 3) for a, b in zip(self.chunks, self.chunks[1:], strict=False)],
            "chunks": len(self.chunks),
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": n,
            "token_source": self.token_source,
            "finish": self.finish,
            "load_ms": self.load_ms,
            "prefill_ms": self.prefill_ms,
            "decode_ms": self.decode_ms,
            "total_ms": self.total_ms,
        }
        if self.error:
            found |= {"error": self.error, "status": self.status}
        return {name: value for name, value in found.items() if value is not None and value != ""}


def _ms(moment: float | None, since: float) -> float | None:
    return None if moment is None else round((moment - since) * 1e3, 3)


async def measure(
    target: Target, ask: Ask, *, scheduled: float | None = None, kept: list[Measured] | None = None
) -> Measured:
    """Send one chat request and read its stream to the end. Failures are outcomes, not exceptions.

    Args:
        target: Where.
        ask: What.
        scheduled: When it was due; default: now.
        kept: Gets the result in any case, also when the task is cancelled meanwhile.
    """
    started = clock()
    found = Measured(started if scheduled is None else scheduled, started)
    reader = _Reader(found)
    answer = Answer(reader.line)
    transport: asyncio.Transport | None = None
    wire: Wire | None = None
    try:
        transport, wire = await connect(target, answer)
        found.connected = clock()
        transport.write(_request(target, ask))
        found.sent = clock()
        error = await over(wire, target.stall_s)
        _judge(found, reader, answer, wire, error)
    except asyncio.CancelledError:
        found.outcome, found.ended = "cancelled", clock()
        raise
    except TimeoutError:
        found.outcome = "stalled" if wire is not None else "unreachable"
        found.ended = clock()
    except OSError as error:
        found.outcome, found.ended = "unreachable", clock()
        found.error = clean_line(str(error) or type(error).__name__)
    finally:
        if wire is not None:
            found.first_byte = wire.first_byte
        if transport is not None:
            transport.abort()
        if kept is not None:
            kept.append(found)
    return found


async def connect(target: Target, answer: Answer) -> tuple[asyncio.Transport, Wire]:
    """Open a connection.

    Raises:
        OSError: Nothing listens there (``TimeoutError`` among them).
    """
    parts = urlsplit(target.url)
    secure = parts.scheme == "https"
    async with asyncio.timeout(CONNECT_S):
        transport, wire = await asyncio.get_running_loop().create_connection(
            lambda: Wire(answer),
            parts.hostname or "127.0.0.1",
            parts.port or (443 if secure else 80),
            ssl=ssl.create_default_context() if secure else None,
        )
    return transport, wire


async def over(wire: Wire, stall_s: float) -> Exception | None:
    """Wait for the end, as long as bytes keep coming."""
    since = clock()
    while True:
        await asyncio.wait([wire.over], timeout=max(0.001, since + stall_s - clock()))
        if wire.over.done():
            return wire.over.result()
        if wire.last_byte is not None:
            since = wire.last_byte
        if clock() - since >= stall_s:
            raise TimeoutError


async def call(target: Target, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send a request that is answered with one JSON object; return its status and the object (``{}``: none).

    Raises:
        OSError: No answer.
    """
    parts: list[bytes] = []

    def keep(line: bytes, stamp: float) -> bool:
        parts.append(line)
        return False

    answer = Answer(keep)
    transport, wire = await connect(target, answer)
    try:
        transport.write(request_bytes(target, path, body, method))
        await over(wire, target.stall_s)
    finally:
        transport.abort()
    try:
        found = json.loads(b"".join(parts) or bytes(answer.body) or b"{}")
    except (ValueError, RecursionError):
        found = {}
    return answer.status, found if isinstance(found, dict) else {}


def _request(target: Target, ask: Ask) -> bytes:
    keep_alive = target.keep_alive if ask.keep_alive is None else ask.keep_alive
    options = {**target.options, **ask.options, "num_predict": ask.num_predict, "seed": ask.seed}
    messages = [{"role": "user", "content": ask.prompt}]
    body: dict[str, Any] = {"model": target.model, "messages": messages, "stream": True, "options": options}
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    return request_bytes(target, "/api/chat", body)


def request_bytes(target: Target, path: str, body: Mapping[str, Any], method: str = "POST") -> bytes:
    """Write a whole request."""
    parts = urlsplit(target.url)
    content = json.dumps(body).encode()
    head = [
        f"{method} {parts.path.rstrip('/')}{path} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Content-Type: application/json",
        "Accept: application/x-ndjson",
        f"Content-Length: {len(content)}",
        "Connection: close",
    ]
    if target.token:
        head.append(f"Authorization: Bearer {target.token}")
    return "\r\n".join([*head, "", ""]).encode("latin-1", "replace") + content


class _Reader:
    """Takes the stream's lines."""

    def __init__(self, found: Measured) -> None:
        self._found = found
        self.done = False
        self.garbage = ""
        self.error = ""

    def line(self, line: bytes, stamp: float) -> bool:
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            self.garbage = clean_line(line[:80].decode("utf-8", "replace")) or "?"
            return True
        if "error" in data:
            self.error = error_text(data) or "?"
            return True
        message = data.get("message")
        message = message if isinstance(message, dict) else {}
        text = message.get("content") or message.get("thinking") or data.get("response")
        if text and isinstance(text, str):
            self._found.chunks.append(stamp)
        if data.get("done") is True:
            self._finish(data, stamp)
            return True
        return False

    def _finish(self, data: Mapping[str, Any], stamp: float) -> None:
        found, self.done = self._found, True
        found.ended = stamp
        reason = data.get("done_reason")
        found.finish = clean_line(reason, max_chars=20) if isinstance(reason, str) else ""
        found.prompt_tokens = _count(data.get("prompt_eval_count"))
        found.output_tokens = _count(data.get("eval_count"))
        found.token_source = "usage"
        if found.output_tokens is None:
            found.output_tokens, found.token_source = len(found.chunks), "chunks"
        found.load_ms = _from_ns(data.get("load_duration"))
        found.prefill_ms = _from_ns(data.get("prompt_eval_duration"))
        found.decode_ms = _from_ns(data.get("eval_duration"))
        found.total_ms = _from_ns(data.get("total_duration"))


def _judge(found: Measured, reader: _Reader, answer: Answer, wire: Wire, error: Exception | None) -> None:
    found.status = answer.status
    if reader.done:
        found.outcome = "ok"
        return
    found.ended = wire.last_byte or clock()
    if reader.garbage or isinstance(error, WireError):
        found.outcome, found.error = "garbage", reader.garbage or clean_line(str(error))
    elif reader.error:
        found.outcome, found.error = "error", clean_line(reader.error)
    elif answer.status in (429, 503):
        found.outcome, found.error = "rejected", _body_text(answer)
    elif answer.status not in (0, 200):
        found.outcome, found.error = "error", _body_text(answer)
    else:
        found.outcome = "cut"


def _body_text(answer: Answer) -> str:
    try:
        data = json.loads(bytes(answer.body))
    except (ValueError, RecursionError):
        data = None
    text = error_text(data) if isinstance(data, dict) else ""
    return clean_line(text or bytes(answer.body[:80]).decode("utf-8", "replace")) or f"HTTP {answer.status}"


def _count(value: object) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    return value if fits and isinstance(value, int) else None


def _from_ns(value: object) -> float | None:
    count = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    return round(count / 1e6, 3) if count is not None and 0 <= count < 1e16 else None
