"""The document ledger: which files were added and what became of each. The truth about their status."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.events import Document, DocumentStatus, StoreChanged
from core.session import owner
from core.session.chat import new_id
from core.session.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlite_utils import Database

_FIELDS = tuple(field.name for field in dataclasses.fields(Document))


@dataclass(frozen=True, slots=True)
class Job:
    """One ingest job: the paths a user added at once."""

    id: str
    paths: tuple[str, ...]
    status: Literal["running", "done", "cancelled"]
    started_at: float


def _document_of(row: Mapping[str, Any]) -> Document:
    return Document(**{name: row[name] for name in _FIELDS if row[name] is not None})


def put_document(store: Store, document: Document, *, mtime_ns: int = 0, pipeline: str = "") -> Future[None]:
    """Insert a document's row, or replace it.

    Args:
        mtime_ns: The file's modification time, to tell an unchanged file.
        pipeline: Parser, chunker and embedder versions, to tell a file indexed by an older pipeline.
    """

    def work(db: Database) -> None:
        row = {**dataclasses.asdict(document), "mtime_ns": mtime_ns, "pipeline": pipeline}
        db.table("documents").upsert(row, pk="id")

    return store.submit(work, StoreChanged("documents", (document.id,)))


def set_status(
    store: Store, document_id: str, status: DocumentStatus, *, reason: str = "", **fields: Any
) -> Future[None]:
    """Change a document's status, and other columns of its row by name."""

    def work(db: Database) -> None:
        changes = {"status": status, "reason": reason, "updated_at": time.time(), **fields}
        assignments = ", ".join(f"{name} = :{name}" for name in changes)
        db.execute(f"UPDATE documents SET {assignments} WHERE id = :id", {**changes, "id": document_id})

    return store.submit(work, StoreChanged("documents", (document_id,)))


def list_documents(store: Store) -> list[Document]:
    """Return every document, by path."""
    return [_document_of(row) for row in store.query("SELECT * FROM documents ORDER BY path")]


def get_document(store: Store, id_or_path: str) -> Document | None:
    """Return a document by its id or its path."""
    rows = store.query("SELECT * FROM documents WHERE id = ? OR path = ?", [id_or_path, id_or_path])
    return _document_of(rows[0]) if rows else None


def file_state(store: Store, path: str) -> tuple[int, int, str, str] | None:
    """Return ``(mtime_ns, bytes, content_hash, pipeline)`` of an indexed document, ``None`` when it is not."""
    rows = store.query("SELECT * FROM documents WHERE path = ? AND status = 'indexed'", [path])
    if not rows:
        return None
    row = rows[0]
    return row["mtime_ns"] or 0, row["bytes"] or 0, row["content_hash"] or "", row["pipeline"] or ""


def remove_document(store: Store, document_id: str) -> Future[None]:
    """Delete a document's row."""

    def work(db: Database) -> None:
        db.execute("DELETE FROM documents WHERE id = ?", [document_id])

    return store.submit(work, StoreChanged("documents", (document_id,)))


def start_job(store: Store, paths: Sequence[str]) -> Future[str]:
    """Record that these paths are being added. The future gives the job's id."""
    job_id = new_id()
    pid, started = owner.me()

    def work(db: Database) -> str:
        db.table("ingest_jobs").insert(
            {
                "id": job_id,
                "paths": json.dumps(list(paths), ensure_ascii=False),
                "status": "running",
                "started_at": time.time(),
                "owner_pid": pid,
                "owner_started": started,
            }
        )
        return job_id

    return store.submit(work, StoreChanged("ingest_jobs", (job_id,)))


def finish_job(store: Store, job_id: str, *, status: Literal["done", "cancelled"] = "done") -> Future[None]:
    """Record that a job is over."""

    def work(db: Database) -> None:
        db.execute(
            "UPDATE ingest_jobs SET status = ?, ended_at = ? WHERE id = ?", [status, time.time(), job_id]
        )

    return store.submit(work, StoreChanged("ingest_jobs", (job_id,)))


def unfinished_jobs(store: Store) -> list[Job]:
    """Return jobs whose process is gone before they were over, oldest first."""
    rows = store.query("SELECT * FROM ingest_jobs WHERE status = 'running' ORDER BY started_at")
    mine = owner.me()
    return [
        Job(row["id"], tuple(json.loads(row["paths"])), "running", row["started_at"])
        for row in rows
        if (row["owner_pid"], row["owner_started"]) != mine
        and not owner.alive(row["owner_pid"], row["owner_started"])
    ]
