"""One HTTP exchange: reading the body as Ollama does, answering JSON or a stream, noticing that the client left.

Responses are written as raw ASGI messages: a streamed token costs one small ``send`` and no response object.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Receive, Scope, Send

MAX_BODY_BYTES = 32 << 20
"""A longer request body is refused. The longest honest one is a chat history of a few megabytes."""

Handler = Callable[["Exchange"], Awaitable[None]]


class ApiError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        text: Ollama's text for the case; goes to the client as it is.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def ollama_error(error: ApiError) -> dict[str, Any]:
    """The body Ollama's own routes give an error."""
    return {"error": error.text}


def openai_error(error: ApiError) -> dict[str, Any]:
    """The body the ``/v1`` routes give an error."""
    kind = {400: "invalid_request_error", 404: "not_found_error"}.get(error.status, "api_error")
    return {"error": {"message": error.text, "type": kind, "param": None, "code": None}}


def dump(value: Any) -> bytes:
    """JSON in ASCII: clients that split lines at U+2028 or U+0085 would cut an object in two."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def parse_body(raw: bytes) -> dict[str, Any]:
    """Read the first JSON value of a request body.

    Raises:
        ApiError: 400 when it is empty, broken or not an object.
    """
    text = raw.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not text:
        raise ApiError(400, "missing request body")
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(400, f"json: cannot unmarshal {go_type(value)} into Go value of type object")
    if b"\\ud" in raw or b"\\uD" in raw:
        value = _mend(value)
    body: dict[str, Any] = value
    return body


def _mend(value: Any) -> Any:
    """Replace lone surrogates, which JSON can spell but UTF-8 cannot."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mend(item) for item in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    return value


def go_type(value: Any) -> str:
    """Name a JSON value's type the way Go's decoder does in its errors."""
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def take(body: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """Return a field of the body; absent and ``null`` give the default.

    Raises:
        ApiError: 400 when it has another type.
    """
    value = body.get(name)
    if value is None:
        return default
    fits = isinstance(value, kind) and not (kind is not bool and isinstance(value, bool))
    if not fits:
        wanted = {bool: "bool", int: "int", str: "string", list: "array", dict: "object"}[kind]
        raise ApiError(
            400, f"json: cannot unmarshal {go_type(value)} into Go struct field {name} of type {wanted}"
        )
    return value


@dataclass
class Exchange:
    """One request and its answer."""

    scope: Scope
    send: Send
    body: dict[str, Any] = field(default_factory=dict)
    receive: Receive | None = None
    """Gives the body's parts, where the route reads them itself."""
    started: bool = False
    """The status line has been sent: an error can only be a line of the stream now."""

    @property
    def path(self) -> str:
        """The request's path."""
        return str(self.scope["path"])

    @property
    def parameters(self) -> Mapping[str, str]:
        """What the route's ``{placeholders}`` matched."""
        found: Mapping[str, str] = self.scope.get("path_params", {})
        return found

    @property
    def content_length(self) -> int | None:
        """How long the body says it is."""
        text = dict(self.scope["headers"]).get(b"content-length", b"")
        return int(text) if text.isdigit() else None

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it arrives, of any length.

        Raises:
            ApiError: 499 when the client leaves in the middle.
        """
        while self.receive is not None:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ApiError(499, "request canceled")
            if part := message.get("body", b""):
                yield part
            if not message.get("more_body"):
                return

    async def answer(self, value: Any, status: int = 200) -> None:
        """Answer with one JSON value."""
        await self.answer_bytes(dump(value), status, b"application/json; charset=utf-8")

    async def answer_bytes(self, content: bytes, status: int, content_type: bytes = b"") -> None:
        """Answer with a whole body; only its length when the request was a HEAD."""
        headers = [(b"content-length", str(len(content)).encode())]
        if content_type:
            headers.append((b"content-type", content_type))
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        if self.scope["method"] == "HEAD":
            content = b""
        await self.send({"type": "http.response.body", "body": content})

    async def write(self, chunk: bytes, content_type: bytes = b"application/x-ndjson") -> None:
        """Send a part of a streamed answer; the first one sends the status line before it."""
        if not self.started:
            self.started = True
            headers = [(b"content-type", content_type), (b"cache-control", b"no-cache")]
            await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def finish(self) -> None:
        """End a streamed answer."""
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(499, "request canceled")
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise ApiError(413, "http: request body too large")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass
class Endpoint:
    """A route's ASGI application: runs the handler, and cancels it as soon as the client is gone."""

    handler: Handler
    reads_body: bool = False
    error_body: Callable[[ApiError], dict[str, Any]] = ollama_error
    on_failure: Callable[[BaseException], None] = lambda error: None
    """Told about exceptions nobody expected, to log them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, send)
        try:
            raw = await _read(receive)
            if self.reads_body:
                exchange.body = parse_body(raw)
            await self._run(exchange, receive)
        except ApiError as error:
            await self._fail(exchange, error)
        except Exception as error:
            self.on_failure(error)
            await self._fail(exchange, ApiError(500, f"internal error: {type(error).__name__}"))

    async def _run(self, exchange: Exchange, receive: Receive) -> None:
        work = asyncio.ensure_future(self.handler(exchange))
        watch = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
            if not work.cancelled():
                work.result()
        finally:
            work.cancel()
            watch.cancel()

    async def _fail(self, exchange: Exchange, error: ApiError) -> None:
        if not exchange.started:
            await exchange.answer(self.error_body(error), error.status)
            return
        line = dump(self.error_body(error))
        is_sse = self.error_body is openai_error
        await exchange.write(b"data: " + line + b"\n\n" if is_sse else line + b"\n")
        await exchange.finish()


@dataclass
class StreamedEndpoint:
    """A route that reads its body part by part: an upload longer than memory."""

    handler: Handler
    on_failure: Callable[[BaseException], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, send, receive=receive)
        try:
            await self.handler(exchange)
        except ApiError as error:
            await exchange.answer(ollama_error(error), error.status)
        except Exception as error:
            self.on_failure(error)
            await exchange.answer({"error": f"internal error: {type(error).__name__}"}, 500)
