"""Tables of the engine room: pulls and loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def models_tables(db: Database) -> None:
    """Add what :mod:`core.models` records."""
    db.table("pulls").create(
        {
            "id": str,
            "source": str,
            "sha256": str,
            "model": str,
            "engine": str,
            "status": str,
            "total_bytes": int,
            "done_bytes": int,
            "bytes_per_s": float,
            "seconds": float,
            "resumed_bytes": int,
            "attempts": int,
            "layers": str,
            "queued_at": float,
            "started_at": float,
            "ended_at": float,
            "error": str,
            "fix": str,
            "owner_pid": int,
            "owner_started": float,
        },
        pk="id",
        not_null={"source", "model", "engine", "status", "queued_at"},
    )
    db.table("loads").create(
        {
            "id": str,
            "ts": float,
            "model": str,
            "digest": str,
            "architecture": str,
            "engine": str,
            "engine_version": str,
            "num_ctx": int,
            "parallel": int,
            "outcome": str,
            "load_ms": float,
            "predicted_bytes": int,
            "predicted": str,
            "measured_bytes": int,
            "anon_bytes": int,
            "file_bytes": int,
            "container_bytes": int,
            "error": str,
        },
        pk="id",
        not_null={"ts", "model", "engine", "outcome"},
    )
    db.table("pulls").create_index(["queued_at"])
    db.table("loads").create_index(["model", "ts"])


def implicit_loads(db: Database) -> None:
    """Tell loads that nobody asked for by name from those somebody did."""
    db.table("loads").add_column("implicit", int)
