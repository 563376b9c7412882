"""Who may talk to the engine: the bearer token, Ollama's Host check, and its CORS rules."""

from __future__ import annotations

import functools
import hmac
import ipaddress
import re
import socket

from starlette.types import ASGIApp, Receive, Scope, Send

from core.embedded.wire import ApiError, dump, ollama_error, openai_error

_ORIGIN = re.compile(
    r"https?://(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(:\d+)?"
    r"|(app|file|tauri|vscode-webview|vscode-file)://.*"
)
_HEADERS = b"Authorization, Content-Type, User-Agent, Accept, X-Requested-With, OpenAI-Beta"


def is_loopback(host: str) -> bool:
    """Say whether an address to listen on is this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@functools.cache
def _own_name() -> str:
    return socket.gethostname().lower()


def host_allowed(header: str) -> bool:
    """Ollama's rule for the Host header: no name a stranger's DNS could point here."""
    host = re.sub(r":\d+$", "", header.strip()).strip("[]").lower().rstrip(".")
    if not host or host in ("localhost", _own_name()):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.endswith((".localhost", ".local", ".internal"))
    return address.is_loopback or address.is_private or address.is_unspecified


class Guard:
    """ASGI middleware in front of every route.

    Args:
        app: The routes.
        token: What clients must send as ``Authorization: Bearer``; ``""``: nothing.
        check_host: Apply the Host check (when bound to loopback).
    """

    def __init__(self, app: ASGIApp, *, token: str, check_host: bool) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode() if token else b""
        self._check_host = check_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        if (self._check_host and not host_allowed(headers.get(b"host", b"").decode("latin-1"))) or (
            origin and not _ORIGIN.fullmatch(origin)
        ):
            await _empty(send, 403, [])
        elif scope["method"] == "OPTIONS":
            await _empty(send, 204, _cors(origin))
        elif self._expected and not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            await _unauthorized(scope, send)
        else:
            await self._app(scope, receive, _with_cors(send, origin) if origin else send)


def _cors(origin: str) -> list[tuple[bytes, bytes]]:
    if not origin:
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-headers", _HEADERS),
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        (b"vary", b"Origin"),
    ]


def _with_cors(send: Send, origin: str) -> Send:
    async def sending(message: object) -> None:
        if isinstance(message, dict) and message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_cors(origin)]
        await send(message)  # type: ignore[arg-type]

    return sending


async def _empty(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})


async def _unauthorized(scope: Scope, send: Send) -> None:
    shape = openai_error if scope["path"].startswith("/v1/") else ollama_error
    body = dump(shape(ApiError(401, "unauthorized")))
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", b"Bearer"),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
