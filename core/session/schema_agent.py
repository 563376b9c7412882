"""Tables of the agent: permission questions, facts, routing examples, waiting questions, replays, tool answers kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def agent_tables(db: Database) -> None:
    """Add what :mod:`core.agent` records beside runs and spans."""
    # What a run was made from: "chat", or a fork, a replay of another run, one attempt of a resumed one.
    db.table("runs").add_column("kind", str)
    db.table("runs").add_column("made_from", str)
    db.table("runs").add_column("context", str)
    db.table("sessions").add_column("forked_from", str)
    db.table("sessions").add_column("forked_at", str)
    db.table("sessions").add_column("hidden", int)
    db.table("permissions").create(
        {
            "id": str,
            "run_id": str,
            "session_id": str,
            "tool": str,
            "arguments": str,
            "leaves": str,
            "asked_at": float,
            "answer": str,
            "answered_at": float,
        },
        pk="id",
        not_null={"run_id", "session_id", "tool", "asked_at"},
    )
    # What a user said once and for all.
    db.table("tool_rules").create(
        {"tool": str, "permission": str, "changed_at": float}, pk="tool", not_null={"permission"}
    )
    db.table("facts").create(
        {
            "id": str,
            "text": str,
            "created_at": float,
            "updated_at": float,
            "session_id": str,
            "used": int,
            "vector": bytes,
            "vector_model": str,
        },
        pk="id",
        not_null={"text", "created_at", "updated_at"},
    )
    db.table("route_examples").create(
        {"id": str, "text": str, "tool": str, "created_at": float, "run_id": str},
        pk="id",
        not_null={"text", "tool", "created_at"},
    )
    db.table("waiting").create(
        {"id": str, "session_id": str, "text": str, "docs": int, "queued_at": float},
        pk="id",
        not_null={"session_id", "text", "queued_at"},
    )
    db.table("replays").create(
        {
            "id": str,
            "of": str,
            "kind": str,
            "model": str,
            "ts": float,
            "text": str,
            "same": int,
            "differs_at": int,
            "seed": int,
            "input_tokens": int,
            "output_tokens": int,
            "ttft_ms": float,
            "duration_ms": float,
            "run_id": str,
            "error": str,
        },
        pk="id",
        not_null={"of", "kind", "ts"},
    )
    db.table("tool_cache").create(
        {"key": str, "tool": str, "result": str, "ts": float, "expires_at": float},
        pk="key",
        not_null={"tool", "ts"},
    )
    # Addresses found by tools: fetch_page opens no others.
    db.table("found_links").create(
        {"session_id": str, "url": str, "ts": float}, pk=("session_id", "url"), not_null={"ts"}
    )
    db.table("permissions").create_index(["session_id", "asked_at"])
    db.table("replays").create_index(["of", "ts"])
    db.table("waiting").create_index(["session_id", "queued_at"])


def waiting_collection(db: Database) -> None:
    """Add the collection a question that waits is to be answered from; empty: any."""
    db.table("waiting").add_column("collection", str, not_null_default="")
