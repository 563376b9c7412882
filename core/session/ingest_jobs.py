"""Pieces of ingest work: what was asked for, how far it is, and whose process does it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.events import StoreChanged
from core.session import owner
from core.session.chat import new_id
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

OVER = ("done", "cancelled", "failed")
"""What a job is when nothing will be done about it any more."""

KEEP = 200
"""Finished jobs kept for the task centre."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job as it is on disk."""

    id: str
    kind: str
    collection: str
    status: str
    """``queued``, ``running``, ``paused``, ``done``, ``cancelled`` or ``failed``."""
    paths: tuple[str, ...]
    """Paths or document ids, by kind."""
    started_at: float
    ended_at: float | None
    total: int
    done: int
    failed: int
    mine: bool
    """This process does it."""
    alive: bool
    """The process that does it is there."""

    @property
    def dropped(self) -> bool:
        """Whether this process gave it up, where it does not do it: on a full disk it could not write that it failed."""
        return self.mine and self.status == "paused"


def start_job(
    store: Store,
    paths: Sequence[str],
    kind: str = "add",
    collection: str = "default",
    *,
    status: str = "running",
) -> Future[str]:
    """Record a job of this process. The future gives its id."""
    job_id = new_id()
    pid, started = owner.me()

    def work(db: Database) -> str:
        db.table("ingest_jobs").insert(
            {
                "id": job_id,
                "paths": json.dumps(list(paths), ensure_ascii=False),
                "status": status,
                "started_at": time.time(),
                "owner_pid": pid,
                "owner_started": started,
                "kind": kind,
                "collection": collection,
            }
        )
        db.execute(
            "DELETE FROM ingest_jobs WHERE status IN ('done', 'cancelled', 'failed') AND id NOT IN"
            " (SELECT id FROM ingest_jobs ORDER BY started_at DESC LIMIT ?)",
            [KEEP],
        )
        return job_id

    return store.submit(work, StoreChanged("ingest_jobs", (job_id,)))


def update_job(store: Store, job_id: str, **columns: Any) -> Future[None]:
    """Change columns of a job. One that is over stays as it ended, whoever pauses it at that moment."""

    def work(db: Database) -> None:
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        db.execute(
            f"UPDATE ingest_jobs SET {assignments} WHERE id = :id AND ended_at IS NULL",
            {**columns, "id": job_id},
        )

    return store.submit(work, StoreChanged("ingest_jobs", (job_id,)))


def take_over(store: Store, job_id: str) -> Future[None]:
    """Make a job whose process is gone this process's own."""
    pid, started = owner.me()
    return update_job(store, job_id, status="running", owner_pid=pid, owner_started=started)


def finish_job(store: Store, job_id: str, *, status: str = "done") -> Future[None]:
    """Record that a job is over: one of :data:`OVER`."""
    return update_job(store, job_id, status=status, ended_at=time.time())


def list_jobs(store: Store, limit: int = KEEP) -> list[JobRow]:
    """Return jobs, newest first; those that are not over in any case."""
    rows = store.query(
        "SELECT * FROM ingest_jobs WHERE ended_at IS NULL OR id IN"
        " (SELECT id FROM ingest_jobs ORDER BY started_at DESC LIMIT ?) ORDER BY started_at DESC",
        [limit],
    )
    return [_job(row) for row in rows]


def get_job(store: Store, job_id: str) -> JobRow | None:
    """Return a job by its id."""
    rows = store.query("SELECT * FROM ingest_jobs WHERE id = ?", [job_id])
    return _job(rows[0]) if rows else None


def unfinished_jobs(store: Store) -> list[JobRow]:
    """Return jobs whose process is gone before they were over, oldest first. Paused ones wait for the user."""
    rows = store.query("SELECT * FROM ingest_jobs WHERE status IN ('running', 'queued') ORDER BY started_at")
    return [job for job in map(_job, rows) if not job.mine and not job.alive]


def _job(row: dict[str, Any]) -> JobRow:
    who = (row["owner_pid"], row["owner_started"])
    over = row["status"] in OVER
    return JobRow(
        id=row["id"],
        kind=row["kind"],
        collection=row["collection"],
        status=row["status"],
        paths=tuple(json.loads(row["paths"])),
        started_at=row["started_at"] or 0.0,
        ended_at=row["ended_at"],
        total=row["total"],
        done=row["done"],
        failed=row["failed"],
        mine=not over and who == owner.me(),
        alive=not over and owner.alive(*who),
    )
