"""Sessions, messages, runs and spans: reads return rows, writes return futures resolved after the commit."""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from core.errors import StudyError
from core.events import Citation, RunEnded, RunStarted, Span, StoreChanged
from core.session import owner
from core.session.rows import Message, MessageStatus, Run, Session, message_of, run_of, session_of, span_of
from core.session.store import Store
from core.session.support import support_to_json

if TYPE_CHECKING:
    from sqlite_utils import Database

TITLE_CHARS = 48
_SESSION = (
    "SELECT s.*, (SELECT count(*) FROM messages m WHERE m.session_id = s.id) AS message_count FROM sessions s"
)
_SHOWN = "coalesce(hidden, 0) = 0"


def new_id() -> str:
    """Return a new identifier: 12 hexadecimal digits."""
    return uuid.uuid4().hex[:12]


# -- sessions ---------------------------------------------------------------------------------------


def create_session(store: Store, *, title: str = "", engine: str = "", model: str = "") -> Future[Session]:
    """Create a session, owned by this process."""
    pid, started = owner.me()
    now = time.time()
    session = Session(new_id(), title, now, now, engine, model, 0, pid, started)

    def work(db: Database) -> Session:
        row = dataclasses.asdict(session)
        del row["message_count"]
        db.table("sessions").insert(row)
        return session

    return store.submit(work, StoreChanged("sessions", (session.id,), session.id))


def claim_session(store: Store, session_id: str) -> Future[Session]:
    """Open an existing session in this process.

    Raises (through the future):
        StudyError: ``error.session.unknown``, or ``error.session.busy`` when another live process has it.
    """
    pid, started = owner.me()

    def work(db: Database) -> Session:
        rows = list(db.query(f"{_SESSION} WHERE s.id = ?", [session_id]))
        if not rows:
            raise StudyError("error.session.unknown", id=session_id)
        row = rows[0]
        held_by = (row["owner_pid"], row["owner_started"])
        if row["owner_pid"] != pid and owner.alive(*held_by):
            raise StudyError("error.session.busy", id=session_id, pid=row["owner_pid"])
        db.table("sessions").update(session_id, {"owner_pid": pid, "owner_started": started})
        return session_of({**row, "owner_pid": pid, "owner_started": started})

    return store.submit(work, StoreChanged("sessions", (session_id,), session_id))


def release_sessions(store: Store) -> Future[None]:
    """Let go of every session this process has open."""
    pid, started = owner.me()

    def work(db: Database) -> None:
        db.execute(
            "UPDATE sessions SET owner_pid = NULL, owner_started = NULL WHERE owner_pid = ? AND owner_started = ?",
            [pid, started],
        )

    return store.submit(work)


def rename_session(store: Store, session_id: str, title: str) -> Future[None]:
    """Change a session's title."""

    def work(db: Database) -> None:
        db.execute("UPDATE sessions SET title = ? WHERE id = ?", [title, session_id])

    return store.submit(work, StoreChanged("sessions", (session_id,), session_id))


def delete_session(store: Store, session_id: str) -> Future[None]:
    """Delete a session with its messages, runs, spans, samples, and what was repeated of it."""

    def work(db: Database) -> None:
        if not list(db.query("SELECT 1 FROM sessions WHERE id = ?", [session_id])):
            raise StudyError("error.session.unknown", id=session_id)
        hidden = db.query("SELECT id FROM sessions WHERE forked_from = ? AND hidden = 1", [session_id])
        for gone in (session_id, *(row["id"] for row in hidden)):
            runs = "SELECT id FROM runs WHERE session_id = :id"
            spans = f"SELECT id FROM spans WHERE run_id IN ({runs})"
            db.execute(f"DELETE FROM replays WHERE of IN ({runs}) OR of IN ({spans})", {"id": gone})
            db.execute(f"DELETE FROM samples WHERE run_id IN ({runs})", {"id": gone})
            db.execute(f"DELETE FROM spans WHERE run_id IN ({runs})", {"id": gone})
            for table in ("messages", "runs", "events", "found_links", "permissions", "waiting"):
                db.execute(f"DELETE FROM {table} WHERE session_id = :id", {"id": gone})
            db.execute("DELETE FROM sessions WHERE id = :id", {"id": gone})

    return store.submit(work, StoreChanged("sessions", (session_id,), session_id))


def list_sessions(store: Store, limit: int = 200) -> list[Session]:
    """Return sessions that have a message, last used first; not those made to measure or to compare."""
    sql = f"SELECT * FROM ({_SESSION}) WHERE message_count > 0 AND {_SHOWN} ORDER BY updated_at DESC LIMIT ?"
    return [session_of(row) for row in store.query(sql, [limit])]


def get_session(store: Store, session_id: str) -> Session | None:
    """Return one session, by its id or an unambiguous beginning of it."""
    rows = store.query(f"{_SESSION} WHERE s.id = ?", [session_id])
    if not rows and session_id.isalnum():
        rows = store.query(f"{_SESSION} WHERE s.id LIKE ? LIMIT 2", [f"{session_id}%"])
    return session_of(rows[0]) if len(rows) == 1 else None


def session_ids(store: Store) -> list[str]:
    """Return the ids of all sessions."""
    return [row["id"] for row in store.query("SELECT id FROM sessions")]


def last_session(store: Store) -> Session | None:
    """Return the session used last that has a message."""
    sessions = list_sessions(store, 1)
    return sessions[0] if sessions else None


# -- messages, runs, spans ----------------------------------------------------------------------------


def messages(
    store: Store, session_id: str, *, limit: int | None = None, before_seq: int | None = None
) -> list[Message]:
    """Return a session's messages, oldest first; with ``limit`` the last ones (before ``before_seq``)."""
    rows = store.query(
        "SELECT * FROM (SELECT * FROM messages WHERE session_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?) ORDER BY seq",
        [session_id, before_seq if before_seq is not None else 1 << 62, -1 if limit is None else limit],
    )
    return [message_of(row) for row in rows]


def search_messages(
    store: Store, text: str, *, session_id: str | None = None, limit: int = 50
) -> list[Message]:
    """Return messages containing ``text``, ignoring ASCII case, newest first; of hidden sessions only when one is named."""
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = store.query(
        "SELECT * FROM messages WHERE content LIKE ? ESCAPE '\\' AND (session_id = ? OR (? IS NULL"
        f" AND session_id IN (SELECT id FROM sessions WHERE {_SHOWN}))) ORDER BY seq DESC LIMIT ?",
        [pattern, session_id, session_id, limit],
    )
    return [message_of(row) for row in rows]


def runs(store: Store, session_id: str) -> list[Run]:
    """Return a session's runs, oldest first."""
    return [
        run_of(row)
        for row in store.query(
            "SELECT * FROM runs WHERE session_id = ? ORDER BY started_at, rowid", [session_id]
        )
    ]


def get_run(store: Store, run_id: str) -> Run | None:
    """Return one run."""
    rows = store.query("SELECT * FROM runs WHERE id = ?", [run_id])
    return run_of(rows[0]) if rows else None


def spans(store: Store, *, run_id: str | None = None, session_id: str | None = None) -> list[Span]:
    """Return the spans of a run, or of a whole session, in the order they began."""
    if run_id is not None:
        rows = store.query("SELECT * FROM spans WHERE run_id = ? ORDER BY seq", [run_id])
    else:
        rows = store.query(
            "SELECT s.* FROM spans s JOIN runs r ON r.id = s.run_id WHERE r.session_id = ? ORDER BY s.seq",
            [session_id],
        )
    return [span_of(row) for row in rows]


def begin_run(
    store: Store,
    session_id: str,
    question: str,
    *,
    engine: str,
    engine_version: str,
    model: str,
    options: Mapping[str, Any],
    replaces: str | None = None,
    kind: str = "chat",
    made_from: str = "",
) -> Future[RunStarted]:
    """Put a question on disk: the user's message, an empty streaming answer and the run.

    Args:
        kind: ``chat``, or ``replay`` of another run, or what a fork began with.
        made_from: Id of what it was made from.
        replaces: Run id of an earlier try of the same question; its user message is used again, and its
            unfinished answer removed.
    """
    run = RunStarted(new_id(), session_id, new_id(), new_id())
    pid, started = owner.me()

    def work(db: Database) -> RunStarted:
        now = time.time()
        sessions = list(db.query("SELECT title FROM sessions WHERE id = ?", [session_id]))
        if not sessions:
            raise StudyError("error.session.unknown", id=session_id)
        db.table("runs").insert(
            {
                "id": run.run_id,
                "session_id": session_id,
                "status": "running",
                "question": question,
                "options": json.dumps(dict(options), ensure_ascii=False),
                "engine": engine,
                "engine_version": engine_version,
                "model": model,
                "started_at": now,
                "kind": kind,
                "made_from": made_from or None,
                "owner_pid": pid,
                "owner_started": started,
            }
        )
        started_run = run
        kept = _reuse_question(db, replaces, run.run_id) if replaces else None
        if kept:
            started_run = dataclasses.replace(run, user_message_id=kept)
        else:
            _insert_message(
                db, run.user_message_id, session_id, run.run_id, "user", question, "complete", now
            )
        _insert_message(
            db, run.assistant_message_id, session_id, run.run_id, "assistant", "", "streaming", now
        )
        title = sessions[0]["title"] or " ".join(question.split())[:TITLE_CHARS]
        db.table("sessions").update(
            session_id, {"title": title, "updated_at": now, "engine": engine, "model": model}
        )
        return started_run

    ids = (run.user_message_id, run.assistant_message_id)
    return store.submit(
        work, StoreChanged("messages", ids, session_id), StoreChanged("runs", (run.run_id,), session_id)
    )


def _insert_message(
    db: Database,
    id: str,
    session_id: str,
    run_id: str,
    role: str,
    content: str,
    status: MessageStatus,
    now: float,
) -> None:
    db.table("messages").insert(
        {
            "id": id,
            "session_id": session_id,
            "run_id": run_id,
            "role": role,
            "content": content,
            "status": status,
            "created_at": now,
        }
    )


def _reuse_question(db: Database, old_run: str, new_run: str) -> str | None:
    """Move the question of a failed run to its retry; drop the unfinished answer. The old run keeps its spans."""
    rows = list(db.query("SELECT id FROM messages WHERE run_id = ? AND role = 'user'", [old_run]))
    if not rows:
        return None
    db.execute("DELETE FROM messages WHERE run_id = ? AND role = 'assistant'", [old_run])
    db.execute("UPDATE messages SET run_id = ? WHERE id = ?", [new_run, rows[0]["id"]])
    return str(rows[0]["id"])


def append_text(store: Store, session_id: str, message_id: str, text: str) -> Future[None]:
    """Add streamed text to an answer."""

    def work(db: Database) -> None:
        db.execute("UPDATE messages SET content = content || ? WHERE id = ?", [text, message_id])

    return store.submit(work, StoreChanged("messages", (message_id,), session_id))


def set_text(store: Store, session_id: str, message_id: str, text: str) -> Future[None]:
    """Replace an answer's text."""

    def work(db: Database) -> None:
        db.execute("UPDATE messages SET content = ? WHERE id = ?", [text, message_id])

    return store.submit(work, StoreChanged("messages", (message_id,), session_id))


def set_waiting(store: Store, run: RunStarted, waiting: bool) -> Future[None]:
    """Say that a run waits for the user's word, or that it goes on. A waiting run survives its process."""
    status = "waiting" if waiting else "running"

    def work(db: Database) -> None:
        db.execute("UPDATE runs SET status = ? WHERE id = ?", [status, run.run_id])

    return store.submit(work, StoreChanged("runs", (run.run_id,), run.session_id))


def set_context(store: Store, run: RunStarted, record: str) -> Future[None]:
    """Write where the context window of a run's last model call went (JSON)."""

    def work(db: Database) -> None:
        db.execute("UPDATE runs SET context = ? WHERE id = ?", [record, run.run_id])

    return store.submit(work, StoreChanged("runs", (run.run_id,), run.session_id))


def reopen_run(store: Store, run_id: str) -> Future[RunStarted | None]:
    """Go on with a run that was interrupted or waits: this process owns it now. ``None``: there is no such run."""
    pid, started = owner.me()

    def work(db: Database) -> RunStarted | None:
        rows = list(db.query("SELECT session_id FROM runs WHERE id = ?", [run_id]))
        ids = {
            row["role"]: row["id"]
            for row in db.query("SELECT id, role FROM messages WHERE run_id = ?", [run_id])
        }
        if not rows or not {"user", "assistant"} <= set(ids):
            return None
        db.table("runs").update(
            run_id,
            {
                "status": "running",
                "ended_at": None,
                "error": None,
                "fix": None,
                "owner_pid": pid,
                "owner_started": started,
            },
        )
        db.execute(
            "UPDATE messages SET status = 'streaming', error = NULL, fix = NULL WHERE id = ?",
            [ids["assistant"]],
        )
        return RunStarted(run_id, str(rows[0]["session_id"]), str(ids["user"]), str(ids["assistant"]))

    return store.submit(work, StoreChanged("runs", (run_id,)), StoreChanged("messages"))


def waiting_runs(store: Store, session_id: str) -> list[str]:
    """Return the runs of a session that wait for the user's word."""
    return [
        row["id"]
        for row in store.query(
            "SELECT id FROM runs WHERE session_id = ? AND status = 'waiting'", [session_id]
        )
    ]


def put_span(store: Store, session_id: str, span: Span) -> Future[None]:
    """Insert a span, or update it when it is there already."""

    def work(db: Database) -> None:
        row = dataclasses.asdict(span)
        row["attributes"] = json.dumps(dict(span.attributes), ensure_ascii=False, default=str)
        columns = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        updates = ", ".join(f"{name} = excluded.{name}" for name in row if name not in {"id", "run_id"})
        db.execute(
            f"INSERT INTO spans ({columns}) VALUES ({marks}) ON CONFLICT(id) DO UPDATE SET {updates}", row
        )

    return store.submit(work, StoreChanged("spans", (span.id,), session_id))


def end_run(store: Store, ended: RunEnded) -> Future[None]:
    """Write how a run ended: the whole answer, its status, tokens, times, memory and citations."""
    status: MessageStatus = {"ok": "complete", "cancelled": "cancelled"}.get(ended.status, "failed")  # type: ignore[assignment]

    def work(db: Database) -> None:
        now = time.time()
        db.table("runs").update(
            ended.run_id,
            {
                "status": ended.status,
                "route": ended.route,
                "ended_at": now,
                "input_tokens": ended.usage.input_tokens,
                "output_tokens": ended.usage.output_tokens,
                "ttft_ms": ended.ttft_ms,
                "tokens_per_s": ended.tokens_per_s,
                "memory_before": ended.memory.before_bytes,
                "memory_peak": ended.memory.peak_bytes,
                "memory_after": ended.memory.after_bytes,
                "error": ended.error,
                "fix": ended.fix,
            },
        )
        db.execute(
            "UPDATE messages SET content = ?, status = ?, error = ?, fix = ?, citations = ?, support = ? WHERE id = ?",
            [
                ended.answer,
                status,
                ended.error,
                ended.fix,
                _citations(ended.citations),
                support_to_json(ended.support),
                ended.message_id,
            ],
        )
        db.execute(
            "UPDATE spans SET status = ? WHERE run_id = ? AND status = 'running'",
            ["cancelled" if ended.status == "cancelled" else "error", ended.run_id],
        )
        db.execute("UPDATE sessions SET updated_at = ? WHERE id = ?", [now, ended.session_id])

    return store.submit(
        work,
        StoreChanged("messages", (ended.message_id,), ended.session_id),
        StoreChanged("runs", (ended.run_id,), ended.session_id),
    )


def _citations(citations: Sequence[Citation]) -> str:
    return json.dumps([dataclasses.asdict(item) for item in citations], ensure_ascii=False)


def mark_interrupted(store: Store) -> Future[int]:
    """Close the runs whose process is gone (kill -9, power cut): their partial answers stay, marked.

    Returns (through the future):
        How many runs there were.
    """

    def work(db: Database) -> int:
        open_runs = list(db.query("SELECT id, owner_pid, owner_started FROM runs WHERE status = 'running'"))
        gone = [row["id"] for row in open_runs if not owner.alive(row["owner_pid"], row["owner_started"])]
        for run_id in gone:
            db.execute(
                "UPDATE runs SET status = 'interrupted', ended_at = ? WHERE id = ?", [time.time(), run_id]
            )
            db.execute(
                "UPDATE messages SET status = 'interrupted' WHERE run_id = ? AND status = 'streaming'",
                [run_id],
            )
            db.execute(
                "UPDATE spans SET status = 'cancelled' WHERE run_id = ? AND status = 'running'", [run_id]
            )
        return len(gone)

    return store.submit(work, StoreChanged("runs"), StoreChanged("messages"))
