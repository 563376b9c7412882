"""HTTP for tools that ask a service for JSON: bounded in time and size, failures told apart."""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from core.agent.tools.failures import HttpFailed, Unreachable
from core.errors import StudyError
from core.text import clean_line

if TYPE_CHECKING:
    import httpx

AGENT = "llm-study (local assistant)"
CONNECT_S = 4.0
READ_S = 8.0
MAX_JSON_BYTES = 4 << 20


@functools.cache
def tls() -> ssl.SSLContext:
    """Return the one TLS context. Reading the certificates takes some 20 ms: call it in a thread the first time."""
    import httpx

    return httpx.create_ssl_context()


async def get_json(url: str, params: Mapping[str, Any], *, service: str, local: bool = False) -> Any:
    """Get JSON from a service.

    Args:
        service: Its name, for sentences.
        local: Proxies of the environment are not used: the service is on this machine.

    Raises:
        HttpFailed: It answered with an error.
        Unreachable: It gave no whole answer.
        StudyError: ``error.tool.answer``: what it answered is no JSON, or too much of it.
    """
    import httpx

    context = await asyncio.to_thread(tls)
    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    try:
        async with (
            httpx.AsyncClient(verify=context, timeout=timeout, trust_env=not local) as client,
            client.stream(
                "GET", url, params=dict(params), headers={"User-Agent": AGENT, "Accept": "application/json"}
            ) as response,
        ):
            body = await _body(response, service)
            if response.status_code != 200:
                raise HttpFailed(
                    service,
                    response.status_code,
                    retry_after=retry_after(response.headers.get("Retry-After")),
                    reason=_reason(body) or clean_line(response.reason_phrase),
                )
    except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, OSError) as error:
        raise unreachable(service, error) from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise StudyError("error.tool.answer", service=service) from error


async def _body(response: httpx.Response, service: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_JSON_BYTES:
            raise StudyError("error.tool.answer", service=service)
        parts.append(part)
    return b"".join(parts)


def unreachable(service: str, error: Exception) -> Unreachable:
    """Write a transport error as a sentence's part: a name alone says more than nothing."""
    text = clean_line(str(error), max_chars=200)
    return Unreachable(service, text or type(error).__name__)


def retry_after(value: str | None) -> float | None:
    """Read a ``Retry-After`` header: seconds, or a date. Seconds from now, or ``None``."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _reason(body: bytes) -> str:
    """Return what a service says of its error: most write it in a field ``reason``, ``error`` or ``message``."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(answer, dict):
        for name in ("reason", "message", "error"):
            if isinstance(answer.get(name), str):
                return clean_line(answer[name], max_chars=200)
    return ""
