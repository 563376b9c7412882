"""What was repeated of recorded calls and runs: table ``replays``. Reads return rows, writes futures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.events import StoreChanged
from core.session.rows import Rerun
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database


def put(store: Store, rerun: Rerun) -> Future[None]:
    """Write a row, or what it became."""
    row = dataclasses.asdict(rerun)

    def work(db: Database) -> None:
        db.table("replays").upsert(row, pk="id")

    return store.submit(work, StoreChanged("replays", (rerun.id,)))


def of(store: Store, source: str) -> list[Rerun]:
    """Return what was repeated of a span or a run, oldest first.

    A replayed run whose process died before its end says so: its run is marked, its row here never was.
    """
    rows = store.query(
        "SELECT p.*, r.status AS run_status FROM replays p LEFT JOIN runs r ON r.id = p.run_id"
        " WHERE p.of = ? ORDER BY p.ts, p.rowid",
        [source],
    )
    return [_rerun(row) for row in rows]


def _rerun(row: Mapping[str, Any]) -> Rerun:
    error = row["error"] or ""
    if not error and row["kind"] == "run" and row["run_status"] == "interrupted":
        error = "interrupted"
    return Rerun(
        id=row["id"],
        of=row["of"],
        kind=row["kind"],
        model=row["model"] or "",
        ts=row["ts"],
        text=row["text"] or "",
        same=None if row["same"] is None else bool(row["same"]),
        differs_at=row["differs_at"],
        seed=row["seed"],
        input_tokens=row["input_tokens"] or 0,
        output_tokens=row["output_tokens"] or 0,
        ttft_ms=row["ttft_ms"],
        duration_ms=row["duration_ms"],
        run_id=row["run_id"] or "",
        error=error,
    )
