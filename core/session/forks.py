"""Sessions made from others: a fork that goes up to a place, a hidden one for a replay. One transaction each.

Copies have ids of their own. A copied run is of kind ``copy`` and names the run it was copied from: what it took is
counted there.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.errors import StudyError
from core.events import StoreChanged
from core.session import owner
from core.session.chat import new_id
from core.session.rows import Session
from core.session.store import Store

if TYPE_CHECKING:
    from sqlite_utils import Database

COPY = "copy"
"""Kind of a run that was copied into a fork."""
IMPORT = "import"
"""Kind of a run that was made elsewhere."""
ELSEWHERE = (COPY, IMPORT)
"""Kinds of runs whose tokens were not spent by making them here."""

_OPEN_MESSAGE = {"streaming": "interrupted"}
_OPEN_RUN = {"running": "interrupted", "waiting": "interrupted"}
_OPEN_SPAN = {"running": "cancelled"}


def fork(
    store: Store,
    session_id: str,
    before_seq: int | None,
    *,
    at: str = "",
    title: str = "",
    hidden: bool = False,
    runs: bool = True,
) -> Future[Session]:
    """Make a session of another one's messages, owned by this process.

    Args:
        before_seq: The messages before this one; ``None``: all.
        at: Id of the span or message it goes up to.
        title: Of the new session; empty: the original's.
        hidden: In no list.
        runs: Copy the runs and their spans too; without, the messages name the original runs no more.
    """
    pid, started = owner.me()
    new = new_id()
    limit = before_seq if before_seq is not None else 1 << 62

    def work(db: Database) -> Session:
        found = list(db.query("SELECT * FROM sessions WHERE id = ?", [session_id]))
        if not found:
            raise StudyError("error.session.unknown", id=session_id)
        now = time.time()
        source = found[0]
        messages = list(
            db.query(
                "SELECT * FROM messages WHERE session_id = ? AND seq < ? ORDER BY seq", [session_id, limit]
            )
        )
        session = Session(
            new,
            title or source["title"],
            now,
            now,
            source["engine"] or "",
            source["model"] or "",
            len(messages),
            pid,
            started,
            session_id,
            at,
            hidden,
        )
        row = dataclasses.asdict(session)
        del row["message_count"]
        db.table("sessions").insert({**row, "hidden": int(hidden)})
        wanted = dict.fromkeys(message["run_id"] for message in messages if message["run_id"])
        ids = {run_id: copy_run(db, run_id, new) for run_id in wanted} if runs else {}
        for message in messages:
            db.table("messages").insert(
                {
                    **{key: value for key, value in message.items() if key != "seq"},
                    "id": new_id(),
                    "session_id": new,
                    "run_id": ids.get(message["run_id"]),
                    "status": _OPEN_MESSAGE.get(message["status"], message["status"]),
                }
            )
        return session

    return store.submit(work, StoreChanged("sessions", (new,), new), StoreChanged("messages", (), new))


def copy_run(db: Database, run_id: str, session_id: str) -> str | None:
    """Copy a run and its spans into a session; returns its new id, ``None`` when there is no such run."""
    rows = list(db.query("SELECT * FROM runs WHERE id = ?", [run_id]))
    if not rows:
        return None
    new = new_id()
    row: Mapping[str, Any] = rows[0]
    db.table("runs").insert(
        {
            **row,
            "id": new,
            "session_id": session_id,
            "status": _OPEN_RUN.get(row["status"], row["status"]),
            "kind": COPY,
            "made_from": run_id,
            "owner_pid": None,
            "owner_started": None,
        }
    )
    spans = list(db.query("SELECT * FROM spans WHERE run_id = ? ORDER BY seq", [run_id]))
    ids = {span["id"]: new_id() for span in spans}
    for span in spans:
        db.table("spans").insert(
            {
                **{key: value for key, value in span.items() if key != "seq"},
                "id": ids[span["id"]],
                "run_id": new,
                "parent_id": ids.get(span["parent_id"]),
                "status": _OPEN_SPAN.get(span["status"], span["status"]),
            }
        )
    return new


def hidden_session(store: Store, title: str, made_from: str = "") -> Future[Session]:
    """Make an empty session that is in no list, owned by this process."""
    pid, started = owner.me()
    now = time.time()
    session = Session(new_id(), title, now, now, "", "", 0, pid, started, made_from, "", True)
    row = dataclasses.asdict(session)
    del row["message_count"]

    def work(db: Database) -> Session:
        db.table("sessions").insert({**row, "hidden": 1})
        return session

    return store.submit(work, StoreChanged("sessions", (session.id,), session.id))
