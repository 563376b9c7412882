"""The lab's rows in the store: runs, and what they measured.

A run belongs to the process that measures it. A row is on disk before anybody is told of it.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import UsageError
from core.events import StoreChanged
from core.session.owner import alive, me
from core.session.store import Store
from core.text import clean_line

if TYPE_CHECKING:
    from sqlite_utils import Database

OPEN = ("queued", "running")
"""States of a run somebody is busy with."""

_COLUMNS = (
    "id, experiment, status, options, environment, created_at, started_at, ended_at, note, error, fix, invalid, wish, "
    "owner_pid, owner_started"
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as stored; see :class:`core.lab.types.LabRun`."""

    id: str
    experiment: str
    status: str
    options: dict[str, Any]
    environment: dict[str, Any]
    created_at: float
    started_at: float | None
    ended_at: float | None
    note: str
    error: str
    fix: str
    invalid: tuple[str, ...]
    wish: str
    owner_pid: int | None
    owner_started: float | None

    @property
    def held(self) -> bool:
        """Whether the process that measures it still lives."""
        return self.status in OPEN and alive(self.owner_pid, self.owner_started)


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """One measurement as stored."""

    seq: int
    run_id: str
    ts: float
    kind: str
    point: dict[str, Any]
    data: dict[str, Any]
    warmup: bool


def create_run(store: Store, experiment: str, options: Mapping[str, Any], *, note: str = "") -> Future[str]:
    """Add a queued run of this process; the future gives its id."""
    run_id = secrets.token_hex(6)
    pid, started = me()

    def work(db: Database) -> str:
        db.table("lab_runs").insert(
            {
                "id": run_id, "experiment": experiment, "status": "queued", "options": _json(options),
                "environment": "{}", "created_at": time.time(), "note": note, "error": "", "fix": "", "invalid": "[]",
                "wish": "", "owner_pid": pid, "owner_started": started,
            }
        )  # fmt: skip
        return run_id

    return store.submit(work, StoreChanged("lab_runs", (run_id,)))


def change_run(store: Store, run_id: str, **values: Any) -> Future[None]:
    """Set columns of a run."""
    row = {
        name: _json(value) if isinstance(value, Mapping | list | tuple) else value
        for name, value in values.items()
    }

    def work(db: Database) -> None:
        sets = ", ".join(f"{name} = ?" for name in row)
        db.execute(f"UPDATE lab_runs SET {sets} WHERE id = ?", [*row.values(), run_id])

    return store.submit(work, StoreChanged("lab_runs", (run_id,)))


def claim(store: Store, run_id: str) -> Future[bool]:
    """Make a run the one that is measured now; false while a live process measures another."""
    pid, started = me()

    def work(db: Database) -> bool:
        busy = db.query(
            "SELECT owner_pid, owner_started FROM lab_runs WHERE status = 'running' AND id != ?", [run_id]
        )
        if any(alive(row["owner_pid"], row["owner_started"]) for row in busy):
            return False
        db.execute(
            "UPDATE lab_runs SET status = 'running', started_at = coalesce(started_at, ?), ended_at = NULL, "
            "error = '', fix = '', wish = '', owner_pid = ?, owner_started = ? WHERE id = ?",
            [time.time(), pid, started, run_id],
        )
        return True

    return store.submit(work, StoreChanged("lab_runs", (run_id,)))


def enqueue_again(store: Store, run_id: str) -> Future[bool]:
    """Take over a run that nobody measures any more; false when somebody does."""
    pid, started = me()

    def work(db: Database) -> bool:
        found = list(db.query("SELECT status, owner_pid, owner_started FROM lab_runs WHERE id = ?", [run_id]))
        if not found or (
            found[0]["status"] in OPEN and alive(found[0]["owner_pid"], found[0]["owner_started"])
        ):
            return False
        db.execute(
            "UPDATE lab_runs SET status = 'queued', wish = '', owner_pid = ?, owner_started = ? WHERE id = ?",
            [pid, started, run_id],
        )
        return True

    return store.submit(work, StoreChanged("lab_runs", (run_id,)))


def add_rows(
    store: Store, run_id: str, rows: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any], bool]]
) -> Future[int]:
    """Write measurements: (kind, point, data, warm-up). The future gives the run's number of rows afterwards."""
    now = time.time()
    values = [
        (run_id, now, kind, _json(point), _json(data), int(warmup)) for kind, point, data, warmup in rows
    ]

    def work(db: Database) -> int:
        db.conn.executemany(
            "INSERT INTO lab_rows (run_id, ts, kind, point, data, warmup) VALUES (?, ?, ?, ?, ?, ?)", values
        )
        return int(db.execute("SELECT count(*) FROM lab_rows WHERE run_id = ?", [run_id]).fetchone()[0])

    return store.submit(work)


def get_run(store: Store, run_id: str) -> RunRow | None:
    """Return one run."""
    found = store.query(f"SELECT {_COLUMNS} FROM lab_runs WHERE id = ?", [run_id])
    return _run(found[0]) if found else None


def list_runs(store: Store, limit: int = 50) -> list[RunRow]:
    """Return the newest runs first."""
    rows = store.query(f"SELECT {_COLUMNS} FROM lab_runs ORDER BY created_at DESC, id LIMIT ?", [limit])
    return [_run(row) for row in rows]


def find_run(store: Store, name: str) -> RunRow:
    """Find a run by its id, the start of its id, or ``last``.

    Raises:
        UsageError: None, or more than one.
    """
    shown = clean_line(name, max_chars=60)
    if name == "last":
        rows = list_runs(store, 1)
    else:
        pattern = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        found = store.query(f"SELECT {_COLUMNS} FROM lab_runs WHERE id LIKE ? ESCAPE '\\' LIMIT 2", [pattern])
        rows = [_run(row) for row in found] if name else []
    if len(rows) > 1 and all(row.id != name for row in rows):
        raise UsageError("error.lab.ambiguous", id=shown)
    if not rows:
        raise UsageError("error.lab.run", id=shown)
    return next((row for row in rows if row.id == name), rows[0])


def rows_of(store: Store, run_id: str) -> list[MeasurementRow]:
    """Return everything a run measured, in order."""
    found = store.query(
        "SELECT seq, run_id, ts, kind, point, data, warmup FROM lab_rows WHERE run_id = ? ORDER BY seq",
        [run_id],
    )
    return [
        MeasurementRow(
            row["seq"], row["run_id"], row["ts"], row["kind"],
            json.loads(row["point"] or "{}"), json.loads(row["data"] or "{}"), bool(row["warmup"]),
        )
        for row in found
    ]  # fmt: skip


def remove_run(store: Store, run_id: str) -> Future[None]:
    """Delete a run and its rows."""

    def work(db: Database) -> None:
        db.execute("DELETE FROM lab_rows WHERE run_id = ?", [run_id])
        db.execute("DELETE FROM lab_runs WHERE id = ?", [run_id])

    return store.submit(work, StoreChanged("lab_runs", (run_id,)))


def mark_interrupted(store: Store) -> Future[list[str]]:
    """Mark the runs of dead processes; the future gives their ids."""

    def work(db: Database) -> list[str]:
        marked = []
        for row in list(
            db.query(
                "SELECT id, owner_pid, owner_started FROM lab_runs WHERE status IN ('queued', 'running')"
            )
        ):
            if not alive(row["owner_pid"], row["owner_started"]):
                last = db.execute("SELECT max(ts) FROM lab_rows WHERE run_id = ?", [row["id"]]).fetchone()[0]
                db.execute(
                    "UPDATE lab_runs SET status = 'interrupted', ended_at = ? WHERE id = ?", [last, row["id"]]
                )
                marked.append(row["id"])
        return marked

    return store.submit(work, StoreChanged("lab_runs"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _run(row: Mapping[str, Any]) -> RunRow:
    return RunRow(
        id=row["id"],
        experiment=row["experiment"],
        status=row["status"],
        options=json.loads(row["options"] or "{}"),
        environment=json.loads(row["environment"] or "{}"),
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        note=row["note"] or "",
        error=row["error"] or "",
        fix=row["fix"] or "",
        invalid=tuple(json.loads(row["invalid"] or "[]")),
        wish=row["wish"] or "",
        owner_pid=row["owner_pid"],
        owner_started=row["owner_started"],
    )
