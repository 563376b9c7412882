"""What can go wrong between us and an engine, each with a sentence and a fix. Front door: :func:`explain`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from core.errors import StudyError
from core.ollama.hosts import show_url
from core.text import clean_line

MAX_QUOTE = 240
"""Characters of an engine's own words that are quoted in a message."""


MAX_READ = 4_000
"""Characters from each end of an error text that are searched for what it means."""


class EngineError(StudyError):
    """A request to an engine failed."""

    retryable = False
    """Whether the same request may well work when it is sent again."""


class EngineUnreachable(EngineError):
    """Nothing listens there, or it went silent."""

    retryable = True

    def __init__(self, url: str = "", reason: str = "", *, key: str = "error.engine.unreachable") -> None:
        super().__init__(key, url=_where(url), reason=_quote(reason) or "?")


class ModelMissing(EngineError):
    """The engine does not have the model."""

    def __init__(self, model: str, available: Sequence[str] = ()) -> None:
        listed = ", ".join(clean_line(name, max_chars=60) for name in available[:8])
        more = f" (+{len(available) - 8})" if len(available) > 8 else ""
        key = "error.model.missing.listed" if available else "error.model.missing"
        super().__init__(key, model=clean_line(model, max_chars=120), available=listed + more)


class NoToolSupport(EngineError):
    """The model cannot call tools."""

    def __init__(self, model: str) -> None:
        super().__init__("error.model.tools", model=clean_line(model, max_chars=120))


class EngineBusy(EngineError):
    """The engine's queue is full."""

    retryable = True

    def __init__(self) -> None:
        super().__init__("error.engine.busy")


class StreamCut(EngineError):
    """The connection ended before the answer did."""

    retryable = True

    def __init__(self) -> None:
        super().__init__("error.engine.cut")


class EngineCrashed(EngineError):
    """The engine's model process ended."""

    retryable = True

    def __init__(self, reason: str, *, killed: bool = False) -> None:
        key = "error.engine.crashed.killed" if killed else "error.engine.crashed"
        super().__init__(key, reason=_quote(reason))


class EngineOutOfMemory(EngineError):
    """There is too little memory for the model or its context."""

    def __init__(self, reason: str, *, needed: str = "", available: str = "") -> None:
        key = "error.engine.memory.sizes" if needed else "error.engine.memory"
        super().__init__(key, reason=_quote(reason), needed=needed, available=available)


class PullFailed(EngineError):
    """A model could not be pulled or created.

    Args:
        code: Which failure: ``not_found``, ``denied``, ``status``, ``unreachable``, ``not_gguf``, ``checksum``, ``disk``,
            ``disk_full``, ``disk_write``, ``length``, ``address``, ``path``, ``package``, ``manifest``, ``name``,
            ``layer``, ``local_only`` or ``other``.
        params: What the message names; sizes in bytes.
    """

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code if code in _PULL_CODES else "other"
        known = {
            "what": "?",
            "reason": "?",
            "status": "?",
            "expected": "?",
            "got": "?",
            "path": "?",
            "kind": "?",
        }
        sizes = {name: _bytes(params.get(name)) for name in ("needed", "free")}
        quoted = {name: _quote(value) for name, value in params.items() if name in known}
        super().__init__(f"error.pull.{self.code}", **(known | quoted | sizes))

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        """Whether the same pull may well work when it is tried again."""
        return self.code == "unreachable"


_PULL_CODES = (
    "not_found", "denied", "status", "unreachable", "not_gguf", "checksum", "disk", "disk_full", "disk_write", "length",
    "address", "path", "package", "manifest", "name", "layer", "local_only", "other",
)  # fmt: skip


def _bytes(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "?"
    return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


class PromptTooLong(EngineError):
    """The prompt does not fit the context window."""

    def __init__(self) -> None:
        super().__init__("error.engine.context")


class EngineRefused(EngineError):
    """The engine answered with an error of its own."""

    def __init__(self, status: int, reason: str, *, url: str = "") -> None:
        denied = status in (401, 403)
        key = "error.engine.denied" if denied else "error.engine.refused"
        super().__init__(key, status=status, reason=_quote(reason) or "?", url=_where(url))


class BadAnswer(EngineError):
    """What answered does not speak Ollama's language, or a garbled one.

    Args:
        url: Where it was asked.
        what: What answered, as far as it tells: server name, content type, the start of its text.
    """

    def __init__(self, url: str = "", what: str = "") -> None:
        super().__init__("error.engine.answer", url=_where(url), what=_quote(what) or "?")


def _quote(text: object) -> str:
    return clean_line(str(text), max_chars=MAX_QUOTE).rstrip(" .")


def _where(url: str) -> str:
    return clean_line(show_url(url)) or "Ollama"


# What engines say, in their words (all compared in lower case). Ollama up to 0.24, its newer releases, llama.cpp.
_SIZES = re.compile(r"requires more system memory \(([^)]{1,40})\) than is available \(([^)]{1,40})\)", re.I)
_NO_MEMORY = (
    "more system memory", "out of memory", "out-of-memory", "cudamalloc failed", "failed to allocate", "bad_alloc",
    "unable to allocate", "insufficient memory", "outofdevicememory", "outofhostmemory", "not enough memory",
    "cannot allocate memory", "signal: killed", "runner has unexpectedly stopped",
)  # fmt: skip
_CRASHED = (
    "process has terminated",
    "error was encountered while running the model",
    "process no longer running",
)
# What Go says of a process that a signal ended. Ollama 0.24's words when the kernel's OOM killer takes a runner that
# loads; a crash in the runner (SIGSEGV, SIGILL) reads the same, so it is not called a lack of memory outright.
_SIGNALLED = re.compile(r"terminated with exit code -1(?!\d)")
_BUSY = ("server busy", "maximum pending requests", "no slots available")
_MISSING = re.compile(r"""model\s+["'](?P<name>[^"']{0,400})["']\s+(?:is\s+)?not found""", re.I)
_NO_TOOLS = re.compile(r"(?<!\S)(?P<name>\S{1,400}) does not support tools", re.I)
_TOO_LONG = ("exceed", "too large", "longer", "too long")


def from_text(status: int, text: str, *, url: str = "", model: str = "") -> EngineError:
    """Turn an engine's error answer into one of ours.

    Args:
        status: HTTP status; -1 for an ``error`` line inside a stream, which has none.
        text: The engine's words.
        url: Where it was asked, for the message.
        model: The model that was asked for, for the message.
    """
    text = _inner_text(text)
    if len(text) > 2 * MAX_READ:
        text = f"{text[:MAX_READ]} … {text[-MAX_READ:]}"
    low = text.lower()
    if sizes := _SIZES.search(text):
        return EngineOutOfMemory(text, needed=_quote(sizes[1]), available=_quote(sizes[2]))
    if any(words in low for words in _NO_MEMORY):
        return EngineOutOfMemory(text)
    if tools := _NO_TOOLS.search(text):
        return NoToolSupport(model or tools["name"].strip("\"'").removeprefix("registry.ollama.ai/library/"))
    if missing := _MISSING.search(text):
        return ModelMissing(missing["name"] or model)
    if status in (429, 503) or any(words in low for words in _BUSY):
        return EngineBusy()
    if (
        "context" in low
        and any(words in low for words in _TOO_LONG)
        and (status == -1 or 400 <= status < 500)
    ):
        return PromptTooLong()
    if any(words in low for words in _CRASHED):
        return EngineCrashed(text, killed=_SIGNALLED.search(low) is not None)
    if status == 499:
        return StreamCut()
    return EngineRefused(status, text, url=url)


#: What a real Ollama says when a pull fails, and which failure that is.
_PULL_TEXTS = (
    ("file does not exist", "not_found"), ("no space left on device", "disk_full"), ("digest mismatch", "checksum"),
    ("not in gguf format", "not_gguf"), ("max retries exceeded", "unreachable"), ("no such host", "unreachable"),
    ("connection refused", "unreachable"), ("connection reset", "unreachable"), ("timeout", "unreachable"),
    ("unexpected eof", "unreachable"), ("dial tcp", "unreachable"), ("unauthorized", "denied"),
)  # fmt: skip


def pull_failed(data: Mapping[str, Any], *, model: str = "") -> EngineError:
    """Turn an ``error`` line of a pull or create into one of ours: by its code, else by Ollama's words."""
    text, code, params = error_text(data), data.get("code"), data.get("params")
    named: dict[str, Any] = {"what": model, "reason": text}
    if isinstance(params, dict):
        named |= {str(name): value for name, value in params.items()}
    if not isinstance(code, str):
        low = text.lower()
        code = next((found for words, found in _PULL_TEXTS if words in low), "other")
    if code == "not_found":
        named["what"] = model
    return PullFailed(code, **named)


def _inner_text(text: str) -> str:
    """Unwrap llama.cpp's own JSON error body, which Ollama passes on as a string."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return error_text(json.loads(text)) or text
    except ValueError:
        return text


def error_text(body: object) -> str:
    """Return the words of an error body in Ollama's form (a string) or OpenAI's (an object), or ``""``."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        error = error.get("message")
    return error if isinstance(error, str) else ""


def explain(exc: BaseException, *, url: str = "", model: str = "") -> StudyError:
    """Turn any exception of a request to an engine into one a user can act on.

    Knows httpx, the ``ollama`` client, LangChain and JSON by what they raise; the libraries themselves are recognised
    by name, so that nothing heavy is imported. Causes are followed: the first exception known wins.

    Args:
        exc: What was caught. A :class:`StudyError` comes back as it is.
        url: The engine's URL, for the message.
        model: The model that was asked for, for the message.
    """
    for one in _chain(exc):
        if isinstance(one, StudyError):
            return one
        if known := _known(one, url, model):
            return known
    return StudyError("error.engine.unknown", error=_quote(f"{type(exc).__name__}: {exc}"))


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception, the members of a group, and what caused it, each once."""
    waiting, seen = [exc], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        waiting.extend(cause for cause in (one.__cause__, one.__context__) if cause is not None)


_NOTHING_CAME = ("No data received from Ollama", "No generations found in stream")
"""What LangChain raises when a stream ended without a word, as after ``done_reason: "load"``."""
_UNREACHABLE = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.InvalidURL,
)  # fmt: skip
_CUT = (
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.StreamError,
    ConnectionResetError,
    BrokenPipeError,
)


def _known(exc: BaseException, url: str, model: str) -> EngineError | None:
    text = str(exc)
    status: Any = getattr(exc, "status_code", None)
    if isinstance(exc, httpx.HTTPStatusError):
        return from_text(exc.response.status_code, _body(exc.response), url=url, model=model)
    if isinstance(exc, _UNREACHABLE):
        return EngineUnreachable(url, text)
    if isinstance(exc, httpx.PoolTimeout):
        return EngineBusy()
    if isinstance(exc, (httpx.TimeoutException, TimeoutError)):
        return EngineUnreachable(url, key="error.engine.silent")
    if isinstance(exc, _CUT):
        return StreamCut()
    if isinstance(exc, ConnectionError):
        return EngineUnreachable(url, text)
    if isinstance(
        exc, (json.JSONDecodeError, UnicodeDecodeError, httpx.DecodingError, httpx.TooManyRedirects)
    ):
        return BadAnswer(url, text)
    if type(exc).__name__ == "ResponseError" and isinstance(status, int):
        return from_text(status, str(getattr(exc, "error", text)), url=url, model=model)
    if isinstance(exc, ValueError) and any(words in text for words in _NOTHING_CAME):
        return StreamCut()
    return _langchain(exc, text, url, model)


def _langchain(exc: BaseException, text: str, url: str, model: str) -> EngineError | None:
    """Recognise LangChain's and pydantic's classes by name."""
    names = {cls.__name__ for cls in type(exc).__mro__}
    if "ValidationError" in names:
        if "not found" in text and "ollama" in text.lower():
            return ModelMissing(model or "?")
        return BadAnswer(url, text)
    if "ModelConnectionError" in names:
        return EngineUnreachable(url, text)
    if "ModelTimeoutError" in names:
        return EngineUnreachable(url, key="error.engine.silent")
    if "ModelRateLimitError" in names:
        return EngineBusy()
    if "ModelNotFoundError" in names:
        return ModelMissing(model or text)
    if "ContextOverflowError" in names:
        return PromptTooLong()
    if names & {"ModelAuthenticationError", "ModelPermissionDeniedError"}:
        return EngineRefused(401, text, url=url)
    if "ModelInvalidRequestError" in names:
        return from_text(400, text, url=url, model=model)
    return from_text(500, text, url=url, model=model) if "ModelAPIError" in names else None


def _body(response: httpx.Response) -> str:
    try:
        return error_text(response.json()) or response.text
    except (ValueError, httpx.ResponseNotRead):
        return response.reason_phrase
