"""Samples of the machine and the engine: batched rows, each linked to the run that was generating."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from core.events import Sample
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

RETENTION_S = 24 * 3600.0
"""Samples that belong to no run are kept this long; a run's samples live as long as its session."""

_FIELDS = tuple(field.name for field in dataclasses.fields(Sample))


def add_samples(store: Store, samples: Sequence[Sample]) -> Future[None]:
    """Write samples, and drop those past their retention."""
    rows = [dataclasses.asdict(sample) for sample in samples]

    def work(db: Database) -> None:
        if rows:
            db.table("samples").insert_all(rows)
            db.execute("DELETE FROM samples WHERE run_id IS NULL AND ts < ?", [rows[-1]["ts"] - RETENTION_S])

    return store.submit(work)


def for_run(store: Store, run_id: str) -> list[Sample]:
    """Return a run's samples, oldest first."""
    rows = store.query(f"SELECT {', '.join(_FIELDS)} FROM samples WHERE run_id = ? ORDER BY ts", [run_id])
    return [Sample(**row) for row in rows]


def recent(store: Store, since: float) -> list[Sample]:
    """Return samples taken after ``since`` (Unix seconds), oldest first."""
    rows = store.query(f"SELECT {', '.join(_FIELDS)} FROM samples WHERE ts > ? ORDER BY ts", [since])
    return [Sample(**row) for row in rows]
