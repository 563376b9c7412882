"""What the user asked to remember: table ``facts``. Vectors are little-endian float32 bytes beside their model's name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import StudyError, UsageError
from core.events import StoreChanged
from core.session.chat import new_id
from core.session.rows import Fact
from core.session.store import Store
from core.text import clean_line

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_CHARS = 500
MAX_FACTS = 500


@dataclass(frozen=True, slots=True)
class Stored:
    """A fact with its vector."""

    fact: Fact
    vector: bytes
    model: str


def checked(text: str) -> str:
    """Return a fact's text on one clean line.

    Raises:
        UsageError: ``error.memory.empty`` or ``error.memory.long``.
    """
    line = clean_line(text, max_chars=100_000).strip()
    if not line:
        raise UsageError("error.memory.empty")
    if len(line) > MAX_CHARS:
        raise UsageError("error.memory.long", limit=MAX_CHARS, chars=len(line))
    return line


def _key(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!。")


def add(store: Store, text: str, session_id: str = "") -> Future[Fact]:
    """Remember a text; the same text again only renews it. The future raises ``error.memory.full``."""
    line, now = checked(text), time.time()
    fact_id = new_id()

    def work(db: Database) -> Fact:
        rows = list(db.query("SELECT * FROM facts"))
        for row in rows:
            if _key(row["text"]) == _key(line):
                db.table("facts").update(row["id"], {"updated_at": now})
                return _fact({**row, "updated_at": now})
        if len(rows) >= MAX_FACTS:
            raise StudyError("error.memory.full", limit=MAX_FACTS)
        row = {"id": fact_id, "text": line, "created_at": now, "updated_at": now}
        row |= {"session_id": session_id, "used": 0}
        db.table("facts").insert(row)
        return _fact(row)

    return store.submit(work, StoreChanged("facts", (fact_id,)))


def edit(store: Store, fact_id: str, text: str) -> Future[Fact]:
    """Change a fact's words. The future raises ``error.memory.unknown``."""
    line, now = checked(text), time.time()

    def work(db: Database) -> Fact:
        row = _row(db, fact_id)
        changed = {"text": line, "updated_at": now, "vector": None, "vector_model": None}
        db.table("facts").update(fact_id, changed)
        return _fact({**row, **changed})

    return store.submit(work, StoreChanged("facts", (fact_id,)))


def forget(store: Store, fact_id: str) -> Future[None]:
    """Delete a fact. The future raises ``error.memory.unknown``."""

    def work(db: Database) -> None:
        _row(db, fact_id)
        db.table("facts").delete(fact_id)

    return store.submit(work, StoreChanged("facts", (fact_id,)))


def set_vectors(store: Store, vectors: Sequence[tuple[str, str, bytes]], model: str) -> Future[None]:
    """Keep vectors, as ``(id, text, bytes)``; a fact whose words changed meanwhile keeps none."""

    def work(db: Database) -> None:
        for fact_id, text, vector in vectors:
            db.execute(
                "UPDATE facts SET vector = ?, vector_model = ? WHERE id = ? AND text = ?",
                [vector, model, fact_id, text],
            )

    return store.submit(work)


def mark_used(store: Store, ids: Sequence[str]) -> Future[None]:
    """Count that facts went into a prompt."""

    def work(db: Database) -> None:
        for fact_id in ids:
            db.execute("UPDATE facts SET used = coalesce(used, 0) + 1 WHERE id = ?", [fact_id])

    return store.submit(work, StoreChanged("facts", tuple(ids)))


def all_facts(store: Store) -> list[Fact]:
    """Return every fact, newest first."""
    return [one.fact for one in stored(store)]


def stored(store: Store) -> list[Stored]:
    """Return every fact with its vector, newest first."""
    rows = store.query("SELECT * FROM facts ORDER BY created_at DESC, rowid DESC")
    return [Stored(_fact(row), row["vector"] or b"", row["vector_model"] or "") for row in rows]


def _row(db: Database, fact_id: str) -> dict[str, Any]:
    rows = list(db.query("SELECT * FROM facts WHERE id = ?", [fact_id]))
    if not rows:
        raise UsageError("error.memory.unknown", id=clean_line(fact_id, max_chars=60))
    return rows[0]


def _fact(row: dict[str, Any]) -> Fact:
    return Fact(
        row["id"],
        row["text"],
        row["created_at"],
        row["updated_at"],
        row["session_id"] or "",
        row["used"] or 0,
    )
