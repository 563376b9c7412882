"""Tables of the session store and how older files become newer ones.

``PRAGMA user_version`` counts the migrations applied. A migration, once released, never changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.session.schema_agent import agent_tables, waiting_collection
from core.session.schema_answers import answer_support
from core.session.schema_documents import document_tables
from core.session.schema_lab import lab_tables
from core.session.schema_models import implicit_loads, models_tables
from core.session.schema_samples import samples_tables

if TYPE_CHECKING:
    from sqlite_utils import Database


def _first_tables(db: Database) -> None:
    db.table("sessions").create(
        {
            "id": str,
            "title": str,
            "created_at": float,
            "updated_at": float,
            "engine": str,
            "model": str,
            # Who has the session open: process id and its start time, since ids are used again.
            "owner_pid": int,
            "owner_started": float,
        },
        pk="id",
        not_null={"title", "created_at", "updated_at"},
    )
    db.table("runs").create(
        {
            "id": str,
            "session_id": str,
            "status": str,
            "question": str,
            "options": str,
            "route": str,
            "engine": str,
            "engine_version": str,
            "model": str,
            "started_at": float,
            "ended_at": float,
            "input_tokens": int,
            "output_tokens": int,
            "ttft_ms": float,
            "tokens_per_s": float,
            "memory_before": int,
            "memory_peak": int,
            "memory_after": int,
            "error": str,
            "fix": str,
            "owner_pid": int,
            "owner_started": float,
        },
        pk="id",
        not_null={"session_id", "status", "started_at"},
        foreign_keys=[("session_id", "sessions", "id")],
    )
    db.table("messages").create(
        {
            "seq": int,
            "id": str,
            "session_id": str,
            "run_id": str,
            "role": str,
            "content": str,
            "status": str,
            "error": str,
            "fix": str,
            "citations": str,
            "created_at": float,
        },
        pk="seq",
        not_null={"id", "session_id", "role", "content", "status", "created_at"},
        foreign_keys=[("session_id", "sessions", "id")],
    )
    db.table("spans").create(
        {
            "seq": int,
            "id": str,
            "run_id": str,
            "parent_id": str,
            "name": str,
            "kind": str,
            "status": str,
            "start": float,
            "duration_ms": float,
            "attributes": str,
        },
        pk="seq",
        not_null={"id", "run_id", "name", "kind", "status", "start"},
        foreign_keys=[("run_id", "runs", "id")],
    )
    db.table("samples").create(
        {
            "id": int,
            "ts": float,
            "run_id": str,
            "cpu_percent": float,
            "memory_used_bytes": int,
            "memory_total_bytes": int,
            "memory_available_bytes": int,
            "swap_used_bytes": int,
            "engine_pss_bytes": int,
            "engine_rss_bytes": int,
            "engine_anon_bytes": int,
            "engine_file_bytes": int,
            "engine_cpu_percent": float,
            "engine_processes": int,
            "tokens_per_s": float,
        },
        pk="id",
        not_null={"ts"},
    )
    db.table("documents").create(
        {
            "id": str,
            "path": str,
            "title": str,
            "status": str,
            "reason": str,
            "media_type": str,
            "bytes": int,
            "mtime_ns": int,
            "chunks": int,
            "chars": int,
            "content_hash": str,
            "pipeline": str,
            "added_at": float,
            "updated_at": float,
            "parse_ms": float,
            "embed_ms": float,
        },
        pk="id",
        not_null={"path", "status"},
    )
    db.table("ingest_jobs").create(
        {
            "id": str,
            "paths": str,
            "status": str,
            "started_at": float,
            "ended_at": float,
            "owner_pid": int,
            "owner_started": float,
        },
        pk="id",
        not_null={"paths", "status"},
    )
    db.table("events").create(
        {"id": int, "ts": float, "session_id": str, "kind": str, "data": str},
        pk="id",
        not_null={"ts", "kind"},
    )
    db.table("messages").create_index(["id"], unique=True)
    db.table("messages").create_index(["session_id", "seq"])
    db.table("runs").create_index(["session_id", "started_at"])
    db.table("spans").create_index(["id"], unique=True)
    db.table("spans").create_index(["run_id", "seq"])
    db.table("samples").create_index(["ts"])
    db.table("samples").create_index(["run_id"])
    db.table("documents").create_index(["path"], unique=True)


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _first_tables,
    models_tables,
    samples_tables,
    lab_tables,
    agent_tables,
    implicit_loads,
    answer_support,
    document_tables,
    waiting_collection,
)
"""Applied in order; the file's format number is how many of them it has seen."""

FORMAT = len(MIGRATIONS)
