"""Questions that wait for their session's run to end: table ``waiting``."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.events import StoreChanged
from core.session.chat import new_id
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Waiting:
    """One question that waits."""

    id: str
    session_id: str
    text: str
    docs: bool | str
    """Whether the documents are to be searched whatever the router says; a text: in the collection of this id or name only."""


def add(store: Store, session_id: str, text: str, docs: bool | str) -> Future[Waiting]:
    """Put a question at the end of its session's queue."""
    question = Waiting(new_id(), session_id, text, docs)
    row = {
        "id": question.id,
        "session_id": session_id,
        "text": text,
        "docs": int(bool(docs)),
        "collection": docs if isinstance(docs, str) else "",
        "queued_at": time.time(),
    }

    def work(db: Database) -> Waiting:
        db.table("waiting").insert(row)
        return question

    return store.submit(work, StoreChanged("waiting", (question.id,), session_id))


def of_session(store: Store, session_id: str) -> list[Waiting]:
    """Return what waits in a session, oldest first."""
    rows = store.query("SELECT * FROM waiting WHERE session_id = ? ORDER BY queued_at, rowid", [session_id])
    return [
        Waiting(row["id"], session_id, row["text"], row["collection"] or bool(row["docs"])) for row in rows
    ]


def remove(store: Store, waiting_id: str) -> Future[str | None]:
    """Take a question out of the queue; the future gives its session, ``None`` when it did not wait any more."""

    def work(db: Database) -> str | None:
        rows = list(db.query("SELECT session_id FROM waiting WHERE id = ?", [waiting_id]))
        db.execute("DELETE FROM waiting WHERE id = ?", [waiting_id])
        return str(rows[0]["session_id"]) if rows else None

    return store.submit(work, StoreChanged("waiting", (waiting_id,)))
