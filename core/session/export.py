"""A session out of the store: Markdown to read, JSON to keep."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from core.errors import StudyError
from core.events import Span
from core.session import chat
from core.session.rows import Message, Run, Session
from core.session.store import Store

FORMAT = 1
"""Version of the JSON export."""


def _load(
    store: Store, session_id: str
) -> tuple[Session, list[Message], dict[str, Run], dict[str, list[Span]]]:
    session = chat.get_session(store, session_id)
    if session is None:
        raise StudyError("error.session.unknown", id=session_id)
    spans: dict[str, list[Span]] = {}
    for span in chat.spans(store, session_id=session.id):
        spans.setdefault(span.run_id, []).append(span)
    return (
        session,
        chat.messages(store, session.id),
        {run.id: run for run in chat.runs(store, session.id)},
        spans,
    )


def _when(ts: float) -> str:
    return datetime.fromtimestamp(ts, UTC).isoformat(timespec="seconds")


def session_json(store: Store, session_id: str) -> dict[str, Any]:
    """Return the whole session as JSON values: messages, runs and spans. Times are Unix seconds."""
    session, messages, runs, spans = _load(store, session_id)
    return {
        "format": FORMAT,
        "session": {
            key: value for key, value in dataclasses.asdict(session).items() if not key.startswith("owner_")
        },
        "messages": [dataclasses.asdict(message) for message in messages],
        "runs": [
            {**dataclasses.asdict(run), "spans": [dataclasses.asdict(span) for span in spans.get(run.id, [])]}
            for run in runs.values()
        ],
    }


def session_markdown(store: Store, session_id: str) -> str:
    """Return the conversation as Markdown, with tool calls, receipts and sources."""
    session, messages, runs, spans = _load(store, session_id)
    parts = [
        f"# {session.title or session.id}",
        f"{_when(session.created_at)} · {session.engine} · {session.model}",
    ]
    for message in messages:
        if message.role == "user":
            parts.append("\n".join(f"> {line}" for line in message.content.split("\n")))
            continue
        run = runs.get(message.run_id or "")
        parts += [_tool_line(span) for span in spans.get(message.run_id or "", []) if span.kind == "tool"]
        parts.append(message.content or "—")
        if message.status != "complete":
            parts.append(f"*({message.status}{': ' + message.error if message.error else ''})*")
        parts += [f"[{item.number}]: {item.document} › {item.section}" for item in message.citations]
        if run:
            parts.append(f"<sub>{_receipt(run)}</sub>")
    return "\n\n".join(parts) + "\n"


def _tool_line(span: Span) -> str:
    name = span.attributes.get("gen_ai.tool.name", span.name)
    result = " ".join(str(span.attributes.get("gen_ai.tool.call.result", "")).split())[:200]
    return f"- `{name}` {span.attributes.get('gen_ai.tool.call.arguments', {})} → {result}"


def _receipt(run: Run) -> str:
    items = [f"{run.usage.output_tokens} tok"]
    if run.tokens_per_s is not None:
        items.append(f"{run.tokens_per_s:.1f} tok/s")
    if run.ttft_ms is not None:
        items.append(f"TTFT {run.ttft_ms:.0f} ms")
    if run.memory.peak_bytes is not None:
        items.append(f"peak {run.memory.peak_bytes / 2**20:.0f} MiB")
    return " · ".join(items)
