"""Tables of the lab: runs and what they measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def lab_tables(db: Database) -> None:
    """Add what :mod:`core.lab` records."""
    db.table("lab_runs").create(
        {
            "id": str,
            "experiment": str,
            "status": str,
            "options": str,
            "environment": str,
            "created_at": float,
            "started_at": float,
            "ended_at": float,
            "note": str,
            "error": str,
            "fix": str,
            "invalid": str,
            # What somebody in another process wants of it: "cancel".
            "wish": str,
            "owner_pid": int,
            "owner_started": float,
        },
        pk="id",
        not_null={"experiment", "status", "created_at"},
    )
    db.table("lab_rows").create(
        {
            "seq": int,
            "run_id": str,
            "ts": float,
            "kind": str,
            "point": str,
            "data": str,
            "warmup": int,
        },
        pk="seq",
        not_null={"run_id", "ts", "kind"},
        foreign_keys=[("run_id", "lab_runs", "id")],
    )
    db.table("lab_rows").create_index(["run_id", "seq"])
    db.table("lab_runs").create_index(["created_at"])
