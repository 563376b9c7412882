"""The routes of the engine as one ASGI application."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from core.embedded import info, manage, native, openai
from core.embedded.engine import Engine, say
from core.embedded.guard import Guard, is_loopback
from core.embedded.wire import Endpoint, Exchange, StreamedEndpoint, ollama_error, openai_error

Handler = Callable[[Engine, Exchange], Awaitable[None]]

_READ: list[tuple[str, Handler]] = [
    ("/", info.root),
    ("/api/version", info.version),
    ("/api/status", info.status),
    ("/api/tags", info.tags),
    ("/api/ps", info.ps),
    ("/api/experimental/model-recommendations", info.recommendations),
    ("/v1/models", openai.models),
    ("/v1/models/{model:path}", openai.model),
]
_WRITE: list[tuple[str, str, Handler]] = [
    ("POST", "/api/chat", native.chat),
    ("POST", "/api/generate", native.generate),
    ("POST", "/api/embed", native.embed),
    ("POST", "/api/embeddings", native.embeddings),
    ("POST", "/api/show", info.show),
    ("POST", "/api/copy", manage.copy),
    ("DELETE", "/api/delete", manage.delete),
    ("POST", "/api/pull", manage.pull),
    ("POST", "/api/push", manage.push),
    ("POST", "/api/create", manage.create),
    ("POST", "/api/me", info.me),
    ("POST", "/v1/chat/completions", openai.chat_completions),
    ("POST", "/v1/completions", openai.completions),
    ("POST", "/v1/embeddings", openai.embeddings),
]


def _report(error: BaseException) -> None:
    say("".join(traceback.format_exception(error)))


def build(engine: Engine, *, token: str) -> ASGIApp:
    """Make the application.

    Args:
        engine: What answers.
        token: Bearer token to ask of clients; ``""``: none.
    """

    def endpoint(handler: Handler, path: str, *, reads_body: bool) -> Endpoint:
        async def bound(exchange: Exchange) -> None:
            await handler(engine, exchange)

        shape = openai_error if path.startswith("/v1/") else ollama_error
        # `/api/me` is asked without a body.
        return Endpoint(bound, reads_body and path != "/api/me", shape, _report)

    routes = [
        Route(path, endpoint(handler, path, reads_body=False), methods=["GET"]) for path, handler in _READ
    ]
    routes += [
        Route(path, endpoint(handler, path, reads_body=True), methods=[method])
        for method, path, handler in _WRITE
    ]
    blobs = "/api/blobs/{digest}"
    routes += [
        Route(blobs, endpoint(manage.blob_exists, blobs, reads_body=False), methods=["HEAD"]),
        Route(
            blobs,
            StreamedEndpoint(lambda exchange: manage.blob_put(engine, exchange), _report),
            methods=["POST"],
        ),
    ]
    engine.trusted = bool(token)
    return Guard(Starlette(routes=routes), token=token, check_host=is_loopback(engine.config.host))
