"""One recorded model call: as it was sent, as a command, and what was answered."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from core.agent import semconv
from core.agent.replay.types import TOKEN_VARIABLE, Call
from core.agent.replay.words import json_text
from core.errors import UsageError
from core.events import Span
from core.session import Store, chat
from core.session.forks import IMPORT
from core.session.rows import span_of
from core.text import clean, clean_line, without_secrets

DEFAULT_URL = "http://127.0.0.1:11434"
"""Where Ollama listens, for commands made without an engine."""
CHAT_PATH = "/api/chat"
MAX_ANSWER_CHARS = 20_000
"""Of an answer in the trace, as the recorder cuts it."""
MAX_ARGUMENT = 100_000
"""A longer argument is not taken by the operating system (128 KiB): the body goes through standard input then."""


def find_span(store: Store, span_id: str) -> Span:
    """Return a span by its id, or an unambiguous beginning of it.

    Raises:
        UsageError: There is none.
    """
    rows = store.query("SELECT * FROM spans WHERE id = ?", [span_id])
    if not rows and span_id.isalnum() and len(span_id) >= 4:
        rows = store.query("SELECT * FROM spans WHERE id LIKE ? LIMIT 2", [f"{span_id}%"])
    if len(rows) != 1:
        raise UsageError("error.trace.unknown", id=clean_line(span_id, max_chars=60))
    return span_of(rows[0])


def call_of(store: Store, span_id: str, url: str = "", token: bool | None = None) -> Call:
    """Return a recorded call.

    Args:
        url: Where the engine answers now; empty: where it was then, if it was called from here.
        token: Whether the engine wants one; ``None``: whether the one of then did.

    Raises:
        UsageError: There is no such span, it is no model call, or its body was not recorded.
    """
    span = find_span(store, span_id)
    seen = span.attributes
    if span.kind != "model":
        raise UsageError("error.trace.not_a_call", name=clean_line(span.name))
    body: Any = seen.get(semconv.REQUEST_BODY)
    if not _is_request(body):
        raise UsageError("error.trace.no_body")
    run = chat.get_run(store, span.run_id)
    imported = run is None or run.kind == IMPORT
    sent_to = without_secrets(str(seen.get(semconv.SERVER_ADDRESS, "")))
    # What is in an imported file must not decide where a token goes.
    base = url or (DEFAULT_URL if imported else _base(sent_to)) or DEFAULT_URL
    if token is None:
        token = not imported and run is not None and run.engine == "embedded"
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer ${TOKEN_VARIABLE}"
    seed = seen.get(semconv.REQUEST_SEED)
    return Call(
        span_id=span.id,
        run_id=span.run_id,
        session_id=run.session_id if run else "",
        url=f"{base.rstrip('/')}{CHAT_PATH}",
        sent_to=sent_to,
        headers=headers,
        body=dict(body),
        model=clean_line(str(body.get("model", ""))),
        text=answer_of(span),
        seed=seed if isinstance(seed, int) else None,
    )


def _is_request(body: object) -> bool:
    return (
        isinstance(body, Mapping)
        and isinstance(body.get("messages"), list)
        and isinstance(body.get("model"), str)
    )


def _base(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}" if split.scheme in ("http", "https") and split.netloc else ""


def curl_of(call: Call) -> str:
    """Write a call as a command for a POSIX shell. The token is a variable, never its value."""
    body = json_text(call.body)
    parts = [f"curl -sS {shlex.quote(call.url)}"]
    for name, value in call.headers.items():
        header = f"{name}: {value}"
        # In double quotes the shell puts the variable in.
        parts.append(f'-H "{header}"' if f"${TOKEN_VARIABLE}" in header else f"-H {shlex.quote(header)}")
    if len(body.encode()) > MAX_ARGUMENT:
        # JSON on one line: the word that ends it cannot be in it.
        return f"{' '.join(parts)} --data-binary @- <<'LLM_STUDY'\n{body}\nLLM_STUDY\n"
    return f"{' '.join(parts)} --data-raw {shlex.quote(body)}"


# -- answers ------------------------------------------------------------------------------------------------


def answer_of(span: Span) -> str:
    """Return what a call was answered: its words, and its tool calls as JSON."""
    texts: list[str] = []
    calls: list[tuple[str, Any]] = []
    messages = span.attributes.get(semconv.OUTPUT_MESSAGES)
    for message in messages if isinstance(messages, list) else ():
        parts = message.get("parts") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict):
                continue
            if part.get("type") == "text":
                texts.append(str(part.get("content", "")))
            elif part.get("type") == "tool_call":
                calls.append((str(part.get("name", "")), part.get("arguments")))
    return write_answer("".join(texts), calls)


def write_answer(text: str, calls: Sequence[tuple[str, Any]]) -> str:
    """Write an answer so that two of them can be compared."""
    lines = [clean(text, max_chars=MAX_ANSWER_CHARS)] if text else []
    for name, arguments in calls:
        written = json.dumps(arguments, ensure_ascii=False, sort_keys=True, default=str)
        lines.append(clean(f"{name}({written})", max_chars=MAX_ANSWER_CHARS))
    return "\n".join(lines)
