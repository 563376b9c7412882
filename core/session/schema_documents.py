"""Tables of the documents: collections, where their documents come from, the ledger's newer columns."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database

DEFAULT = "default"


def document_tables(db: Database) -> None:
    """Add what :mod:`core.rag` needs to keep several collections and follow their folders."""
    db.table("collections").create(
        {
            "id": str,
            "name": str,
            # JSON of core.rag.chunking.Chunking; "" is its defaults.
            "chunking": str,
            # "" is the engine's own.
            "embedder": str,
            "watch": int,
            "created_at": float,
            # Counts the indexes the collection has had: each has a directory of its own.
            "generation": int,
            # Settings an index is being built with beside the one in use, as JSON; "" when there is none.
            "next": str,
        },
        pk="id",
        not_null={"name"},
    )
    db.table("sources").create(
        {
            "id": str,
            "collection": str,
            "path": str,
            "status": str,
            "scanned_at": float,
            "added_at": float,
        },
        pk="id",
        not_null={"collection", "path", "status"},
    )
    db.table("sources").create_index(["collection", "path"], unique=True)
    # Files inside a source that a user removed by name: a sync leaves them alone.
    db.table("exclusions").create({"collection": str, "path": str}, pk=("collection", "path"))
    # Documents already in the index that is being built beside the one in use.
    db.table("builds").create(
        {"document_id": str, "collection": str, "bytes": int, "mtime_ns": int, "row": str}, pk="document_id"
    )
    _widen(db)
    _carry_over(db)


def _widen(db: Database) -> None:
    ledger = db.table("documents")
    ledger.add_column("collection", str, not_null_default=DEFAULT)
    # Under which key its chunks are in the index; documents with the same content share one.
    for name in ("stored_as", "note", "encoding"):
        ledger.add_column(name, str, not_null_default="")
    for name in ("tokens", "pages"):
        ledger.add_column(name, int, not_null_default="0")
    ledger.add_column("removed_at", float)
    # Was unique by path alone.
    db.execute("DROP INDEX IF EXISTS idx_documents_path")
    ledger.create_index(["collection", "path"], unique=True)
    ledger.create_index(["stored_as"])
    ledger.create_index(["status"])
    jobs = db.table("ingest_jobs")
    jobs.add_column("kind", str, not_null_default="add")
    jobs.add_column("collection", str, not_null_default=DEFAULT)
    for name in ("total", "done", "failed"):
        jobs.add_column(name, int, not_null_default="0")


def _carry_over(db: Database) -> None:
    """Keep what an older version added: its chunks are under the documents' own ids, its folders in its jobs."""
    db.execute("UPDATE documents SET stored_as = id WHERE chunks > 0")
    now = time.time()
    db.table("collections").insert(
        {
            "id": DEFAULT,
            "name": DEFAULT,
            "chunking": "",
            "embedder": "",
            "watch": 0,
            "created_at": now,
            "generation": 0,
            "next": "",
        }
    )
    paths: dict[str, float] = {}
    for row in db.query("SELECT paths, started_at FROM ingest_jobs ORDER BY started_at"):
        for path in json.loads(row["paths"]):
            paths.setdefault(path, row["started_at"] or now)
    for number, (path, added) in enumerate(paths.items()):
        db.table("sources").insert(
            {
                "id": f"s{number:08x}",
                "collection": DEFAULT,
                "path": path,
                "status": "ok",
                "scanned_at": 0.0,
                "added_at": added,
            }
        )
