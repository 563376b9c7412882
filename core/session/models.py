"""Pulls and loads in the store: what was downloaded and how fast, what was loaded and what it took."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.events import StoreChanged
from core.session import owner
from core.session.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlite_utils import Database

MAX_LOADS = 500
"""Loads kept for each model."""


def put_pull(store: Store, values: Mapping[str, Any]) -> Future[None]:
    """Insert a pull's row, or replace it; this process owns it from now on."""
    pid, started = owner.me()
    row = {**values, "layers": json.dumps(values["layers"]), "owner_pid": pid, "owner_started": started}

    def work(db: Database) -> None:
        db.table("pulls").upsert(row, pk="id")

    return store.submit(work, StoreChanged("pulls", (str(values["id"]),)))


def pull_rows(store: Store, limit: int = 200) -> list[dict[str, Any]]:
    """Return the last pulls, newest first."""
    return [_pull(row) for row in store.query("SELECT * FROM pulls ORDER BY queued_at DESC LIMIT ?", [limit])]


def pull_row(store: Store, pull_id: str) -> dict[str, Any] | None:
    """Return one pull."""
    rows = store.query("SELECT * FROM pulls WHERE id = ?", [pull_id])
    return _pull(rows[0]) if rows else None


def _pull(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "layers": json.loads(row["layers"] or "[]")}


def interrupt_pulls(store: Store) -> Future[int]:
    """Mark pulls whose process is gone; returns how many."""
    rows = store.query("SELECT * FROM pulls WHERE status IN ('queued', 'running', 'verifying')")
    dead = [row["id"] for row in rows if not owner.alive(row["owner_pid"], row["owner_started"])]

    def work(db: Database) -> int:
        for pull_id in dead:
            db.execute("UPDATE pulls SET status = 'interrupted' WHERE id = ?", [pull_id])
        return len(dead)

    return store.submit(work, *([StoreChanged("pulls", tuple(dead))] if dead else []))


def add_load(store: Store, values: Mapping[str, Any]) -> Future[None]:
    """Record a load. The oldest of a model go when there are too many."""
    row = {**values, "predicted": json.dumps(dict(values["predicted"]))}

    def work(db: Database) -> None:
        db.table("loads").insert(row)
        db.execute(
            "DELETE FROM loads WHERE model = :model AND id NOT IN "
            "(SELECT id FROM loads WHERE model = :model ORDER BY ts DESC LIMIT :keep)",
            {"model": row["model"], "keep": MAX_LOADS},
        )

    return store.submit(work, StoreChanged("loads", (str(row["id"]),)))


def load_rows(store: Store, limit: int = 200) -> list[dict[str, Any]]:
    """Return the last loads, newest first."""
    rows = store.query("SELECT * FROM loads ORDER BY ts DESC LIMIT ?", [limit])
    return [{**row, "predicted": json.loads(row["predicted"] or "{}")} for row in rows]
