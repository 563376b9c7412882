"""A session out of the store: Markdown to read, JSON to keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from core.errors import StudyError
from core.events import Span
from core.session import chat
from core.session.rows import Message, Run, Session
from core.session.store import Store

FORMAT = 1
"""Version of the JSON export."""
JSONL_TYPE, JSONL_FORMAT = "llm-study-session", 1
"""What the first line of a JSONL export says it is."""


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


def session_jsonl(store: Store, session_id: str, run_id: str = "") -> Iterator[dict[str, Any]]:
    """Yield a session as the lines of a JSONL file: the session, its messages, runs and spans, and how many of each.

    Args:
        run_id: Only this run of it.
    """
    session, messages, runs, spans = _load(store, session_id)
    chosen = [run for run in runs.values() if not run_id or run.id == run_id]
    ids = {run.id for run in chosen}
    rows: dict[str, list[dict[str, Any]]] = {
        "messages": [
            # A question asked again belongs to the later run; of earlier ones runs and spans are left.
            {"type": "message", **dataclasses.asdict(one)}
            for one in messages
            if one.run_id in ids or (one.run_id is None and not run_id)
        ],
        "runs": [{"type": "run", **dataclasses.asdict(run)} for run in chosen],
        "spans": [
            {"type": "span", **dataclasses.asdict(span)} for run in chosen for span in spans.get(run.id, [])
        ],
    }
    keep = ("id", "title", "created_at", "updated_at", "engine", "model", "forked_from", "forked_at")
    yield {
        "type": JSONL_TYPE,
        "format": JSONL_FORMAT,
        "session": {name: getattr(session, name) for name in keep},
    }
    for table in rows.values():
        yield from table
    yield {"type": "end", **{name: len(table) for name, table in rows.items()}}
