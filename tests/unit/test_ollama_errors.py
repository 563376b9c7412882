"""Exceptions of every library in the way, turned into a sentence and a fix."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

from core.errors import StudyError
from core.i18n import set_language
from core.ollama.errors import (
    BadAnswer,
    EngineBusy,
    EngineCrashed,
    EngineOutOfMemory,
    EngineRefused,
    EngineUnreachable,
    ModelMissing,
    NoToolSupport,
    PromptTooLong,
    StreamCut,
    explain,
    from_text,
)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (404, "model 'x' not found", ModelMissing),
        (404, "model 'x:latest' not found", ModelMissing),
        (404, 'model "x" not found, try pulling it first', ModelMissing),
        (404, "model '' not found", ModelMissing),
        (400, "registry.ollama.ai/library/x:latest does not support tools", NoToolSupport),
        (503, "server busy, please try again.  maximum pending requests exceeded", EngineBusy),
        (500, "no slots available after 10 retries", EngineBusy),
        (429, "slow down", EngineBusy),
        (500, "model requires more system memory (8.4 GiB) than is available (3.1 GiB)", EngineOutOfMemory),
        (500, "llama-server process has terminated: signal: killed", EngineOutOfMemory),
        (500, "llama-server process has terminated: exit status 1: cudaMalloc failed: out of memory", EngineOutOfMemory),
        (500, "llama-server reported out-of-memory during startup: x", EngineOutOfMemory),
        (-1, "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
             "check ollama server logs for details", EngineOutOfMemory),
        (500, "llama-server process has terminated: exit status 2: bad magic", EngineCrashed),
        (500, "llama runner process has terminated: exit status 2", EngineCrashed),
        (-1, "an error was encountered while running the model: unexpected EOF", EngineCrashed),
        (400, "the prompt is longer than the context length currently available to the model; shorten it", PromptTooLong),
        (400, "the input length exceeds the context length", PromptTooLong),
        (400, '{"error":{"code":400,"message":"the request exceeds the available context size","type":"x"}}',
         PromptTooLong),
        (499, "request canceled", StreamCut),
        (401, "unauthorized", EngineRefused),
        (400, "invalid model name", EngineRefused),
        (500, 'option "temperature" must be of type float32', EngineRefused),
    ],
)  # fmt: skip
def test_what_engines_say(status: int, text: str, kind: type[StudyError]) -> None:
    error = from_text(status, text, model="x")
    assert type(error) is kind
    for language in ("en", "ko"):
        set_language(language)
        try:
            assert error.message and not error.message.startswith("error.") and "{" not in error.message
            assert error.fix and not error.fix.startswith("error.")
        finally:
            set_language("en")


REAL_0_24 = [
    # Recorded from Ollama 0.24.0 (built from source, CPU only): status (-1: a line inside the stream), its words, ours.
    (500, "model requires more system memory (35.2 GiB) than is available (21.9 GiB)", "error.engine.memory.sizes"),
    # The kernel's OOM killer took the runner: while it loaded, and while it read the prompt.
    (500, "llama runner process has terminated with exit code -1", "error.engine.crashed.killed"),
    (500, "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
          "check ollama server logs for details", "error.engine.memory"),
    # The runner was killed (SIGKILL) after the fifth token.
    (-1, "an error was encountered while running the model: unexpected EOF", "error.engine.crashed"),
    (404, "model 'nope' not found", "error.model.missing"),
    (404, 'model "nope" not found, try pulling it first', "error.model.missing"),
    (400, "registry.ollama.ai/library/smollm2:135m does not support tools", "error.model.tools"),
    (400, "the input length exceeds the context length", "error.engine.context"),
    (503, "server busy, please try again.  maximum pending requests exceeded", "error.engine.busy"),
    (400, '"smollm2:135m" does not support thinking', "error.engine.refused"),
    (500, 'option "temperature" must be of type float32', "error.engine.refused"),
]  # fmt: skip


REAL_0_33 = [
    # Recorded from Ollama 0.33.0 (fb3076099 with llama-server b10488, built from source, CPU only).
    # The kernel's OOM killer took the runner: while it loaded, and while it read the prompt (the same as for a crash).
    (500, "llama-server process has terminated: signal: killed", "error.engine.memory"),
    (500, "an error was encountered while running the model: unexpected EOF", "error.engine.crashed"),
    (404, "model 'nope:latest' not found", "error.model.missing"),
    (400, '{"error":{"code":400,"message":"request (6010 tokens) exceeds the available context size (1024 tokens), '
          'try increasing it","type":"exceed_context_size_error","n_prompt_tokens":6010,"n_ctx":1024}}',
     "error.engine.context"),
    (400, "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust "
          "the context length in settings, or use a model with a longer context length", "error.engine.context"),
    (501, "This server does not support embeddings. Start it with `--embeddings`", "error.engine.refused"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "text", "key"), REAL_0_24 + REAL_0_33)
def test_what_a_real_ollama_said(status: int, text: str, key: str) -> None:
    assert from_text(status, text).key == key


def test_a_model_process_that_a_signal_ended_points_at_memory_without_claiming_it() -> None:
    killed = from_text(500, "llama runner process has terminated with exit code -1")
    assert "killed" in killed.message and "memory" in (killed.fix or "")
    # An exit code of its own is a crash of another kind.
    assert (
        from_text(500, "llama runner process has terminated with exit code -1073741819").key
        == "error.engine.crashed"
    )


def test_the_sizes_of_a_memory_refusal_reach_the_reader() -> None:
    error = from_text(500, "model requires more system memory (8.4 GiB) than is available (3.1 GiB)")
    assert "8.4 GiB" in error.message and "3.1 GiB" in error.message


def test_the_name_of_the_model_is_the_one_that_was_asked_for() -> None:
    assert "llama2:7b" in from_text(404, "model 'llama2:7b' not found").message
    full = "registry.ollama.ai/library/llama2:latest does not support tools"
    assert "model llama2:latest" in from_text(400, full).message
    assert "model llama2 " in from_text(400, full, model="llama2").message


def test_hostile_words_of_an_engine_are_harmless_and_short() -> None:
    error = from_text(500, "\x1b]0;owned\x07\x1b[31mred\u202e {fix} \x00" + "x" * 100_000)
    assert error.message.isprintable() and len(error.message) < 400
    assert "{fix}" in error.message


def raised(exc: BaseException, cause: BaseException | None = None) -> BaseException:
    exc.__cause__ = cause
    return exc


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (httpx.ConnectError("refused"), EngineUnreachable),
        (httpx.ConnectTimeout("slow"), EngineUnreachable),
        (httpx.ReadTimeout("slow"), EngineUnreachable),
        (TimeoutError(), EngineUnreachable),
        (httpx.UnsupportedProtocol("ftp"), EngineUnreachable),
        (httpx.InvalidURL("x"), EngineUnreachable),
        (ConnectionError("Failed to connect to Ollama."), EngineUnreachable),
        (ConnectionRefusedError(), EngineUnreachable),
        (httpx.RemoteProtocolError("peer closed connection"), StreamCut),
        (httpx.ReadError(""), StreamCut),
        (ConnectionResetError(), StreamCut),
        (ValueError("No data received from Ollama stream."), StreamCut),
        (httpx.PoolTimeout("x"), EngineBusy),
        (json.JSONDecodeError("x", "y", 0), BadAnswer),
        (raised(RuntimeError("node failed"), httpx.ReadError("")), StreamCut),
        (ExceptionGroup("tasks", [RuntimeError("a"), httpx.ConnectError("b")]), EngineUnreachable),
    ],
)
def test_exceptions_on_the_way(exc: BaseException, kind: type[StudyError]) -> None:
    assert type(explain(exc, url="http://127.0.0.1:1")) is kind


def test_the_official_clients_errors_are_known() -> None:
    ollama = pytest.importorskip("ollama")
    assert type(explain(ollama.ResponseError("model 'x' not found", 404))) is ModelMissing
    assert type(explain(ollama.ResponseError("server busy, please try again.", 503))) is EngineBusy
    assert type(explain(ollama.ResponseError("x does not support tools", 400))) is NoToolSupport
    assert type(explain(ollama.ResponseError("signal: killed"))) is EngineOutOfMemory


def test_langchains_errors_are_known() -> None:
    exceptions = pytest.importorskip("langchain_core.exceptions")
    assert type(explain(exceptions.ModelConnectionError("x"))) is EngineUnreachable
    assert type(explain(exceptions.ContextOverflowError("x"))) is PromptTooLong
    assert type(explain(exceptions.ModelRateLimitError("x"))) is EngineBusy
    assert type(explain(exceptions.ModelNotFoundError("x"), model="m")) is ModelMissing


def test_an_explained_error_stays_and_an_unknown_one_is_named() -> None:
    known = EngineBusy()
    assert explain(known) is known
    assert explain(raised(RuntimeError("outer"), known)) is known
    loop = raised(KeyError("a"))
    loop.__context__ = raised(ValueError("b"), loop)
    assert "KeyError" in explain(loop).message


def test_what_may_work_a_second_time_says_so() -> None:
    assert EngineBusy().retryable and StreamCut().retryable and EngineUnreachable().retryable
    assert not ModelMissing("x").retryable and not NoToolSupport("x").retryable


def test_importing_the_rooms_loads_no_heavy_library() -> None:
    code = (
        "import sys, core.ollama, core.telemetry, core.engines;"
        "print([m for m in ('ollama','langchain_core','langgraph','docker','numpy','pydantic','starlette','uvicorn')"
        " if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
