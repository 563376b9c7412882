"""Permission questions and what was answered: table ``permissions``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.events import StoreChanged
from core.session.rows import Answer, PermissionRequest
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database


def put(store: Store, request: PermissionRequest) -> Future[None]:
    """Write a question. One that is there already stays as it is: a resumed run asks it again."""
    row = {
        "id": request.id,
        "run_id": request.run_id,
        "session_id": request.session_id,
        "tool": request.tool,
        "arguments": json.dumps(dict(request.arguments), ensure_ascii=False, default=str),
        "leaves": request.leaves,
        "asked_at": request.asked_at,
        "answer": request.answer,
    }

    def work(db: Database) -> None:
        db.table("permissions").insert(row, ignore=True)

    return store.submit(work, StoreChanged("permissions", (request.id,), request.session_id))


def answer(store: Store, request_id: str, word: Answer) -> Future[PermissionRequest | None]:
    """Write the answer; the future gives the question, ``None`` when there is none or it was answered before."""

    def work(db: Database) -> PermissionRequest | None:
        db.execute(
            "UPDATE permissions SET answer = ?, answered_at = ? WHERE id = ? AND answer IS NULL",
            [word, time.time(), request_id],
        )
        if not next(iter(db.query("SELECT changes() AS n")))["n"]:
            return None
        return _of(next(iter(db.query("SELECT * FROM permissions WHERE id = ?", [request_id]))))

    return store.submit(work, StoreChanged("permissions", (request_id,)))


def get(store: Store, request_id: str) -> PermissionRequest | None:
    """Return one question."""
    rows = store.query("SELECT * FROM permissions WHERE id = ?", [request_id])
    return _of(rows[0]) if rows else None


def unanswered(
    store: Store, *, session_id: str | None = None, run_id: str | None = None
) -> list[PermissionRequest]:
    """Return the open questions of a session or a run whose run still waits for them, oldest first."""
    rows = store.query(
        "SELECT p.* FROM permissions p JOIN runs r ON r.id = p.run_id WHERE p.answer IS NULL "
        "AND r.status IN ('waiting', 'running') AND (? IS NULL OR p.session_id = ?) AND (? IS NULL OR p.run_id = ?) "
        "ORDER BY p.asked_at",
        [session_id, session_id, run_id, run_id],
    )
    return [_of(row) for row in rows]


def _of(row: Mapping[str, Any]) -> PermissionRequest:
    return PermissionRequest(
        id=row["id"],
        run_id=row["run_id"],
        session_id=row["session_id"],
        tool=row["tool"],
        arguments=json.loads(row["arguments"] or "{}"),
        leaves=row["leaves"] or "",
        asked_at=row["asked_at"],
        answer=row["answer"],
    )
