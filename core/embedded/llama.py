"""One loaded chat model: llama.cpp's server inside this process, driven from threads.

llama.cpp opens an HTTP server of its own on a random loopback port. A random key, known to nobody else, closes it;
only the helpers here use it, for rendering a template and for (de)tokenising.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import http.client
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.embedded.config import batch_size
from core.embedded.wire import ApiError

Emit = Callable[["Delta | Final"], None]
Cancelled = Callable[[], bool]

_SPACING = {"whitespace_flexible": False, "key_separator": ": ", "item_separator": ", "}
_JSON_STARTS = '{["-0123456789tfn'
_UNENFORCED = "invalid format: this engine cannot hold the model to that schema"


@dataclass(frozen=True)
class LoadSpec:
    """What a model is loaded with. Another spec means loading it again."""

    num_ctx: int
    """Context of each slot, tokens."""
    threads: int
    parallel: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer."""

    text: str = ""
    thinking: str = ""
    tool_calls: list[dict[str, Any]] | None = None
    logprobs: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """The end of an answer: why, and what it cost (durations in nanoseconds)."""

    reason: str
    prompt_tokens: int
    prompt_ns: int
    tokens: int
    tokens_ns: int
    cached_tokens: int = 0
    context: tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """What to generate: messages for the model's template, or a prompt."""

    params: dict[str, Any]
    """Sampling and limits, in llama.cpp's names."""
    messages: list[dict[str, Any]] | None = None
    prompt: str | None = None
    tools: list[dict[str, Any]] | None = None
    schema: dict[str, Any] | None = None
    top_logprobs: int | None = None
    """``None``: no log probabilities."""
    think: bool | None = None
    context: tuple[int, ...] = ()
    """Token ids to put before the prompt (the old ``context`` of ``/api/generate``)."""
    want_context: bool = False
    parsed: bool = False
    """Let llama.cpp take tool calls and thinking out of the text."""


class Llama:
    """A model in memory. Every method blocks: call them from threads."""

    def __init__(self, path: Path, spec: LoadSpec) -> None:
        """Load it.

        Raises:
            ApiError: 500 when llama.cpp refuses the file.
        """
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = spec.num_ctx * spec.parallel
        params.n_parallel = spec.parallel
        params.kv_unified = False
        params.ctx_shift = False
        params.cpuparams.n_threads = spec.threads
        params.cpuparams_batch.n_threads = spec.threads
        params.n_batch = params.n_ubatch = batch_size(spec.threads, spec.parallel)
        # llama.cpp would keep the computed prompts of everybody who ever asked, up to 8 GiB. A slot keeps its own.
        params.cache_ram_mib = 0
        params.verbosity = 0
        params.endpoint_slots = True
        params.endpoint_metrics = False
        params.warmup = True
        self._key = secrets.token_urlsafe(24)
        params.api_keys = [self._key]
        self._grammar: Callable[[str], str] = xllamacpp.json_schema_to_grammar
        try:
            self._server: Any = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise ApiError(500, f"llama-server process has terminated: {path.name}: {error}") from None
        address = urlsplit(self._server.listening_address)
        self._address = (address.hostname or "127.0.0.1", address.port or 80)

    def close(self) -> None:
        """Free the memory. No generation may be running."""
        self._server = None
        gc.collect()
        _give_back()

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection(*self._address, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(500, f"an error was encountered while running the model: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise _refused(answer)
        return answer

    def slots_processing(self) -> int:
        """How many slots work right now."""
        return sum(1 for slot in self._call("GET", "/slots") if slot.get("is_processing"))

    def cache(self) -> tuple[int, int]:
        """Tokens kept in the KV cache, and how many fit, over all slots."""
        slots = self._call("GET", "/slots")
        used = sum(int(slot.get("n_prompt_tokens") or 0) for slot in slots)
        return used, sum(int(slot.get("n_ctx") or 0) for slot in slots)

    def render(self, messages: list[dict[str, Any]], think: bool | None = None) -> str:
        """Messages as the prompt the model sees."""
        body: dict[str, Any] = {"messages": messages}
        if think is not None:
            body["chat_template_kwargs"] = {"enable_thinking": think}
        return str(self._call("POST", "/apply-template", body)["prompt"])

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Token ids of a text; ``special`` adds the model's begin-of-text token where it has one."""
        body = {"content": text, "add_special": special, "parse_special": True}
        return list(self._call("POST", "/tokenize", body)["tokens"])

    def run(self, job: Job, emit: Emit, cancelled: Cancelled) -> None:
        """Generate; ``emit`` gets :class:`Delta` pieces and, unless cancelled, one :class:`Final`.

        Raises:
            ApiError: the request cannot be met (too long for the context, a schema llama.cpp cannot read …).
        """
        body: dict[str, Any] = {
            **job.params, "stream": True, "stream_options": {"include_usage": True},
            # Progress of the prompt calls back after every batch, so that it too can be cancelled.
            "return_progress": True,
        }  # fmt: skip
        collector = _Collector(emit, cancelled, job.top_logprobs, job.schema is not None and not job.parsed)
        if job.parsed and job.messages is not None:
            handle = self._server.handle_chat_completions
            body |= self._chat_fields(job)
            ids: list[int] = []
        else:
            handle = self._server.handle_completions
            ids = self._prompt_fields(job, body)
        try:
            handle(body, collector)
        except UnicodeError as error:
            raise ApiError(400, f"the text is no valid Unicode: {error}") from None
        except (ValueError, RuntimeError) as error:
            raise ApiError(400, str(error)) from None
        if collector.error is not None:
            raise _refused(collector.error)
        if collector.stopped:
            return
        if collector.timings is not None:
            collector.check_json(cut=bool(job.params.get("stop")))
            context: tuple[int, ...] = ()
            if job.want_context:
                context = (*ids, *self.tokenize("".join(collector.text), special=False))
            emit(collector.final(context))
        else:
            raise ApiError(500, "an error was encountered while running the model: the answer ended early")

    def _chat_fields(self, job: Job) -> dict[str, Any]:
        fields: dict[str, Any] = {"messages": job.messages}
        if job.tools:
            fields["tools"] = job.tools
        if job.schema is not None:
            fields["response_format"] = {"type": "json_schema", "json_schema": {"schema": job.schema}}
        if job.top_logprobs is not None:
            fields |= {"logprobs": True, "top_logprobs": job.top_logprobs}
        if job.think is not None:
            fields["chat_template_kwargs"] = {"enable_thinking": job.think}
        return fields

    def _prompt_fields(self, job: Job, body: dict[str, Any]) -> list[int]:
        """Fill in the prompt and its constraints; return the prompt's token ids if they are known."""
        text = job.prompt if job.messages is None else self.render(job.messages, job.think)
        ids: list[int] = []
        if job.want_context or job.context:
            ids = [*job.context, *self.tokenize(text or "", special=not job.context)]
        body["prompt"] = ids or text
        if job.schema is not None:
            body["grammar"] = self._compact_grammar(job.schema)
        if job.top_logprobs is not None:
            body["n_probs"] = max(1, job.top_logprobs)
        return ids

    def _compact_grammar(self, schema: dict[str, Any]) -> str:
        """A schema's grammar, one space after comma and colon and none elsewhere: indenting costs a third more tokens.

        Raises:
            ApiError: 400 when llama.cpp cannot read the schema.
        """
        # The grammar itself is checked too late, and then only logged; rendering a template checks the schema now.
        wanted = {"type": "json_schema", "json_schema": {"schema": schema}}
        try:
            probe = [{"role": "user", "content": ""}]
            self._call("POST", "/apply-template", {"messages": probe, "response_format": wanted})
        except ApiError as error:
            raise ApiError(400, f"invalid format: {error.text}") from None
        return self._grammar(json.dumps({**schema, "x-guidance": _SPACING}))


def _give_back() -> None:
    """Return freed memory to the system where the C library keeps it for later (glibc does)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _refused(answer: Any) -> ApiError:
    error = answer.get("error", answer) if isinstance(answer, dict) else {}
    if not isinstance(error, dict):
        return ApiError(500, str(error))
    code = error.get("code")
    return ApiError(
        code if isinstance(code, int) and 400 <= code < 600 else 500, str(error.get("message", error))
    )


class _Collector:
    """llama.cpp's callback: turns its chunks into ours. Runs on the generating thread; returning True cancels."""

    def __init__(
        self, emit: Emit, cancelled: Cancelled, top_logprobs: int | None, must_be_json: bool
    ) -> None:
        self._emit = emit
        self._cancelled = cancelled
        self._top = top_logprobs
        self._unseen_json = must_be_json
        self._must_be_json = must_be_json
        self._calls: dict[int, dict[str, Any]] = {}
        self._reason = "stop"
        self.text: list[str] = []
        self.timings: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.stopped = False

    def __call__(self, chunk: dict[str, Any]) -> bool:
        if self._cancelled():
            self.stopped = True
            return True
        if "error" in chunk:
            self.error = chunk
            return False
        self.timings = chunk.get("timings") or self.timings
        for choice in chunk.get("choices", ()):
            self._reason = choice.get("finish_reason") or self._reason
            delta = choice.get("delta") or {"content": choice.get("text")}
            self._piece(delta, choice.get("logprobs"))
        return self.error is not None

    def check_json(self, *, cut: bool) -> None:
        """Hold a finished answer against its promise to be JSON.

        llama.cpp drops a grammar it cannot build and goes on without a word: free text must not pass as structured.
        """
        if self._must_be_json and self._reason == "stop" and not cut:
            try:
                json.loads("".join(self.text))
            except (ValueError, RecursionError):
                raise ApiError(400, _UNENFORCED) from None

    def _piece(self, delta: dict[str, Any], logprobs: dict[str, Any] | None) -> None:
        for call in delta.get("tool_calls") or ():
            self._tool_call(call)
        text, thinking = delta.get("content") or "", delta.get("reasoning_content") or ""
        entries = None
        if self._top is not None and logprobs:
            entries = [_logprob(entry, self._top) for entry in logprobs.get("content") or ()]
        if self._unseen_json and text.strip():
            self._unseen_json = False
            if text.lstrip()[0] not in _JSON_STARTS:
                self.error = {"error": {"code": 400, "message": _UNENFORCED}}
                return
        if text or thinking or entries:
            self.text.append(text)
            self._emit(Delta(text, thinking, None, entries))

    def _tool_call(self, call: dict[str, Any]) -> None:
        whole = self._calls.setdefault(call.get("index", 0), {"id": "", "name": "", "arguments": ""})
        function = call.get("function") or {}
        whole["id"] = call.get("id") or whole["id"]
        whole["name"] += function.get("name") or ""
        whole["arguments"] += function.get("arguments") or ""

    def final(self, context: tuple[int, ...]) -> Final:
        """Flush the tool calls, complete by now, and say what the answer cost."""
        calls = [_finished_call(index, call) for index, call in sorted(self._calls.items())]
        if calls:
            self._emit(Delta(tool_calls=calls))
        timings = self.timings or {}
        cached = int(timings.get("cache_n", 0))
        return Final(
            reason="length" if self._reason == "length" else "stop",
            prompt_tokens=cached + int(timings.get("prompt_n", 0)),
            prompt_ns=max(1, int(timings.get("prompt_ms", 0.0) * 1e6)),
            tokens=max(1, int(timings.get("predicted_n", 0))),
            tokens_ns=max(1, int(timings.get("predicted_ms", 0.0) * 1e6)),
            cached_tokens=cached,
            context=context,
        )


def _finished_call(index: int, call: dict[str, Any]) -> dict[str, Any]:
    try:
        arguments = json.loads(call["arguments"] or "{}")
    except ValueError:
        arguments = {}
    if not isinstance(arguments, dict):
        arguments = {}
    identity = call["id"] or f"call_{secrets.token_hex(4)}"
    return {"id": identity, "function": {"index": index, "name": call["name"], "arguments": arguments}}


def _logprob(entry: dict[str, Any], top: int) -> dict[str, Any]:
    def plain(item: dict[str, Any]) -> dict[str, Any]:
        # A probability of 0 has the logarithm −inf, which JSON cannot spell.
        value = max(-9999.0, min(0.0, float(item.get("logprob") or 0.0)))
        return {"token": item.get("token", ""), "logprob": value, "bytes": list(item.get("bytes") or ())}

    found = plain(entry)
    if top > 0:
        best = sorted(
            (plain(item) for item in entry.get("top_logprobs") or ()), key=lambda item: -item["logprob"]
        )
        found["top_logprobs"] = best[:top]
    return found
