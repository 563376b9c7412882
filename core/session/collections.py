"""Collections of documents and the files and folders they are filled from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.events import StoreChanged
from core.session.chat import new_id
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

_CHANGED = StoreChanged("collections")


def list_collections(store: Store) -> list[dict[str, Any]]:
    """Return every collection's row with its counts, ``default`` first, then by name."""
    return store.query(
        "SELECT c.*, COUNT(d.id) AS documents, COALESCE(SUM(d.status = 'indexed'), 0) AS indexed,"
        " COALESCE(SUM(d.status = 'failed'), 0) AS failed, COALESCE(SUM(d.bytes), 0) AS bytes,"
        " COALESCE(SUM(d.chunks), 0) AS chunks"
        " FROM collections c LEFT JOIN documents d ON d.collection = c.id AND d.status != 'removed'"
        " GROUP BY c.id ORDER BY c.id != 'default', c.name"
    )


def collection_ids(store: Store) -> list[str]:
    """Return every collection's id, ``default`` first. Counts nothing, so it is quick with many documents."""
    return [row["id"] for row in store.query("SELECT id FROM collections ORDER BY id != 'default', name")]


def get_collection(store: Store, collection_id: str) -> dict[str, Any] | None:
    """Return a collection's row by its id or its name."""
    rows = store.query(
        "SELECT * FROM collections WHERE id = ? OR name = ? ORDER BY id != ? LIMIT 1",
        [collection_id, collection_id, collection_id],
    )
    return rows[0] if rows else None


def create_collection(store: Store, name: str, chunking: str, embedder: str, watch: bool) -> Future[str]:
    """Insert a collection. The future gives its id."""
    collection_id = new_id()

    def work(db: Database) -> str:
        db.table("collections").insert(
            {
                "id": collection_id,
                "name": name,
                "chunking": chunking,
                "embedder": embedder,
                "watch": int(watch),
                "created_at": time.time(),
                "generation": 0,
                "next": "",
            }
        )
        return collection_id

    return store.submit(work, StoreChanged("collections", (collection_id,)))


def set_collection(store: Store, collection_id: str, **columns: Any) -> Future[None]:
    """Change columns of a collection."""

    def work(db: Database) -> None:
        db.table("collections").update(collection_id, columns)

    return store.submit(work, StoreChanged("collections", (collection_id,)))


def delete_collection(store: Store, collection_id: str) -> Future[None]:
    """Delete a collection with its rows in the ledger."""

    def work(db: Database) -> None:
        for table in ("documents", "sources", "exclusions", "builds"):
            db.execute(f"DELETE FROM {table} WHERE collection = ?", [collection_id])
        db.execute("DELETE FROM collections WHERE id = ?", [collection_id])

    return store.submit(work, _CHANGED, StoreChanged("documents"), StoreChanged("sources"))


# -- sources ----------------------------------------------------------------------------------------


def list_sources(store: Store, collection: str = "") -> list[dict[str, Any]]:
    """Return the sources of a collection, or of all, by path."""
    where, values = ("WHERE collection = ?", [collection]) if collection else ("", [])
    return store.query(f"SELECT * FROM sources {where} ORDER BY path", values)


def add_sources(store: Store, collection: str, paths: Sequence[str]) -> Future[None]:
    """Record that these paths are followed. What was left out at or below them is no longer."""

    def work(db: Database) -> None:
        for path in paths:
            inside = db.execute(
                "SELECT 1 FROM sources WHERE collection = ? AND (path = ? OR substr(?, 1, length(path) + 1) = path || '/')",
                [collection, path, path],
            ).fetchone()
            if not inside:
                db.table("sources").insert(
                    {
                        "id": new_id(),
                        "collection": collection,
                        "path": path,
                        "status": "ok",
                        "scanned_at": 0.0,
                        "added_at": time.time(),
                    }
                )
            db.execute(
                "DELETE FROM exclusions WHERE collection = ? AND (path = ? OR substr(path, 1, ?) = ?)",
                [collection, path, len(path) + 1, f"{path}/"],
            )

    return store.submit(work, StoreChanged("sources"))


def set_source(store: Store, source_id: str, *, status: str) -> Future[None]:
    """Record that a source was looked at."""

    def work(db: Database) -> None:
        db.table("sources").update(source_id, {"status": status, "scanned_at": time.time()})

    return store.submit(work, StoreChanged("sources", (source_id,)))


def delete_source(store: Store, source_id: str) -> Future[None]:
    """Follow a path no longer."""

    def work(db: Database) -> None:
        db.execute("DELETE FROM sources WHERE id = ?", [source_id])

    return store.submit(work, StoreChanged("sources", (source_id,)))


def exclusions(store: Store, collection: str) -> set[str]:
    """Return the paths a user took out of folders that are followed."""
    return {
        row["path"] for row in store.query("SELECT path FROM exclusions WHERE collection = ?", [collection])
    }
