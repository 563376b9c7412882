"""A typed, asynchronous client of the Ollama HTTP API: what this program needs of it and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from core.ollama import models
from core.ollama.errors import BadAnswer, EngineError, StreamCut, error_text, explain, from_text, pull_failed
from core.ollama.hosts import is_loopback
from core.ollama.models import Chunk, EngineLoad, LoadedModel, ModelDetails, ModelInfo, PullProgress
from core.text import clean_line

MAX_LINE_BYTES = 8 << 20
"""A longer line of a stream is no Ollama's (its own client has the same limit)."""

MAX_BODY_BYTES = 64 << 20
"""A longer answer that is not a stream is not read."""

CONNECT_SECONDS = 3.0

_BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


class OllamaClient:
    """Talks to one Ollama-compatible server. Belongs to one event loop.

    Every failure is raised as an :class:`~core.ollama.errors.EngineError`.

    Args:
        base_url: As :func:`core.ollama.hosts.parse_host` returns it.
        token: Sent as bearer token when given.
        timeout: Seconds without any byte from the server before a request counts as dead.
    """

    def __init__(self, base_url: str, token: str | None = None, timeout: float = 300.0) -> None:
        self.base_url = base_url.rstrip("/")
        local = is_loopback(self.base_url)
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
            # HTTP_PROXY is for the network; a proxy could not reach this machine's loopback address.
            trust_env=not local,
            # Plain HTTP to this machine never meets a certificate, and reading them all takes 90 ms.
            verify=not (local and self.base_url.startswith("http://")),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def version(self, *, timeout: float | None = None) -> str:
        """Return the server's version; of the embedded engine, what really answers (it speaks for an Ollama release).

        Args:
            timeout: Seconds for the whole step, when it is to be shorter than the client's.

        Raises:
            BadAnswer: Something answered that is not Ollama.
        """
        answer = await self._call("GET", "/api/version", timeout=timeout)
        version, engine = answer.get("version"), answer.get("engine")
        if not isinstance(version, str):
            raise BadAnswer(self.base_url, json.dumps(answer)[:80])
        return clean_line(engine if isinstance(engine, str) and engine else version, max_chars=40)

    async def tags(self) -> list[ModelInfo]:
        """Return the models the server has, newest first."""
        return [models.model_info(item) for item in self._list(await self._call("GET", "/api/tags"))]

    async def ps(self, *, timeout: float | None = None) -> list[LoadedModel]:
        """Return the models in memory."""
        answer = await self._call("GET", "/api/ps", timeout=timeout)
        return [models.loaded_model(item) for item in self._list(answer)]

    async def load_now(self, *, timeout: float | None = None) -> EngineLoad:
        """Return how busy the embedded engine is; of another server every value is ``None``."""
        return models.engine_load(await self._call("GET", "/api/status", timeout=timeout))

    async def show(self, model: str) -> ModelDetails:
        """Return what is known about one model.

        Raises:
            ModelMissing: The server does not have it.
        """
        return models.model_details(model, await self._call("POST", "/api/show", {"model": model}))

    async def embed(
        self, model: str, texts: Sequence[str], *, keep_alive: str | int | None = None
    ) -> list[list[float]]:
        """Return one vector for each text.

        Raises:
            PromptTooLong: A text exceeds the model's context.
            BadAnswer: The number of vectors is not the number of texts.
        """
        if not texts:
            return []
        body = _without_none({"model": model, "input": list(texts), "keep_alive": keep_alive})
        vectors = (await self._call("POST", "/api/embed", body)).get("embeddings")
        if not isinstance(vectors, list) or len(vectors) != len(texts):
            count = len(vectors) if isinstance(vectors, list) else 0
            raise BadAnswer(self.base_url, f"{count} embeddings for {len(texts)} texts")
        return vectors

    def pull(
        self, model: str, *, source: str = "", sha256: str = "", insecure: bool = False
    ) -> AsyncGenerator[PullProgress, None]:
        """Have the engine get a model; the last line's status is ``success``. Close the iterator to cancel.

        Args:
            model: The name it gets.
            source: Only for the embedded engine: a URL, a path, a wheel or an installed package.
            sha256: Only for the embedded engine: what the source must hash to, 64 hex digits.
            insecure: The registry speaks plain HTTP.

        Raises:
            PullFailed: It could not be had; its ``code`` says why.
            StreamCut: The stream ended without success.
        """
        body: dict[str, Any] = {"model": model, "stream": True, "insecure": insecure or None}
        body |= {"source": source or None, "sha256": sha256 or None}
        return self._progress("/api/pull", _without_none(body), model)

    def create(
        self, model: str, *, origin: str = "", files: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None, system: str = "",
    ) -> AsyncGenerator[PullProgress, None]:  # fmt: skip
        """Make a model from another one, or from a GGUF that was uploaded; see :meth:`pull`.

        Args:
            model: The new name.
            origin: Name of the model it is made from.
            files: File name → ``sha256:…`` of an uploaded blob.
            parameters: Options that apply unless a request says otherwise.
            system: System text for chats without one.
        """
        body = {
            "model": model, "stream": True, "from": origin or None, "files": files or None,
            "parameters": parameters or None, "system": system or None,
        }  # fmt: skip
        return self._progress("/api/create", _without_none(body), origin or model)

    async def copy(self, source: str, destination: str) -> None:
        """Give a model a second name."""
        await self._plain("POST", "/api/copy", {"source": source, "destination": destination}, source)

    async def delete(self, model: str) -> None:
        """Remove a model, and its files unless another one needs them.

        Raises:
            ModelMissing: The server does not have it.
        """
        await self._plain("DELETE", "/api/delete", {"model": model}, model)

    async def has_blob(self, digest: str) -> bool:
        """Whether the server has a blob (``sha256:…``)."""
        self._check_open()
        try:
            response = await self._http.head(f"{self.base_url}/api/blobs/{digest}")
        except _BROKEN as error:
            raise explain(error, url=self.base_url) from error
        if response.status_code not in (200, 404):
            raise self._refusal(response, b"", "")
        return response.status_code == 200

    async def push_blob(
        self, digest: str, file: Path, tell: Callable[[int], None] = lambda sent: None
    ) -> None:
        """Upload a file as a blob.

        Args:
            digest: ``sha256:…`` of it; the server checks.
            file: What to send.
            tell: Called with the bytes sent so far.

        Raises:
            OSError: The file cannot be read.
        """
        size = (await asyncio.to_thread(file.stat)).st_size
        self._check_open()
        try:
            response = await self._http.post(
                f"{self.base_url}/api/blobs/{digest}", content=_blocks(file, tell),
                headers={"Content-Length": str(size)},
            )  # fmt: skip
        except httpx.HTTPError as error:
            raise explain(error, url=self.base_url) from error
        if response.status_code not in (200, 201):
            raise self._refusal(response, response.content, "")

    async def load(
        self, model: str, *, options: Mapping[str, Any] | None = None, keep_alive: str | int | None = None
    ) -> None:
        """Load a chat model into memory and wait until it is there."""
        body = {"model": model, "stream": False, "options": options, "keep_alive": keep_alive}
        await self._call("POST", "/api/generate", _without_none(body))

    async def unload(self, model: str) -> None:
        """Free a model's memory as soon as its requests are done."""
        await self._call("POST", "/api/generate", {"model": model, "stream": False, "keep_alive": 0})

    def chat(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        format: str | Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        think: bool | str | None = None,
        keep_alive: str | int | None = None,
    ) -> AsyncIterator[Chunk]:
        """Stream a chat answer. Close the iterator (``contextlib.aclosing``) to stop the generation early.

        Raises:
            StreamCut: The stream ended without its last chunk.
            NoToolSupport: ``tools`` were given to a model without that capability.
        """
        body = {
            "model": model, "messages": list(messages), "stream": True, "tools": tools, "format": format,
            "options": options, "think": think, "keep_alive": keep_alive,
        }  # fmt: skip
        return self._stream("/api/chat", _without_none(body))

    def send_chat(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Stream the answer to a chat request whose body is given whole, as a recorded one; see :meth:`chat`."""
        return self._stream("/api/chat", body)

    def generate(
        self,
        model: str,
        prompt: str,
        *,
        system: str | None = None,
        raw: bool | None = None,
        format: str | Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        think: bool | str | None = None,
        keep_alive: str | int | None = None,
    ) -> AsyncIterator[Chunk]:
        """Stream a completion; see :meth:`chat`."""
        body = {
            "model": model, "prompt": prompt, "stream": True, "system": system, "raw": raw, "format": format,
            "options": options, "think": think, "keep_alive": keep_alive,
        }  # fmt: skip
        return self._stream("/api/generate", _without_none(body))

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> dict[str, Any]:
        """Send a request and return the JSON object it is answered with."""
        model = str(body.get("model", "")) if body else ""
        self._check_open()
        limit = httpx.Timeout(timeout) if timeout is not None else httpx.USE_CLIENT_DEFAULT
        try:
            async with self._http.stream(method, self.base_url + path, json=body, timeout=limit) as response:
                content = await _read(response, self.base_url)
        except _BROKEN as error:
            raise explain(error, url=self.base_url, model=model) from error
        if response.status_code != 200:
            raise self._refusal(response, content, model)
        answer = _object(content)
        if answer is None:
            raise BadAnswer(self.base_url, _what(response, content))
        return answer

    async def _plain(self, method: str, path: str, body: Mapping[str, Any], model: str) -> None:
        """Send a request whose answer has no body."""
        self._check_open()
        try:
            async with self._http.stream(method, self.base_url + path, json=body) as response:
                content = await _read(response, self.base_url)
        except _BROKEN as error:
            raise explain(error, url=self.base_url, model=model) from error
        if response.status_code != 200:
            raise self._refusal(response, content, model)

    async def _progress(
        self, path: str, body: Mapping[str, Any], model: str
    ) -> AsyncGenerator[PullProgress, None]:
        async for data in self._objects(path, body):
            if "error" in data:
                raise pull_failed(data, model=model)
            progress = models.pull_progress(data)
            yield progress
            if progress.status == "success":
                return
        raise StreamCut

    async def _stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        model = str(body.get("model", ""))
        async for data in self._objects(path, body):
            if "error" in data:
                raise from_text(-1, error_text(data), url=self.base_url, model=model)
            chunk = models.chunk(data)
            yield chunk
            if chunk.done:
                return
        raise StreamCut

    async def _objects(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The JSON objects of a streamed answer."""
        model = str(body.get("model", ""))
        self._check_open()
        try:
            async with self._http.stream("POST", self.base_url + path, json=body) as response:
                if response.status_code != 200:
                    raise self._refusal(response, await _read(response, self.base_url), model)
                async for line in lines(response.aiter_bytes(), self.base_url):
                    data = _object(line)
                    if data is None:
                        raise BadAnswer(self.base_url, _what(response, line))
                    yield data
        except _BROKEN as error:
            raise explain(error, url=self.base_url, model=model) from error

    def _check_open(self) -> None:
        # Happens to whoever kept the client of an engine that was restarted since.
        if self._http.is_closed:
            raise StreamCut

    def _refusal(self, response: httpx.Response, content: bytes, model: str) -> EngineError:
        body = _object(content)
        text = error_text(body)
        # Every error of Ollama's API has a text; what has none is another program (or a proxy in front of it).
        if not text and response.status_code not in (401, 403, 429, 503):
            return BadAnswer(self.base_url, _what(response, content))
        return from_text(response.status_code, text, url=self.base_url, model=model)

    def _list(self, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found = answer.get("models")
        if found is None and "models" in answer:
            return []
        if not isinstance(found, list):
            raise BadAnswer(self.base_url, json.dumps(answer)[:80])
        return [item for item in found if isinstance(item, dict)]


def _without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


async def _blocks(file: Path, tell: Callable[[int], None]) -> AsyncIterator[bytes]:
    sent = 0
    with await asyncio.to_thread(file.open, "rb") as opened:
        while block := await asyncio.to_thread(opened.read, 1 << 20):
            yield block
            sent += len(block)
            tell(sent)


def _object(content: bytes) -> dict[str, Any] | None:
    """Parse a JSON object; ``None`` for anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _what(response: httpx.Response, content: bytes) -> str:
    """Say what answered: status, server, content type, and where it points or how its text starts."""
    headers = response.headers
    parts = [f"HTTP {response.status_code}", headers.get("server", ""), headers.get("content-type", "")]
    start = headers.get("location") or content[:80].decode("utf-8", "replace")
    return clean_line(" · ".join([*filter(None, parts), f'"{clean_line(start, max_chars=60)}"']))


async def _read(response: httpx.Response, url: str) -> bytes:
    """Read a whole body, up to a limit."""
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > MAX_BODY_BYTES:
            raise BadAnswer(url, f"> {MAX_BODY_BYTES >> 20} MB")
    return bytes(content)


async def lines(parts: AsyncIterator[bytes], url: str = "") -> AsyncIterator[bytes]:
    r"""Cut a byte stream into lines at ``\n`` only; blank lines are left out.

    ``str.splitlines`` would also cut at U+2028 and its like, which are legal inside a JSON string.

    Raises:
        BadAnswer: A line exceeds :data:`MAX_LINE_BYTES`.
    """
    pending: list[bytes] = []
    size = 0
    async for part in parts:
        *whole, rest = part.split(b"\n")
        for piece in whole:
            line = b"".join([*pending, piece]).strip()
            pending, size = [], 0
            if len(line) > MAX_LINE_BYTES:
                raise BadAnswer(url, f"> {MAX_LINE_BYTES >> 20} MB")
            if line:
                yield line
        if rest:
            pending.append(rest)
            size += len(rest)
            if size > MAX_LINE_BYTES:
                raise BadAnswer(url, f"> {MAX_LINE_BYTES >> 20} MB")
    # A last line without its newline is a line when it parses; else the connection was cut inside it.
    last = b"".join(pending).strip()
    if last and _object(last) is not None:
        yield last
